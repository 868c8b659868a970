// Which free pages return to the system because they have been unused for a
// while, and what a purge reports.
#include <csignal>
#include <vector>

#include "purge_fixture.hpp"

namespace {

using ashlar::base::kUnitSize;
using ashlar::base::UnitId;

TEST_F(PurgeTest, TickPurgesUnitsUnusedForTwoTicks) {
    const UnitId run = take(40);
    give_dirty(run, 40);
    pass(10);
    EXPECT_EQ(FakeSource::purges, 0U) << "no tick yet";
    pass(1000);
    EXPECT_EQ(FakeSource::purges, 0U) << "dirty";
    pass(980);
    EXPECT_EQ(FakeSource::purges, 0U) << "no tick yet";
    pass(20);
    EXPECT_EQ(purged_units(), 40U);
    EXPECT_EQ(FakeSource::purges, 1U);
    EXPECT_TRUE(spans_.take(40).zero);
}

TEST_F(PurgeTest, TickKeepsUnitsTakenSinceTheLastTick) {
    const UnitId run = take(40);
    give_dirty(run, 40);
    pass(1000);
    EXPECT_EQ(take(40), run);
    give_dirty(run, 40);
    pass(1000);
    EXPECT_EQ(FakeSource::purges, 0U) << "dirty again";
    pass(1000);
    EXPECT_EQ(purged_units(), 40U);
}

TEST_F(PurgeTest, PurgeOfAgedUnitsKeepsDirtyUnits) {
    const UnitId old = take(40);
    const UnitId wall = take(17);
    const UnitId dirty = take(40);
    give_dirty(old, 40);
    pass(1000);
    give_dirty(dirty, 40);
    EXPECT_EQ(spans_.purge(false), 40U);
    EXPECT_FALSE(spans_.is_free(wall));
    EXPECT_EQ(spans_.counts().dirty, 40U);
    EXPECT_EQ(FakeSource::last_start + FakeSource::last_bytes, spans_.region().address(old + 40));
}

TEST_F(PurgeTest, RefusedPurgeLeavesUnitsDirty) {
    FakeSource::refuse_purge = true;
    const UnitId run = take(30);
    write(run, 30);
    give_dirty(run, 30);
    EXPECT_EQ(spans_.purge(true), 0U);
    EXPECT_GT(FakeSource::purges, 0U);
    EXPECT_EQ(spans_.counts().dirty, 30U);
    const auto again = spans_.take(30);
    EXPECT_EQ(again.start, run);
    EXPECT_FALSE(again.zero);
    give_dirty(run, 30);
    FakeSource::refuse_purge = false;
    EXPECT_EQ(spans_.purge(true), 30U);
}

TEST_F(PurgeTest, TakeOfAPartlyDirtyRunIsNotZero) {
    const UnitId a = take(20);
    const UnitId b = take(20);
    spans_.give(a, 20);
    spans_.purge(true);
    give_dirty(b, 20);
    const auto both = spans_.take(40);
    EXPECT_EQ(both.start, a);
    EXPECT_FALSE(both.zero);
    EXPECT_EQ(both.clean, 20U);
}

TEST_F(PurgeTest, TakeOfFreshUnitsIsZero) {
    EXPECT_TRUE(spans_.take(30).zero);
    EXPECT_TRUE(spans_.take(5).zero);
    EXPECT_EQ(spans_.purge(true), 0U);
}

// A tick makes 64 calls, or as many as a quarter of the dirty units. The next
// tick goes on from there.
TEST_F(PurgeTest, TickMakesABoundedNumberOfCalls) {
    static_cast<void>(alternate(200));
    pass(1000);
    EXPECT_EQ(FakeSource::purges, 0U) << "dirty";
    pass(1000);
    EXPECT_GE(FakeSource::purges, 64U);
    EXPECT_LE(FakeSource::purges, 64U + 32U);
    std::size_t before = purged_units();
    while (before < 200) {
        pass(1000);
        ASSERT_GT(purged_units(), before);
        before = purged_units();
    }
    EXPECT_EQ(spans_.counts().dirty, 0U);
}

TEST_F(PurgeTest, TickFreesRunsKeptForReuse) {
    const UnitId run = take(3);
    spans_.give(run, 3);
    EXPECT_FALSE(spans_.is_free(run));
    pass(1000);
    EXPECT_TRUE(spans_.is_free(run));
}

TEST_F(PurgeTest, ClockThatGoesBackMakesNoTick) {
    const UnitId run = take(40);
    give_dirty(run, 40);
    pass(1000);
    fake_now_ms -= 800;
    pass(0);
    EXPECT_EQ(FakeSource::purges, 0U);
}

// The purging thread owns the units while their pages are returned. A give of
// them by another thread is a fault.
TEST_F(PurgeTest, GiveOfUnitsBeingPurgedIsReported) {
    static ashlar::spans::Spans* spans;
    spans = &spans_;
    const UnitId run = take(40);
    give_dirty(run, 40);
    FakeSource::in_purge = [](void* start, std::size_t) {
        FakeSource::in_purge = nullptr;
        spans->give(spans->region().unit(reinterpret_cast<std::uintptr_t>(start)), 20);
    };
    EXPECT_EXIT(spans_.purge(true), testing::KilledBySignal(SIGABRT),
                "^ashlar: heap corruption at 0x[0-9a-f]+ \\(units freed twice\\)\n$");
}

}  // namespace
