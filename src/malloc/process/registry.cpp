#include "malloc/process/registry.hpp"

#include <cstddef>

#include "malloc/heap/heap.hpp"

namespace ashlar::cache {

using base::acq;
using base::rel;
using base::rlx;

bool Registry::enroll(Heap& heap) noexcept {
    for (std::uint32_t i = 0; i < kPlaces; ++i) {
        Place& place = places_[i];
        std::uint64_t empty = 0;
        // [E12] acquire, pairs with strike(): all uses of the place by its last
        // heap come before.
        if (place.ticket.load(rlx) != 0 || !place.ticket.cas(empty, 1, acq, rlx)) continue;
        // [E12] release each, after ticket = 1: a reader that acquires a new
        // value finds the ticket changed.
        place.start.store(heap.region().base, rel);
        place.bytes.store(std::uintptr_t{heap.region().end} << base::kUnitShift, rel);
        place.heap.store(&heap, rel);
        // [E12] pairs with owner_of(): all of the above.
        place.ticket.store(tickets_.fetch_add(1, rlx) + 2, rel);
        std::uint32_t used = used_.load(rlx);
        // [E12] release, pairs with the acquire in owner_of().
        while (used <= i && !used_.cas(used, i + 1, rel, rlx)) {
        }
        return true;
    }
    return false;
}

void Registry::strike(const Heap& heap) noexcept {
    for (std::uint32_t i = 0, n = used_.load(acq); i < n; ++i) {  // [E12] as in owner_of()
        // [E12] acquire: only the owner of a heap strikes it, and no other
        // place names it.
        if (places_[i].ticket.load(acq) < 2 || places_[i].heap.load(rlx) != &heap) continue;
        places_[i].ticket.store(0, rel);  // [E12] release, pairs with the CAS in enroll()
        return;
    }
}

// Another heap may get a place while it is read. The values count only if the
// ticket is the same before and after.
Heap* Registry::owner_of(std::uintptr_t address) const noexcept {
    // [E12] acquire, pairs with enroll().
    for (std::uint32_t i = 0, n = used_.load(acq); i < n; ++i) {
        const Place& place = places_[i];
        const std::uint64_t ticket = place.ticket.load(acq);  // [E12] acquire, pairs with enroll()
        if (ticket < 2) continue;
        // [E12] acquire: the second read of the ticket comes after.
        const std::uintptr_t start = place.start.load(acq);
        const std::uintptr_t bytes = place.bytes.load(acq);
        Heap* heap = place.heap.load(acq);
        if (place.ticket.load(rlx) != ticket) continue;
        if (address - start < bytes) return heap;
    }
    return nullptr;
}

void Registry::describe(inspect::ProcessTables& out) const noexcept {
    const auto at = [](const void* place) noexcept {
        return reinterpret_cast<std::uintptr_t>(place);
    };
    out.places = at(places_);
    out.places_used = at(&used_);
    out.place_bytes = sizeof(Place);
    out.place_ticket = offsetof(Place, ticket);
    out.place_heap = offsetof(Place, heap);
    out.most_places = kPlaces;
    out.heap_offset = Heap::kDescriptionBytes;
}

}  // namespace ashlar::cache
