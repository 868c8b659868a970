/// \file
/// Counters and the budget of an ashlar::MemoryManager.
#ifndef ASHLAR_MANAGER_COUNTERS_HPP
#define ASHLAR_MANAGER_COUNTERS_HPP

#include <ashlar/policy.hpp>
#include <cstdint>

namespace ashlar {

/// Counts since a manager's beginning, or since
/// MemoryManager::reset_counters().
struct ManagerCounters {
    /// Number of blocks that were allocated, reserved ranges included, and
    /// moves by reallocate() left out; 0 without
    /// ManagerOptions::count_allocations.
    std::uint64_t allocations;
    /// Number of blocks that were freed, also by a collector, a pass or
    /// clear(); 0 without ManagerOptions::count_allocations.
    std::uint64_t deallocations;
    /// Number of requests that found no room, those of resize(), allocate_at()
    /// and reserve_range() left out.
    std::uint64_t failures;
    /// Maximum of the bytes that the policy has handed out, as
    /// ManagerStatistics::peak_used.
    Size peak_used;
    /// Maximum size of the buffer.
    Size peak_capacity;
};

/// The budget of a manager, and how much of it is in use, in bytes.
struct ManagerBudget {
    /// The bytes that requests stay below; no_budget if there is no budget.
    Size budget;
    /// Bytes that the policy has handed out. A slab of small blocks counts as a
    /// whole.
    Size used;
    /// Returns how many bytes of the budget are left; 0 if it is exceeded.
    /// O(1).
    [[nodiscard]] Size left() const noexcept { return budget < used ? 0 : budget - used; }
};

}  // namespace ashlar

#endif
