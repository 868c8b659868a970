// The common way of RangeAllocator::take() and RangeAllocator::give(), with
// TLSF as a part of it: for the few functions that are to have all of it
// inlined.
#ifndef ASHLAR_MANAGER_RANGES_RANGE_ALLOCATOR_INLINE_HPP
#define ASHLAR_MANAGER_RANGES_RANGE_ALLOCATOR_INLINE_HPP

#include "manager/ranges/range_allocator.hpp"
#include "manager/ranges/tlsf.hpp"

namespace ashlar::ranges {

// A new record between `below` and its neighbour above.
inline RangeId RangeAllocator::fresh(RangeId below, Offset start, Size size) noexcept {
    State& state = *state_;
    RangeId id = state.unused;
    if (id != no_range) {
        state.unused = ranges_[id].chain;
    } else {
        id = state.clean == 0 ? ++state.created : reuse_page();
    }
    --state.spare;
    Range& range = ranges_[id];
    const RangeId above = ranges_[below].above;
    range.start = start;
    range.size = size;
    range.below = below;
    range.above = above;
    ranges_[below].above = id;
    ranges_[above].below = id;
    return id;
}

inline void RangeAllocator::recycle(RangeId id) noexcept {
    State& state = *state_;
    Range& range = ranges_[id];
    ranges_[range.below].above = range.above;
    ranges_[range.above].below = range.below;
    become(range, Kind::unused);
    range.chain = state.unused;
    state.unused = id;
    ++state.spare;
}

template <class P>
inline void RangeAllocator::become_hole(P& policy, RangeId id) noexcept {
    Range& range = ranges_[id];
    become(range, Kind::hole);
    for (std::uint32_t& link : range.link) link = 0;
    ++state_->totals.holes;
    gained(range.start, range.size);
    policy.insert(id);
}

template <class P>
inline void RangeAllocator::absorb(P& policy, RangeId hole) noexcept {
    policy.erase(hole);
    --state_->totals.holes;
    recycle(hole);
}

inline void RangeAllocator::become_block(RangeId id, Size size) noexcept {
    Range& range = ranges_[id];
    become(range, Kind::block);
    range.asked = size;
    range.user = 0;
    directory_.insert(id);
    Totals& totals = state_->totals;
    ++totals.blocks;
    totals.used += size;
    if (totals.used > totals.peak) totals.peak = totals.used;
}

template <class P>
inline RangeId RangeAllocator::take_from(P& policy, Size size, Size alignment) noexcept {
    const RangeId hole = policy.find(size, alignment);
    if (hole == no_range) [[unlikely]]
        return refuse(size, alignment);
    Range& range = ranges_[hole];
    const Offset at = range.start;
    if ((at & (alignment - 1)) != 0) return take_padded(hole, aligned(at, alignment), size);
    RangeId block = hole;
    if (range.size == size) {
        policy.erase(hole);
        --state_->totals.holes;
    } else {
        if (state_->spare == 0) [[unlikely]]
            return take_opened(size, alignment);
        block = fresh(range.below, at, size);
        policy.move(hole, at + size, range.size - size);
    }
    become_block(block, size);
    return block;
}

// Of two holes around the block the larger one stays: it is the likelier to
// keep its place in the policy's order.
template <class P>
inline void RangeAllocator::give_to(P& policy, RangeId block) noexcept {
    const Range& range = ranges_[block];
    const RangeId low = range.below;
    const RangeId high = range.above;
    const bool free_below = is_hole(ranges_[low]);
    const bool free_above = is_hole(ranges_[high]);
    if (!free_below && !free_above) return become_hole(policy, block);
    Offset start = range.start;
    Size size = range.size;
    recycle(block);
    RangeId kept = high;
    if (free_below) {
        kept = low;
        start = ranges_[low].start;
        size += ranges_[low].size;
    }
    if (free_above) {
        const Size above = ranges_[high].size;
        size += above;
        if (free_below) {
            if (ranges_[low].size < above) kept = high;
            absorb(policy, kept == low ? high : low);
        }
    }
    gained(start, size);
    policy.move(kept, start, size);
}

inline RangeId RangeAllocator::take_inline(Size size, Size alignment) noexcept {
    if (refused(size, alignment)) [[unlikely]]
        return no_range;
    if (policy_->is_tlsf_) [[likely]]
        return take_from(static_cast<Tlsf&>(*policy_), size, alignment);
    return take_by_policy(size, alignment);
}

inline void RangeAllocator::give_inline(RangeId* link) noexcept {
    const RangeId block = *link;
    directory_.erase(link);
    const Range& range = ranges_[block];
    Totals& totals = state_->totals;
    --totals.blocks;
    totals.used -= range.size;
    totals.rounding -= range.size - range.asked;
    if (policy_->is_tlsf_) [[likely]]
        return give_to(static_cast<Tlsf&>(*policy_), block);
    give_by_policy(block);
}

}  // namespace ashlar::ranges

#endif
