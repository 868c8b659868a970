#include "manager/collector/cycle_gate.hpp"

#include "base/barrier.hpp"
#include "manager/base/backoff.hpp"

namespace ashlar::manager {

void CycleGate::layout(region::Carver& carver, bool shared) noexcept {
    runs_ = carver.array<base::Atomic<std::uint32_t>>(1);
    slots_ = shared ? carver.array<Slot>(kSlots) : nullptr;
    barriers_ = shared && base::enable_barriers();
}

bool CycleGate::enter_slowly(Slot& slot, bool& cycle) noexcept {
    std::uint32_t nobody = 0;
    // Relaxed: the number is the thread's own, and says nothing about other
    // memory. Without a system's barrier all are guests.
    if (barriers_ && slot.owner.cas(nobody, thread_number(), base::rlx, base::rlx)) {
        // [E30] as in MutatorScope; relaxed: nothing was done inside yet
        slot.turns.store(1, base::rlx);
        base::compiler_fence();
        return true;
    }
    // Relaxed: a guess, which the load below tests.
    for (std::uint32_t runs = runs_->load(base::rlx);;) {
        // [E30] seq_cst, pairs with the exchange in close().
        slot.guests[runs].fetch_add(1, base::seq_cst);
        // [E30] seq_cst; [E32] acquire, as in MutatorScope.
        const std::uint32_t now = runs_->load(base::seq_cst);
        if (now == runs) {
            cycle = runs != 0;
            return false;
        }
        slot.guests[runs].fetch_sub(1, base::rlx);  // relaxed: nothing was done
        runs = now;
    }
}

void CycleGate::close() noexcept {
    runs_->exchange(1, base::seq_cst);  // [E30] seq_cst: before drain() looks into the slots
    drain(false);
}

void CycleGate::open() noexcept {
    // [E32] release, pairs with the load in MutatorScope: what the collector
    // read and wrote.
    runs_->exchange(0, base::seq_cst);
    drain(true);
}

void CycleGate::continue_in_child(bool cycle) noexcept {
    if (!cycle) runs_->store(0, base::rlx);  // relaxed, all of it: there is one thread
    if (slots_ == nullptr) return;
    barriers_ = barriers_ && base::enable_barriers();
    for (unsigned i = 0; i < kSlots; ++i) {
        slots_[i].owner.store(0, base::rlx);
        slots_[i].turns.store(0, base::rlx);
        for (auto& guests : slots_[i].guests) guests.store(0, base::rlx);
    }
}

void CycleGate::drain(bool cycle) noexcept {
    if (slots_ == nullptr) return;
    if (barriers_) base::put_barriers();  // [E30]
    for (unsigned i = 0; i < kSlots; ++i) {
        Slot& slot = slots_[i];
        // [E30] after the barrier; [E31] acquire, pairs with the releases in
        // MutatorScope. An owner that was seen inside and has left enters again
        // after the barrier: it sees the new state.
        const std::uint32_t seen = slot.turns.load(base::seq_cst);
        Backoff owner;
        while (seen % 2 != 0 && slot.turns.load(base::acq) == seen) owner.wait();
        // [E30] seq_cst: after the exchange; [E31] acquire, likewise.
        Backoff guests;
        while (slot.guests[cycle ? 1 : 0].load(base::seq_cst) != 0) guests.wait();
    }
}

}  // namespace ashlar::manager
