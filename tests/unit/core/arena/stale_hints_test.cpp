// Hints that a stopped or delayed thread leaves in the index of a class. A take
// drops a hint that it cannot claim, and takes nothing wrong.
#include "arena_fixture.hpp"
#include "support/private_member.hpp"

struct IndexesTag {
    using Type = ashlar::base::BitmapIndex (ashlar::arena::Arena::*)[ashlar::base::kClasses];
    friend Type member_of(IndexesTag);
};
template struct PrivateMember<IndexesTag, &ashlar::arena::Arena::index_>;

namespace {

using namespace ashlar::base;
using ashlar::spans::Kind;
using ashlar::spans::UnitState;

class StaleHints : public ArenaOver {
  protected:
    static constexpr Bin c = 6;

    StaleHints() : ArenaOver(100) {}
    BitmapIndex& index() { return (arena_.*member_of(IndexesTag{}))[c]; }
    // The take must use a slab of its own, and leave `unit` as it is.
    void expect_dropped(UnitId unit) {
        const auto before = spans_.state(unit, acq);
        index().insert(unit);
        Currents other{};
        const Blocks blocks = take(c, 1, other);
        ASSERT_EQ(blocks.size(), 1U);
        EXPECT_NE(other[c].load(rlx), unit);
        EXPECT_EQ(spans_.state(unit, acq), before);
        EXPECT_FALSE(index().contains(unit));
        give(c, blocks);
        leave_all(other);
    }
};

TEST_F(StaleHints, ToAFreeUnitAreDropped) {
    const UnitId run = spans_.take(20).start;
    spans_.give(run, 20);
    expect_dropped(run + 19);
}

TEST_F(StaleHints, ToASlabOfAnotherClassAreDropped) {
    const Blocks blocks = take(c + 1, 1);
    leave_all();
    ASSERT_EQ(spans_.state(unit_of(blocks[0]), acq), UnitState::of(Kind::shared, c + 1));
    expect_dropped(unit_of(blocks[0]));
}

TEST_F(StaleHints, ToAnOwnedSlabAreDropped) {
    static_cast<void>(take(c, 1));
    expect_dropped(currents_[c].load(rlx));
}

TEST_F(StaleHints, ToALargeRunOrIntoOneAreDropped) {
    const UnitId run = spans_.take_large(20, 1).start;
    expect_dropped(run);
    expect_dropped(run + 3);
}

TEST_F(StaleHints, IntoASlabOfSeveralUnitsAreDropped) {
    ASSERT_GT(kGeometry[kClasses - 1].units, 1U);
    static_cast<void>(take(kClasses - 1, 1));
    leave_all();
    expect_dropped(unit_of(take(kClasses - 1, 1)[0]) + 1);
}

TEST_F(StaleHints, ToAFullSlabLeaveItShared) {
    const Blocks blocks = take(c, kGeometry[c].blocks);
    leave_all();
    const UnitId slab = unit_of(blocks[0]);
    index().insert(slab);
    const Blocks other = take(c, 1);
    ASSERT_EQ(other.size(), 1U);
    EXPECT_NE(unit_of(other[0]), slab);
    EXPECT_EQ(spans_.state(slab, acq), UnitState::of(Kind::shared, c));
    give(c, {blocks[0]});
    EXPECT_TRUE(index().contains(slab)) << "the next give inserts it";
}

TEST_F(StaleHints, ToASlabNoLongerCompleteRetireNothing) {
    const Blocks blocks = take(c, 3);
    const UnitId slab = currents_[c].load(rlx);
    give(c, blocks);
    leave_all();
    ASSERT_TRUE(arena_.is_reclaimable(slab));
    const Blocks again = take(c, 1);
    ASSERT_EQ(currents_[c].load(rlx), slab);
    EXPECT_EQ(arena_.retire_reclaimable(), 1U) << "one slab examined, which has an owner";
    EXPECT_EQ(spans_.state(slab, acq), UnitState::of(Kind::owned, c));
    leave_all();
    give(c, again);
    EXPECT_TRUE(arena_.is_reclaimable(slab)) << "complete once more";
    const Blocks last = take(c, 1);
    leave_all();
    EXPECT_EQ(arena_.retire_reclaimable(), 1U) << "one slab examined, which is not complete";
    EXPECT_EQ(spans_.state(slab, acq), UnitState::of(Kind::shared, c));
    give(c, last);
}

}  // namespace
