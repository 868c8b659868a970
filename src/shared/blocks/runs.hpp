// Runs of units. The states of the units are the truth, and name the slot that
// holds a unit. The bits of Segment::free_units are hints. So there is no lock
// whose holder could die, and no map that a death could break: neighbours
// coalesce because their bits do.
//
//   state of a run       head                 others
//   claimed              held(slot, 0 or 1)   the same, each by itself; 1: its
//                                             pages are in the file
//   built, taken apart   held(slot, units)    inside(head), or free again
//   in use               owned, shared, large inside(head)
//
// Recovery frees the `held` units of a dead slot, one by one or with the run.
// It sets hints again that a dead thread took or did not set. Lock-free, any
// thread.
#ifndef ASHLAR_SHARED_BLOCKS_RUNS_HPP
#define ASHLAR_SHARED_BLOCKS_RUNS_HPP

#include <cstdint>

#include "shared/segment/segment.hpp"

namespace ashlar::shared {

class Runs {
  public:
    explicit Runs(Segment& segment) noexcept : segment_(segment) {}

    // A run whose head is held(slot, units) and whose pages are in the file.
    // First fit. kNoUnit: neither room nor growth. O(words of bits that may
    // have free units + units).
    [[nodiscard]] UnitId take(SlotId slot, std::uint32_t units) noexcept;
    // Frees a run whose head is held(slot, units). May be repeated.
    void give(SlotId slot, UnitId start, std::uint32_t units, bool backed = true) noexcept;
    // The same for a dead slot, which may have freed the end of the run: other
    // threads may use those units.
    void give_dead(SlotId dead, UnitId start, std::uint32_t units) noexcept;
    // Large blocks. `start` is a run of take(). The block has its units, less
    // `slack` bytes. `pending`: see UnitState.
    void make_large(UnitId start, std::uint32_t units, std::uint32_t slack,
                    SlotId pending = 0) noexcept;
    // large -> held(slot, units), the step that decides between two frees.
    // Returns the units; 0: no large block begins here.
    [[nodiscard]] std::uint32_t end_large(SlotId slot, UnitId start) noexcept;
    // Changes the length in place, under a record in `mine`. False: the units
    // behind it are not free, or the file is full.
    [[nodiscard]] bool resize_large(Slot& mine, SlotId slot, UnitId start, std::uint32_t units,
                                    std::uint32_t slack) noexcept;
    // Holds for `dead` the units of `start` below `to` that its head does not
    // reach. For recovery of Step::tail.
    void hold_tail(SlotId dead, UnitId start, UnitId to) noexcept;
    // Returns the pages of up to `most` free units to the file system. Returns
    // how many.
    std::uint32_t punch(SlotId slot, std::uint32_t most) noexcept;
    // The same for units that were free since the last call, beyond a bound.
    // The others age.
    void age(SlotId slot) noexcept;

    // The head of the run that a unit belongs to, or kNoUnit: it is in no run,
    // or the words about it contradict each other.
    [[nodiscard]] UnitId head(UnitId unit) const noexcept;
    // The units of a run by its head's state; 0: not a head.
    [[nodiscard]] static std::uint32_t length(UnitState head) noexcept;
    // Sets the hint of a free unit again. For recovery.
    void find_again(UnitId unit) noexcept;

  private:
    enum class Claim { done, taken, full };
    struct Claimed {
        std::uint32_t units, backed;
        std::uint32_t bare, bare_end;  // the units without pages are among these
    };
    class Puncher;
    [[nodiscard]] UnitId search(SlotId slot, std::uint32_t units, bool only_backed,
                                bool& full) noexcept;
    [[nodiscard]] bool bound_long(UnitId start, std::uint32_t units) noexcept;
    void bound_backed(SlotId slot) noexcept;
    [[nodiscard]] bool grow(UnitId searched, std::uint32_t units) noexcept;
    void give_tail(SlotId slot, UnitId from, UnitId to) noexcept;
    [[nodiscard]] Claim claim(SlotId slot, UnitId start, std::uint32_t units,
                              bool only_backed) noexcept;
    [[nodiscard]] bool take_hints(UnitId start, std::uint32_t units) noexcept;
    void give_hints(UnitId start, std::uint32_t units) noexcept;
    [[nodiscard]] Claimed claim_states(SlotId slot, UnitId start, std::uint32_t units,
                                       bool only_backed) noexcept;

    Segment& segment_;
};

}  // namespace ashlar::shared

#endif
