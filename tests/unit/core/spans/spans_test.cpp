// take, give and extend in one thread. Most runs have 17 units or more, since
// shorter ones are kept for a take of their length.
#include <csignal>
#include <vector>

#include "base/size_class.hpp"

#include "spans_fixture.hpp"

namespace {

using ashlar::base::kNoUnit;
using ashlar::base::UnitId;

class SpansTest : public SpansOver {
  protected:
    SpansTest() : SpansOver(600) {}

    // Makes free runs of these lengths in this order, with a held run of 17
    // units after each.
    std::vector<UnitId> holes_of(std::initializer_list<std::uint32_t> lengths) {
        std::vector<UnitId> starts;
        for (const std::uint32_t length : lengths) {
            starts.push_back(take(length));
            held_.push_back(take(17));
        }
        auto start = starts.begin();
        for (const std::uint32_t length : lengths) spans_.give(*start++, length);
        spans_.give_recent();
        return starts;
    }

    std::vector<UnitId> held_;
};

TEST_F(SpansTest, TakeRaisesTheFrontierByItsUnits) {
    EXPECT_EQ(take(20), 1U);
    EXPECT_EQ(take(64), 21U);
    EXPECT_EQ(take(1), 85U);
    EXPECT_EQ(spans_.frontier(), 86U);
}

TEST_F(SpansTest, TakeHandsOutEveryUnitOfTheRegion) {
    EXPECT_EQ(take(300), 1U);
    EXPECT_EQ(take(300), 301U);
    EXPECT_EQ(take(1), kNoUnit);
    EXPECT_EQ(spans_.counts().held, 600U);
}

TEST_F(SpansTest, TakeThatDoesNotFitIsRefusedAndLaterTakesSucceed) {
    EXPECT_EQ(take(601), kNoUnit);
    EXPECT_EQ(take(UINT32_MAX), kNoUnit);
    const UnitId all = take(600);
    EXPECT_EQ(all, 1U);
    EXPECT_EQ(take(17), kNoUnit);
    spans_.give(all, 600);
    EXPECT_EQ(take(17), 1U);
}

TEST_F(SpansTest, TakeUsesTheBestFit) {
    const auto starts = holes_of({40, 20, 30});
    const UnitId frontier = spans_.frontier();
    EXPECT_EQ(take(18), starts[1]);
    EXPECT_EQ(take(25), starts[2]);
    EXPECT_EQ(take(20), starts[0]) << "what is left of the other holes is too short";
    EXPECT_EQ(take(20), starts[0] + 20);
    EXPECT_EQ(spans_.frontier(), frontier);
    EXPECT_EQ(take(6), frontier) << "the frontier rises when nothing fits";
}

TEST_F(SpansTest, TakeUsesTheLowestOfEqualHoles) {
    const auto starts = holes_of({25, 20, 20, 20});
    for (int i = 1; i < 4; ++i) EXPECT_EQ(take(20), starts[static_cast<std::size_t>(i)]);
    EXPECT_EQ(take(20), starts[0]);
}

TEST_F(SpansTest, GiveCoalescesOnBothSides) {
    const UnitId a = take(20);
    const UnitId b = take(70);
    const UnitId c = take(20);
    const UnitId end = take(17);
    spans_.give(a, 20);
    spans_.give(c, 20);
    EXPECT_EQ(take(21), end + 17) << "not coalesced yet";
    spans_.give(b, 70);
    EXPECT_EQ(take(110), a);
}

TEST_F(SpansTest, GiveCoalescesAcrossBitmapWords) {
    std::vector<UnitId> runs;
    for (int i = 0; i < 29; ++i) runs.push_back(take(20));
    const UnitId frontier = spans_.frontier();
    for (std::size_t i = 0; i < runs.size(); i += 2) spans_.give(runs[i], 20);
    for (std::size_t i = 1; i < runs.size(); i += 2) spans_.give(runs[i], 20);
    expect_one_hole();
    EXPECT_EQ(spans_.frontier(), frontier);
}

TEST_F(SpansTest, GiveOfAShortRunKeepsItForATakeOfItsLength) {
    const UnitId run = take(5);
    const UnitId other = take(5);
    spans_.give(run, 5);
    spans_.give(other, 5);
    EXPECT_FALSE(spans_.is_free(run)) << "kept, not free";
    EXPECT_TRUE(spans_.is_free(other)) << "one of each length is kept";
    const UnitId frontier = spans_.frontier();
    EXPECT_EQ(take(4), other) << "the kept one is of another length";
    const auto again = spans_.take(5);
    EXPECT_EQ(again.start, run);
    EXPECT_FALSE(again.zero) << "its bytes are as its last user left them";
    EXPECT_EQ(spans_.frontier(), frontier);
}

TEST_F(SpansTest, GiveRecentFreesKeptRuns) {
    std::vector<UnitId> runs;
    for (std::uint32_t units = 1; units <= 16; ++units) runs.push_back(take(units));
    for (std::uint32_t units = 1; units <= 16; ++units) spans_.give(runs[units - 1], units);
    EXPECT_EQ(spans_.counts().held, 136U) << "all of them kept";
    spans_.give_recent();
    expect_one_hole();
}

TEST_F(SpansTest, CountsFollowTakesAndGives) {
    const UnitId a = take(100);
    const UnitId b = take(50);
    give_dirty(a, 100);
    const auto counts = spans_.counts();
    EXPECT_EQ(counts.held, 50U);
    EXPECT_EQ(counts.free, 100U);
    EXPECT_EQ(counts.peak, 150U);
    EXPECT_EQ(counts.dirty, 100U);
    EXPECT_EQ(spans_.held(), 50U);
    give_dirty(b, 50);
    EXPECT_EQ(take(30), a);
    EXPECT_EQ(spans_.counts().dirty, 120U);
    spans_.give(a, 30);
    EXPECT_EQ(spans_.counts().dirty, 150U) << "one long run between two takes keeps its pages";
    EXPECT_EQ(spans_.counts().held, 0U);
    EXPECT_EQ(spans_.counts().free, 150U);
}

TEST_F(SpansTest, ExtendNeedsFreeUnitsOrTheFrontier) {
    const UnitId a = take(20);
    const UnitId b = take(40);
    const UnitId c = take(20);
    EXPECT_FALSE(spans_.extend(b, 10)) << "held";
    spans_.give(b, 40);
    EXPECT_FALSE(spans_.extend(b, 41)) << "one unit of it is held";
    EXPECT_TRUE(spans_.is_free(b) && spans_.is_free(b + 39))
        << "the failed claim gave its units back";
    EXPECT_TRUE(spans_.extend(b, 15));
    EXPECT_EQ(take(25), b + 15) << "the rest is a hole";
    EXPECT_TRUE(spans_.extend(c + 20, 100)) << "the frontier";
    EXPECT_EQ(spans_.frontier(), c + 120);
    EXPECT_FALSE(spans_.extend(c + 120, 600 - (c + 119) + 1)) << "past the end";
    EXPECT_TRUE(spans_.extend(c + 120, 600 - (c + 119))) << "up to the end";
    EXPECT_EQ(spans_.counts().held, 600U);
    EXPECT_EQ(a, 1U);
}

TEST_F(SpansTest, ExtendContinuesThroughAHoleAcrossTheFrontier) {
    const UnitId a = take(20);
    const UnitId b = take(30);
    spans_.give(b, 30);
    EXPECT_TRUE(spans_.extend(b, 100));
    EXPECT_EQ(spans_.frontier(), b + 100);
    EXPECT_EQ(spans_.counts().held, 120U);
    spans_.give(a, 120);
    expect_one_hole();
}

TEST_F(SpansTest, ExtendBeyondAHoleBelowTheFrontierIsRefused) {
    const UnitId a = take(20);
    const UnitId b = take(30);
    const UnitId wall = take(17);
    const UnitId c = take(30);
    spans_.give(b, 30);
    spans_.give(c, 30);
    EXPECT_FALSE(spans_.extend(b, 31));
    EXPECT_FALSE(spans_.extend(b, 100));
    EXPECT_FALSE(spans_.extend(c + 31, 5)) << "beyond the frontier";
    EXPECT_EQ(spans_.frontier(), c + 30);
    EXPECT_EQ(take(30), b) << "the hole is whole";
    spans_.give(b, 30);
    spans_.give(wall, 17);
    spans_.give(a, 20);
    expect_one_hole();
}

TEST_F(SpansTest, ExtendPastTheRegionLeavesTheHoleAsItWas) {
    const UnitId a = take(20);
    const UnitId b = take(30);
    spans_.give(b, 30);
    EXPECT_FALSE(spans_.extend(b, 581));
    EXPECT_EQ(spans_.frontier(), 51U);
    EXPECT_EQ(take(30), b);
    spans_.give(b, 30);
    EXPECT_TRUE(spans_.extend(b, 580)) << "up to the end";
    EXPECT_EQ(spans_.counts().held, 600U);
    EXPECT_EQ(a, 1U);
}

// A failing extend gives the units back that it claimed below the frontier, as
// a hole that the map knows.
TEST_F(SpansTest, ExtendWithoutACommitLeavesTheHoleAsItWas) {
    const UnitId a = take(20);
    const UnitId b = take(30);
    spans_.give(b, 30);
    FakeSource::commits_left = 0;
    EXPECT_FALSE(spans_.extend(b, 400));
    EXPECT_EQ(spans_.frontier(), 51U);
    EXPECT_EQ(spans_.counts().held, 20U);
    EXPECT_EQ(take(30), b);
    FakeSource::commits_left = SIZE_MAX;
    spans_.give(b, 30);
    EXPECT_TRUE(spans_.extend(b, 400));
    EXPECT_EQ(a, 1U);
}

TEST_F(SpansTest, TakeWithoutPermissionLeavesTheFrontier) {
    const UnitId a = take(40);
    EXPECT_EQ(spans_.take(20, false).start, kNoUnit);
    EXPECT_EQ(spans_.frontier(), 41U);
    spans_.give(a, 40);
    EXPECT_EQ(spans_.take(20, false).start, a);
}

TEST_F(SpansTest, TakeAfterARefusedCommitUsesTheHoles) {
    const UnitId a = take(40);
    const UnitId b = take(20);
    const UnitId frontier = spans_.frontier();
    FakeSource::commits_left = 0;
    EXPECT_EQ(take(300), kNoUnit);
    EXPECT_EQ(spans_.frontier(), frontier);
    spans_.give(a, 40);
    EXPECT_EQ(take(30), a);
    EXPECT_EQ(take(300), kNoUnit);
    FakeSource::commits_left = SIZE_MAX;
    EXPECT_EQ(take(300), frontier);
    EXPECT_EQ(b, 41U);
}

TEST_F(SpansTest, ContainsOnlyAddressesOfCommittedUnits) {
    static_cast<void>(take(100));
    const auto& region = spans_.region();
    EXPECT_GE(spans_.committed(), 101U);
    EXPECT_LT(spans_.committed(), 200U);
    EXPECT_TRUE(spans_.contains(region.address(100)));
    EXPECT_TRUE(spans_.contains(region.address(spans_.committed()) - 1));
    EXPECT_FALSE(spans_.contains(region.address(spans_.committed())));
    EXPECT_FALSE(spans_.contains(region.base - 1));
}

TEST_F(SpansTest, ShedKeepsCommittedUnits) {
    static_cast<void>(take(100));
    EXPECT_EQ(spans_.limit(), 601U);
    EXPECT_TRUE(spans_.shed());
    EXPECT_FALSE(spans_.shed());
    FakeSource::refuse_reserve_at = true;
    const std::uint32_t left = spans_.limit() - spans_.frontier();
    EXPECT_EQ(spans_.limit(), spans_.committed());
    EXPECT_EQ(take(left + 1), kNoUnit);
    if (left != 0) {
        EXPECT_EQ(take(left), 101U);
    }
    EXPECT_EQ(take(1), kNoUnit);
    spans_.give(1, 100);
    EXPECT_EQ(take(60), 1U) << "the heap uses its committed units";
    EXPECT_FALSE(spans_.extend(spans_.limit(), 1));
}

// A take finds the aligned hole among holes that are longer, equal, or shorter
// by the pad. The frontier stays.
TEST_F(SpansTest, TakeAlignedReusesAnAlignedHole) {
    constexpr std::uint32_t align = 16;
    const UnitId first = spans_.take(20, true, align).start;
    const UnitId wall = take(17);
    const UnitId second = spans_.take(20, true, align).start;
    const UnitId end = take(17);
    for (const UnitId start : {first, second})
        EXPECT_EQ(spans_.region().address(start) >> 16 & (align - 1), 0U);
    for (int round = 0; round < 3; ++round) {
        spans_.give(first, 20);
        spans_.give(second, 20);
        const UnitId frontier = spans_.frontier();
        EXPECT_EQ(spans_.take(20, true, align).start, first);
        EXPECT_EQ(spans_.take(20, true, align).start, second);
        EXPECT_EQ(spans_.frontier(), frontier);
    }
    EXPECT_GT(end, wall);
}

TEST_F(SpansTest, TakeAlignedLeavesThePadFree) {
    constexpr std::uint32_t align = 32;
    const UnitId all = take(200);
    spans_.give(all, 200);
    const UnitId run = spans_.take(20, true, align).start;
    ASSERT_NE(run, kNoUnit);
    EXPECT_EQ(spans_.region().address(run) >> 16 & (align - 1), 0U);
    EXPECT_EQ(spans_.frontier(), 201U);
    spans_.give(run, 20);
    expect_one_hole();
}

TEST_F(SpansTest, TakeAlignedUsesAKeptRunOnlyIfItIsAligned) {
    UnitId odd = take(1);
    while (spans_.region().address(odd) >> 16 & 3) odd = take(1);
    const UnitId aligned = odd;
    odd = take(1);
    spans_.give(aligned, 1);
    EXPECT_EQ(spans_.take(1, true, 4).start, aligned);
    spans_.give(odd, 1);
    const UnitId other = spans_.take(1, true, 4).start;
    EXPECT_NE(other, odd);
    EXPECT_EQ(spans_.region().address(other) >> 16 & 3, 0U);
    EXPECT_EQ(take(1), odd) << "it is still kept";
}

// The region ends with the last bit of the last word, and has more words than
// one holder of the lock updates.
class ManyWords : public SpansOver {
  protected:
    // Unit 0 is not used.
    static constexpr std::uint32_t units = 1100 * ashlar::base::kWordBits - 1;

    ManyWords() : SpansOver(units) {}
};

TEST_F(ManyWords, GiveOfAllUnitsLeavesOneHole) {
    const UnitId all = take(units);
    ASSERT_EQ(all, 1U);
    spans_.give(all, units);
    expect_one_hole();
}

TEST_F(SpansTest, MarkWritesThePageMapOfItsUnitsOnly) {
    spans_.mark(10, 3, 7);
    EXPECT_EQ(spans_.page_map()[9].load(ashlar::base::rlx), 0U);
    for (UnitId unit = 10; unit < 13; ++unit)
        EXPECT_EQ(spans_.page_map()[unit].load(ashlar::base::rlx), 7U);
    EXPECT_EQ(spans_.page_map()[13].load(ashlar::base::rlx), 0U);
}

using SpansDeathTest = SpansTest;

TEST_F(SpansDeathTest, GiveOfFreeUnitsIsReported) {
    const UnitId run = take(20);
    spans_.give(run, 20);
    EXPECT_EXIT(spans_.give(run + 2, 17), testing::KilledBySignal(SIGABRT),
                "^ashlar: heap corruption at 0x[0-9a-f]+ \\(units freed twice\\)\n$");
}

}  // namespace
