// The uncommon paths of Heap: free ranges that span several holes or are kept
// in pieces, and blocks at given places. For policies that keep free ranges
// whole, a piece is the whole range.
#include <algorithm>

#include "manager/ranges/range_allocator_inline.hpp"

namespace ashlar::ranges {

Size RangeAllocator::piece(Offset start, Size size) const noexcept {
    if (!shaped_) return size;
    const Size part = policy_->piece(start, size);
    return part == 0 || part > size ? size : part;
}

std::uint32_t RangeAllocator::pieces(Offset start, Size size) const noexcept {
    std::uint32_t count = 0;
    while (size != 0) {
        const Size part = piece(start, size);
        start += part;
        size -= part;
        ++count;
    }
    return count;
}

// Makes holes of free bytes above `below`. The caller has made sure of a record
// for each piece.
RangeId RangeAllocator::fill(RangeId below, Offset start, Size size) noexcept {
    while (size != 0) {
        const Size part = piece(start, size);
        below = fresh(below, start, part);
        settle(below);
        start += part;
        size -= part;
    }
    return below;
}

// A range that is free, but no hole yet, becomes one, with all that it merges
// with.
void RangeAllocator::settle(RangeId id) noexcept {
    Range& range = ranges_[id];
    for (;;) {
        const RangeId low = range.below;
        const RangeId high = range.above;
        if (is_hole(ranges_[low]) && merges(ranges_[low], range)) {
            range.start = ranges_[low].start;
            range.size += ranges_[low].size;
            absorb(low);
        } else if (is_hole(ranges_[high]) && merges(range, ranges_[high])) {
            range.size += ranges_[high].size;
            absorb(high);
        } else {
            break;
        }
    }
    become_hole(id);
}

// During fill() the range above may not begin at the end of this one.
bool RangeAllocator::merges(const Range& low, const Range& high) const noexcept {
    return end_of(low) == high.start && (!shaped_ || policy_->merges(low, high));
}

RangeId RangeAllocator::take_shaped(Size size, Size alignment) noexcept {
    const Size rounded = policy_->rounded(size, alignment);
    if (rounded == 0 || refused(rounded, alignment)) return no_range;
    const RangeId hole = policy_->find(rounded, alignment);
    if (hole == no_range) return refuse(rounded, alignment);
    return carve(hole, aligned(ranges_[hole].start, alignment), rounded, size);
}

void RangeAllocator::give_shaped(RangeId block) noexcept {
    const Range& range = ranges_[block];
    const Offset start = range.start;
    const Size size = range.size;
    if (piece(start, size) == size) return settle(block);
    const RangeId below = range.below;
    state_->spare += debt(start, size);
    recycle(block);
    fill(below, start, size);
}

RangeId RangeAllocator::take_at(Offset start, Size size, Size asked) noexcept {
    const RangeId hole = hole_with(start);
    return hole == no_range ? no_range : carve(hole, start, size, asked);
}

RangeId RangeAllocator::append(Offset start, Size size, Size asked) noexcept {
    RangeId hole = last();
    while (is_hole(ranges_[hole]) && ranges_[hole].start > start) hole = ranges_[hole].below;
    return is_hole(ranges_[hole]) ? carve(hole, start, size, asked) : no_range;
}

// The hole with that byte, or no_range.
RangeId RangeAllocator::hole_with(Offset offset) noexcept {
    const RangeId block = directory_.last_up_to(offset);
    RangeId at = ranges_[block].above;  // of no_range: the first
    if (block != no_range && offset < end_of(ranges_[block])) return no_range;
    while (kind(ranges_[at]) == Kind::fence ||
           (is_hole(ranges_[at]) && end_of(ranges_[at]) <= offset))
        at = ranges_[at].above;
    return is_hole(ranges_[at]) ? at : no_range;
}

// The hole in which the bytes up to `end` end, if there are only holes from
// `hole` to there: adds to `count` how many.
RangeId RangeAllocator::last_hole_to(RangeId hole, Offset end,
                                     std::uint32_t& count) const noexcept {
    for (; is_hole(ranges_[hole]); hole = ranges_[hole].above) {
        ++count;
        if (end_of(ranges_[hole]) >= end) return hole;
    }
    return no_range;
}

// A block of just these bytes, which begin in that hole; no_range: they are not
// all free, or the records don't suffice.
RangeId RangeAllocator::carve(RangeId hole, Offset start, Size size, Size asked) noexcept {
    std::uint32_t count = 0;
    const Offset end = start + size;
    const RangeId top = end < start ? no_range : last_hole_to(hole, end, count);
    if (top == no_range) return no_range;
    const Offset from = ranges_[hole].start;
    const Offset to = end_of(ranges_[top]);
    const std::uint32_t needed =
        pieces(from, start - from) + pieces(start, size) + pieces(end, to - end);
    if (!has_spare(needed - std::min(needed, count))) return no_range;
    const RangeId below = ranges_[hole].below;
    absorb_above(below, count);
    const RangeId block = fresh(fill(below, from, start - from), start, size);
    state_->spare -= debt(start, size);
    become_block(block, size);
    ranges_[block].asked = asked;
    state_->totals.rounding += size - asked;
    fill(block, end, to - end);
    return block;
}

void RangeAllocator::absorb_above(RangeId below, std::uint32_t count) noexcept {
    for (; count != 0; --count) absorb(ranges_[below].above);
}

// Up to `size`, if that is free and in shape.
bool RangeAllocator::extend(RangeId block, Size size) noexcept {
    Range& range = ranges_[block];
    std::uint32_t count = 0;
    const Offset end = range.start + size;
    const RangeId top = end < range.start ? no_range : last_hole_to(range.above, end, count);
    if (top == no_range) return false;
    const Offset to = end_of(ranges_[top]);
    if (!shaped_) {
        if (to == end) {
            absorb(top);
        } else {
            policy_->move(top, end, to - end);
        }
        range.size = size;
        return true;
    }
    const std::uint32_t old_debt = debt(range.start, range.size);
    const std::uint32_t needed = pieces(end, to - end);
    if (piece(range.start, size) != size || !has_spare(needed - std::min(needed, count + old_debt)))
        return false;
    absorb_above(block, count);
    state_->spare += old_debt;
    range.size = size;
    fill(block, end, to - end);
    return true;
}

bool RangeAllocator::reduce(RangeId block, Size size) noexcept {
    Range& range = ranges_[block];
    const RangeId above = range.above;
    const Offset end = range.start + size;
    const Size freed = range.size - size;
    if (!shaped_ && is_hole(ranges_[above])) {
        range.size = size;
        policy_->move(above, end, freed + ranges_[above].size);
        gained(end, ranges_[above].size);
        return true;
    }
    const std::uint32_t old_debt = debt(range.start, range.size);
    const std::uint32_t new_debt = debt(range.start, size);
    const std::uint32_t needed = pieces(end, freed) + new_debt;
    if (!has_spare(needed - std::min(needed, old_debt))) return false;
    state_->spare += old_debt - new_debt;
    range.size = size;
    fill(block, end, freed);
    return true;
}

}  // namespace ashlar::ranges
