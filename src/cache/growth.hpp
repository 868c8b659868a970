// Growth of the process heap when its first region is full, which happens only where the system refused a large one: further
// heaps without thread caches, and for a very large block one of its own, which goes when the block does.
#ifndef ASHLAR_CACHE_GROWTH_HPP
#define ASHLAR_CACHE_GROWTH_HPP

#include <cstddef>

#include "base/atomic.hpp"

namespace ashlar::cache {

class Core;

inline constexpr unsigned kMaxGrown = 64;
extern base::Atomic<Core*> grown_cores[kMaxGrown];

// From the heaps that there are; nullptr: none has room.
[[nodiscard]] void* take_existing(std::size_t size, std::size_t alignment, bool& zero) noexcept;
// From those, or from a new one; nullptr: out of memory.
[[nodiscard]] void* take_grown(std::size_t size, std::size_t alignment, bool& zero) noexcept;
// After the only block of a heap made for it was freed.
void release_single(Core& core) noexcept;

template <class F>
void each_grown(F f) noexcept {
    for (base::Atomic<Core*>& slot : grown_cores) {
        Core* core = slot.load(base::acq);  // [E13] acquire, pairs with the CAS in take_grown()
        if (core == nullptr) return;
        f(*core);
    }
}

}  // namespace ashlar::cache

#endif
