#include "manager/gate.hpp"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ashlar::manager {

namespace {

bool membarrier(int command) noexcept { return syscall(SYS_membarrier, command, 0, 0) == 0; }

}  // namespace

void Gate::layout(region::Carver& carver, bool shared) noexcept {
    runs_ = carver.array<base::Atomic<std::uint32_t>>(1);
    slots_ = shared ? carver.array<Slot>(kSlots) : nullptr;
    barriers_ = shared && membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

bool Gate::enter_slowly(Slot& slot) noexcept {
    std::uint32_t nobody = 0;
    // Relaxed: the number is the thread's own, and says nothing about other memory. Without a system's barrier all are guests.
    if (barriers_ && slot.owner.cas(nobody, thread_number(), base::rlx, base::rlx)) {
        // [E30] as in Pass
        slot.inside.store(1, base::rlx);
        base::compiler_fence();
        return true;
    }
    slot.guests.fetch_add(1, base::sc);  // [E30] seq_cst, pairs with the exchange in close()
    return false;
}

void Gate::close() noexcept {
    runs_->exchange(1, base::sc);  // [E30] seq_cst: before drain() looks into the slots
    drain();
}

void Gate::open() noexcept {
    runs_->exchange(0, base::sc);  // [E32] release, pairs with the load in Pass: what the collector read and wrote
    drain();
}

void Gate::drain() noexcept {
    if (slots_ == nullptr) return;
    if (barriers_) membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);  // [E30]
    for (unsigned i = 0; i < kSlots; ++i) {
        // [E30] seq_cst for guests; [E31] acquire, pairs with the releases in leave().
        while (slots_[i].inside.load(base::sc) != 0 || slots_[i].guests.load(base::sc) != 0) sched_yield();
    }
}

}  // namespace ashlar::manager
