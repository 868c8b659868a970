#include "shared/blocks/slabs.hpp"

namespace ashlar::shared {

using base::acq;
using base::Atomic;
using base::BitmapIndex;
using base::compiler_fence;
using base::full_word;
using base::kClasses;
using base::kGeometry;
using base::kNoUnit;
using base::kWordBits;
using base::rel;
using base::rlx;
using base::seq_cst;

namespace {

// Complete slabs that are kept for reuse: so many, or as many as an eighth of
// the units in use.
constexpr std::uint32_t kLeastComplete = 32;

constexpr UnitState owned_by(Bin c, SlotId slot) noexcept { return UnitState::owned(c, slot); }

}  // namespace

// --------------------------------------------------------------- taking blocks

Block Slabs::take(Owner me, Bin c, Tag tag, Step step) noexcept {
    for (;;) {
        segment_.refresh_reach();
        const Record taken = take_kept(me, c, tag, step);
        if (taken != Record::none()) return {taken.unit(), taken.number(), c};
        if (refill(me, c) == 0) return {};
    }
}

// The mask is stored before the bits are cleared, and holds only ones that were
// seen: a block of the mask with a zero bit is therefore this thread's.
Word Slabs::take_word(Owner me, Bin c, Place place) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    for (std::uint32_t i = 0; i < g.words; ++i) {
        const std::uint32_t w = (place.word() + i) % g.words;
        Atomic<Word>& word = segment_.bits(place.slab(), w);
        const Word seen = word.load(rlx) & full_word(g, w);  // relaxed: the fetch_and takes
        if (seen == 0) continue;
        me.slot.place[c].store(Place::of(place.slab(), w, c).raw, rlx);
        compiler_fence();
        me.slot.mask[c].store(seen, rlx);
        compiler_fence();
        // [E47] acquire, pairs with set_bit(): the blocks' last users are done
        // with them.
        word.fetch_and(~seen, acq);
        return seen;
    }
    return 0;
}

// Whether the place is a word of a slab that can exist; no place is not.
bool Slabs::is_sound(Place place, Bin c) const noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    return place.slab() != kNoUnit && place.slab() + g.units <= segment_.covered() &&
           place.word() < g.words;
}

Word Slabs::refill(Owner me, Bin c) noexcept {
    for (;;) {
        // Relaxed: the thread's own.
        const Place place{me.slot.place[c].load(rlx)};
        if (is_sound(place, c)) {
            const Word got = take_word(me, c, place);
            if (got != 0) return got;
            leave(me, c);
        }
        UnitId slab = claim_partial(me, c);
        if (slab == kNoUnit) slab = create(me, c);
        if (slab == kNoUnit) return 0;
        // Relaxed: the thread's own.
        me.slot.place[c].store(Place::of(slab, 0, c).raw, rlx);
        me.note(Record::none());  // the slab's hint needs no record any more
    }
}

bool Slabs::claim(Owner me, UnitId slab, Bin c) noexcept {
    UnitState expected = UnitState::shared(c);
    // [E48] seq_cst, also on failure, after the hint was taken; pairs with
    // publish(): state, then hint. Acquire: what the last owner wrote.
    return segment_.state_word(slab).cas(expected.raw, owned_by(c, me.id).raw, seq_cst, seq_cst);
}

// The hint is noted before it is taken: a death in between would lose a slab
// with free blocks.
UnitId Slabs::claim_partial(Owner me, Bin c) noexcept {
    for (;;) {
        const UnitId slab = segment_.partial[c].lowest_id();
        if (slab == BitmapIndex::kNone) return kNoUnit;
        me.note(Record::of(Step::hint, slab & (kMaxUnits - 1), 0, c));
        segment_.partial[c].remove(slab);
        if (slab < segment_.covered() && claim(me, slab, c)) return slab;
    }
}

UnitId Slabs::create(Owner me, Bin c) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    UnitId slab = runs_.take(me.id, g.units);
    if (slab == kNoUnit && retire(me, ~0U) != 0) slab = runs_.take(me.id, g.units);
    if (slab == kNoUnit) return kNoUnit;
    // Relaxed: ours alone.
    for (std::uint32_t w = 0; w < g.words; ++w) segment_.bits(slab, w).store(full_word(g, w), rlx);
    // [E46]
    segment_.state_word(slab).store(owned_by(c, me.id).raw, rel);
    return slab;
}

// -------------------------------------------------------------- giving blocks

void Slabs::finish_bit(Owner me, Record freed) noexcept {
    me.note(freed);
    const bool completed = set_bit({freed.unit(), freed.number(), freed.size_class()});
    me.note(Record::none());
    if (completed) bound_complete(me);
}

// Only the first and the last free into a word update the hints: if the word
// had a free block, its slab is hinted at, or another thread is about to do
// that, or its record says so to recovery.
bool Slabs::set_bit(Block block) noexcept {
    // [E47] release: our accesses come before those of the block's next user.
    // [E48] seq_cst, before reindex() reads the state; pairs with publish().
    const Word old = segment_.bits(block.slab, block.word()).fetch_or(block.bit(), seq_cst);
    const bool full = (old | block.bit()) == full_word(kGeometry[block.c], block.word());
    return (old == 0 || full) && reindex(block.slab, block.c);
}

bool Slabs::is_complete(UnitId slab, Bin c) const noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    for (std::uint32_t w = 0; w < g.words; ++w) {
        if (segment_.bits(slab, w).load(seq_cst) != full_word(g, w)) return false;  // [E48]
    }
    return true;
}

// Another thread may own, retire or reuse the slab meanwhile: it is only read,
// and only hints are set. True: the slab is complete, and was not noted so.
bool Slabs::reindex(UnitId slab, Bin c) noexcept {
    // [E48] its owner does it.
    if (segment_.state(slab, seq_cst) != UnitState::shared(c)) return false;
    const base::ClassGeometry& g = kGeometry[c];
    bool any = false;
    bool all = true;
    for (std::uint32_t w = 0; w < g.words && (all || !any); ++w) {
        const Word word = segment_.bits(slab, w).load(seq_cst);  // [E48]
        any = any || (word & full_word(g, w)) != 0;
        all = all && word == full_word(g, w);
    }
    if (!any) return false;
    const bool noted = all && segment_.complete.insert(slab);
    if (noted) segment_.header().complete.fetch_add(1, rlx);  // relaxed: approximate
    segment_.partial[c].insert(slab);
    return noted;
}

void Slabs::publish(UnitId slab, Bin c) noexcept {
    // [E48] seq_cst, before reindex() reads the bits; pairs with set_bit().
    segment_.state_word(slab).store(UnitState::shared(c).raw, seq_cst);
    reindex(slab, c);
}

// `place` is cleared last: until then recovery finds the slab, and sets its
// hints.
void Slabs::leave(Owner me, Bin c) noexcept {
    Slot& mine = me.slot;
    const Place place{mine.place[c].load(rlx)};
    if (!is_sound(place, c)) return;
    const Word left = mine.mask[c].load(rlx);
    // [E47] as set_bit(): blocks that this thread freed may be among them.
    if (left != 0) segment_.bits(place.slab(), place.word()).fetch_or(left, seq_cst);
    compiler_fence();
    mine.mask[c].store(0, rlx);
    compiler_fence();
    publish(place.slab(), c);
    compiler_fence();
    mine.place[c].store(0, rlx);
    compiler_fence();
}

void Slabs::leave_all(Owner me) noexcept {
    for (Bin c = kFirstClass; c < kClasses; ++c) leave(me, c);
    me.note(Record::none());
    bound_complete(me);
}

// Blocks of the dead thread's mask that have a zero bit and no live tag were
// taken by it, and by no other thread. The state is checked, since another
// recovery may have been here and died.
void Slabs::leave_dead(Owner dead) noexcept {
    for (Bin c = kFirstClass; c < kClasses; ++c) {
        const Place place{dead.slot.place[c].load(rlx)};  // relaxed, all of it: [E43]
        const UnitId slab = place.slab();
        if (is_sound(place, c)) {
            if (segment_.state(slab, acq) == owned_by(c, dead.id)) {
                const Word taken =
                    dead.slot.mask[c].load(rlx) & ~segment_.bits(slab, place.word()).load(rlx);
                Word back = 0;
                for (Word left = taken & full_word(kGeometry[c], place.word()); left != 0;
                     left &= left - 1) {
                    const std::uint32_t number =
                        place.word() * static_cast<std::uint32_t>(kWordBits) + base::lowest(left);
                    if (!is_live(segment_.tag(slab, number).load(rlx)))
                        back |= base::bit(base::lowest(left));
                }
                if (back != 0) segment_.bits(slab, place.word()).fetch_or(back, seq_cst);  // [E47]
                compiler_fence();
                dead.slot.mask[c].store(0, rlx);
                compiler_fence();
                publish(slab, c);
            } else if (segment_.state(slab, acq) == UnitState::shared(c)) {
                reindex(slab, c);
            }
        }
        compiler_fence();
        dead.slot.mask[c].store(0, rlx);
        dead.slot.place[c].store(0, rlx);
    }
}

// ------------------------------------------------------------- complete slabs

void Slabs::bound_complete(Owner me) noexcept {
    Header& header = segment_.header();
    const std::uint32_t share = header.units_used.load(rlx) / 8;  // relaxed: approximate
    const std::uint32_t most = share > kLeastComplete ? share : kLeastComplete;
    const std::uint32_t kept = header.complete.load(rlx);
    if (kept > most) retire(me, kept - most);
}

std::uint32_t Slabs::retire(Owner me, std::uint32_t most) noexcept {
    std::uint32_t retired = 0;
    while (retired < most) {
        const UnitId slab = segment_.complete.lowest_id();
        if (slab == BitmapIndex::kNone) break;
        me.note(Record::of(Step::hint, slab & (kMaxUnits - 1), 0, 0));
        // Relaxed: approximate.
        if (segment_.complete.remove(slab)) segment_.header().complete.fetch_sub(1, rlx);
        if (slab >= segment_.covered()) continue;
        const UnitState state = segment_.state(slab, seq_cst);  // [E48] after the hint was taken
        const Bin c = state.size_class();
        if (state.kind() != Kind::shared || c < kFirstClass || c >= kClasses || !claim(me, slab, c))
            continue;
        if (!is_complete(slab, c)) {
            publish(slab, c);
            continue;
        }
        segment_.partial[c].remove(slab);
        const std::uint32_t units = kGeometry[c].units;
        segment_.state_word(slab).store(UnitState::held(me.id, units).raw, rlx);  // relaxed: ours
        compiler_fence();
        runs_.give(me.id, slab, units);
        ++retired;
    }
    me.note(Record::none());
    return retired;
}

// ------------------------------------------------------------------- questions

Block Slabs::block_at(UnitId slab, Bin c, std::size_t distance) const noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    const std::uint32_t number = base::block_of_offset(g, distance);
    if (number >= g.blocks || std::size_t{number} * g.size != distance) return {};
    return {slab, number, c};
}

}  // namespace ashlar::shared
