// Gives back what dead threads had in their hands, beside everybody else. Each
// step may be repeated: a recovering thread may die anywhere, and the next one
// starts again. Nothing waits. What cannot be decided yet, because a living
// thread owns the slab, is looked at again later.
//
//   1. what needs the dead slots' own words: masks, slabs, tails of runs
//   2. the states of all units: slabs and runs that no slot names
//   3. blocks whose free was cut, and blocks in doubt; then names
#ifndef ASHLAR_SHARED_RECOVERY_RECOVERY_HPP
#define ASHLAR_SHARED_RECOVERY_RECOVERY_HPP

#include <cstdint>

#include "shared/blocks/blocks.hpp"
#include "shared/names/names.hpp"
#include "shared/recovery/doubts.hpp"
#include "shared/recovery/lives.hpp"

namespace ashlar::shared {

// What one call did.
struct Recovered {
    std::uint32_t threads;  // dead threads whose slots are free now
    std::uint32_t later;    // dead threads that still have work left
};

class Recovery {
  public:
    // Called for each dead thread before its slot is freed, while its life is
    // held; may be called again for the same thread. For the program.
    using Hook = void (*)(void* context, SlotId dead);

    Recovery(Blocks& blocks, Lives& lives) noexcept
        : blocks_(blocks), segment_(blocks.segment()), names_(blocks), lives_(lives),
          doubts_(blocks) {}
    void set_hook(Hook hook, void* context) noexcept {
        hook_ = hook;
        hook_context_ = context;
    }

    // Recovers all dead threads. `me` has an empty record. O(slots + units) if
    // one is dead, else O(slots).
    Recovered recover(Owner me) noexcept;
    // Looks at one slot, and recovers if its thread is dead. O(1) otherwise.
    void look(Owner me) noexcept;
    [[nodiscard]] Doubts& doubts() noexcept { return doubts_; }

  private:
    // Dead slots of one call.
    struct Dead {
        Word bits[kMaxSlots / base::kWordBits];
        [[nodiscard]] bool has(SlotId slot) const noexcept {
            return slot < kMaxSlots &&
                   (bits[slot / base::kWordBits] & base::bit(slot % base::kWordBits)) != 0;
        }
        void add(SlotId slot) noexcept {
            bits[slot / base::kWordBits] |= base::bit(slot % base::kWordBits);
        }
    };
    [[nodiscard]] bool take_dead(SlotId slot) noexcept;
    void recover_slot(Owner dead) noexcept;
    [[nodiscard]] Record decide(Owner dead, Record freeing) noexcept;
    void recover_units(const Dead& dead) noexcept;
    [[nodiscard]] bool recover_record(Owner me, Owner dead) noexcept;
    [[nodiscard]] bool recover_entry(Owner me, Owner dead) noexcept;
    [[nodiscard]] bool recover_names(Owner me, Owner dead) noexcept;
    [[nodiscard]] bool free_from(Owner me, Owner dead, base::Atomic<Word>& source) noexcept;
    void free_large(Owner dead, UnitId start) noexcept;
    [[nodiscard]] bool finish(Owner me, Owner dead, Block block) noexcept;
    [[nodiscard]] bool store(Owner me, Owner dead, Block block) noexcept;
    void clear(Owner dead, Block block) noexcept;
    void clear_large(Owner dead, UnitId start) noexcept;
    void store_large(Owner dead, UnitId start) noexcept;
    void hold_large(Owner dead, UnitId start, UnitState seen) noexcept;
    [[nodiscard]] Block block_of(Record record) const noexcept;
    [[nodiscard]] Owner owner(SlotId slot) const noexcept { return {segment_.slot(slot), slot}; }

    Blocks& blocks_;
    Segment& segment_;
    Names names_;
    Lives& lives_;
    Doubts doubts_;
    Hook hook_ = nullptr;
    void* hook_context_ = nullptr;
};

}  // namespace ashlar::shared

#endif
