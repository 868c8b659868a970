// Statuses, handles and statistics as text.
#include <ashlar/manager_text.hpp>

#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <set>
#include <sstream>
#include <string>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

template <class T>
std::string written(const T& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

TEST(ToString, NamesEachStatusOnce) {
    std::set<std::string> names;
    for (int i = 0; i <= static_cast<int>(Status::bad_options); ++i) {
        const auto status = static_cast<Status>(i);
        EXPECT_TRUE(names.insert(to_string(status)).second);
        EXPECT_EQ(written(status), to_string(status));
    }
    EXPECT_EQ(names.count("unknown status"), 0U);
    EXPECT_STREQ(to_string(Status::ok), "ok");
    EXPECT_STREQ(to_string(Status::outside_block), "outside_block");
    EXPECT_STREQ(to_string(static_cast<Status>(99)), "unknown status");
}

TEST(ToString, NamesEachKindOnce) {
    std::set<std::string> names;
    for (int i = 0; i <= static_cast<int>(BlockView::Kind::hole); ++i) {
        const auto kind = static_cast<BlockView::Kind>(i);
        EXPECT_TRUE(names.insert(to_string(kind)).second);
        EXPECT_EQ(written(kind), to_string(kind));
    }
    EXPECT_EQ(names.count("unknown kind"), 0U);
    EXPECT_STREQ(to_string(static_cast<BlockView::Kind>(99)), "unknown kind");
}

TEST(ToString, ShowsThePlaceAndTheLifeOfAHandle) {
    EXPECT_EQ(to_string(Handle{}), "none");
    EXPECT_EQ(to_string(Handle{(std::uint64_t{3} << 32) + 7}), "7:3");
    EXPECT_EQ(written(Handle{5}), "5:0");
}

TEST(ToString, SumsUpAManager) {
    MemoryManager manager(4096, make::options());
    EXPECT_EQ(to_string(manager.statistics()),
              "0 of 4096 bytes in 0 blocks, 0 overhead, 1 hole, the largest 4096, fragmentation "
              "0.0%, peak 0, limit 4096, records " +
                  std::to_string(manager.statistics().metadata));
    static_cast<void>(manager.allocate(24));
    const std::string text = written(manager.statistics());
    EXPECT_EQ(text.rfind("24 of 4096 bytes in 1 block, ", 0), 0U) << text;
}

TEST(ToString, SumsUpADefragmentation) {
    DefragmentationStatistics done{};
    done.moves = 1;
    done.bytes_moved = 96;
    done.ignored = 2;
    done.dropped = 3;
    done.bytes_freed = 1;
    done.fragmentation_before = 0.5;
    done.fragmentation_after = 0.125;
    EXPECT_EQ(to_string(done),
              "1 move of 96 bytes, 2 ignored, 3 dropped, 1 byte won, fragmentation 50.0% to 12.5%");
    EXPECT_EQ(written(done), to_string(done));
}

TEST(ToString, SumsUpACollection) {
    CollectionStatistics done{};
    done.cycles = 2;
    done.roots = 1;
    done.marked = 4;
    done.freed_blocks = 5;
    done.freed_bytes = 120;
    done.allocated = 6;
    done.duration = std::chrono::microseconds(250);
    done.longest_pause = std::chrono::nanoseconds(1500);
    done.slices = 7;
    EXPECT_EQ(to_string(done),
              "cycle 2 freed 5 blocks of 120 bytes, marked 4 from 1 root, 6 allocated, 250.0 us in "
              "7 slices, "
              "longest pause 1.5 us");
    EXPECT_EQ(written(done), to_string(done));
}

}  // namespace
