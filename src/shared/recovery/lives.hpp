// Which threads live. Each attached thread holds a robust mutex in its slot.
// The kernel marks it when the thread dies. No function waits.
#ifndef ASHLAR_SHARED_RECOVERY_LIVES_HPP
#define ASHLAR_SHARED_RECOVERY_LIVES_HPP

#include "shared/segment/unit_state.hpp"

namespace ashlar::shared {

// Tests put a fake in its place.
class Lives {
  public:
    // True: the thread of this slot is dead, and the caller holds its life now.
    // [E43] acquire: everything that the dead thread stored.
    [[nodiscard]] virtual bool take_dead(SlotId slot) noexcept = 0;
    // Gives it back. The slot's state says whether work is left.
    virtual void leave(SlotId slot) noexcept = 0;
    // One thread recovers at a time. If it dies, the next one starts again.
    [[nodiscard]] virtual bool try_recovery() noexcept = 0;
    virtual void leave_recovery() noexcept = 0;

  protected:
    ~Lives() = default;
};

}  // namespace ashlar::shared

#endif
