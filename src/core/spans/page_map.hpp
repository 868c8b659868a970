// The page map: for each committed unit the bin of the slab that covers it, or
// of the run that begins there; else 0. The hit path finds a pointer's bin
// here. Any thread.
#ifndef ASHLAR_CORE_SPANS_PAGE_MAP_HPP
#define ASHLAR_CORE_SPANS_PAGE_MAP_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/size_class.hpp"

namespace ashlar::spans {

// A copy of the bounds, for lookups without another load.
struct PageMap {
    std::uintptr_t base;   // of the region
    std::uintptr_t units;  // committed when this was copied
    const base::Atomic<std::uint8_t>* bins;

    // 0: the address lies outside of the units, or its unit has no bin. The
    // slow path then looks closer.
    [[nodiscard]] base::Bin bin_of(const void* address) const noexcept {
        return contains(address) ? static_cast<base::Bin>(bin_within(address)) : 0;
    }
    [[nodiscard]] bool contains(const void* address) const noexcept {
        return unit_of(address) < units;
    }
    // The same where contains() holds.
    [[nodiscard]] std::size_t bin_within(const void* address) const noexcept {
        // Relaxed: a thread that reads the entry holds a block in the unit. The
        // program's hand-over of the block orders it.
        return bins[unit_of(address)].load(base::rlx);
    }
    [[nodiscard]] std::uintptr_t unit_of(const void* address) const noexcept {
        return (reinterpret_cast<std::uintptr_t>(address) - base) >> base::kUnitShift;
    }
};

}  // namespace ashlar::spans

#endif
