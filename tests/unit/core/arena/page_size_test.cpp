// Purge under kernels with pages of 4, 16 and 64 KiB. The library asks this
// program for the page size, not the system. Sizes below the real page are
// skipped, since the system would refuse to purge them.
#include <algorithm>
#include <cstring>

#include <sys/auxv.h>
#include <unistd.h>

#include "arena_fixture.hpp"

namespace {

unsigned long page = 0;  // 0: the real one

}  // namespace

// The linker redirects calls of getauxval, in this program and in the static
// library, to this function.
extern "C" unsigned long __real_getauxval(unsigned long type);
extern "C" unsigned long __wrap_getauxval(unsigned long type);
extern "C" unsigned long __wrap_getauxval(unsigned long type) {
    return type == AT_PAGESZ && page != 0 ? page : __real_getauxval(type);
}

namespace {

using namespace ashlar::base;

class PageSize : public ArenaOver, public testing::WithParamInterface<std::size_t> {
  protected:
    PageSize() : ArenaOver(64) {}
    void SetUp() override {
        if (GetParam() < static_cast<std::size_t>(sysconf(_SC_PAGESIZE)))
            GTEST_SKIP() << "the system's pages are larger";
        page = GetParam();
    }
    void TearDown() override { page = 0; }

    // A full slab's blocks in address order, written to.
    Blocks full_slab(Bin c) {
        Blocks blocks = take(c, kGeometry[c].blocks);
        std::sort(blocks.begin(), blocks.end());
        for (void* block : blocks) std::memset(block, 'x', kGeometry[c].size);
        return blocks;
    }
};

TEST_P(PageSize, IsReadFromTheAuxiliaryVector) {
    EXPECT_EQ(ashlar::region::page_size(), GetParam());
}

// A live block keeps exactly its own pages, in every class and at every place.
TEST_P(PageSize, PurgeKeepsThePagesOfALiveBlock) {
    for (Bin c = 1; c < kClasses; ++c) {
        const std::size_t size = kGeometry[c].size;
        const std::size_t bytes = round_up(kGeometry[c].blocks * size, page);
        for (const std::uint32_t place : {0U, kGeometry[c].blocks / 3, kGeometry[c].blocks - 1}) {
            Blocks dead = full_slab(c);
            const auto* const live = static_cast<const char*>(dead[place]);
            const auto start = reinterpret_cast<std::uintptr_t>(dead[0]);
            dead.erase(dead.begin() + place);
            give(c, dead);
            EXPECT_FALSE(arena_.purge()) << "owned";
            leave_all();
            FakeSource::purged = 0;
            const std::size_t kept =
                round_up((place + 1) * size, page) - place * size / page * page;
            EXPECT_EQ(arena_.purge(), kept < bytes) << "class " << c;
            EXPECT_EQ(FakeSource::purged, bytes - kept) << "class " << c << " block " << place;
            EXPECT_TRUE(std::all_of(live, live + size, [](char byte) { return byte == 'x'; }))
                << "class " << c;
            for (const void* block : dead) {
                const std::size_t at = reinterpret_cast<std::uintptr_t>(block) - start;
                const bool shares =
                    at / page * page < (place + 1) * size && round_up(at + 1, page) > place * size;
                ASSERT_EQ(*static_cast<const char*>(block), shares ? 'x' : 0)
                    << "class " << c << " at " << at;
            }
            give(c, {const_cast<char*>(live)});
            arena_.retire_reclaimable();
        }
    }
    expect_empty();
}

// The system gets one call, for the longest run of whole free pages.
TEST_P(PageSize, PurgeReturnsTheLongestRunOfWholePages) {
    constexpr Bin c = kClasses - 1;
    const Blocks blocks = full_slab(c);
    give(c, {blocks.begin() + 2, blocks.begin() + 6});
    leave_all();
    EXPECT_TRUE(arena_.purge());
    EXPECT_EQ(FakeSource::purges, 1U);
    EXPECT_EQ(FakeSource::last_start, reinterpret_cast<std::uintptr_t>(blocks[2]));
    EXPECT_EQ(FakeSource::last_bytes, 4 * kMaxSmall);
    EXPECT_EQ(FakeSource::last_start % page, 0U);
}

TEST_P(PageSize, PurgePutsTheSlabBackIntoItsIndex) {
    constexpr Bin c = 1;
    Blocks blocks = full_slab(c);
    const UnitId slab = unit_of(blocks.front());
    blocks.pop_back();
    give(c, blocks);
    leave_all();
    arena_.purge();
    EXPECT_EQ(Quiet(spans_, arena_).faults(), "");
    EXPECT_EQ(take(c, 1).size(), 1U);
    EXPECT_EQ(currents_[c].load(rlx), slab);
}

INSTANTIATE_TEST_SUITE_P(Kernels, PageSize, testing::Values(4096, 16384, 65536),
                         [](const auto& kernel) {
                             return std::to_string(kernel.param / 1024) + "KiB";
                         });

}  // namespace
