// The gate between the collector and threads that change blocks, or references
// in blocks. A thread is inside during one such change, and learns on entering
// whether a cycle runs. If so, it makes the change under the lock and tells the
// collector. close() waits for threads that entered before, so that the
// collector sees all changes of a cycle.
//
// Entering costs the owner of a slot two plain stores and a load: close() lets
// the system put a barrier into every thread (membarrier). No thread enters
// twice: code that runs inside must not change blocks. A manager for one thread
// has no slots.
#ifndef ASHLAR_MANAGER_COLLECTOR_CYCLE_GATE_HPP
#define ASHLAR_MANAGER_COLLECTOR_CYCLE_GATE_HPP

#include <cstdint>

#include "base/atomic.hpp"
#include "core/region/region.hpp"
#include "manager/slabs/small.hpp"

namespace ashlar::manager {

class CycleGate {
  public:
    class MutatorScope;

    void layout(region::Carver& carver, bool shared) noexcept;

    // Begins a cycle: threads that enter from now on see it. Returns when all
    // that entered before have left, however many come after them. Not from
    // inside, nor under a lock that a thread inside may wait for. One thread at
    // a time, open() included.
    void close() noexcept;
    // Ends the cycle. Returns when all threads that saw it run have left.
    void open() noexcept;
    // In the child of a fork, whose only thread is not inside: nobody is. The
    // gate opens, unless the cycle is that thread's.
    void continue_in_child(bool cycle) noexcept;
    // For a manager's only thread, which needs no slot.
    // Relaxed: it closes and opens itself.
    [[nodiscard]] bool runs() const noexcept { return runs_->load(base::rlx) != 0; }

  private:
    static constexpr unsigned kSlots = 64;
    // If another thread owns the slot of its number, a thread counts itself
    // there as a guest of the state that it saw. So a wait for the guests of
    // the old state is not prolonged by later guests.
    struct alignas(base::kCacheLine) Slot {
        base::Atomic<std::uint32_t> owner;  // thread number; 0: no owner yet
        // Entries and exits, odd while the owner is inside; only the owner
        // writes it.
        base::Atomic<std::uint32_t> turns;
        base::Atomic<std::uint32_t> guests[2];  // guests that saw no cycle, and that saw one
    };

    // Whether the caller owns the slot now. If not, it is a guest and inside,
    // and `cycle` is the state that it saw.
    [[gnu::noinline]] bool enter_slowly(Slot& slot, bool& cycle) noexcept;
    // Returns when all threads that saw a cycle, or that saw none, have left.
    void drain(bool cycle) noexcept;

    base::Atomic<std::uint32_t>* runs_ = nullptr;
    Slot* slots_ = nullptr;
    bool barriers_ = false;  // the system has membarrier
};

class CycleGate::MutatorScope {
  public:
    explicit MutatorScope(CycleGate& gate) noexcept {
        if (gate.slots_ != nullptr) {
            slot_ = &gate.slots_[thread_number() % kSlots];
            // Relaxed: no other thread writes this thread's number.
            if (slot_->owner.load(base::rlx) == thread_number()) [[likely]] {
                owner_ = true;
                // [E30] first for the compiler: close() puts the barrier
                // between this and the load below. [E31] release, since drain()
                // may read this one in the place of the store before, by which
                // the owner left.
                slot_->turns.store(slot_->turns.load(base::rlx) + 1, base::rel);
                base::compiler_fence();
            } else {
                owner_ = gate.enter_slowly(*slot_, cycle_);
                if (!owner_) return;
            }
        }
        // [E30] after the slot, see there; [E32] acquire, pairs with the
        // release in open().
        cycle_ = gate.runs_->load(base::seq_cst) != 0;
    }
    ~MutatorScope() { leave(); }
    MutatorScope(const MutatorScope&) = delete;
    MutatorScope& operator=(const MutatorScope&) = delete;

    // Whether a cycle ran when this thread entered: none begins while it is
    // inside, but one may end.
    [[nodiscard]] bool cycle() const noexcept { return cycle_; }
    void leave() noexcept {
        if (slot_ == nullptr) return;
        if (owner_) {
            // [E31] release, pairs with the acquire in drain(): what was done
            // inside. Relaxed load: the owner's own word.
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
