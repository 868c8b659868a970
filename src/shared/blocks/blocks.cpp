#include "shared/blocks/blocks.hpp"

namespace ashlar::shared {

using base::acq;
using base::acq_rel;
using base::Atomic;
using base::kClasses;
using base::kGeometry;
using base::kNoUnit;
using base::rel;
using base::rlx;

namespace {

// The class of a request; 0: it needs whole units. A small block at a large
// alignment would leave more bytes than a tag can say.
Bin class_for(std::size_t size, std::size_t alignment) noexcept {
    const Bin bin = base::bin_of(size, alignment);
    if (bin == 0 || base::is_run(bin) || kGeometry[bin].size - size > kMostSlack) return 0;
    return bin < kFirstClass ? kFirstClass : bin;
}

// 0 for a state that no large block has.
std::size_t bytes_of(UnitState large) noexcept {
    const std::size_t bytes = std::size_t{large.units()} << base::kUnitShift;
    return large.slack() <= bytes ? bytes - large.slack() : 0;
}

}  // namespace

// ------------------------------------------------------------------ allocating

UnitId Blocks::take_large(Owner me, std::size_t size, bool pending) noexcept {
    if (size > std::size_t{kMaxUnits} << base::kUnitShift) return kNoUnit;
    const std::uint32_t units = size == 0 ? 1 : base::units_of_size(size);
    UnitId start = runs_.take(me.id, units);
    if (start == kNoUnit && slabs_.retire(me, ~0U) != 0) start = runs_.take(me.id, units);
    if (start == kNoUnit) return kNoUnit;
    me.note(Record::of(pending ? Step::storing : Step::allocating, start, 0, 0));
    const auto slack = static_cast<std::uint32_t>((std::size_t{units} << base::kUnitShift) - size);
    runs_.make_large(start, units, slack, pending ? me.id : 0);
    return start;
}

Offset Blocks::allocate_any(Owner me, std::size_t size, std::size_t alignment) noexcept {
    segment_.refresh_reach();
    const Bin c = class_for(size, alignment);
    if (c == 0) {
        const UnitId start = take_large(me, size, false);
        return start == kNoUnit ? 0 : offset_of(start);
    }
    const Block block = slabs_.take(me, c, live_tag(kGeometry[c].size, size), Step::allocating);
    return block ? offset_of(block) : 0;
}

Offset Blocks::allocate_to(Owner me, Offset destination, std::size_t size,
                           std::size_t alignment) noexcept {
    Atomic<Word>* const word = word_at(destination);
    if (word == nullptr) return 0;
    const Bin c = class_for(size, alignment);
    me.note(Record::none());  // the argument belongs to the next record
    me.slot.argument.store(destination, rlx);
    if (c == 0) {
        const UnitId start = take_large(me, size, true);
        if (start == kNoUnit) return 0;
        UnitState pending = segment_.state(start, rlx);  // relaxed: ours
        word->store(offset_of(start), rel);              // [E46] the block's record comes before
        // A thread that has found the block may have freed it already.
        segment_.state_word(start).cas(
            pending.raw, UnitState::large(pending.units(), pending.slack()).raw, acq_rel, rlx);
        me.note(Record::none());
        return offset_of(start);
    }
    me.slot.size.store(live_tag(kGeometry[c].size, size), rlx);
    const Block block = slabs_.take(me, c, pending_tag(me.id), Step::storing);
    if (!block) return 0;
    word->store(offset_of(block), rel);  // [E46]
    Tag pending = pending_tag(me.id);
    segment_.tag(block.slab, block.number)
        .cas(pending, live_tag(kGeometry[c].size, size), acq_rel, rlx);
    me.note(Record::none());
    return offset_of(block);
}

// --------------------------------------------------------------------- finding

Blocks::Located Blocks::locate(Offset at) const noexcept {
    const Offset first = offset_of(UnitId{0});
    if (at < first || (at - first) >> base::kUnitShift >= segment_.covered())
        return {kNoUnit, {}, Fault::foreign};
    const auto unit = static_cast<UnitId>((at - first) >> base::kUnitShift);
    const UnitId start = runs_.head(unit);
    if (start == kNoUnit) return {kNoUnit, {}, unit == kNoUnit ? Fault::foreign : Fault::not_live};
    const UnitState state = segment_.state(start, acq);  // [E46]
    const std::size_t distance = at - offset_of(start);
    if (state.kind() == Kind::large)
        return {start, {}, distance == 0 ? Fault::none : Fault::interior};
    const Bin c = state.size_class();
    if (!state.is_slab() || c < kFirstClass || c >= kClasses) return {kNoUnit, {}, Fault::not_live};
    const Block block = slabs_.block_at(start, c, distance);
    return {start, block, block ? Fault::none : Fault::interior};
}

Blocks::Found Blocks::find(Offset at) const noexcept {
    const Located found = locate(at);
    if (found.start == kNoUnit) return {0, 0, found.fault};
    const UnitState state = segment_.state(found.start, acq);  // [E46]
    if (state.kind() == Kind::large) {
        if (state.units() > segment_.covered() - found.start) return {0, 0, Fault::not_live};
        return {offset_of(found.start), bytes_of(state), Fault::none};
    }
    if (!state.is_slab()) return {0, 0, Fault::not_live};
    const Bin c = state.size_class();
    const std::size_t size = kGeometry[c].size;
    const std::uint32_t number = base::block_of_offset(kGeometry[c], at - offset_of(found.start));
    if (number >= kGeometry[c].blocks) return {0, 0, Fault::foreign};  // behind the last block
    // Relaxed: the program's hand-over orders it.
    const Tag tag = segment_.tag(found.start, number).load(rlx);
    if (!is_live(tag)) return {0, 0, Fault::not_live};
    const Tag final =
        is_pending(tag)
            ? static_cast<Tag>(segment_.slot(slot_of_pending(tag) % kMaxSlots).size.load(rlx))
            : tag;
    return {offset_of(Block{found.start, number, c}), asked_of(final, size), Fault::none};
}

Atomic<Word>* Blocks::word_at(Offset at) const noexcept {
    const Offset first = offset_of(UnitId{0});
    if (at < first) return segment_.entry_word(at);
    if (at % sizeof(Word) != 0 || (at - first) >> base::kUnitShift >= segment_.covered())
        return nullptr;
    if (runs_.head(static_cast<UnitId>((at - first) >> base::kUnitShift)) == kNoUnit)
        return nullptr;
    return reinterpret_cast<Atomic<Word>*>(segment_.start() + at);
}

Record Blocks::record_of(Step step, Offset block) const noexcept {
    const Located found = locate(block);
    if (found.fault != Fault::none) return Record::none();
    return found.block ? found.block.record(step) : Record::of(step, found.start, 0, 0);
}

// --------------------------------------------------------------------- freeing

Fault Blocks::end(Owner me, Located found) noexcept {
    if (found.fault != Fault::none) return found.fault;
    if (found.block) return slabs_.give(me, found.block) ? Fault::none : Fault::not_live;
    const std::uint32_t units = runs_.end_large(me.id, found.start);
    if (units == 0) return Fault::not_live;
    runs_.give(me.id, found.start, units);
    return Fault::none;
}

Fault Blocks::deallocate_any(Owner me, Offset block) noexcept {
    segment_.refresh_reach();
    const Located found = locate(block);
    if (found.fault == Fault::none && !found.block) me.note(Record::none());  // no longer in doubt
    return end(me, found);
}

// The source decides between two calls: of these only one changes it to its
// mark. The block is then this thread's, and cannot be handed out again.
Fault Blocks::deallocate_from(Owner me, Offset source) noexcept {
    Atomic<Word>* const word = word_at(source);
    if (word == nullptr) return Fault::foreign;
    Word offset = word->load(acq);  // [E46]
    if (offset == 0 || is_mark(offset)) return Fault::gone;
    const Located found = locate(offset);
    if (found.fault != Fault::none)
        return word->load(acq) == offset ? found.fault
                                         : Fault::gone;  // [E46] another call was first
    // The argument belongs to the next record.
    me.note(Record::none());
    me.slot.argument.store(source, rlx);
    me.note(found.block ? found.block.record(Step::clearing)
                        : Record::of(Step::clearing, found.start, 0, 0));
    Word mark = mark_of(offset, me.id);
    // [E46] what the hand-over through the source published.
    if (!word->cas(offset, mark, acq_rel, rlx)) {
        me.note(Record::none());
        return Fault::gone;
    }
    const std::uint32_t units = found.block ? 0 : runs_.end_large(me.id, found.start);
    const bool done = found.block ? slabs_.end(me, found.block) : units != 0;
    word->cas(mark, 0, acq_rel, rlx);  // [E46] as above
    if (done && found.block) {
        slabs_.finish(me, found.block);
    } else if (done) {
        runs_.give(me.id, found.start, units);
    }
    me.note(Record::none());
    return done ? Fault::none : Fault::not_live;
}

// -------------------------------------------------------------------- resizing

Offset Blocks::resize(Owner me, Offset block, std::size_t size) noexcept {
    const Located found = locate(block);
    if (found.fault != Fault::none) return 0;
    if (!found.block) {
        const std::uint32_t units = size == 0 ? 1 : base::units_of_size(size);
        if (size <= base::kMaxSmall || size > std::size_t{kMaxUnits} << base::kUnitShift) return 0;
        const auto slack =
            static_cast<std::uint32_t>((std::size_t{units} << base::kUnitShift) - size);
        return runs_.resize_large(me.slot, me.id, found.start, units, slack) ? block : 0;
    }
    const Bin c = found.block.c;
    if (class_for(size, 1) != c) return 0;
    Atomic<Tag>& tag = segment_.tag(found.block.slab, found.block.number);
    Tag seen = tag.load(rlx);  // relaxed: the CAS decides
    while (is_live(seen)) {
        // [E46] as a free.
        if (tag.cas(seen, live_tag(kGeometry[c].size, size), acq_rel, rlx)) return block;
    }
    return 0;
}

// ------------------------------------------------------------------- questions

bool Blocks::visit(BlockVisitor visitor, void* context) const noexcept {
    const auto show = [&](Offset block) noexcept {
        const Found found = find(block);
        return found.fault != Fault::none || visitor(context, found.start, found.size);
    };
    const UnitId end = segment_.covered();
    for (UnitId unit = 1; unit < end; ++unit) {
        const UnitState state = segment_.state(unit, acq);  // [E46]
        if (state.kind() == Kind::large && !show(offset_of(unit))) return false;
        const Bin c = state.size_class();
        if (!state.is_slab() || c < kFirstClass || c >= kClasses) continue;
        for (std::uint32_t number = 0; number < kGeometry[c].blocks; ++number) {
            // Relaxed: see the header.
            if (!is_live(segment_.tag(unit, number).load(rlx))) continue;
            if (!show(offset_of(Block{unit, number, c}))) return false;
        }
    }
    return true;
}

}  // namespace ashlar::shared
