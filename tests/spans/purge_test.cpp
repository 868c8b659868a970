// Which free pages go back to the system, and when. The clock moves only where a test moves it.
#include <csignal>
#include <vector>

#include "spans_fixture.hpp"

namespace {

using ashlar::base::kUnitSize;
using ashlar::base::UnitId;

class PurgeTest : public SpansOver {
  protected:
    PurgeTest() : SpansOver(4000) { fake_now_ms = 100'000; }

    // Any give makes the library look at the clock.
    void pass(std::uint64_t ms) {
        fake_now_ms += ms;
        spans_.give(other_, 17);
        other_ = take(17);
    }
    // A first tick, so that the tests begin in the middle of time.
    void SetUp() override {
        other_ = take(17);
        pass(1000);
        FakeSource::purged = FakeSource::purges = 0;
    }
    [[nodiscard]] static std::size_t purged_units() { return FakeSource::purged / kUnitSize; }
    void write(UnitId start, std::uint32_t units) {
        for (UnitId unit = start; unit < start + units; ++unit) *reinterpret_cast<char*>(spans_.region().address(unit)) = 'x';
    }

    UnitId other_ = 0;
};

TEST_F(PurgeTest, OnRequestAllFreeUnitsGoOnce) {
    const UnitId run = take(100);
    const UnitId kept = take(5);
    write(run, 100);
    spans_.give(run, 100);
    spans_.give(kept, 5);
    EXPECT_EQ(spans_.purge(true), 105U) << "runs kept for reuse, too";
    EXPECT_EQ(purged_units(), 105U);
    EXPECT_EQ(spans_.purge(true), 0U) << "clean already";
    EXPECT_EQ(purged_units(), 105U);
    EXPECT_EQ(spans_.counts().dirty, 0U);
    const auto again = spans_.take(100);
    EXPECT_EQ(again.start, run);
    EXPECT_TRUE(again.zero);
    EXPECT_EQ(*reinterpret_cast<char*>(spans_.region().address(run + 50)), 0);
}

TEST_F(PurgeTest, ARunWithOneDirtyUnitIsNotZero) {
    const UnitId run = take(40);
    spans_.give(run, 40);
    spans_.purge(true);
    const UnitId one = take(1);
    ASSERT_TRUE(one >= run && one < run + 40);
    write(one, 1);
    spans_.give(one, 1);
    spans_.give_recent();
    const auto again = spans_.take(40);
    EXPECT_EQ(again.start, run);
    EXPECT_FALSE(again.zero);
}

TEST_F(PurgeTest, HeldUnitsAreLeftAlone) {
    const UnitId a = take(20);
    const UnitId b = take(20);
    const UnitId c = take(20);
    write(b, 20);
    spans_.give(a, 20);
    spans_.give(c, 20);
    EXPECT_EQ(spans_.purge(true), 40U);
    for (UnitId unit = b; unit < b + 20; ++unit) ASSERT_EQ(*reinterpret_cast<char*>(spans_.region().address(unit)), 'x');
}

TEST_F(PurgeTest, AFullyPurgedHeapIsStillOneHole) {
    std::vector<UnitId> runs;
    for (int i = 0; i < 30; ++i) runs.push_back(take(37));
    for (const UnitId run : runs) spans_.give(run, 37);
    spans_.give(other_, 17);
    spans_.purge(true);
    expect_one_hole();
}

TEST_F(PurgeTest, WhatNobodyWantsForTwoTicksGoes) {
    const UnitId run = take(40);
    spans_.give(run, 40);
    pass(10);
    EXPECT_EQ(FakeSource::purges, 0U) << "no tick yet";
    pass(250);
    EXPECT_EQ(FakeSource::purges, 0U) << "young";
    pass(240);
    EXPECT_EQ(FakeSource::purges, 0U) << "no tick yet";
    pass(10);
    EXPECT_EQ(purged_units(), 40U);
    EXPECT_TRUE(spans_.take(40).zero);
}

TEST_F(PurgeTest, WhatIsTakenInBetweenStartsAgain) {
    const UnitId run = take(40);
    spans_.give(run, 40);
    pass(250);
    EXPECT_EQ(take(40), run);
    spans_.give(run, 40);
    pass(250);
    EXPECT_EQ(FakeSource::purges, 0U) << "young again";
    pass(250);
    EXPECT_EQ(purged_units(), 40U);
}

TEST_F(PurgeTest, AgedOnRequest) {
    const UnitId old = take(40);
    const UnitId wall = take(17);
    const UnitId young = take(40);
    spans_.give(old, 40);
    pass(250);
    spans_.give(young, 40);
    EXPECT_EQ(spans_.purge(false), 40U);
    EXPECT_FALSE(spans_.is_free(wall));
    EXPECT_EQ(spans_.counts().dirty, 40U);
    EXPECT_EQ(FakeSource::last_start + FakeSource::last_bytes, spans_.region().address(old + 40));
}

TEST_F(PurgeTest, ARefusedPurgeLeavesTheDirt) {
    FakeSource::refuse_purge = true;
    const UnitId run = take(30);
    write(run, 30);
    spans_.give(run, 30);
    EXPECT_EQ(spans_.purge(true), 0U);
    EXPECT_GT(FakeSource::purges, 0U);
    const auto again = spans_.take(30);
    EXPECT_EQ(again.start, run);
    EXPECT_FALSE(again.zero);
    spans_.give(run, 30);
    FakeSource::refuse_purge = false;
    EXPECT_EQ(spans_.purge(true), 30U);
}

TEST_F(PurgeTest, ARunThatIsPartlyDirtyIsNotZero) {
    const UnitId a = take(20);
    const UnitId b = take(20);
    spans_.give(a, 20);
    spans_.purge(true);
    spans_.give(b, 20);
    const auto both = spans_.take(40);
    EXPECT_EQ(both.start, a);
    EXPECT_FALSE(both.zero);
}

TEST_F(PurgeTest, FreshUnitsAreZero) {
    EXPECT_TRUE(spans_.take(30).zero);
    EXPECT_TRUE(spans_.take(5).zero);
    EXPECT_EQ(spans_.purge(true), 0U);
}

TEST_F(PurgeTest, TooMuchDirtGoesAtOnceFromTheHighEnd) {
    std::vector<UnitId> runs;
    for (int i = 0; i < 60; ++i) runs.push_back(take(20));
    for (int i = 0; i < 25; ++i) spans_.give(runs[static_cast<std::size_t>(i)], 20);
    EXPECT_EQ(FakeSource::purges, 0U) << "500 units are under the cap";
    for (std::size_t i = 25; i < 60; ++i) spans_.give(runs[i], 20);
    EXPECT_LE(spans_.counts().dirty, 512U);
    EXPECT_EQ(purged_units() + spans_.counts().dirty, 1200U);
    EXPECT_FALSE(spans_.take(1200).zero) << "the low units kept their pages";
}

// Bursts that come back at once may keep their pages, but not 200 MiB of them when nothing else is held.
TEST_F(PurgeTest, WhatWasWantedBackSoonRaisesTheCapToABound) {
    std::uint64_t before = 0;
    std::uint64_t last = 0;
    for (int burst = 0; burst < 8; ++burst) {
        std::vector<UnitId> runs;
        for (int i = 0; i < 160; ++i) runs.push_back(take(20));
        before = purged_units();
        for (const UnitId run : runs) spans_.give(run, 20);
        last = purged_units() - before;
        if (burst == 0) {
            EXPECT_LE(spans_.counts().dirty, 512U);
        }
    }
    EXPECT_GT(spans_.counts().dirty, 512U) << "the cap was raised";
    EXPECT_LE(spans_.counts().dirty, 2048U);
    EXPECT_GT(last, 0U);
}

// A free that comes by at the time of a tick pays for eight calls of the system at most; later ones go on from there.
TEST_F(PurgeTest, ATickGivesBackABoundedNumberOfRuns) {
    std::vector<UnitId> runs;
    for (int i = 0; i < 12; ++i) {
        runs.push_back(take(20));
        static_cast<void>(take(44));  // a word each
    }
    for (const UnitId run : runs) spans_.give(run, 20);
    pass(250);
    EXPECT_EQ(FakeSource::purges, 0U) << "young";
    pass(250);
    EXPECT_GE(FakeSource::purges, 8U);
    EXPECT_LT(purged_units(), 240U);
    const std::size_t first = purged_units();
    pass(250);
    EXPECT_GT(purged_units(), first);
    pass(250);
    EXPECT_EQ(purged_units(), 240U);
}

TEST_F(PurgeTest, TicksGiveWhatIsKeptForReuseBack) {
    const UnitId run = take(3);
    spans_.give(run, 3);
    EXPECT_FALSE(spans_.is_free(run));
    pass(250);
    EXPECT_TRUE(spans_.is_free(run));
}

TEST_F(PurgeTest, TimeThatGoesBackMakesNoTick) {
    const UnitId run = take(40);
    spans_.give(run, 40);
    pass(250);
    fake_now_ms -= 200;
    pass(0);
    EXPECT_EQ(FakeSource::purges, 0U);
}

// While their pages go, units are nobody's: who gives them then never held them.
TEST_F(PurgeTest, UnitsThatAreGivenWhileTheirPagesGoAreReported) {
    static ashlar::spans::Spans* spans;
    spans = &spans_;
    const UnitId run = take(40);
    spans_.give(run, 40);
    FakeSource::in_purge = [](void* start, std::size_t) {
        FakeSource::in_purge = nullptr;
        spans->give(spans->region().unit(reinterpret_cast<std::uintptr_t>(start)), 20);
    };
    EXPECT_EXIT(spans_.purge(true), testing::KilledBySignal(SIGABRT),
                "^ashlar: heap corruption at 0x[0-9a-f]+ \\(units freed twice\\)\n$");
}

}  // namespace
