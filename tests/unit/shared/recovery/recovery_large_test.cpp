// A dead thread's runs of units and large blocks.
#include "../segment_fixture.hpp"

namespace {

using namespace ashlar::shared;
using namespace ashlar::shared::test;

// Slot 1 dies, slot 2 recovers.
class SharedLargeRecovery : public SegmentTest {
  protected:
    void note(Offset block, Step step) { me(1).note(Record::of(step, unit_of(block), 0, 0)); }
    void require_recovered() {
        kill(1);
        const Recovered done = recover();
        ASSERT_EQ(done.threads, 1U);
        ASSERT_EQ(done.later, 0U);
        ASSERT_EQ(segment.slot(1).record.load(rlx), 0U);
    }
    void state(UnitId id, UnitState now) { segment.state_word(id).store(now.raw, rlx); }
    [[nodiscard]] bool is_free(UnitId id) const { return segment.state(id, rlx).is_free(); }
};

TEST_F(SharedLargeRecovery, FreesClaimedUnits) {
    const UnitId start = blocks.runs().take(1, 4);
    state(start, UnitState::held(1, 0));
    state(start + 1, UnitState::held(1, 1));
    state(start + 2, UnitState::held(1, 0));
    state(start + 3, UnitState::free(false));
    require_recovered();
    require_nothing_lost();
}

TEST_F(SharedLargeRecovery, FreesARunThatIsBuilt) {
    const UnitId start = blocks.runs().take(1, 4);
    state(start + 2, UnitState::held(1, 1));
    state(start + 3, UnitState::held(1, 0));
    require_recovered();
    for (UnitId id = start; id < start + 4; ++id) EXPECT_TRUE(is_free(id)) << id;
    require_nothing_lost();
}

// Other threads have taken units of the run that were free already.
TEST_F(SharedLargeRecovery, FreesARunThatIsTakenApart) {
    const UnitId start = blocks.runs().take(1, 4);
    state(start + 2, UnitState::large(1, 0));
    state(start + 3, UnitState::held(3, 1));
    require_recovered();
    EXPECT_TRUE(is_free(start));
    EXPECT_TRUE(is_free(start + 1));
    EXPECT_EQ(segment.state(start + 2, rlx), UnitState::large(1, 0));
    EXPECT_EQ(segment.state(start + 3, rlx), UnitState::held(3, 1));
}

TEST_F(SharedLargeRecovery, LeavesRunsOfTheLiving) {
    const UnitId start = blocks.runs().take(3, 4);
    require_recovered();
    EXPECT_EQ(segment.state(start, rlx), UnitState::held(3, 4));
}

TEST_F(SharedLargeRecovery, ReturnsThePagesOfWhatItFrees) {
    ASSERT_NE(blocks.runs().take(1, 4), 0U);
    ASSERT_EQ(units_with_pages(), 4U);
    require_recovered();
    EXPECT_EQ(units_with_pages(), 0U);
    EXPECT_EQ(segment.header().units_backed.load(rlx), 0U);
}

TEST_F(SharedLargeRecovery, FindsUnitsWhoseHintsWereTaken) {
    ASSERT_EQ(deallocate(allocate(3 * kUnitSize)), Fault::none);
    static_cast<void>(segment.free_units.take_mask(0, ~ashlar::base::Word{0}));
    require_recovered();
    require_nothing_lost();
}

TEST_F(SharedLargeRecovery, KeepsABlockInDoubt) {
    const Offset block = allocate(3 * kUnitSize);
    require_recovered();
    EXPECT_EQ(blocks.find(block).fault, Fault::none);
    EXPECT_EQ(segment.header().doubts[0].load(rlx),
              Record::of(Step::allocating, unit_of(block), 0, 0).raw);
    EXPECT_EQ(segment.header().doubts[1].load(rlx), 0U);
}

TEST_F(SharedLargeRecovery, FreesABlockThatWasNotMade) {
    const Offset block = allocate(3 * kUnitSize);
    state(unit_of(block), UnitState::held(1, 3));
    require_recovered();
    EXPECT_EQ(segment.header().doubts[0].load(rlx), 0U);
    require_nothing_lost();
}

TEST_F(SharedLargeRecovery, FreesTheTailOfAShrink) {
    const Offset block = allocate(6 * kUnitSize);
    const UnitId start = unit_of(block);
    me(1).note(Record::tail(start, start + 6));
    state(start, UnitState::large(2, 7));
    require_recovered();
    EXPECT_EQ(blocks.find(block).size, 2 * kUnitSize - 7);
    for (UnitId id = start + 2; id < start + 6; ++id) EXPECT_TRUE(is_free(id)) << id;
    require_nothing_lost();
}

// From the end: some of the new units belong to the block, the rest to the
// claim.
TEST_F(SharedLargeRecovery, FreesTheTailOfAGrowth) {
    const Offset block = allocate(2 * kUnitSize);
    const UnitId start = unit_of(block);
    ASSERT_EQ(blocks.runs().take(1, 4), start + 2);
    me(1).note(Record::tail(start, start + 6));
    state(start + 5, UnitState::inside(start));
    state(start + 4, UnitState::inside(start));
    require_recovered();
    EXPECT_EQ(blocks.find(block).size, 2 * kUnitSize);
    for (UnitId id = start + 2; id < start + 6; ++id) EXPECT_TRUE(is_free(id)) << id;
    require_nothing_lost();
}

TEST_F(SharedLargeRecovery, KeepsAGrowthThatIsDone) {
    const Offset block = allocate(6 * kUnitSize);
    const UnitId start = unit_of(block);
    me(1).note(Record::tail(start, start + 6));
    require_recovered();
    EXPECT_EQ(blocks.find(block + 5 * kUnitSize).start, block);
}

TEST_F(SharedLargeRecovery, FinishesABlockThatItsPlaceHolds) {
    const Offset place = allocate(64, 3);
    const Offset block = allocate(3 * kUnitSize);
    for (const Word held : {Word{block}, mark_of(block, 3)}) {
        segment.slot(1).argument.store(place, rlx);
        state(unit_of(block), UnitState::large(3, 5, 1));
        note(block, Step::storing);
        word(place) = held;
        lives.dead[1] = false;
        segment.slot(1).state.store(1, rlx);
        require_recovered();
        EXPECT_EQ(segment.state(unit_of(block), rlx), UnitState::large(3, 5));
    }
}

TEST_F(SharedLargeRecovery, FreesABlockThatItsPlaceDoesNotHold) {
    const Offset place = allocate(64, 3);
    const Offset block = allocate(3 * kUnitSize);
    segment.slot(1).argument.store(place, rlx);
    state(unit_of(block), UnitState::large(3, 5, 1));
    note(block, Step::storing);
    require_recovered();
    EXPECT_NE(blocks.find(block).fault, Fault::none);
    require_nothing_lost();
}

TEST_F(SharedLargeRecovery, LeavesALaterBlockAtTheSameStart) {
    const Offset place = allocate(64, 3);
    const Offset block = allocate(3 * kUnitSize, 3);
    segment.slot(1).argument.store(place, rlx);
    for (const Step step : {Step::storing, Step::clearing}) {
        note(block, step);
        lives.dead[1] = false;
        segment.slot(1).state.store(1, rlx);
        require_recovered();
        EXPECT_EQ(blocks.find(block).size, 3 * kUnitSize);
    }
}

TEST_F(SharedLargeRecovery, CompletesAFreeFromAMarkedPlace) {
    const Offset place = allocate(64, 3);
    for (const bool ended : {false, true}) {
        const Offset block = allocate(3 * kUnitSize, 3);
        segment.slot(1).argument.store(place, rlx);
        word(place) = mark_of(block, 1);
        if (ended) state(unit_of(block), UnitState::held(1, 3));
        note(block, Step::clearing);
        lives.dead[1] = false;
        segment.slot(1).state.store(1, rlx);
        require_recovered();
        EXPECT_EQ(word(place), 0U);
        EXPECT_TRUE(is_free(unit_of(block)));
    }
    require_nothing_lost();
}

}  // namespace
