// A thread stops while it holds the span lock. Takes and gives of others go on,
// and memory does not grow. Later the map of holes has all units that they
// gave.
#include <vector>

#include "spans_fixture.hpp"
#include "support/private_member.hpp"

struct LockTag {  // in the namespace of PrivateMember, for its friend functions
    using Type = ashlar::base::TryLock ashlar::spans::Spans::*;
    friend Type member_of(LockTag);
};
template struct PrivateMember<LockTag, &ashlar::spans::Spans::lock_>;

struct HolesTag {
    using Type = ashlar::spans::Holes ashlar::spans::Spans::*;
    friend Type member_of(HolesTag);
};
template struct PrivateMember<HolesTag, &ashlar::spans::Spans::holes_>;

namespace {

using ashlar::base::TryLock;
using ashlar::base::UnitId;

class LockTest : public SpansOver {
  protected:
    LockTest() : SpansOver(1000) {
        for (int i = 0; i < 20; ++i) runs_.push_back(take(20));
        frontier_ = spans_.frontier();
    }
    void stop_a_holder() { ASSERT_TRUE(lock().try_lock()); }
    TryLock& lock() { return spans_.*member_of(LockTag{}); }

    std::vector<UnitId> runs_;
    UnitId frontier_;
};

TEST_F(LockTest, IsReleasedAfterGiveAndTake) {
    spans_.give(runs_[3], 20);
    EXPECT_EQ(take(18), runs_[3]);
    stop_a_holder();
    lock().unlock();
}

TEST_F(LockTest, TakeUnderAStoppedHolderFindsFreeUnits) {
    stop_a_holder();
    spans_.give(runs_[7], 20);
    spans_.give(runs_[8], 20);
    spans_.give(runs_[12], 20);
    EXPECT_EQ(take(40), runs_[7]) << "neighbours are one run, even if the map lacks them";
    EXPECT_EQ(take(20), runs_[12]);
    EXPECT_EQ(spans_.frontier(), frontier_);
    EXPECT_EQ(take(20), frontier_) << "nothing fits";
}

TEST_F(LockTest, TakeAfterAStoppedHolderUsesNoStaleHole) {
    spans_.give(runs_[7], 20);
    stop_a_holder();
    EXPECT_EQ(take(17), runs_[7]);
    lock().unlock();
    EXPECT_EQ(take(20), frontier_) << "the map said 20 units, 3 are left";
    EXPECT_EQ(take(3), runs_[7] + 17);
}

TEST_F(LockTest, GiveAndTakeUnderAStoppedHolderReuseUnits) {
    stop_a_holder();
    for (int round = 0; round < 500; ++round) {
        for (std::size_t i = 0; i < runs_.size(); i += 3) spans_.give(runs_[i], 20);
        for (std::size_t i = 0; i < runs_.size(); i += 3) {
            runs_[i] = take(20);
            ASSERT_NE(runs_[i], 0U);
        }
        ASSERT_EQ(spans_.frontier(), frontier_);
    }
}

TEST_F(LockTest, ExtendUnderAStoppedHolderSucceeds) {
    spans_.give(runs_[1], 20);
    stop_a_holder();
    EXPECT_TRUE(spans_.extend(runs_[1], 20));
    EXPECT_FALSE(spans_.extend(runs_[1], 20));
}

TEST_F(LockTest, NextHolderCoalescesUnitsGivenWithoutTheLock) {
    stop_a_holder();
    for (const UnitId run : runs_) spans_.give(run, 20);
    lock().unlock();
    EXPECT_EQ(take(19 * 20), runs_[0]) << "one hole";
    EXPECT_EQ(spans_.frontier(), frontier_);
}

TEST_F(LockTest, PurgeUnderAStoppedHolderSucceeds) {
    give_dirty(runs_[2], 20);
    stop_a_holder();
    EXPECT_EQ(spans_.purge(true), 20U);
    spans_.give(runs_[3], 20);
    const std::size_t before = spans_.counts().dirty;
    spans_.give(runs_[4], 20);
    EXPECT_EQ(spans_.counts().dirty, before)
        << "a second long run in a row is purged before it is given";
}

TEST_F(LockTest, AdoptForkReleasesTheLockAndRebuildsTheHoles) {
    spans_.give(runs_[2], 20);
    stop_a_holder();
    for (std::size_t i = 3; i < 10; ++i) spans_.give(runs_[i], 20);
    spans_.adopt_fork();
    EXPECT_EQ(take(160), runs_[2]);
    EXPECT_EQ(spans_.frontier(), frontier_);
    stop_a_holder();
}

// The map has a stale hole whose first bitmap word has no free unit, so no hint
// is left. A take that meets it must insert the hole that is really there.
TEST_F(LockTest, TakeThatMeetsAStaleHoleInsertsTheTrueHole) {
    constexpr UnitId boundary = 448;
    static_cast<void>(take(boundary - frontier_));
    ASSERT_EQ(take(20), boundary);
    static_cast<void>(take(17));
    for (std::size_t i = 2; i < 7; ++i) spans_.give(runs_[i], 20);
    spans_.give(boundary, 20);
    auto& holes = spans_.*member_of(HolesTag{});
    holes.erase(boundary);
    holes.insert(boundary - 5, 25);  // as if the first 5 of 25 free units had been taken since
    EXPECT_EQ(take(22), runs_[2]);
    EXPECT_EQ(take(20), boundary) << "the best fit is known to the map again";
}

}  // namespace
