// Frees all blocks in one walk over the records, in the order of their numbers:
// that is the order of memory, whatever the addresses of the ranges.
#include "manager/ranges/range_allocator.hpp"

namespace ashlar::ranges {

// Links a fence into the ring, which holds nothing but fences at that time.
// There is one for each part of the buffer, and records of later parts mostly
// have greater numbers.
void RangeAllocator::keep_fence(RangeId fence) noexcept {
    RangeId below = ranges_[no_range].below;
    while (below != no_range && ranges_[below].start > ranges_[fence].start)
        below = ranges_[below].below;
    const RangeId above = ranges_[below].above;
    ranges_[fence].below = below;
    ranges_[fence].above = above;
    ranges_[below].above = fence;
    ranges_[above].below = fence;
}

void RangeAllocator::clear() noexcept {
    State& state = *state_;
    const Totals before = state.totals;
    drop_index();
    ranges_[no_range].below = ranges_[no_range].above = no_range;
    state.unused = no_range;
    state.spare = state.opened - 1;
    state.refused_size = ~Size{0};
    for (RangeId id = state.created; id != no_range; --id) {
        if (on_clean_page(id)) continue;
        Range& range = ranges_[id];
        if (is_hole(range)) policy_->erase(id);
        if (kind(range) == Kind::fence) {
            range.state = static_cast<std::uint32_t>(Kind::fence);
            keep_fence(id);
            --state.spare;
        } else {
            range.state = static_cast<std::uint32_t>(Kind::unused);
            range.chain = state.unused;
            state.unused = id;
        }
    }
    directory_.clear();
    state.totals = {before.capacity, 0, before.peak, 0, 0, 0};
    // The free bytes of each part, which are whole again.
    Offset start = 0;
    RangeId below = no_range;
    for (RangeId fence = first(); fence != no_range; fence = ranges_[fence].above) {
        fill(below, start, ranges_[fence].start - start);
        start = ranges_[fence].start;
        below = fence;
    }
    fill(below, start, before.capacity - start);
}

}  // namespace ashlar::ranges
