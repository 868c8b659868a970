// Slabs of equal blocks for any number of threads of any number of processes,
// each of which may die at any instruction. A bit per block outside it says
// "free"; only the slab's owner clears bits. A tag per block decides between
// two frees. Blocks that a thread takes out of a word stay noted in its slot
// until they are handed out, so that recovery can give them back.
//
//   allocate   place, mask := ones of a word; clear them in the word
//              record := block; tag := live; mask -= block
//   free       record := freeing; tag: live -> freed by this slot
//              record := freed; set the bit; update the hints; record := none
//
// A freeing thread that owns the word puts the block into its mask instead, and
// else it keeps a few blocks as spares.
// Lock-free. A slot is used by its thread, or by the thread that recovers it.
#ifndef ASHLAR_SHARED_BLOCKS_SLABS_HPP
#define ASHLAR_SHARED_BLOCKS_SLABS_HPP

#include <cstdint>

#include "shared/blocks/runs.hpp"
#include "shared/blocks/shape.hpp"
#include "shared/segment/segment.hpp"

namespace ashlar::shared {

// A block in a slab: the slab, the block's number in it, and the class.
struct Block {
    UnitId slab;
    std::uint32_t number;
    Bin c;
    [[nodiscard]] constexpr std::uint32_t word() const noexcept { return number / base::kWordBits; }
    [[nodiscard]] constexpr Word bit() const noexcept {
        return base::bit(number % base::kWordBits);
    }
    [[nodiscard]] constexpr Place place() const noexcept { return Place::of(slab, word(), c); }
    [[nodiscard]] constexpr Record record(Step step) const noexcept {
        return Record::of(step, slab, number, c);
    }
    explicit constexpr operator bool() const noexcept { return slab != base::kNoUnit; }
};

// A thread as the heap sees it.
struct Owner {
    Slot& slot;
    SlotId id;
    // Plain stores in program order, read after the thread's death [E43].
    void note(Record record) const noexcept {
        base::compiler_fence();
        slot.record.store(record.raw, base::rlx);
        base::compiler_fence();
    }
};

class Slabs {
  public:
    Slabs(Segment& segment, Runs& runs) noexcept : segment_(segment), runs_(runs) {}

    // Takes a block of class c and gives it the tag. `step` stays in the
    // owner's record. No block: there is no room.
    [[nodiscard]] Block take(Owner me, Bin c, Tag tag, Step step) noexcept;
    // The same, but only from the thread's mask. Returns the block's record.
    [[nodiscard]] Record take_kept(Owner me, Bin c, Tag tag, Step step) noexcept;
    // The same; spares come first.
    [[nodiscard]] Record take_spare(Owner me, Bin c, Tag tag, Step step) noexcept;
    // Frees a block. False: it is not live.
    [[nodiscard]] bool give(Owner me, Block block) noexcept;
    // live -> freed by this slot. False: it is not live.
    [[nodiscard]] bool end(Owner me, Block block) noexcept;
    // Completes the free of a block whose tag is freed_tag(me.id).
    void finish(Owner me, Block block) noexcept {
        if (!keep(me, block.record(Step::freeing), block.c))
            finish_bit(me, block.record(Step::freed));
    }
    // Gives back what the thread has in its hands. Its slot may be left then.
    void leave_all(Owner me) noexcept;
    void leave_spares(Owner me) noexcept;
    // Frees the units of complete slabs. Returns how many slabs.
    std::uint32_t retire(Owner me, std::uint32_t most) noexcept;

    // The block that begins at this distance from the slab's start; none: none
    // begins there.
    [[nodiscard]] Block block_at(UnitId slab, Bin c, std::size_t distance) const noexcept;

    // For recovery. The slot's thread is dead.
    void leave_dead(Owner dead) noexcept;
    // Whether the block of this record is a spare of the slot.
    [[nodiscard]] static bool is_spare(const Slot& slot, Record record) noexcept;
    // Frees the dead slot's spares as `me`.
    void take_over_spares(Owner me, Owner dead) noexcept;
    // owned -> shared; then the hints.
    void publish(UnitId slab, Bin c) noexcept;
    // Sets the hints of a shared slab that has free blocks. May be repeated.
    bool reindex(UnitId slab, Bin c) noexcept;
    // shared -> owned. False: it is in another state.
    [[nodiscard]] bool claim(Owner me, UnitId slab, Bin c) noexcept;

  private:
    [[nodiscard]] bool hand_out(Owner me, Record taken, Bin c, Tag tag) noexcept;
    [[nodiscard]] bool keep(Owner me, Record freeing, Bin c) noexcept;
    void finish_bit(Owner me, Record freed) noexcept;
    [[nodiscard]] bool is_block(Record record, Bin c) const noexcept;
    [[nodiscard]] bool is_sound(Place place, Bin c) const noexcept;
    [[nodiscard]] Word refill(Owner me, Bin c) noexcept;
    [[nodiscard]] Word take_word(Owner me, Bin c, Place place) noexcept;
    [[nodiscard]] UnitId claim_partial(Owner me, Bin c) noexcept;
    [[nodiscard]] UnitId create(Owner me, Bin c) noexcept;
    void leave(Owner me, Bin c) noexcept;
    [[nodiscard]] bool set_bit(Block block) noexcept;
    [[nodiscard]] bool is_complete(UnitId slab, Bin c) const noexcept;
    void bound_complete(Owner me) noexcept;

    Segment& segment_;
    Runs& runs_;
};

// The slot's words are the thread's own, so relaxed; but a stray write may have
// changed them.
[[gnu::always_inline]] inline Record Slabs::take_kept(Owner me, Bin c, Tag tag,
                                                      Step step) noexcept {
    Slot& mine = me.slot;
    const Word left = mine.mask[c].load(base::rlx);
    if (left == 0) [[unlikely]]
        return Record::none();
    const Record taken = Place{mine.place[c].load(base::rlx)}.record(step, base::lowest(left));
    if (!hand_out(me, taken, c, tag)) [[unlikely]]
        return Record::none();
    mine.mask[c].store(left & (left - 1), base::rlx);
    return taken;
}

[[gnu::always_inline]] inline Record Slabs::take_spare(Owner me, Bin c, Tag tag,
                                                       Step step) noexcept {
    Slot& mine = me.slot;
    // Relaxed, as below: the thread's own words.
    const std::uint32_t spares = c < kSpareClasses ? mine.spares[c].load(base::rlx) : 0;
    if (spares == 0) return take_kept(me, c, tag, step);
    const Record taken = Record{mine.spare[c][(spares - 1) % kSpares].load(base::rlx)}.with(step);
    if (!hand_out(me, taken, c, tag)) [[unlikely]]
        return Record::none();
    mine.spares[c].store(spares - 1, base::rlx);
    return taken;
}

// False: no such block can exist. The caller takes the block out of its slot
// afterwards: a block that is in neither would be lost.
[[gnu::always_inline]] inline bool Slabs::hand_out(Owner me, Record taken, Bin c,
                                                   Tag tag) noexcept {
    const std::uint64_t last =
        std::uint64_t{taken.number()} * kShape[c].size + (kShape[c].size - 1);
    if (taken.unit() + (last >> base::kUnitShift) >= segment_.reach()) [[unlikely]]
        return false;
    base::Atomic<Tag>& tag_of_block = segment_.tag(taken);
    me.note(taken);
    tag_of_block.store(tag, base::rlx);  // relaxed: the program's hand-over orders it
    base::compiler_fence();
    return true;
}

[[gnu::always_inline]] inline bool Slabs::end(Owner me, Block block) noexcept {
    base::Atomic<Tag>& tag = segment_.tag(block.record(Step::none));
    Tag seen = tag.load(base::rlx);  // relaxed: the CAS decides
    while (is_live(seen)) {
        // [E46] acq_rel: of two frees one succeeds, and sees what the other's
        // hand-over published.
        if (tag.cas(seen, freed_tag(me.id), base::acq_rel, base::rlx)) return true;
    }
    return false;
}

[[gnu::always_inline]] inline bool Slabs::give(Owner me, Block block) noexcept {
    const Record freeing = block.record(Step::freeing);
    me.note(freeing);
    if (!end(me, block)) [[unlikely]] {
        me.note(Record::none());
        return false;
    }
    if (!keep(me, freeing, block.c)) finish_bit(me, freeing.with(Step::freed));
    return true;
}

// Puts a block that was just freed into the thread's mask, if the thread takes
// from its word; else among its spares, if there is room.
[[gnu::always_inline]] inline bool Slabs::keep(Owner me, Record freeing, Bin c) noexcept {
    Slot& mine = me.slot;
    // Relaxed, as below: the thread's own words.
    if (mine.place[c].load(base::rlx) == Place::of(freeing).raw) {
        const Word kept =
            mine.mask[c].load(base::rlx) | base::bit(freeing.number() % base::kWordBits);
        mine.mask[c].store(kept, base::rlx);
    } else {
        if (c >= kSpareClasses) return false;
        const std::uint32_t spares = mine.spares[c].load(base::rlx);
        if (spares >= kSpares) return false;
        mine.spare[c][spares].store(freeing.with(Step::none).raw, base::rlx);
        base::compiler_fence();
        mine.spares[c].store(spares + 1, base::rlx);
    }
    me.note(Record::none());
    return true;
}

}  // namespace ashlar::shared

#endif
