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
// A freeing thread that owns the word puts the block back into its mask
// instead. Lock-free. A slot is used by its thread, or by the thread that
// recovers it.
#ifndef ASHLAR_SHARED_BLOCKS_SLABS_HPP
#define ASHLAR_SHARED_BLOCKS_SLABS_HPP

#include <cstdint>

#include "shared/blocks/runs.hpp"
#include "shared/segment/segment.hpp"

namespace ashlar::shared {

// A block in a slab: the slab, the block's number in it, and the class.
struct Block {
    UnitId slab;
    std::uint32_t number;
    Bin c;
    [[nodiscard]] constexpr std::uint32_t word() const noexcept { return number / base::kWordBits; }
    [[nodiscard]] constexpr Word bit() const noexcept { return base::bit(number % base::kWordBits); }
    [[nodiscard]] constexpr Place place() const noexcept { return Place::of(slab, word()); }
    [[nodiscard]] constexpr Record record(Step step) const noexcept { return Record::of(step, slab, number, c); }
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
    // Frees a block. False: it is not live.
    [[nodiscard]] bool give(Owner me, Block block) noexcept;
    // live -> freed by this slot. False: it is not live.
    [[nodiscard]] bool end(Owner me, Block block) noexcept;
    // Completes the free of a block whose tag is freed_tag(me.id).
    void finish(Owner me, Block block) noexcept;
    // Gives back what the thread has in its hands. Its slot may be left then.
    void leave_all(Owner me) noexcept;
    // Frees the units of complete slabs. Returns how many slabs.
    std::uint32_t retire(Owner me, std::uint32_t most) noexcept;

    // The block that begins at this distance from the slab's start; none: none
    // begins there.
    [[nodiscard]] Block block_at(UnitId slab, Bin c, std::size_t distance) const noexcept;

    // For recovery. The slot's thread is dead.
    void leave_dead(Owner dead) noexcept;
    // owned -> shared; then the hints.
    void publish(UnitId slab, Bin c) noexcept;
    // Sets the hints of a shared slab that has free blocks. May be repeated.
    bool reindex(UnitId slab, Bin c) noexcept;
    // shared -> owned. False: it is in another state.
    [[nodiscard]] bool claim(Owner me, UnitId slab, Bin c) noexcept;

  private:
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

}  // namespace ashlar::shared

#endif
