// Where those who change blocks, or references in blocks, meet the collector. A thread is inside while it does one such thing,
// and learns on entering whether a cycle runs: then it does it under the lock and tells the collector. close() waits for those
// who entered before, so that nothing changes unseen while a cycle runs.
//
// Entering costs the owner of a slot two plain stores and a load: whoever closes lets the system put a barrier into every
// thread (membarrier). Nobody enters twice: what runs inside must not change blocks. A manager for one thread has no slots.
#ifndef ASHLAR_MANAGER_GATE_HPP
#define ASHLAR_MANAGER_GATE_HPP

#include <cstdint>

#include "base/atomic.hpp"
#include "manager/small.hpp"
#include "region/region.hpp"

namespace ashlar::manager {

class Gate {
  public:
    class Pass;

    void layout(region::Carver& carver, bool shared) noexcept;

    // A cycle begins: who enters from now on knows; when it returns, who entered before is through, however many come after
    // them. Not from inside, nor under a lock that somebody inside may wait for. One thread at a time, open() included.
    void close() noexcept;
    // It has ended; returns when those who thought that it ran are through.
    void open() noexcept;
    // For a manager's only thread, which is inside whenever it likes.
    [[nodiscard]] bool runs() const noexcept { return runs_->load(base::rlx) != 0; }  // relaxed: it closes and opens itself

  private:
    static constexpr unsigned kSlots = 64;
    // A thread that finds the slot of its number in other hands counts itself as a guest there, by what it knows: whoever waits
    // for those who know the old state waits for nobody who came later.
    struct alignas(base::kCacheLine) Slot {
        base::Atomic<std::uint32_t> owner;      // thread number; 0: nobody's yet
        base::Atomic<std::uint32_t> turns;      // the owner's comings and goings: odd while it is inside; nobody else writes it
        base::Atomic<std::uint32_t> guests[2];  // who thinks that no cycle runs, that one runs
    };

    // Whether the caller owns the slot now. If not it is a guest, and inside: `cycle` says what it knows.
    [[gnu::noinline]] bool enter_slowly(Slot& slot, bool& cycle) noexcept;
    // Returns when those are through who thought that a cycle runs, or that none does.
    void drain(bool cycle) noexcept;

    base::Atomic<std::uint32_t>* runs_ = nullptr;
    Slot* slots_ = nullptr;
    bool barriers_ = false;  // the system has membarrier
};

class Gate::Pass {
  public:
    explicit Pass(Gate& gate) noexcept {
        if (gate.slots_ != nullptr) {
            slot_ = &gate.slots_[thread_number() % kSlots];
            // Relaxed: nobody else ever writes this thread's number.
            if (slot_->owner.load(base::rlx) == thread_number()) [[likely]] {
                owner_ = true;
                // [E30] first for the compiler: close() puts the barrier between this and the load below. [E31] release, since
                // drain() may read this one in the place of the store before, by which the owner left.
                slot_->turns.store(slot_->turns.load(base::rlx) + 1, base::rel);
                base::compiler_fence();
            } else {
                owner_ = gate.enter_slowly(*slot_, cycle_);
                if (!owner_) return;
            }
        }
        // [E30] after the slot, see there; [E32] acquire, pairs with the release in open().
        cycle_ = gate.runs_->load(base::sc) != 0;
    }
    ~Pass() { leave(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

    // Whether a cycle ran when this thread entered: none begins while it is inside, but one may end.
    [[nodiscard]] bool cycle() const noexcept { return cycle_; }
    void leave() noexcept {
        if (slot_ == nullptr) return;
        if (owner_) {
            // [E31] release, pairs with the acquire in drain(): what was done inside. Relaxed load: the owner's own word.
            slot_->turns.store(slot_->turns.load(base::rlx) + 1, base::rel);
        } else {
            slot_->guests[cycle_ ? 1 : 0].fetch_sub(1, base::rel);  // [E31] release, likewise
        }
        slot_ = nullptr;
    }

  private:
    Slot* slot_ = nullptr;
    bool owner_ = false;
    bool cycle_;
};

}  // namespace ashlar::manager

#endif
