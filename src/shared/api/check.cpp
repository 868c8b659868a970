#include "shared/api/check.hpp"

#include <unistd.h>

#include "base/bits.hpp"
#include "base/line.hpp"

namespace ashlar::shared {

using base::acq;
using base::bit;
using base::full_word;
using base::kClasses;
using base::kGeometry;
using base::kUnitSize;
using base::kWordBits;
using base::rlx;

std::size_t Check::run() noexcept {
    for (UnitId at = 1; at < end_;) at += unit(at);
    const SlotId in_file = segment_.header().slots_in_file.load(acq);  // [E44]
    for (SlotId id = 1; id < in_file && id < kMaxSlots; ++id) slot(id);
    return faults_;
}

void Check::fault(Offset where, const char* what) noexcept {
    ++faults_;
    base::Line line;
    line.text("ashlar: check: ")
        .text(what)
        .text(" at offset ")
        .pointer(reinterpret_cast<const void*>(where));
    line.text(" in shared heap ").text(mapping_.name()).write(STDERR_FILENO);
}

// ------------------------------------------------------------------ the units

std::uint32_t Check::unit(UnitId unit) noexcept {
    const UnitState state = segment_.state(unit, acq);  // [E45] [E46]
    switch (state.kind()) {
        case Kind::free:
        case Kind::backed: free_unit(unit, state); return 1;
        case Kind::held: fault(offset(unit), "a unit that a call left half done"); return 1;
        case Kind::inside: fault(offset(unit), "a unit inside no run"); return 1;
        case Kind::owned:
        case Kind::shared:
        case Kind::large: break;
        default: fault(offset(unit), "a unit of an unknown kind"); return 1;
    }
    const std::uint32_t units = Runs::length(state);
    if (units == 0 || units > end_ - unit) {
        fault(offset(unit), "a run of a wrong length");
        return 1;
    }
    inside(unit, units);
    state.kind() == Kind::large ? large(unit, state) : slab(unit, state);
    return units;
}

void Check::free_unit(UnitId unit, UnitState state) noexcept {
    if (state != UnitState::free(state.is_backed()) && state != UnitState::aged())
        fault(offset(unit), "a free unit with other words");
    if (!segment_.free_units.contains(unit))
        fault(offset(unit), "a free unit that no search finds");
}

void Check::inside(UnitId start, std::uint32_t units) noexcept {
    for (std::uint32_t i = 1; i < units; ++i) {
        if (segment_.state(start + i, acq) == UnitState::inside(start)) continue;  // [E46]
        fault(offset(start + i), "a unit that does not belong to the run around it");
    }
}

void Check::large(UnitId unit, UnitState state) noexcept {
    if (state.slack() > kUnitSize) fault(offset(unit), "a large block with a wrong size");
    if (state.slot() != 0 && state.slot() != kInDoubt)
        fault(offset(unit), "a large block that a call left half done");
}

// ------------------------------------------------------------------ the slabs

void Check::slab(UnitId unit, UnitState state) noexcept {
    const Bin c = state.size_class();
    if (c < kFirstClass || c >= kClasses) return fault(offset(unit), "a slab of a wrong class");
    Place place{0};
    Word kept = 0;
    if (state.kind() == Kind::owned) {
        const Slot& owner = segment_.slot(state.slot() % kMaxSlots);
        place = Place{owner.place[c].load(rlx)};  // relaxed, as all below: no thread uses the heap
        kept = owner.mask[c].load(rlx);
        if (state.slot() >= kMaxSlots ||
            owner.state.load(rlx) != static_cast<std::uint32_t>(SlotState::attached) ||
            place.slab() != unit) {
            fault(offset(unit), "a slab whose owner does not know it");
        }
    } else {
        hints(unit, c);
    }
    for (std::uint32_t w = 0; w < kGeometry[c].words; ++w) {
        word(unit, c, w, place.slab() == unit && place.word() == w ? kept : 0);
    }
}

void Check::hints(UnitId slab, Bin c) noexcept {
    bool any = false;
    bool all = true;
    for (std::uint32_t w = 0; w < kGeometry[c].words; ++w) {
        // Relaxed, as all here: no thread uses the heap.
        const Word bits = segment_.bits(slab, w).load(rlx);
        any = any || bits != 0;
        all = all && bits == full_word(kGeometry[c], w);
    }
    if (any && !segment_.partial[c].contains(slab))
        fault(offset(slab), "a slab with free blocks that no search finds");
    if (all && !segment_.complete.contains(slab))
        fault(offset(slab), "a slab without live blocks that no search finds");
}

// Each block is live, or free in the slab, or kept by a thread.
void Check::word(UnitId slab, Bin c, std::uint32_t word, Word kept) noexcept {
    const Word full = full_word(kGeometry[c], word);
    // Relaxed: no thread uses the heap.
    const Word bits = segment_.bits(slab, word).load(rlx);
    if (((bits | kept) & ~full) != 0)
        fault(offset(slab), "a slab with more free blocks than it has");
    for (Word left = full; left != 0; left &= left - 1) {
        const std::uint32_t at = base::lowest(left);
        const std::uint32_t number = word * static_cast<std::uint32_t>(kWordBits) + at;
        // Relaxed: no thread uses the heap.
        const Tag tag = segment_.tag(slab, number).load(rlx);
        const int places = (is_live(tag) ? 1 : 0) + ((bits & bit(at)) != 0 ? 1 : 0) +
                           ((kept & bit(at)) != 0 ? 1 : 0) +
                           (is_spare(Block{slab, number, c}, tag) ? 1 : 0);
        const Offset where = mapping_.blocks().offset_of(Block{slab, number, c});
        if (places == 0) fault(where, "a lost block");
        if (places > 1) fault(where, "a block that is free twice, or free and live");
        if (is_pending(tag)) fault(where, "a block that a call left half done");
        if (is_live(tag) && !is_pending(tag) && settled(tag) > kGeometry[c].size + 1)
            fault(where, "a block with a wrong size");
    }
}

// Whether the thread that freed the block keeps it.
bool Check::is_spare(Block block, Tag tag) const noexcept {
    const SlotId id = tag - kFirstFreed;
    return tag >= kFirstFreed && id < kMaxSlots &&
           id < segment_.header().slots_in_file.load(acq) &&  // [E44]
           Slabs::is_spare(segment_.slot(id), block.record(Step::none));
}

// ------------------------------------------------------------------ the slots

void Check::slot(SlotId id) noexcept {
    const Slot& slot = segment_.slot(id);
    const Offset where = segment_.offset(reinterpret_cast<std::uintptr_t>(&slot));
    // Relaxed, as all here: no thread uses the heap.
    const bool attached = slot.state.load(rlx) == static_cast<std::uint32_t>(SlotState::attached);
    for (Bin c = kFirstClass; c < kSpareClasses && !attached; ++c) {
        // Relaxed: no thread uses the heap.
        if (slot.spares[c].load(rlx) != 0) fault(where, "a block of a thread that has left");
    }
    for (Bin c = kFirstClass; c < kClasses; ++c) {
        // Relaxed, both: no thread uses the heap.
        const Place place{slot.place[c].load(rlx)};
        const Word kept = slot.mask[c].load(rlx);
        if (place.raw == 0) {
            if (kept != 0) fault(where, "a thread that keeps blocks of no slab");
            continue;
        }
        if (!attached) fault(where, "a slab of a thread that has left");
        if (place.slab() >= end_ || place.word() >= kGeometry[c].words ||
            segment_.state(place.slab(), rlx) != UnitState::owned(c, id)) {
            fault(where, "a thread with a slab that it does not own");
        }
    }
}

}  // namespace ashlar::shared
