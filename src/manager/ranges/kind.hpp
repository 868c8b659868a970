// Range::state: the kind of the range, and flags of blocks.
#ifndef ASHLAR_MANAGER_RANGES_KIND_HPP
#define ASHLAR_MANAGER_RANGES_KIND_HPP

#include <ashlar/policy.hpp>
#include <cstdint>

namespace ashlar::ranges {

enum class Kind : std::uint32_t { unused = 0, hole = 1, block = 2, fence = 3 };
inline constexpr std::uint32_t kKindMask = 3;
inline constexpr std::uint32_t kIndexed = 1U << 2;   // directory: in the tree by address
inline constexpr std::uint32_t kSlab = 1U << 3;      // small: cut into small blocks
inline constexpr std::uint32_t kMovable = 1U << 4;   // moves: behind a handle, which is in `user`
inline constexpr std::uint32_t kReserved = 1U << 5;  // reserve_range()
// Collector: reached in this cycle, or allocated during it.
inline constexpr std::uint32_t kMarked = 1U << 6;
inline constexpr std::uint32_t kNamed = 1U << 7;  // has a name, in the manager's table
// Moves: the room that a block of a pass is to move to.
inline constexpr std::uint32_t kTarget = 1U << 8;

inline constexpr std::uint32_t kRoot = 1U << 16;  // allocate_root(): a root of the collector

// A search for an aligned block that met so many holes which are long enough,
// but do not fit, goes on with those that have room for any padding.
inline constexpr unsigned kMostLooks = 64;

inline Kind kind(const Range& range) noexcept { return static_cast<Kind>(range.state & kKindMask); }
// It becomes one of these, without flags.
inline void become(Range& range, Kind kind) noexcept {
    range.state = static_cast<std::uint32_t>(kind);
}

}  // namespace ashlar::ranges

#endif
