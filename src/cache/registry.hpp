// Which heap an address belongs to, for pointers that the process heap does not know. Constant memory, lock-free, any thread.
#ifndef ASHLAR_CACHE_REGISTRY_HPP
#define ASHLAR_CACHE_REGISTRY_HPP

#include <cstdint>

#include "base/atomic.hpp"

namespace ashlar::cache {

class Core;

class Registry {
  public:
    // False: all places are taken.
    [[nodiscard]] bool enroll(Core& core) noexcept;
    // Before the heap's memory goes, never after.
    void strike(const Core& core) noexcept;
    // The caller holds a block there, so that this heap at least stays. nullptr: nobody's address. O(heaps).
    [[nodiscard]] Core* owner_of(std::uintptr_t address) const noexcept;
    template <class F>
    void each(F f) const noexcept {
        for (std::uint32_t i = 0, n = used_.load(base::acq); i < n; ++i) {
            if (places_[i].ticket.load(base::acq) > 1) f(*places_[i].core.load(base::rlx));
        }
    }

  private:
    static constexpr std::uint32_t kPlaces = 4096;
    struct Place {
        base::Atomic<std::uint64_t> ticket;  // 0: empty, 1: being written, else the number of this enrolment: never used again
        base::Atomic<std::uintptr_t> start;
        base::Atomic<std::uintptr_t> bytes;
        base::Atomic<Core*> core;
    };

    Place places_[kPlaces];
    base::Atomic<std::uint32_t> used_;  // places [0, used) have been taken at least once
    base::Atomic<std::uint64_t> tickets_;
};

}  // namespace ashlar::cache

#endif
