// Reports of blocks that are live, now or at the manager's end.
#include <gtest/gtest.h>

#include <algorithm>
#include <ashlar/manager_leaks.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

constexpr Size kWhole = Size{1} << 20;

struct Live {
    Offset start;
    Size size;
    std::uint64_t user;
    std::string name;
    bool operator==(const Live&) const = default;
};

class Leaks : public testing::TestWithParam<make::Mode> {
  protected:
    [[nodiscard]] ManagerOptions reporting() {
        ManagerOptions options = make::options(0, GetParam());
        options.on_end = [this](const BlockView& view, std::string_view name) {
            live_.push_back({view.start, view.size, view.user, std::string(name)});
        };
        return options;
    }
    std::vector<Live> live_;
};
INSTANTIATE_TEST_SUITE_P(Threads, Leaks, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(Leaks, OnEndSeesEveryLiveBlock) {
    std::vector<Live> expected;
    {
        MemoryManager manager(kWhole, reporting());
        const Offset small = manager.allocate(16).value();
        const Offset large = manager.allocate(5000).value();
        const Handle handle = manager.allocate_movable(3000).value();
        manager.deallocate(manager.allocate(100).value());
        manager.deallocate(manager.allocate(4000).value());
        manager.set_user_data(small, 7);
        manager.set_name(large, "large");
        manager.set_name(manager.resolve(handle), "moves");
        manager.set_user_data(manager.resolve(handle), 9);
        ASSERT_TRUE(manager.reserve_range(kWhole - 10, 10));
        expected = {{small, 16, 7, ""},
                    {large, 5000, 0, "large"},
                    {manager.resolve(handle), 3000, 9, "moves"},
                    {kWhole - 10, 10, 0, ""}};
        std::sort(expected.begin(), expected.end(),
                  [](const Live& a, const Live& b) { return a.start < b.start; });
        EXPECT_TRUE(live_.empty());
    }
    EXPECT_EQ(live_, expected);
}

TEST_P(Leaks, OnEndIsNotCalledWithoutBlocks) {
    {
        MemoryManager manager(kWhole, reporting());
        manager.deallocate(manager.allocate(100).value());
        ASSERT_TRUE(manager.allocate(5000));
        manager.clear();
    }
    EXPECT_TRUE(live_.empty());
}

TEST_P(Leaks, OnEndIsCalledOnceForAManagerThatWasMoved) {
    MemoryManager manager(kWhole, reporting());
    ASSERT_TRUE(manager.allocate(5000));
    MemoryManager moved(std::move(manager));
    manager = MemoryManager();
    EXPECT_TRUE(live_.empty());
    moved = MemoryManager();
    EXPECT_EQ(live_.size(), 1U);
}

TEST_P(Leaks, OnEndMayThrow) {
    unsigned calls = 0;
    ManagerOptions options = make::options(0, GetParam());
    options.on_end = [&calls](const BlockView&, std::string_view) {
        ++calls;
        throw 7;
    };
    {
        MemoryManager manager(kWhole, options);
        ASSERT_TRUE(manager.allocate(5000));
        ASSERT_TRUE(manager.allocate(5000));
    }
    EXPECT_EQ(calls, 1U);
}

TEST(LeaksOfACollector, OnEndComesAfterItsThread) {
    for (int i = 0; i < 20; ++i) {
        std::uint64_t live = 0;
        ManagerOptions options = make::options(0, Threads::many);
        options.on_end = [&live](const BlockView&, std::string_view) { ++live; };
        {
            MemoryManager manager(kWhole, options);
            CollectorOptions collector;
            collector.period = std::chrono::milliseconds(0);
            collector.roots = [] { return std::vector<Offset>{}; };
            manager.start_collector(collector);
            for (int k = 0; k < 100; ++k) ASSERT_TRUE(manager.allocate_root(100));
        }
        ASSERT_EQ(live, 100U);
    }
}

TEST_P(Leaks, WriteLeaksWritesALineForEachBlock) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    std::ostringstream none, some;
    EXPECT_EQ(write_leaks(none, manager), 0U);
    EXPECT_EQ(none.str(), "");
    ASSERT_TRUE(manager.reserve_range(0, 64));
    ASSERT_TRUE(manager.allocate_at(kWhole - 5000, 5000));
    manager.set_name(kWhole - 5000, "mesh");
    manager.set_user_data(kWhole - 5000, 7);
    some << std::hex;
    EXPECT_EQ(write_leaks(some, manager), 2U);
    EXPECT_EQ(some.str(),
              "reserved at 0: 64 bytes\nblock at 1043576: 5000 bytes, user data 7, \"mesh\"\n");
}

}  // namespace
