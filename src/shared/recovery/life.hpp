// Lives by the robust mutexes in the segment. A process id would not do: ids
// are used again, and differ between containers. Each mutex is only tried. One
// that can be locked although its slot is attached belonged to a dead thread.
#ifndef ASHLAR_SHARED_RECOVERY_LIFE_HPP
#define ASHLAR_SHARED_RECOVERY_LIFE_HPP

#include <pthread.h>

#include "shared/recovery/lives.hpp"
#include "shared/segment/segment.hpp"

namespace ashlar::shared {

// Makes the recovery mutex, and the sample for those of the slots. Once, before
// the segment is published. False: the C library's mutexes cannot be made in
// this way.
[[nodiscard]] bool make_lives(Header& header) noexcept;
// True: the caller holds it now, and its content is consistent again.
[[nodiscard]] bool try_robust(pthread_mutex_t& mutex) noexcept;
void leave_robust(pthread_mutex_t& mutex) noexcept;

// Slots [1, kReservedSlots) are for attach_reserved().
inline constexpr SlotId kReservedSlots = 8;

// Tells apart two processes with one id; 0: not known.
[[nodiscard]] Word start_of_process() noexcept;

class RobustLives final : public Lives {
  public:
    explicit RobustLives(Segment& segment) noexcept : segment_(segment) {}
    [[nodiscard]] bool take_dead(SlotId slot) noexcept override {
        return try_robust(segment_.slot(slot).life);
    }
    void leave(SlotId slot) noexcept override { leave_robust(segment_.slot(slot).life); }
    [[nodiscard]] bool try_recovery() noexcept override {
        return try_robust(segment_.header().recovery);
    }
    void leave_recovery() noexcept override { leave_robust(segment_.header().recovery); }

    // Attaches the calling thread to a free slot; 0: there is none, or the file
    // is full. O(slots).
    [[nodiscard]] SlotId attach() noexcept { return attach(kReservedSlots, kMaxSlots); }
    // The same for a short time, if all other slots are in use.
    [[nodiscard]] SlotId attach_reserved() noexcept { return attach(1, kReservedSlots); }
    // The thread of the slot has left its blocks, and calls this itself.
    void detach(SlotId slot) noexcept;

  private:
    [[nodiscard]] SlotId attach(SlotId from, SlotId to) noexcept;
    void prepare(Slot& slot) noexcept;

    Segment& segment_;
};

}  // namespace ashlar::shared

#endif
