// take and give in one thread. A second set of current slabs stands for a
// second owner.
#include <algorithm>
#include <cstring>
#include <set>

#include "arena_fixture.hpp"
#include "support/fake_clock.hpp"

namespace {

using namespace ashlar::base;
using ashlar::spans::Kind;

class ArenaTest : public ArenaOver {
  protected:
    ArenaTest() : ArenaOver(400) {}

    [[nodiscard]] Kind kind(UnitId unit) const { return spans_.state(unit, acq).kind(); }
};

class ArenaClass : public ArenaTest, public testing::WithParamInterface<Bin> {
  protected:
    const Bin c_ = GetParam();
    const ClassGeometry& g_ = kGeometry[c_];
};

TEST_P(ArenaClass, TakeReturnsDistinctBlocksThatFindReturns) {
    const Blocks blocks = take(c_, std::size_t{g_.blocks} * 2 + 1);
    ASSERT_EQ(blocks.size(), std::size_t{g_.blocks} * 2 + 1);
    std::set<std::uintptr_t> starts;
    for (void* block : blocks) {
        const auto start = reinterpret_cast<std::uintptr_t>(block);
        for (const std::uintptr_t at : {start, start + 1, start + g_.size - 1}) {
            const auto found = arena_.find(at);
            ASSERT_EQ(found.start, start);
            ASSERT_EQ(found.size, g_.size);
            ASSERT_FALSE(found.free);
        }
        ASSERT_TRUE(spans_.region().contains(start + g_.size - 1));
        starts.insert(start);
    }
    ASSERT_EQ(starts.size(), blocks.size());
    for (auto at = starts.begin(); std::next(at) != starts.end(); ++at)
        ASSERT_GE(*std::next(at) - *at, g_.size);
    EXPECT_EQ(arena_.live_bytes(), blocks.size() * g_.size);
    EXPECT_EQ(Quiet(spans_, arena_).faults(current_slabs()), "");
    give(c_, blocks);
    for (void* block : blocks) {
        const auto found = arena_.find(reinterpret_cast<std::uintptr_t>(block));
        ASSERT_TRUE(found.free || found.size == 0) << "free, or in no slab any more";
    }
    expect_empty();
}

TEST_P(ArenaClass, TakeAfterGivesInAnyOrderReturnsTheSameBlocks) {
    Blocks blocks = take(c_, std::size_t{g_.blocks} * 2);
    const UnitId frontier = spans_.frontier();
    std::sort(blocks.begin(), blocks.end());
    const auto middle = blocks.begin() + static_cast<std::ptrdiff_t>(blocks.size() / 2);
    std::reverse(middle, blocks.end());
    for (std::size_t i = 0; i < blocks.size(); i += 2) give(c_, {blocks[i]});
    for (std::size_t i = 1; i < blocks.size(); i += 2) give(c_, {blocks[i]});
    Blocks again = take(c_, blocks.size());
    std::sort(blocks.begin(), blocks.end());
    std::sort(again.begin(), again.end());
    EXPECT_EQ(again, blocks);
    EXPECT_EQ(spans_.frontier(), frontier);
    give(c_, again);
    expect_empty();
}

TEST_P(ArenaClass, RetireReclaimableRetiresCompleteSlabsNotInUse) {
    const Blocks first = take(c_, g_.blocks);
    const Blocks second = take(c_, g_.blocks);
    const Blocks third = take(c_, 1);
    const UnitId slab = unit_of(*std::min_element(first.begin(), first.end()));
    const UnitId other = unit_of(*std::min_element(second.begin(), second.end()));
    give(c_, first);
    EXPECT_EQ(kind(slab), Kind::shared);
    EXPECT_TRUE(arena_.is_reclaimable(slab));
    give(c_, second);
    leave_all();
    EXPECT_EQ(unit_of(take(c_, 1)[0]), slab) << "the lowest complete slab";
    EXPECT_EQ(Quiet(spans_, arena_).faults(current_slabs()), "");
    EXPECT_NE(arena_.retire_reclaimable(), 0U);
    EXPECT_EQ(kind(slab), Kind::owned) << "in use again";
    EXPECT_EQ(kind(other), Kind::none);
    EXPECT_EQ(spans_.page_map()[other].load(rlx), 0U);
    EXPECT_EQ(arena_.retire_reclaimable(), 0U);
    EXPECT_EQ(Quiet(spans_, arena_).faults(current_slabs()), "");
    give(c_, third);
    give(c_, {*std::min_element(first.begin(), first.end())});
    expect_empty();
}

TEST_P(ArenaClass, GiveKeepsABoundedNumberOfCompleteSlabs) {
    const std::uint32_t slabs = 160 / g_.units;  // 10 MiB
    Blocks blocks = take(c_, std::size_t{g_.blocks} * slabs);
    ASSERT_EQ(blocks.size(), std::size_t{g_.blocks} * slabs);
    const std::size_t before = spans_.held();
    give(c_, blocks);
    leave_all();
    EXPECT_LT(spans_.held(), before);
    EXPECT_LE(spans_.held(), 128U + 2 * g_.units) << "at most 8 MiB of complete slabs are kept";
    expect_empty();
}

INSTANTIATE_TEST_SUITE_P(All, ArenaClass, testing::Range<Bin>(1, kClasses));

TEST_F(ArenaTest, TakeUsesACompleteSlabBeforeNewUnits) {
    const Blocks first = take(9, kGeometry[9].blocks + 1);
    give(9, first);
    leave_all();
    const UnitId frontier = spans_.frontier();
    const std::size_t held = spans_.held();
    const Blocks again = take(9, 1);
    EXPECT_EQ(again.size(), 1U);
    EXPECT_EQ(spans_.frontier(), frontier);
    EXPECT_EQ(spans_.held(), held);
}

TEST_F(ArenaTest, TickRetiresSlabsCompleteForOneTick) {
    give(30, take(30, std::size_t{kGeometry[30].blocks} * 20));
    leave_all();
    const std::size_t held = spans_.held();
    spans_.tick();
    arena_.tick();
    EXPECT_EQ(spans_.held(), held);
    fake_now_ms = 1000;
    spans_.tick();
    arena_.tick();
    EXPECT_LE(spans_.held(), 1U) << "all but the run that the spans keep";
    fake_now_ms = 0;
    expect_empty();
}

TEST_F(ArenaTest, TakeReturnsTheLowestBlocksInDescendingOrder) {
    const Blocks blocks = take(1, 64);
    EXPECT_TRUE(std::is_sorted(blocks.rbegin(), blocks.rend()))
        << "the caller pops them in ascending order";
    EXPECT_EQ(blocks.back(), reinterpret_cast<void*>(spans_.region().address(unit_of(blocks[0]))));
}

TEST_F(ArenaTest, TakeUsesTheLowestSlabWithFreeBlocks) {
    const std::uint32_t n = kGeometry[20].blocks;
    std::vector<Blocks> slabs;
    for (int i = 0; i < 4; ++i) slabs.push_back(take(20, n));
    static_cast<void>(take(20, 1));  // the slabs above are left, full
    for (const std::size_t i : {2U, 0U, 3U}) give(20, {slabs[i][n / 2]});
    leave_all();
    EXPECT_EQ(take(20, 1), Blocks{slabs[0][n / 2]});
    EXPECT_EQ(take(20, 1), Blocks{slabs[2][n / 2]});
    EXPECT_EQ(take(20, 1), Blocks{slabs[3][n / 2]});
}

TEST_F(ArenaTest, TakeByAnOwnerFindsBlocksGivenByOthers) {
    const Blocks blocks = take(30, kGeometry[30].blocks);
    const UnitId slab = currents_[30].load(rlx);
    give(30, {blocks[0], blocks[1]});
    EXPECT_EQ(kind(slab), Kind::owned) << "a give leaves the owner";
    const Blocks again = take(30, 2);
    EXPECT_EQ(std::set<void*>(again.begin(), again.end()), (std::set<void*>{blocks[0], blocks[1]}));
    EXPECT_EQ(currents_[30].load(rlx), slab);
}

TEST_F(ArenaTest, TakeByTwoOwnersUsesTwoSlabs) {
    Currents other{};
    const Blocks mine = take(15, 1);
    const Blocks theirs = take(15, 1, other);
    EXPECT_NE(currents_[15].load(rlx), other[15].load(rlx));
    leave_all(other);
    const UnitId left = unit_of(theirs[0]);
    EXPECT_EQ(kind(left), Kind::shared);
    leave_all();
    const Blocks next = take(15, 1);
    EXPECT_EQ(unit_of(next[0]), std::min(unit_of(mine[0]), left))
        << "the lowest slab without an owner comes first";
    give(15, mine);
    give(15, theirs);
    give(15, next);
    expect_empty();
}

TEST_F(ArenaTest, GiveAcceptsBlocksOfManySlabsInOneCall) {
    constexpr Bin c = kClasses - 1;
    Blocks blocks = take(c, std::size_t{kGeometry[c].blocks} * 40);
    ASSERT_EQ(blocks.size(), std::size_t{kGeometry[c].blocks} * 40);
    std::sort(blocks.begin(), blocks.end());
    Blocks mixed;  // one of each slab in turn, so that no two neighbours share a word
    for (std::size_t i = 0; i < kGeometry[c].blocks; ++i) {
        for (std::size_t slab = 0; slab < 40; ++slab)
            mixed.push_back(blocks[slab * kGeometry[c].blocks + i]);
    }
    give(c, mixed);
    EXPECT_EQ(Quiet(spans_, arena_).faults(current_slabs()), "");
    expect_empty();
}

TEST_F(ArenaTest, TakeFromAFullRegionReturnsNothingUntilAGive) {
    const Blocks blocks = take(kClasses - 1, 100'000);
    EXPECT_LT(blocks.size(), 100'000U);
    EXPECT_TRUE(take(kClasses - 1, 1).empty());
    EXPECT_TRUE(take(1, 1).empty());
    give(kClasses - 1, {blocks[7]});
    EXPECT_EQ(take(kClasses - 1, 2), Blocks{blocks[7]});
    give(kClasses - 1, blocks);
    EXPECT_EQ(take(1, 64).size(), 64U) << "other classes can have the units again";
}

TEST_F(ArenaTest, AdoptAcceptsABlockTwice) {
    const Blocks blocks = take(12, 10);
    arena_.adopt(12, blocks[4]);
    arena_.adopt(12, blocks[4]);
    EXPECT_TRUE(arena_.find(reinterpret_cast<std::uintptr_t>(blocks[4])).free);
    EXPECT_EQ(arena_.live_bytes(), 9U * kGeometry[12].size);
    for (void* block : blocks) {
        if (block != blocks[4]) arena_.adopt(12, block);
    }
    expect_empty();
}

// The first blocks of two threads share a slab, and no cache line.
TEST_P(ArenaClass, TakeFirstReturnsWholeCacheLinesOfASharedSlab) {
    if (g_.size > 1024) GTEST_SKIP() << "not for this class";
    constexpr std::uint32_t group = ashlar::arena::Arena::kGroup;
    std::set<std::uintptr_t> lines;
    Blocks all;
    for (int thread = 0; thread < 3; ++thread) {
        void* blocks[group];
        ASSERT_EQ(arena_.take_first(c_, currents_[c_], blocks), group);
        EXPECT_EQ(currents_[c_].load(rlx), kNoUnit) << "the slab is left to others";
        std::set<std::uintptr_t> own;
        for (void* block : blocks) {
            const auto start = reinterpret_cast<std::uintptr_t>(block);
            for (auto at = start / kCacheLine; at <= (start + g_.size - 1) / kCacheLine; ++at)
                own.insert(at);
            all.push_back(block);
        }
        for (const std::uintptr_t line : own) ASSERT_TRUE(lines.insert(line).second);
    }
    EXPECT_EQ(spans_.held(), g_.blocks >= 3 * group ? g_.units : 2 * g_.units);
    give(c_, all);
    expect_empty();
}

TEST_F(ArenaTest, TakeFirstIsRefusedIfEachGroupHasALiveBlock) {
    constexpr Bin c = 25;
    const Blocks all = take(c, kGeometry[c].blocks);
    leave_all();
    Blocks back;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (i % 8 != 0) back.push_back(all[i]);
    }
    give(c, back);
    void* blocks[ashlar::arena::Arena::kGroup];
    EXPECT_EQ(arena_.take_first(c, currents_[c], blocks), 0U);
    EXPECT_EQ(currents_[c].load(rlx), kNoUnit);
    const Blocks more = take(c, 1);
    EXPECT_EQ(arena_.take_first(c, currents_[c], blocks), 0U) << "the caller has a slab";
    give(c, more);
}

TEST_F(ArenaTest, ThreadEndedKeepsTwoMiBOfCompleteSlabs) {
    constexpr Bin c = 25;
    const Blocks blocks = take(c, std::size_t{100} * kGeometry[c].blocks);
    leave_all();
    give(c, blocks);
    EXPECT_GE(spans_.held(), 99U);
    arena_.thread_ended();
    EXPECT_LE(spans_.held(), 33U);
    EXPECT_GE(spans_.held(), 16U) << "a little is kept for the next thread";
}

TEST_F(ArenaTest, LeaveKeepsACompleteSlab) {
    const Blocks blocks = take(25, 3);
    const UnitId slab = currents_[25].load(rlx);
    give(25, blocks);
    leave_all();
    EXPECT_EQ(kind(slab), Kind::shared);
    EXPECT_EQ(Quiet(spans_, arena_).faults(), "");
    leave_all();
    arena_.retire_reclaimable();
    EXPECT_EQ(kind(slab), Kind::none);
}

}  // namespace
