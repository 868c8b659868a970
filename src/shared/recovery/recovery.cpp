#include "shared/recovery/recovery.hpp"

namespace ashlar::shared {

using base::acq;
using base::acq_rel;
using base::Atomic;
using base::compiler_fence;
using base::kClasses;
using base::kGeometry;
using base::kNoUnit;
using base::rel;
using base::rlx;
using base::seq_cst;

namespace {

Record record_of(Owner dead) noexcept { return {dead.slot.record.load(rlx)}; }  // relaxed: [E43]

bool is_attached(const Slot& slot) noexcept {
    // Relaxed: the life decides.
    return slot.state.load(rlx) == static_cast<std::uint32_t>(SlotState::attached);
}

}  // namespace

// The block that a record names, if there can be such a block.
Block Recovery::block_of(Record record) const noexcept {
    const Bin c = record.size_class();
    if (c < kFirstClass || c >= kClasses || record.number() >= kGeometry[c].blocks) return {};
    if (record.unit() == kNoUnit || record.unit() >= segment_.covered()) return {};
    return {record.unit(), record.number(), c};
}

bool Recovery::take_dead(SlotId slot) noexcept {
    return is_attached(segment_.slot(slot)) && lives_.take_dead(slot);
}

Recovered Recovery::recover(Owner me) noexcept {
    Recovered done{0, 0};
    if (!lives_.try_recovery()) return done;
    Dead dead{};
    bool any = false;
    const SlotId in_file = segment_.header().slots_in_file.load(acq);  // [E44]
    const SlotId end = in_file < kMaxSlots ? in_file : kMaxSlots;
    for (SlotId slot = 1; slot < end; ++slot) {
        if (slot == me.id || !take_dead(slot)) continue;
        dead.add(slot);
        any = true;
        recover_slot(owner(slot));
    }
    if (any) recover_units(dead);
    for (SlotId slot = 1; any && slot < end; ++slot) {
        if (!dead.has(slot)) continue;
        blocks_.slabs().take_over_spares(me, owner(slot));
        if (recover_record(me, owner(slot)) && recover_entry(me, owner(slot)) &&
            recover_names(me, owner(slot))) {
            if (hook_ != nullptr) hook_(hook_context_, slot);
            // [none: the slot's mutex orders it]
            segment_.slot(slot).state.store(static_cast<std::uint32_t>(SlotState::free), rel);
            ++done.threads;
        } else {
            ++done.later;
        }
        lives_.leave(slot);
    }
    lives_.leave_recovery();
    return done;
}

void Recovery::look(Owner me) noexcept {
    Header& header = segment_.header();
    const SlotId end = header.slots_in_file.load(acq);  // [E44]
    if (end == 0) return;
    // Relaxed: any will do.
    const SlotId slot = header.next_look.fetch_add(1, rlx) % (end < kMaxSlots ? end : kMaxSlots);
    if (slot == 0 || slot == me.id || !is_attached(segment_.slot(slot)) || !lives_.take_dead(slot))
        return;
    lives_.leave(slot);
    recover(me);
}

// ------------------------------------------------------------- 1. own words

void Recovery::recover_slot(Owner dead) noexcept {
    const Record record = record_of(dead);
    switch (record.step()) {
        case Step::freeing: dead.note(decide(dead, record)); break;
        case Step::clearing:
            if (record.size_class() == 0) clear_large(dead, record.unit());
            break;
        case Step::tail:
            // The walk frees the units.
            if (record.unit() != kNoUnit && record.unit() < segment_.covered())
                blocks_.runs().hold_tail(dead.id, record.unit(), record.to());
            dead.note(Record::none());
            break;
        case Step::allocating:
            doubts_.note(record);
            dead.note(Record::none());
            break;
        case Step::storing:
            if (record.size_class() == 0) store_large(dead, record.unit());
            break;
        default: break;
    }
    doubts_.note({dead.slot.moved.load(rlx)});  // relaxed: [E43]
    compiler_fence();
    dead.slot.moved.store(0, rlx);
    blocks_.slabs().leave_dead(dead);
}

// Ends the free as the thread would have. Before the mask and the spares are
// given back: then the block may be handed out, and its tag be live again.
Record Recovery::decide(Owner dead, Record freeing) noexcept {
    const Block block = block_of(freeing);
    if (!block) return Record::none();
    static_cast<void>(blocks_.slabs().end(dead, block));
    // [E46] another free was first.
    const Tag tag = segment_.tag(block.slab, block.number).load(acq);
    return tag == freed_tag(dead.id) ? block.record(Step::freed) : Record::none();
}

// The mark says whether the source was this call's. The state is compared as it
// was seen: a later block may begin at the same unit.
void Recovery::clear_large(Owner dead, UnitId start) noexcept {
    if (start == kNoUnit || start >= segment_.covered()) return;
    Atomic<Word>* const source = blocks_.word_at(dead.slot.argument.load(rlx));
    Word mark = mark_of(blocks_.offset_of(start), dead.id);
    if (source == nullptr || source->load(acq) != mark) return;  // [E46]
    UnitState state = segment_.state(start, acq);                // [E46]
    if (state.kind() == Kind::large) hold_large(dead, start, state);
    source->cas(mark, 0, acq_rel, rlx);  // [E46] as the thread would have
}

void Recovery::store_large(Owner dead, UnitId start) noexcept {
    if (start == kNoUnit || start >= segment_.covered()) return;
    UnitState state = segment_.state(start, acq);  // [E46]
    if (state.kind() != Kind::large || state.slot() != dead.id) return;
    const Atomic<Word>* const destination = blocks_.word_at(dead.slot.argument.load(rlx));
    // [E46]
    if (destination != nullptr && names(destination->load(acq), blocks_.offset_of(start))) {
        segment_.state_word(start).cas(
            state.raw, UnitState::large(state.units(), state.slack()).raw, acq_rel, rlx);
    } else {
        hold_large(dead, start, state);
    }
}

// The walk frees the run.
void Recovery::hold_large(Owner dead, UnitId start, UnitState seen) noexcept {
    if (seen.units() == 0 || seen.units() > segment_.end() - start) return;
    // [E46]
    segment_.state_word(start).cas(seen.raw, UnitState::held(dead.id, seen.units()).raw, acq_rel,
                                   rlx);
}

// ------------------------------------------------------------------- 2. units

// Slabs that a dead thread claimed and did not note, runs that it built or took
// apart, hints that it took and did not give.
void Recovery::recover_units(const Dead& dead) noexcept {
    const UnitId end = segment_.covered();
    std::uint32_t used = 0;
    std::uint32_t backed = 0;
    std::uint32_t complete = 0;
    for (UnitId unit = 1; unit < end; ++unit) {
        const UnitState state = segment_.state(unit, acq);  // [E45] [E46]
        const bool of_dead = dead.has(state.slot());
        const bool has_class = state.size_class() >= kFirstClass && state.size_class() < kClasses;
        if (state.kind() == Kind::held && of_dead) {
            const std::uint32_t units = state.units() == 0 ? 1 : state.units();
            if (units <= end - unit) blocks_.runs().give_dead(state.slot(), unit, units);
        } else if (!has_class) {
            // free, or of a run whose head decides
        } else if (state.kind() == Kind::owned && of_dead) {
            blocks_.slabs().publish(unit, state.size_class());
        } else if (state.kind() == Kind::shared) {
            blocks_.slabs().reindex(unit, state.size_class());
        }
        // [E45] as above.
        const UnitState now = segment_.state(unit, acq);
        if (now.is_free()) {
            blocks_.runs().find_again(unit);
        } else {
            ++used;
        }
        if (now.is_backed()) ++backed;
        if (segment_.complete.contains(unit)) ++complete;
    }
    // Relaxed: approximate; others may have counted meanwhile.
    segment_.header().units_used.store(used, rlx);
    segment_.header().units_backed.store(backed, rlx);
    segment_.header().complete.store(complete, rlx);
}

// ----------------------------------------------------------------- 3. records

// False: it must be looked at again later.
bool Recovery::recover_record(Owner me, Owner dead) noexcept {
    const Record record = record_of(dead);
    const Block block = block_of(record);
    switch (record.step()) {
        case Step::storing:
            if (block && !store(me, dead, block)) return false;
            break;
        case Step::clearing:
            if (!block) break;
            clear(dead, block);
            // [E46] another free was first.
            if (segment_.tag(block.slab, block.number).load(acq) != freed_tag(dead.id)) break;
            if (!finish(me, dead, block)) return false;
            break;
        case Step::freed:
            if (block && !finish(me, dead, block)) return false;
            break;
        default: break;
    }
    dead.note(Record::none());
    return true;
}

// As clear_large(). Without the mark the call had not begun, or the tag is
// freed_tag(dead).
void Recovery::clear(Owner dead, Block block) noexcept {
    Atomic<Word>* const source = blocks_.word_at(dead.slot.argument.load(rlx));
    Word mark = mark_of(blocks_.offset_of(block), dead.id);
    if (source == nullptr || source->load(acq) != mark) return;  // [E46]
    static_cast<void>(blocks_.slabs().end(dead, block));
    source->cas(mark, 0, acq_rel, rlx);  // [E46]
}

// The tag says whether the block was handed out since. If it was not, its bit
// is set, or in a mask, or must be set: only the slab's owner can tell.
bool Recovery::finish(Owner me, Owner dead, Block block) noexcept {
    Slabs& slabs = blocks_.slabs();
    // [E46] the tag says whose free came last.
    if (segment_.tag(block.slab, block.number).load(acq) != freed_tag(dead.id)) return true;
    const UnitState state = segment_.state(block.slab, acq);  // [E46]
    // The slab was retired: the bit was set.
    if (!state.is_slab() || state.size_class() != block.c) return true;
    const bool mine = state == UnitState::owned(block.c, me.id);
    if (!mine && !slabs.claim(me, block.slab, block.c)) return false;
    // Again, now that no other owner can hand the block out.
    // [E46]
    const bool is_free = segment_.tag(block.slab, block.number).load(acq) == freed_tag(dead.id);
    const bool in_mask = mine && me.slot.place[block.c].load(rlx) == block.place().raw &&
                         (me.slot.mask[block.c].load(rlx) & block.bit()) != 0;
    Atomic<Word>& word = segment_.bits(block.slab, block.word());
    // [E47] as Slabs::set_bit(). Setting it again does no harm while the slab
    // is owned.
    if (is_free && !in_mask) word.fetch_or(block.bit(), seq_cst);
    if (!mine) slabs.publish(block.slab, block.c);
    return true;
}

// The destination has the block, and it is live for good; or it has not, and
// nobody knows the block.
bool Recovery::store(Owner me, Owner dead, Block block) noexcept {
    Atomic<Tag>& tag = segment_.tag(block.slab, block.number);
    Tag pending = pending_tag(dead.id);
    const Atomic<Word>* const destination = blocks_.word_at(dead.slot.argument.load(rlx));
    // [E46]
    if (destination != nullptr && names(destination->load(acq), blocks_.offset_of(block))) {
        tag.cas(pending, static_cast<Tag>(dead.slot.size.load(rlx)), acq_rel, rlx);
        return true;
    }
    if (!tag.cas(pending, freed_tag(dead.id), acq_rel, rlx) && pending != freed_tag(dead.id))
        return true;
    dead.note(block.record(Step::freed));
    return finish(me, dead, block);
}

}  // namespace ashlar::shared
