#include "cache/registry.hpp"

#include "cache/core.hpp"

namespace ashlar::cache {

using base::acq;
using base::rel;
using base::rlx;

bool Registry::enroll(Core& core) noexcept {
    for (std::uint32_t i = 0; i < kPlaces; ++i) {
        Place& place = places_[i];
        std::uint64_t empty = 0;
        // acquire: after everything that the place's last heap did with it.
        if (place.ticket.load(rlx) != 0 || !place.ticket.cas(empty, 1, acq, rlx)) continue;
        // [E12] release each, after ticket = 1: who reads a new value with acquire finds the ticket changed.
        place.start.store(core.region().base, rel);
        place.bytes.store(std::uintptr_t{core.region().end} << base::kUnitShift, rel);
        place.core.store(&core, rel);
        place.ticket.store(tickets_.fetch_add(1, rlx) + 2, rel);  // [E12] pairs with owner_of(): all of the above
        std::uint32_t used = used_.load(rlx);
        while (used <= i && !used_.cas(used, i + 1, rel, rlx)) {  // release, pairs with the acquire in owner_of()
        }
        return true;
    }
    return false;
}

void Registry::strike(const Core& core) noexcept {
    for (std::uint32_t i = 0, n = used_.load(acq); i < n; ++i) {
        // acquire: only the owner of a heap strikes it, and no other place names it.
        if (places_[i].ticket.load(acq) < 2 || places_[i].core.load(rlx) != &core) continue;
        places_[i].ticket.store(0, rel);  // pairs with the CAS in enroll()
        return;
    }
}

// A place may change hands while it is read: what was read counts only if the ticket is the same before and after.
Core* Registry::owner_of(std::uintptr_t address) const noexcept {
    for (std::uint32_t i = 0, n = used_.load(acq); i < n; ++i) {
        const Place& place = places_[i];
        const std::uint64_t ticket = place.ticket.load(acq);  // [E12] acquire, pairs with enroll()
        if (ticket < 2) continue;
        const std::uintptr_t start = place.start.load(acq);  // [E12] acquire: the second look comes after
        const std::uintptr_t bytes = place.bytes.load(acq);
        Core* core = place.core.load(acq);
        if (place.ticket.load(rlx) != ticket) continue;
        if (address - start < bytes) return core;
    }
    return nullptr;
}

}  // namespace ashlar::cache
