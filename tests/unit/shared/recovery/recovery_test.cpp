// A dead thread's small blocks: for each step of its record, and its mask.
#include "../segment_fixture.hpp"

namespace {

using namespace ashlar::shared;
using namespace ashlar::shared::test;
using ashlar::base::class_of_size;

constexpr std::size_t kSize = 512;
constexpr Bin kClass = class_of_size(kSize);

// Slot 1 dies, slot 2 recovers.
class SharedRecovery : public SegmentTest {
  protected:
    [[nodiscard]] Block named(Offset block) const {
        return {unit_of(block), static_cast<std::uint32_t>((block - unit(unit_of(block))) / kSize),
                kClass};
    }
    ashlar::base::Atomic<Tag>& tag(Offset block) {
        return segment.tag(named(block).slab, named(block).number);
    }
    void note(Offset block, Step step) { me(1).note(named(block).record(step)); }
    // Slot 1 is free afterwards, and has nothing.
    void require_recovered() {
        kill(1);
        const Recovered done = recover();
        ASSERT_EQ(done.threads, 1U);
        ASSERT_EQ(done.later, 0U);
        const Slot& slot = segment.slot(1);
        ASSERT_EQ(slot.state.load(rlx), 0U);
        ASSERT_EQ(slot.record.load(rlx), 0U);
        ASSERT_EQ(slot.mask[kClass].load(rlx), 0U);
        ASSERT_EQ(slot.place[kClass].load(rlx), 0U);
        ASSERT_FALSE(lives.held[1] || lives.recovers);
        ASSERT_EQ(recover().threads, 0U);
    }
    [[nodiscard]] std::vector<Word> doubts() const {
        std::vector<Word> all;
        for (const auto& each : segment.header().doubts) {
            if (each.load(rlx) != 0) all.push_back(each.load(rlx));
        }
        return all;
    }
};

TEST_F(SharedRecovery, LeavesTheLivingAlone) {
    allocate(kSize);
    EXPECT_EQ(recover().threads, 0U);
    EXPECT_NE(segment.slot(1).mask[kClass].load(rlx), 0U);
    EXPECT_EQ(segment.slot(1).state.load(rlx), 1U);
}

TEST_F(SharedRecovery, DoesNothingWhileAnotherThreadRecovers) {
    allocate(kSize);
    kill(1);
    lives.recovers = true;
    EXPECT_EQ(recover().threads, 0U);
    EXPECT_EQ(segment.slot(1).state.load(rlx), 1U);
    lives.recovers = false;
    EXPECT_EQ(recover().threads, 1U);
}

TEST_F(SharedRecovery, GivesBackTheMaskOfADeadThread) {
    const Offset block = allocate(kSize);
    require_recovered();
    EXPECT_EQ(segment.state(unit_of(block), rlx), UnitState::shared(kClass));
    EXPECT_EQ(allocate(kSize, 2), block + kSize);
    EXPECT_EQ(blocks.find(block).size, kSize);
    require_nothing_lost();
}

// It died before it cleared the bits.
TEST_F(SharedRecovery, GivesBackAMaskWhoseBitsAreStillSet) {
    const Offset block = allocate(kSize);
    Slot& slot = segment.slot(1);
    segment.bits(unit_of(block), 0).store(slot.mask[kClass].load(rlx), rlx);
    require_recovered();
    require_nothing_lost();
}

// It died between the tag and the mask.
TEST_F(SharedRecovery, KeepsABlockInDoubt) {
    const Offset block = allocate(kSize);
    Slot& slot = segment.slot(1);
    slot.mask[kClass].store(slot.mask[kClass].load(rlx) | named(block).bit(), rlx);
    require_recovered();
    EXPECT_EQ(blocks.find(block).fault, Fault::none);
    ASSERT_EQ(doubts().size(), 1U);
    EXPECT_EQ(doubts()[0], named(block).record(Step::allocating).raw);
    EXPECT_NE(allocate(kSize, 2), block);
    require_nothing_lost();
}

// As by a recovery that is repeated.
TEST_F(SharedRecovery, ListsABlockInDoubtOnce) {
    const Record record = named(allocate(kSize)).record(Step::allocating);
    recovery.doubts().note(record);
    recovery.doubts().note(record);
    EXPECT_EQ(doubts().size(), 1U);
}

TEST_F(SharedRecovery, DoubtsOnlyLiveBlocks) {
    const Offset block = allocate(kSize);
    ASSERT_EQ(deallocate(block), Fault::none);
    note(block, Step::allocating);  // noted, and died before the tag
    require_recovered();
    EXPECT_TRUE(doubts().empty());
    require_nothing_lost();
}

TEST_F(SharedRecovery, FindsASlabThatItsOwnerDidNotNote) {
    const Offset block = allocate(kSize);
    blocks.slabs().leave_all(me(1));
    ASSERT_TRUE(blocks.slabs().claim(me(1), unit_of(block), kClass));
    segment.partial[kClass].remove(unit_of(block));
    require_recovered();
    EXPECT_EQ(allocate(kSize, 2), block + kSize);
}

TEST_F(SharedRecovery, FindsASlabWhoseHintWasTaken) {
    const Offset block = allocate(kSize);
    blocks.slabs().leave_all(me(1));
    me(1).note(Record::of(Step::hint, unit_of(block), 0, kClass));
    segment.partial[kClass].remove(unit_of(block));
    require_recovered();
    EXPECT_EQ(allocate(kSize, 2), block + kSize);
}

TEST_F(SharedRecovery, CompletesAFreeThatWasNoted) {
    const Offset block = allocate(kSize, 3);
    note(block, Step::freeing);
    blocks.slabs().leave_all(me(3));
    require_recovered();
    EXPECT_EQ(blocks.find(block).fault, Fault::not_live);
    EXPECT_EQ(allocate(kSize, 2), block);
    require_nothing_lost();
}

TEST_F(SharedRecovery, CompletesAFreeWhoseTagIsStored) {
    for (const Step step : {Step::freeing, Step::freed}) {
        const Offset block = allocate(kSize, 3);
        tag(block).store(freed_tag(1), rlx);
        note(block, step);
        blocks.slabs().leave_all(me(3));
        lives.dead[1] = false;
        segment.slot(1).state.store(1, rlx);
        require_recovered();
        EXPECT_EQ(allocate(kSize, 3), block);
    }
}

TEST_F(SharedRecovery, CompletesAFreeIntoTheThreadsOwnWord) {
    const Offset block = allocate(kSize);
    tag(block).store(freed_tag(1), rlx);
    note(block, Step::kept);
    require_recovered();
    EXPECT_EQ(allocate(kSize, 2), block);
    require_nothing_lost();
}

TEST_F(SharedRecovery, LeavesABlockThatWasHandedOutSince) {
    const Offset block = allocate(kSize, 3);
    ASSERT_EQ(deallocate(block, 1), Fault::none);
    blocks.slabs().leave_all(me(3));
    ASSERT_EQ(allocate(kSize, 3), block);
    note(block, Step::freed);
    require_recovered();
    EXPECT_EQ(blocks.find(block).fault, Fault::none);
    EXPECT_NE(allocate(kSize, 2), block);
}

TEST_F(SharedRecovery, LeavesTheFreeOfAnotherThread) {
    const Offset block = allocate(kSize, 3);
    ASSERT_EQ(deallocate(block, 3), Fault::none);
    note(block, Step::freeing);
    require_recovered();
    EXPECT_EQ(tag(block).load(rlx), freed_tag(3));
    EXPECT_EQ(allocate(kSize, 3), block);
    require_nothing_lost();
}

// Only the owner can tell whether the block is in its mask.
TEST_F(SharedRecovery, WaitsForALivingOwner) {
    const Offset block = allocate(kSize, 3);
    tag(block).store(freed_tag(1), rlx);
    note(block, Step::freed);
    kill(1);
    Recovered done = recover();
    EXPECT_EQ(done.threads, 0U);
    EXPECT_EQ(done.later, 1U);
    EXPECT_EQ(segment.slot(1).state.load(rlx), 1U);
    EXPECT_FALSE(lives.held[1]);
    blocks.slabs().leave_all(me(3));
    done = recover();
    EXPECT_EQ(done.threads, 1U);
    EXPECT_EQ(allocate(kSize, 2), block);
    require_nothing_lost();
}

TEST_F(SharedRecovery, KnowsTheRecoveringThreadsOwnMask) {
    const Offset block = allocate(kSize, 2);
    ASSERT_EQ(deallocate(block, 2), Fault::none);  // in the mask of slot 2
    tag(block).store(freed_tag(1), rlx);
    note(block, Step::freed);
    require_recovered();
    EXPECT_EQ(segment.bits(unit_of(block), 0).load(rlx) & 1, 0U);
    EXPECT_EQ(allocate(kSize, 2), block);
}

TEST_F(SharedRecovery, SetsABitInTheRecoveringThreadsSlab) {
    const Offset block = allocate(kSize, 2);
    tag(block).store(freed_tag(1), rlx);
    note(block, Step::freed);
    require_recovered();
    EXPECT_EQ(segment.bits(unit_of(block), 0).load(rlx) & 1, 1U);
    EXPECT_EQ(segment.state(unit_of(block), rlx), UnitState::owned(kClass, 2));
    require_nothing_lost();
}

TEST_F(SharedRecovery, EndsAFreeWhoseSlabIsGone) {
    const Offset block = allocate(kSize, 3);
    ASSERT_EQ(deallocate(block, 1), Fault::none);
    blocks.slabs().leave_all(me(3));
    ASSERT_EQ(blocks.slabs().retire(me(3), ~0U), 1U);
    note(block, Step::freed);
    require_recovered();
    require_nothing_lost();
}

TEST_F(SharedRecovery, FinishesABlockThatItsPlaceHolds) {
    const Offset place = allocate(64, 3);
    const Offset block = allocate(kSize);
    segment.slot(1).argument.store(place, rlx);
    segment.slot(1).size.store(live_tag(kSize, kSize - 3), rlx);
    tag(block).store(pending_tag(1), rlx);
    note(block, Step::storing);
    word(place) = block;
    require_recovered();
    EXPECT_EQ(blocks.find(block).size, kSize - 3);
    EXPECT_EQ(word(place), block);
    EXPECT_TRUE(doubts().empty());
}

TEST_F(SharedRecovery, FreesABlockThatItsPlaceDoesNotHold) {
    const Offset place = allocate(64, 3);
    const Offset block = allocate(kSize);
    segment.slot(1).argument.store(place, rlx);
    tag(block).store(pending_tag(1), rlx);
    note(block, Step::storing);
    word(place) = block + kSize;
    require_recovered();
    EXPECT_EQ(blocks.find(block).fault, Fault::not_live);
    EXPECT_EQ(word(place), block + kSize);
    EXPECT_EQ(allocate(kSize, 2), block);
    require_nothing_lost();
}

TEST_F(SharedRecovery, CompletesAFreeFromAMarkedPlace) {
    const Offset place = allocate(64, 3);
    for (const Tag seen : {live_tag(kSize, kSize), freed_tag(1)}) {
        const Offset block = allocate(kSize, 3);
        segment.slot(1).argument.store(place, rlx);
        word(place) = mark_of(block, 1);
        tag(block).store(seen, rlx);
        note(block, Step::clearing);
        blocks.slabs().leave_all(me(3));
        lives.dead[1] = false;
        segment.slot(1).state.store(1, rlx);
        require_recovered();
        EXPECT_EQ(word(place), 0U);
        EXPECT_EQ(blocks.find(block).fault, Fault::not_live);
        EXPECT_EQ(allocate(kSize, 3), block);
    }
}

// The call had not begun, or another thread's came first: then the block may be
// a later one.
TEST_F(SharedRecovery, LeavesABlockWhosePlaceIsNotMarked) {
    const Offset place = allocate(64, 3);
    const Offset block = allocate(kSize, 3);
    for (const Word seen : {Word{0}, Word{block}, mark_of(block, 3)}) {
        segment.slot(1).argument.store(place, rlx);
        word(place) = seen;
        note(block, Step::clearing);
        lives.dead[1] = false;
        segment.slot(1).state.store(1, rlx);
        require_recovered();
        EXPECT_EQ(word(place), seen);
        EXPECT_EQ(blocks.find(block).fault, Fault::none);
    }
}

TEST_F(SharedRecovery, IgnoresRecordsThatNameNothing) {
    allocate(kSize, 3);
    for (std::uint32_t step = 0; step < 32; ++step) {
        for (const Word rest : {~Word{0} << 5, Word{0}, Word{3} << 5 | Word{5} << 38,
                                Word{kMaxUnits - 1} << 5 | Word{9} << 38}) {
            segment.slot(1).record.store(rest | step, rlx);
            segment.slot(1).argument.store(~Word{0}, rlx);
            lives.dead[1] = false;
            segment.slot(1).state.store(1, rlx);
            require_recovered();
        }
    }
    require_nothing_lost();
}

TEST_F(SharedRecovery, IgnoresPlacesThatNameNothing) {
    const Offset block = allocate(kSize);
    for (const Word place : {~Word{0}, Word{kMaxUnits - 1} << 8, Word{1} << 8 | 200}) {
        segment.slot(1).place[kClass].store(place, rlx);
        segment.slot(1).mask[kClass].store(~Word{0}, rlx);
        lives.dead[1] = false;
        segment.slot(1).state.store(1, rlx);
        require_recovered();
    }
    EXPECT_EQ(blocks.find(block).fault, Fault::none);
}

TEST_F(SharedRecovery, CallsTheHookForEachDeadThread) {
    std::vector<SlotId> called;
    recovery.set_hook(
        [](void* context, SlotId dead) {
            static_cast<std::vector<SlotId>*>(context)->push_back(dead);
        },
        &called);
    allocate(kSize, 1);
    allocate(kSize, 3);
    kill(1);
    kill(3);
    EXPECT_EQ(recover().threads, 2U);
    EXPECT_EQ(called, (std::vector<SlotId>{1, 3}));
}

TEST_F(SharedRecovery, LookFindsADeadThreadInARound) {
    allocate(kSize);
    kill(1);
    for (SlotId i = 0; i < kSlots; ++i) recovery.look(me(2));
    EXPECT_EQ(segment.slot(1).state.load(rlx), 0U);
}

TEST_F(SharedRecovery, CountsAgain) {
    allocate(kSize);
    allocate(3 * kUnitSize, 3);
    ASSERT_EQ(deallocate(allocate(2 * kUnitSize, 3), 3), Fault::none);
    Header& header = segment.header();
    header.units_used.store(999, rlx);
    header.units_backed.store(999, rlx);
    header.complete.store(999, rlx);
    require_recovered();
    EXPECT_EQ(header.units_used.load(rlx), 4U);
    EXPECT_EQ(header.units_backed.load(rlx), 2U);
    EXPECT_EQ(header.complete.load(rlx), 0U);
}

}  // namespace
