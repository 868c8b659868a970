// Which free pages return to the system on request, or because too many are
// dirty.
#include <csignal>
#include <vector>

#include "purge_fixture.hpp"

namespace {

using ashlar::base::kUnitSize;
using ashlar::base::UnitId;

TEST_F(PurgeTest, PurgeOfAllReturnsEveryFreeUnitOnce) {
    const UnitId run = take(100);
    const UnitId kept = take(5);
    write(run, 100);
    give_dirty(run, 100);
    spans_.give(kept, 5);
    EXPECT_EQ(spans_.purge(true), 105U) << "runs kept for reuse, too";
    EXPECT_EQ(purged_units(), 105U);
    EXPECT_EQ(FakeSource::purges, 1U) << "one run, across words";
    EXPECT_EQ(spans_.purge(true), 0U) << "clean already";
    EXPECT_EQ(spans_.counts().dirty, 0U);
    const auto again = spans_.take(100);
    EXPECT_EQ(again.start, run);
    EXPECT_TRUE(again.zero);
    EXPECT_EQ(again.clean, 100U);
    EXPECT_EQ(first_byte(run + 50), 0);
}

TEST_F(PurgeTest, TakeOfARunWithOneDirtyUnitIsNotZero) {
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
    EXPECT_EQ(again.clean, 39U);
}

TEST_F(PurgeTest, PurgeKeepsHeldUnits) {
    const UnitId a = take(20);
    const UnitId b = take(20);
    const UnitId c = take(20);
    write(b, 20);
    give_dirty(a, 20);
    give_dirty(c, 20);
    EXPECT_EQ(spans_.purge(true), 40U);
    EXPECT_EQ(FakeSource::purges, 2U);
    for (UnitId unit = b; unit < b + 20; ++unit) ASSERT_EQ(first_byte(unit), 'x');
}

// A claim is bounded, because no other thread can take the units during the
// purge.
TEST_F(PurgeTest, PurgeOfALongRunClaimsAtMost20MiBAtOnce) {
    const UnitId run = take(5000);
    give_dirty(run, 5000);
    FakeSource::purges = FakeSource::purged = FakeSource::longest_purge = 0;
    const std::uint32_t dirty = static_cast<std::uint32_t>(spans_.counts().dirty);
    spans_.purge(true);
    EXPECT_GT(dirty, 300U);
    EXPECT_EQ(spans_.counts().dirty, 0U);
    EXPECT_EQ(purged_units(), 5000U) << "whole runs, clean units included";
    EXPECT_LE(FakeSource::purges, 5000U / 256 + 1);
    EXPECT_LT(FakeSource::longest_purge, (256U + 64U) * kUnitSize);
}

TEST_F(PurgeTest, PurgeOfAllLeavesOneHole) {
    std::vector<UnitId> runs;
    for (int i = 0; i < 30; ++i) runs.push_back(take(37));
    for (const UnitId run : runs) give_dirty(run, 37);
    spans_.purge(true);
    expect_one_hole();
}

TEST_F(PurgeTest, GiveOfALongRunPurgesItWithOneCallFirst) {
    static ashlar::spans::Spans* spans;
    static bool free_too_early;
    spans = &spans_;
    free_too_early = false;
    FakeSource::in_purge = [](void* start, std::size_t) {
        free_too_early =
            spans->is_free(spans->region().unit(reinterpret_cast<std::uintptr_t>(start)));
    };
    const UnitId run = take(300);
    write(run, 300);
    spans_.give(run, 300);
    EXPECT_EQ(FakeSource::purges, 1U);
    EXPECT_EQ(FakeSource::last_start, spans_.region().address(run));
    EXPECT_EQ(FakeSource::last_bytes, 300 * kUnitSize);
    EXPECT_FALSE(free_too_early);
    EXPECT_EQ(spans_.counts().dirty, 0U);
    EXPECT_EQ(spans_.counts().held, 0U);
    const auto again = spans_.take(300);
    EXPECT_EQ(again.start, run);
    EXPECT_TRUE(again.zero);
}

TEST_F(PurgeTest, GiveOfAShortRunKeepsItsPages) {
    const UnitId run = take(16);
    spans_.give(run, 16);
    spans_.give_recent();
    EXPECT_EQ(FakeSource::purges, 0U);
    EXPECT_EQ(spans_.counts().dirty, 16U);
}

// A single long run that is freed between two takes is often taken again.
TEST_F(PurgeTest, GiveOfTwoLongRunsInARowPurgesTheSecond) {
    const UnitId first = take(40);
    const UnitId second = take(30);
    spans_.give(first, 40);
    EXPECT_EQ(FakeSource::purges, 0U);
    spans_.give(second, 30);
    EXPECT_EQ(purged_units(), 30U);
}

// This includes units that were dirty when the run was taken.
TEST_F(PurgeTest, GiveOfAVeryLongRunPurgesUnitsThatWereDirtyBefore) {
    const UnitId run = take(300);
    give_dirty(run, 300);
    EXPECT_EQ(take(300), run);
    spans_.give(run, 300);
    EXPECT_EQ(purged_units(), 300U);
    EXPECT_EQ(spans_.counts().dirty, 0U);
    EXPECT_TRUE(spans_.take(300).zero);
}

TEST_F(PurgeTest, GiveOfALongRunWhosePurgeIsRefusedLeavesItDirty) {
    FakeSource::refuse_purge = true;
    const UnitId run = take(40);
    write(run, 40);
    spans_.give(run, 40);
    EXPECT_EQ(spans_.counts().dirty, 40U);
    EXPECT_EQ(spans_.counts().held, 0U);
    const auto again = spans_.take(40);
    EXPECT_EQ(again.start, run);
    EXPECT_FALSE(again.zero);
}

// A program with one thread may never call again.
TEST_F(PurgeTest, TickKeepsFewerDirtyUnitsForOneThreadAlone) {
    std::vector<UnitId> runs;
    for (int i = 0; i < 30; ++i) runs.push_back(take(10));
    for (const UnitId run : runs) spans_.give(run, 10);
    spans_.give_recent();
    spans_.tick();
    EXPECT_EQ(spans_.counts().dirty, 300U) << "below the cap for several threads";
    spans_.set_alone(true);
    spans_.tick();
    EXPECT_LE(spans_.counts().dirty, 64U);
}

// Units that are purged beyond the cap and soon taken again are kept the next
// time. A few ticks without use end this.
TEST_F(PurgeTest, TakeOfAPurgedRunKeepsItsPagesNextTime) {
    const UnitId run = take(300);
    spans_.give(run, 300);
    EXPECT_EQ(FakeSource::purges, 1U);
    EXPECT_EQ(take(300), run);
    spans_.give(run, 300);
    EXPECT_EQ(FakeSource::purges, 1U) << "kept";
    EXPECT_EQ(take(300), run);
    for (int tick = 0; tick < 10; ++tick) pass(1000);
    spans_.give(run, 300);
    EXPECT_EQ(FakeSource::purges, 2U) << "the raised cap has expired";
}

// The least part of the cap is 64 units, and the learned part soon ends at 224.
TEST_F(PurgeTest, TakesOfPurgedRunsRaiseTheCapSlowlyForOneThreadAlone) {
    spans_.set_alone(true);
    const auto dirty_after_a_burst = [this] {
        const UnitId run = take(400);
        spans_.give(run, 400);
        spans_.tick();
        return spans_.counts().dirty;
    };
    EXPECT_EQ(dirty_after_a_burst(), 0U);
    const std::size_t soon = dirty_after_a_burst();
    EXPECT_GE(soon, 112U) << "most of what the cap allows";
    EXPECT_LE(soon, 240U);
    std::size_t later = soon;
    for (int burst = 0; burst < 40; ++burst) later = dirty_after_a_burst();
    EXPECT_EQ(later, 400U) << "many bursts have raised it";
}

TEST_F(PurgeTest, ExtendIntoPurgedUnitsKeepsThemNextTime) {
    const UnitId a = take(300);
    const UnitId b = take(300);
    const UnitId wall = take(17);
    spans_.give(b, 300);
    EXPECT_TRUE(spans_.extend(b, 300));
    spans_.give(b, 300);
    EXPECT_EQ(FakeSource::purges, 1U) << "kept this time";
    EXPECT_EQ(wall, a + 600);
}

TEST_F(PurgeTest, TakeOfFreshUnitsRaisesNoCap) {
    const UnitId run = take(300);
    spans_.give(run, 300);
    const UnitId other = take(700);
    EXPECT_NE(other, run);
    EXPECT_TRUE(spans_.extend(other + 700, 50));
    EXPECT_EQ(take(300), run);  // raises the cap by twice as many units
    spans_.give(other, 750);
    EXPECT_EQ(FakeSource::purges, 2U) << "more than the cap was raised by";
}

// Units that bursts take again soon may keep their pages, up to a bound.
TEST_F(PurgeTest, BurstsRaiseTheCapOfDirtyUnitsToABound) {
    std::size_t last = 0;
    for (int burst = 0; burst < 8; ++burst) {
        std::vector<UnitId> runs;
        for (int i = 0; i < 160; ++i) runs.push_back(take(20));
        const std::size_t before = purged_units();
        for (const UnitId run : runs) spans_.give(run, 20);
        last = purged_units() - before;
        if (burst == 0) {
            EXPECT_EQ(last, 3180U) << "all but the first, which may be wanted again";
        }
    }
    EXPECT_GT(spans_.counts().dirty, 512U) << "the cap was raised";
    EXPECT_LE(spans_.counts().dirty, 2048U);
    EXPECT_GT(last, 0U);
}

TEST_F(PurgeTest, GiveBeyondTheCapPurgesFromTheHighEnd) {
    const UnitId all = take(600);
    give_dirty(all, 512);
    EXPECT_EQ(FakeSource::purges, 0U) << "512 units are not too many";
    give_dirty(all + 512, 32);
    EXPECT_GT(FakeSource::purges, 0U);
    EXPECT_LE(FakeSource::purges, 2U) << "one run, of at most 16 MiB at once";
    EXPECT_LE(spans_.counts().dirty, 512U - 512U / 4 + 32) << "down to three quarters";
    EXPECT_EQ(purged_units() + spans_.counts().dirty, 544U);
    EXPECT_GE(FakeSource::last_start, spans_.region().address(all + 100))
        << "the low units kept their pages";
    EXPECT_FALSE(spans_.take(100).zero);
}

TEST_F(PurgeTest, CapOfDirtyUnitsIsAQuarterOfTheHeldUnits) {
    const UnitId held = take(4000);
    const UnitId other = take(1100);
    give_dirty(other, 1000);
    EXPECT_EQ(FakeSource::purges, 0U);
    EXPECT_EQ(spans_.counts().dirty, 1000U);
    give_dirty(other + 1000, 100);
    EXPECT_GT(FakeSource::purges, 0U);
    EXPECT_EQ(held, 1U);
}

TEST_F(PurgeTest, TickOverManyShortRunsMakesABoundedNumberOfCalls) {
    const std::vector<UnitId> units = alternate(600);
    EXPECT_GT(spans_.counts().dirty, 400U);
    FakeSource::purges = 0;
    const std::size_t dirty = spans_.counts().dirty;
    spans_.tick();
    EXPECT_LE(FakeSource::purges, 8U * 32U);
    EXPECT_LE(spans_.counts().dirty, dirty);
    EXPECT_EQ(units.size(), 1200U);
}

TEST_F(PurgeTest, PurgeSomeTakesFromTheHighEnd) {
    const UnitId all = take(400);
    give_dirty(all, 400);
    spans_.purge_some(100);
    EXPECT_GE(purged_units(), 100U);
    EXPECT_LE(purged_units(), 100U + 256U);
    EXPECT_EQ(FakeSource::last_start + FakeSource::last_bytes, spans_.region().address(all + 400));
    EXPECT_EQ(spans_.counts().dirty, 400U - purged_units());
    spans_.purge_some(10'000);
    EXPECT_LE(spans_.counts().dirty, 16U);
    spans_.purge_some(10'000);
    const std::size_t calls = FakeSource::purges;
    spans_.purge_some(10'000);
    EXPECT_EQ(FakeSource::purges, calls) << "a MiB may stay";
}

TEST_F(PurgeTest, ThreadEndedLeavesFewDirtyUnits) {
    const UnitId all = take(400);
    give_dirty(all, 400);
    spans_.thread_ended();
    EXPECT_LE(spans_.counts().dirty, 32U);
    const std::size_t calls = FakeSource::purges;
    spans_.thread_ended();
    EXPECT_EQ(FakeSource::purges, calls);
}

}  // namespace
