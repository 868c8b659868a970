// The registry of heaps: which heap an address belongs to, for pointers outside
// the process heap. Its memory is constant. Lock-free, any thread.
#ifndef ASHLAR_MALLOC_PROCESS_REGISTRY_HPP
#define ASHLAR_MALLOC_PROCESS_REGISTRY_HPP

#include <cstdint>

#include "base/atomic.hpp"
#include "malloc/inspect/layout.hpp"

namespace ashlar::cache {

class Heap;

class Registry {
  public:
    // False: all places are taken.
    [[nodiscard]] bool enroll(Heap& heap) noexcept;
    // Called before the heap's memory is released, never after.
    void strike(const Heap& heap) noexcept;
    // The caller holds a block at the address, so that its heap stays. nullptr:
    // no heap has the address. O(heaps).
    [[nodiscard]] Heap* owner_of(std::uintptr_t address) const noexcept;
    template <class F>
    void each(F f) const noexcept {
        // [E12] acquire, both, as in owner_of().
        for (std::uint32_t i = 0, n = used_.load(base::acq); i < n; ++i) {
            if (places_[i].ticket.load(base::acq) > 1) f(*places_[i].heap.load(base::rlx));
        }
    }

    // Where its places lie, for readers from outside.
    void describe(inspect::ProcessTables& out) const noexcept;

  private:
    static constexpr std::uint32_t kPlaces = 4096;
    struct Place {
        // 0: empty, 1: being written, else the number of this enrolment, never
        // used again.
        base::Atomic<std::uint64_t> ticket;
        base::Atomic<std::uintptr_t> start;
        base::Atomic<std::uintptr_t> bytes;
        base::Atomic<Heap*> heap;
    };

    Place places_[kPlaces];
    base::Atomic<std::uint32_t> used_;  // places [0, used) have been taken at least once
    base::Atomic<std::uint64_t> tickets_;
};

}  // namespace ashlar::cache

#endif
