// check() finds each kind of damage, and recovery or a quiet heap has none.
#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <functional>
#include <string>

#include "shared/api/mapping.hpp"
#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;
using base::rlx;
using shared::Record;
using shared::UnitState;

struct SharedHeapCheck : ::testing::Test {
    TemporaryName name;
    SharedHeap heap = make_heap(name);
    shared::Segment& segment = heap.mapping()->segment();
    std::uint64_t small = heap.to_offset(heap.allocate(100));
    std::uint64_t large = heap.to_offset(heap.allocate(200000));
    shared::UnitId small_unit = unit_of(small);
    shared::UnitId large_unit = unit_of(large);

    SharedHeapCheck() { EXPECT_EQ(heap.check(), 0U); }
    [[nodiscard]] shared::UnitId unit_of(std::uint64_t offset) const {
        const std::uint64_t first = segment.offset(segment.address(0));
        return static_cast<shared::UnitId>((offset - first) >> base::kUnitShift);
    }
    // The word is changed for the length of one check.
    void expect_fault(base::Atomic<shared::Word>& word, shared::Word damaged,
                      const std::string& line) {
        const shared::Word before = word.exchange(damaged, rlx);
        ::testing::internal::CaptureStderr();
        EXPECT_GT(heap.check(), 0U) << line;
        const std::string said = ::testing::internal::GetCapturedStderr();
        EXPECT_NE(said.find("ashlar: check: " + line), std::string::npos) << said;
        word.store(before, rlx);
        EXPECT_EQ(heap.check(), 0U);
    }
    void expect_state_fault(shared::UnitId unit, UnitState damaged, const std::string& line) {
        expect_fault(segment.state_word(unit), damaged.raw, line);
    }
};

TEST_F(SharedHeapCheck, FindsDamagedUnits) {
    expect_state_fault(small_unit, {7}, "a unit of an unknown kind");
    expect_state_fault(small_unit, UnitState::held(9, 1), "a unit that a call left half done");
    expect_state_fault(small_unit, UnitState::inside(3), "a unit inside no run");
    expect_state_fault(large_unit, UnitState::large(0, 0), "a run of a wrong length");
    expect_state_fault(large_unit, UnitState::large(4000000, 0), "a run of a wrong length");
    expect_state_fault(large_unit, UnitState::large(5, 0),
                       "a unit that does not belong to the run around it");
    expect_state_fault(large_unit, UnitState::large(4, 100000), "a large block with a wrong size");
    expect_state_fault(large_unit, UnitState::large(4, 9, 9),
                       "a large block that a call left half done");
    expect_state_fault(large_unit + 1, UnitState::inside(large_unit - 1),
                       "a unit that does not belong to the run around it");
    expect_state_fault(small_unit, UnitState::owned(63, 9), "a run of a wrong length");
    expect_state_fault(small_unit, UnitState::owned(1, 9), "a slab of a wrong class");
}

TEST_F(SharedHeapCheck, FindsFreeUnitsThatNoSearchFinds) {
    const shared::UnitId unit = segment.covered() - 1;
    segment.free_units.remove(unit);
    EXPECT_EQ(heap.check(), 1U);
    segment.free_units.insert(unit);
    expect_state_fault(unit, {UnitState::free(true).raw | 1U << 30},
                       "a free unit with other words");
}

TEST_F(SharedHeapCheck, FindsLostBlocksAndBlocksThatAreTwoThings) {
    const shared::SlotId me = heap.mapping()->enter().id;
    const base::Bin c = segment.state(small_unit, rlx).size_class();
    shared::Slot& slot = segment.slot(me);
    const shared::Word kept = slot.mask[c].load(rlx);
    const shared::Word lowest = kept & (~kept + 1);
    expect_fault(slot.mask[c], kept & ~lowest, "a lost block");
    expect_fault(slot.mask[c], kept | 1, "a block that is free twice, or free and live");
    expect_fault(segment.bits(small_unit, 0), lowest,
                 "a block that is free twice, or free and live");
    expect_fault(segment.bits(small_unit, base::kGeometry[c].words - 1), ~shared::Word{0},
                 "a slab with more free blocks than it has");
    expect_fault(slot.place[c], 0, "a slab whose owner does not know it");
    expect_fault(slot.place[c + 1], slot.place[c].load(rlx),
                 "a thread with a slab that it does not own");
    expect_fault(slot.mask[c + 1], 1, "a thread that keeps blocks of no slab");
    base::Atomic<shared::Tag>& tag = segment.tag(small_unit, 0);
    const shared::Tag before = tag.exchange(shared::pending_tag(me), rlx);
    EXPECT_EQ(heap.check(), 1U);
    tag.store(0x2000, rlx);
    EXPECT_EQ(heap.check(), 1U);
    tag.store(before, rlx);
}

TEST_F(SharedHeapCheck, FindsSlabsThatNoSearchFinds) {
    const base::Bin c = segment.state(small_unit, rlx).size_class();
    heap.mapping()->blocks().slabs().leave_all(heap.mapping()->enter());
    EXPECT_EQ(heap.check(), 0U);
    segment.partial[c].remove(small_unit);
    EXPECT_EQ(heap.check(), 1U);
    segment.partial[c].insert(small_unit);
    heap.deallocate(heap.to_address(small));
    EXPECT_EQ(heap.check(), 0U);
    heap.mapping()->blocks().slabs().leave_all(heap.mapping()->enter());
    EXPECT_EQ(heap.check(), 0U);
    segment.complete.remove(small_unit);
    EXPECT_EQ(heap.check(), 1U);
}

}  // namespace
