// Gives the pages of a manager's holes back to the system, a part at a time, so
// that the lock is held for a bounded time. Ranges may change between two
// parts: a block that was a hole keeps its bytes, and a new hole may be left
// out.
#ifndef ASHLAR_MANAGER_ENGINE_HOLE_PURGE_HPP
#define ASHLAR_MANAGER_ENGINE_HOLE_PURGE_HPP

#include "manager/base/buffer.hpp"
#include "manager/ranges/range_allocator.hpp"

namespace ashlar::manager {

class HolePurge {
  public:
    static constexpr unsigned kRanges = 1024;      // visited in one step
    static constexpr unsigned kHoles = 16;         // with whole pages
    static constexpr Size kBytes = Size{2} << 20;  // of holes

    // The lock. False: all is done.
    bool step(ranges::RangeAllocator& allocator, const Buffer& buffer) noexcept;

  private:
    [[nodiscard]] RangeId resume(ranges::RangeAllocator& allocator) const noexcept;

    RangeId next_ = no_range;  // the range to go on with, if it still begins at start_
    Offset start_ = 0;
    Offset done_ = 0;  // all below has been visited
};

}  // namespace ashlar::manager

#endif
