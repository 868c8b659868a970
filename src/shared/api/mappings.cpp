#include "shared/api/mappings.hpp"

namespace ashlar::shared {

using base::acq;
using base::acq_rel;
using base::rel;
using base::rlx;

constinit Mappings mappings{};

bool Mappings::add(Mapping& mapping, std::uintptr_t start, std::uintptr_t end) noexcept {
    for (Entry& entry : list_) {
        std::uint64_t seen = entry.changes.load(acq);  // [E51]
        if (seen % 2 != 0 || entry.mapping.load(acq) != nullptr) continue;
        if (!entry.changes.cas(seen, seen + 1, acq_rel, rlx)) continue;  // [E51]
        entry.start.store(start, rel);                                   // [E51], all of these
        entry.end.store(end, rel);
        entry.mapping.store(&mapping, rel);
        entry.changes.store(seen + 2, rel);
        return true;
    }
    return false;
}

void Mappings::remove(const Mapping& mapping) noexcept {
    for (Entry& entry : list_) {
        if (entry.mapping.load(rlx) != &mapping) continue;  // relaxed: the caller added it
        const std::uint64_t seen = entry.changes.load(rlx);
        entry.changes.store(seen + 1, rel);  // [E51]
        entry.mapping.store(nullptr, rel);   // [E51]
        entry.changes.store(seen + 2, rel);  // [E51]
        return;
    }
}

// An entry that changes meanwhile is of another heap.
Mapping* Mappings::at(std::uintptr_t address) const noexcept {
    for (const Entry& entry : list_) {
        const std::uint64_t seen = entry.changes.load(acq);  // [E51], all of these
        if (seen == 0) return nullptr;                       // entries are used from the first on
        const bool inside = address >= entry.start.load(acq) && address < entry.end.load(acq);
        Mapping* const mapping = entry.mapping.load(acq);
        if (inside && mapping != nullptr && seen % 2 == 0 && entry.changes.load(acq) == seen)
            return mapping;
    }
    return nullptr;
}

}  // namespace ashlar::shared
