// Where runs come from and go to, one thread. Runs of 17 units and more: shorter ones are kept for exact reuse.
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

    // Free runs of these lengths in this order, with a held run of 17 units after each.
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

TEST_F(SpansTest, TheFrontierRisesUnitByUnit) {
    EXPECT_EQ(take(20), 1U);
    EXPECT_EQ(take(64), 21U);
    EXPECT_EQ(take(1), 85U);
    EXPECT_EQ(spans_.frontier(), 86U);
}

TEST_F(SpansTest, EveryUnitOfTheRegionIsHandedOut) {
    EXPECT_EQ(take(300), 1U);
    EXPECT_EQ(take(300), 301U);
    EXPECT_EQ(take(1), kNoUnit);
    EXPECT_EQ(spans_.counts().held, 600U);
}

TEST_F(SpansTest, WhatDoesNotFitIsRefusedAndTheRestStillWorks) {
    EXPECT_EQ(take(601), kNoUnit);
    EXPECT_EQ(take(UINT32_MAX), kNoUnit);
    const UnitId all = take(600);
    EXPECT_EQ(all, 1U);
    EXPECT_EQ(take(17), kNoUnit);
    spans_.give(all, 600);
    EXPECT_EQ(take(17), 1U);
}

TEST_F(SpansTest, TheBestFitIsTaken) {
    const auto starts = holes_of({40, 20, 30});
    const UnitId frontier = spans_.frontier();
    EXPECT_EQ(take(18), starts[1]);
    EXPECT_EQ(take(25), starts[2]);
    EXPECT_EQ(take(20), starts[0]) << "the rests of the others are too short";
    EXPECT_EQ(take(20), starts[0] + 20);
    EXPECT_EQ(spans_.frontier(), frontier);
    EXPECT_EQ(take(6), frontier) << "the frontier rises when nothing fits";
}

TEST_F(SpansTest, OfEqualHolesTheLowestIsTaken) {
    const auto starts = holes_of({25, 20, 20, 20});
    for (int i = 1; i < 4; ++i) EXPECT_EQ(take(20), starts[static_cast<std::size_t>(i)]);
    EXPECT_EQ(take(20), starts[0]);
}

TEST_F(SpansTest, NeighboursCoalesceOnBothSides) {
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

TEST_F(SpansTest, CoalescingCrossesWordsOfBits) {
    std::vector<UnitId> runs;
    for (int i = 0; i < 29; ++i) runs.push_back(take(20));
    const UnitId frontier = spans_.frontier();
    for (std::size_t i = 0; i < runs.size(); i += 2) spans_.give(runs[i], 20);
    for (std::size_t i = 1; i < runs.size(); i += 2) spans_.give(runs[i], 20);
    expect_one_hole();
    EXPECT_EQ(spans_.frontier(), frontier);
}

TEST_F(SpansTest, AShortRunIsKeptForItsExactLength) {
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

TEST_F(SpansTest, KeptRunsGoBackOnRequest) {
    std::vector<UnitId> runs;
    for (std::uint32_t units = 1; units <= 16; ++units) runs.push_back(take(units));
    for (std::uint32_t units = 1; units <= 16; ++units) spans_.give(runs[units - 1], units);
    EXPECT_EQ(spans_.counts().held, 136U) << "all of them kept";
    spans_.give_recent();
    expect_one_hole();
}

TEST_F(SpansTest, CountsAddUp) {
    const UnitId a = take(100);
    const UnitId b = take(50);
    spans_.give(a, 100);
    const auto counts = spans_.counts();
    EXPECT_EQ(counts.held, 50U);
    EXPECT_EQ(counts.free, 100U);
    EXPECT_EQ(counts.peak, 150U);
    EXPECT_EQ(counts.dirty, 100U);
    EXPECT_EQ(spans_.held(), 50U);
    spans_.give(b, 50);
    EXPECT_EQ(take(30), a);
    EXPECT_EQ(spans_.counts().dirty, 120U);
}

TEST_F(SpansTest, ARunIsExtendedIntoFreeUnitsOrTheFrontierOnly) {
    const UnitId a = take(20);
    const UnitId b = take(40);
    const UnitId c = take(20);
    EXPECT_FALSE(spans_.extend(b, 10)) << "held";
    spans_.give(b, 40);
    EXPECT_FALSE(spans_.extend(b, 41)) << "one unit of it is held";
    EXPECT_TRUE(spans_.is_free(b) && spans_.is_free(b + 39)) << "what the failing claim had in hand is back";
    EXPECT_TRUE(spans_.extend(b, 15));
    EXPECT_EQ(take(25), b + 15) << "the rest is a hole";
    EXPECT_TRUE(spans_.extend(c + 20, 100)) << "the frontier";
    EXPECT_EQ(spans_.frontier(), c + 120);
    EXPECT_FALSE(spans_.extend(c + 120, 600 - (c + 119) + 1)) << "past the end";
    EXPECT_TRUE(spans_.extend(c + 120, 600 - (c + 119))) << "up to the end";
    EXPECT_EQ(spans_.counts().held, 600U);
    EXPECT_EQ(a, 1U);
}

TEST_F(SpansTest, ARunIsNotExtendedAcrossTheFrontier) {
    const UnitId a = take(20);
    const UnitId b = take(20);
    spans_.give(b, 20);
    EXPECT_FALSE(spans_.extend(b, 21));
    EXPECT_TRUE(spans_.extend(b, 20));
    EXPECT_EQ(a, 1U);
}

// Up to the last bit of the last word; and more words at once than one holder of the lock brings up to date.
class WholeWords : public SpansOver {
  protected:
    static constexpr std::uint32_t units = 1100 * ashlar::base::kWordBits - 1;  // unit 0 is nobody's

    WholeWords() : SpansOver(units) {}
};

TEST_F(WholeWords, OneRunOfAllUnitsIsOneHoleAgain) {
    const UnitId all = take(units);
    ASSERT_EQ(all, 1U);
    spans_.give(all, units);
    expect_one_hole();
}

TEST_F(SpansTest, MarksAreReadBack) {
    spans_.mark(10, 3, 7);
    EXPECT_EQ(spans_.map()[9].load(ashlar::base::rlx), 0U);
    for (UnitId unit = 10; unit < 13; ++unit) EXPECT_EQ(spans_.map()[unit].load(ashlar::base::rlx), 7U);
    EXPECT_EQ(spans_.map()[13].load(ashlar::base::rlx), 0U);
}

using SpansDeathTest = SpansTest;

TEST_F(SpansDeathTest, UnitsFreedTwiceAreReported) {
    const UnitId run = take(20);
    spans_.give(run, 20);
    EXPECT_EXIT(spans_.give(run + 5, 17), testing::KilledBySignal(SIGABRT),
                "^ashlar: heap corruption at 0x[0-9a-f]+ \\(units freed twice\\)\n$");
}

}  // namespace
