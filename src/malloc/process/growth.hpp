// Further heaps of the process, without thread caches, for requests that its
// first region cannot serve. That refuses at a limit of the address space, if
// another mapping is in its way, or while another thread takes long to reserve
// more. Any thread; a stopped one delays the others by a bounded time.
#ifndef ASHLAR_MALLOC_PROCESS_GROWTH_HPP
#define ASHLAR_MALLOC_PROCESS_GROWTH_HPP

#include <cstddef>

#include "base/atomic.hpp"

namespace ashlar::cache {

class Heap;
struct Request;
struct Allocation;

inline constexpr unsigned kMaxGrown = 64;
extern base::Atomic<Heap*> grown_heaps[kMaxGrown];

// Allocates from an existing grown heap. nullptr: none has room.
[[nodiscard]] Allocation allocate_existing(const Request& request) noexcept;
// The same, or from a new one.
[[nodiscard]] Allocation allocate_grown(const Request& request) noexcept;

// Once a second: returns free memory of the further heaps. No thread has a
// cache in them, and a program may never call them again.
void tick_grown() noexcept;

template <class F>
void each_grown(F f) noexcept {
    for (base::Atomic<Heap*>& slot : grown_heaps) {
        Heap* heap = slot.load(base::acq);  // [E13] acquire, pairs with the CAS in create_in()
        if (heap == nullptr) return;
        f(*heap);
    }
}

}  // namespace ashlar::cache

#endif
