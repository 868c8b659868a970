// Hints that a stopped or delayed thread leaves in a class's index: a take drops what it can't claim, and takes nothing wrong.
#include "../spans/private_member.hpp"
#include "arena_fixture.hpp"

struct IndexesTag {
    using Type = ashlar::base::Index (ashlar::arena::Arena::*)[ashlar::base::kClasses];
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
    Index& index() { return (arena_.*member_of(IndexesTag{}))[c]; }
    // The take must serve from a slab of its own, and leave `unit` as it is.
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

TEST_F(StaleHints, OfAUnitThatIsFree) {
    const UnitId run = spans_.take(20).start;
    spans_.give(run, 20);
    expect_dropped(run + 19);
}

TEST_F(StaleHints, OfASlabOfAnotherClass) {
    const Blocks blocks = take(c + 1, 1);
    leave_all();
    ASSERT_EQ(spans_.state(unit_of(blocks[0]), acq), UnitState::of(Kind::shared, c + 1));
    expect_dropped(unit_of(blocks[0]));
}

TEST_F(StaleHints, OfASlabThatHasAnOwner) {
    static_cast<void>(take(c, 1));
    expect_dropped(currents_[c].load(rlx));
}

TEST_F(StaleHints, OfALargeRunAndOfTheInsideOfOne) {
    const UnitId run = spans_.take_large(20, 1).start;
    expect_dropped(run);
    expect_dropped(run + 3);
}

TEST_F(StaleHints, OfTheInsideOfASlabOfSeveralUnits) {
    ASSERT_GT(kGeometry[kClasses - 1].units, 1U);
    static_cast<void>(take(kClasses - 1, 1));
    leave_all();
    expect_dropped(unit_of(take(kClasses - 1, 1)[0]) + 1);
}

TEST_F(StaleHints, OfAFullSlabCostALookAndNothingElse) {
    const Blocks blocks = take(c, kGeometry[c].blocks);
    leave_all();
    const UnitId slab = unit_of(blocks[0]);
    index().insert(slab);
    const Blocks other = take(c, 1);
    ASSERT_EQ(other.size(), 1U);
    EXPECT_NE(unit_of(other[0]), slab);
    EXPECT_EQ(spans_.state(slab, acq), UnitState::of(Kind::shared, c));
    give(c, {blocks[0]});
    EXPECT_TRUE(index().contains(slab)) << "its next giver puts it there";
}

TEST_F(StaleHints, OfSlabsThatWereCompleteRetireNothing) {
    const Blocks blocks = take(c, 3);
    const UnitId slab = currents_[c].load(rlx);
    give(c, blocks);
    leave_all();
    ASSERT_TRUE(arena_.is_ripe(slab));
    const Blocks again = take(c, 1);
    ASSERT_EQ(currents_[c].load(rlx), slab);
    EXPECT_EQ(arena_.retire_ripe(), 1U) << "a look at what has an owner";
    EXPECT_EQ(spans_.state(slab, acq), UnitState::of(Kind::owned, c));
    leave_all();
    give(c, again);
    EXPECT_TRUE(arena_.is_ripe(slab)) << "complete once more";
    const Blocks last = take(c, 1);
    leave_all();
    EXPECT_EQ(arena_.retire_ripe(), 1U) << "a look at what is not complete";
    EXPECT_EQ(spans_.state(slab, acq), UnitState::of(Kind::shared, c));
    give(c, last);
}

}  // namespace
