// Pages of free blocks that go back while the program goes on.
#include <algorithm>

#include "arena_fixture.hpp"

namespace {

using namespace ashlar::base;

constexpr Bin kPage = class_of_size(4096);  // a block is a page
constexpr std::size_t kWait = 4;            // looks without a take
constexpr std::size_t kBlocks = kGeometry[kPage].blocks;

class PurgeIdle : public ArenaOver {
  protected:
    explicit PurgeIdle(UnitId units = 512) : ArenaOver(units) {}

    // Slabs whose first block alone is in use; no thread owns one.
    void make_holes(std::size_t slabs) {
        Blocks blocks = take(kPage, slabs * kBlocks);
        std::sort(blocks.begin(), blocks.end());
        leave_all();
        for (std::size_t i = 0; i < slabs; ++i) {
            const auto first = blocks.begin() + static_cast<std::ptrdiff_t>(i * kBlocks);
            give(kPage, {first + 1, first + kBlocks});
        }
    }
    // The system calls of one look.
    std::size_t look() {
        FakeSource::purges = 0;
        FakeSource::purged = 0;
        arena_.purge_idle();
        return FakeSource::purges;
    }
    std::size_t look(std::size_t times) {
        std::size_t calls = 0;
        while (times-- > 0) calls += look();
        return calls;
    }
    // Takes a block of the only slab, and gives it back.
    void use() {
        give(kPage, take(kPage, 1));
        leave_all();
    }
};

TEST_F(PurgeIdle, ReturnsPagesOfASlabThatNoThreadTakesFrom) {
    make_holes(1);
    EXPECT_EQ(look(kWait - 1), 0U);
    EXPECT_EQ(look(), 1U);
    EXPECT_EQ(FakeSource::purged, (kBlocks - 1) * 4096);
    EXPECT_EQ(look(4), 0U) << "they are gone already";
    EXPECT_EQ(Quiet(spans_, arena_).faults(), "");
    EXPECT_EQ(take(kPage, kBlocks - 1).size(), kBlocks - 1);
    EXPECT_EQ(spans_.held(), 1U) << "the slab is in its index again";
}

TEST_F(PurgeIdle, ReturnsPagesThatBecomeFreeLater) {
    Blocks blocks = take(kPage, kBlocks);
    std::sort(blocks.begin(), blocks.end());
    leave_all();
    give(kPage, {blocks[3]});
    EXPECT_EQ(look(kWait), 1U);
    give(kPage, {blocks[4]});
    EXPECT_EQ(look(), 0U);
    EXPECT_EQ(look(), 1U);
    EXPECT_EQ(FakeSource::last_start, reinterpret_cast<std::uintptr_t>(blocks[4]));
    EXPECT_EQ(FakeSource::purged, 4096U);
}

TEST_F(PurgeIdle, LeavesSlabsAloneThatAreTakenFrom) {
    make_holes(1);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(look(), 0U);
        use();
    }
    EXPECT_EQ(look(kWait), 0U);
    EXPECT_EQ(look(), 1U);
}

TEST_F(PurgeIdle, ReturnsPagesAgainAfterTheirUse) {
    make_holes(1);
    EXPECT_EQ(look(kWait), 1U);
    EXPECT_EQ(look(40), 0U);
    use();
    EXPECT_EQ(look(kWait), 0U);
    EXPECT_EQ(look(), 1U) << "wanted back late: no patience";
}

TEST_F(PurgeIdle, WaitsTwiceAsLongForPagesThatWereWantedBackSoon) {
    make_holes(1);
    EXPECT_EQ(look(kWait), 1U);
    for (const std::size_t wait : {8U, 16U, 32U, 32U}) {
        use();
        EXPECT_EQ(look(wait), 0U);
        EXPECT_EQ(look(), 1U) << wait;
    }
    EXPECT_EQ(look(64), 0U);
    use();
    EXPECT_EQ(look(kWait + 1), 1U) << "after a long rest";
}

TEST_F(PurgeIdle, LeavesCompleteSlabsToBeRetired) {
    give(kPage, take(kPage, kBlocks));
    leave_all();
    EXPECT_EQ(look(2 * kWait), 0U);
    EXPECT_EQ(arena_.reclaimable(), 1);
}

TEST_F(PurgeIdle, TriesAgainWhatTheSystemRefuses) {
    make_holes(1);
    look(kWait - 1);
    FakeSource::refuse_purge = true;
    look();
    EXPECT_EQ(FakeSource::purged, 0U);
    FakeSource::refuse_purge = false;
    EXPECT_EQ(look(), 1U);
}

TEST_F(PurgeIdle, MakesABoundedNumberOfCallsAndGoesOn) {
    constexpr std::size_t kSlabs = 200;
    constexpr std::size_t kMost = 64;  // a quarter of the units would be less
    make_holes(kSlabs);
    std::size_t all = 0;
    for (int i = 0; i < 16; ++i) {
        const std::size_t calls = look();
        EXPECT_LE(calls, kMost);
        all += calls;
    }
    EXPECT_EQ(all, kSlabs);
}

// Tables have pages of their own.
class PurgeIdleBits : public PurgeIdle {
  protected:
    PurgeIdleBits() : PurgeIdle(2048) {}
};

TEST_F(PurgeIdleBits, ReturnsTheBitmapsOfFreeUnits) {
    Blocks blocks = take(kPage, 130 * kBlocks);
    std::sort(blocks.begin(), blocks.end());
    leave_all();
    give(kPage, {blocks.begin(), blocks.end() - 1});
    arena_.retire_reclaimable();
    const auto* const of_unit_20 = arena_.bits() + std::size_t{20} * kMaxSlabWords;
    EXPECT_NE(of_unit_20->load(rlx), 0U);
    EXPECT_GT(look(), 0U);
    EXPECT_EQ(of_unit_20->load(rlx), 0U);
    look();
    EXPECT_EQ(look(), 0U) << "only once";
    EXPECT_EQ(Quiet(spans_, arena_).faults(), "");
    give(kPage, {blocks.back()});
    expect_empty();
}

}  // namespace
