#include "ranges/heap.hpp"

namespace ashlar::ranges {

void Heap::layout(region::Carver& carver, Policy& policy, Size limit, std::uint32_t most) noexcept {
    most_ = most;
    ranges_ = Ranges(carver.array<Range>(std::size_t{most} + 1));
    state_ = carver.array<State>(1);
    directory_.layout(carver, ranges_, most);
    std::byte* memory = carver.array<std::byte>(policy.state_bytes(limit));
    if (!carver.places()) return;
    const bool fresh = state_->limit == 0;
    if (fresh) {
        state_->limit = limit;
        state_->spare = most;
    }
    policy_ = &policy;
    policy.attach(ranges_, memory, fresh);
    shaped_ = policy.shaped();
}

// A record between `below` and what is above it now.
RangeId Heap::fresh(RangeId below, Offset start, Size size) noexcept {
    State& state = *state_;
    RangeId id = state.unused;
    if (id != no_range) {
        state.unused = ranges_[id].chain;
    } else {
        id = ++state.born;
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

void Heap::recycle(RangeId id) noexcept {
    State& state = *state_;
    Range& range = ranges_[id];
    ranges_[range.below].above = range.above;
    ranges_[range.above].below = range.below;
    range.state = static_cast<std::uint32_t>(Kind::unused);
    range.chain = state.unused;
    state.unused = id;
    ++state.spare;
}

void Heap::become_hole(RangeId id) noexcept {
    Range& range = ranges_[id];
    range.state = static_cast<std::uint32_t>(Kind::hole);
    for (std::uint32_t& link : range.link) link = 0;
    ++state_->totals.holes;
    policy_->insert(id);
}

void Heap::absorb(RangeId hole) noexcept {
    policy_->erase(hole);
    --state_->totals.holes;
    recycle(hole);
}

void Heap::become_block(RangeId id, Size asked) noexcept {
    Range& range = ranges_[id];
    range.state = static_cast<std::uint32_t>(Kind::block);
    range.asked = asked;
    range.user = 0;
    directory_.insert(id);
    Totals& totals = state_->totals;
    ++totals.blocks;
    totals.used += range.size;
    totals.rounding += range.size - asked;
    if (totals.used > totals.peak) totals.peak = totals.used;
}

// What it calls here is inlined, and so in give(): a tenth of the instructions of a pair were calls and saved registers.
[[gnu::flatten]] RangeId Heap::take(Size size, Size alignment) noexcept {
    if (shaped_) return take_shaped(size, alignment);
    const RangeId hole = policy_->find(size, alignment);
    if (hole == no_range) return no_range;
    Range& range = ranges_[hole];
    const Offset at = aligned(range.start, alignment);
    if (at != range.start) return take_padded(hole, at, size);
    RangeId block = hole;
    if (range.size == size) {
        policy_->erase(hole);
        --state_->totals.holes;
    } else {
        if (state_->spare == 0) return no_range;
        block = fresh(range.below, at, size);
        policy_->move(hole, at + size, range.size - size);
    }
    become_block(block, size);
    return block;
}

// The hole keeps its record above the block; what lies below is a new one. Without a rest above, the hole is what lies below.
[[gnu::noinline]] RangeId Heap::take_padded(RangeId hole, Offset at, Size size) noexcept {
    Range& range = ranges_[hole];
    const Offset start = range.start;
    const Size pad = at - start;
    const Size rest = range.size - pad - size;
    if (state_->spare < (rest == 0 ? 1U : 2U)) return no_range;
    RangeId block = no_range;
    if (rest == 0) {
        policy_->move(hole, start, pad);
        block = fresh(hole, at, size);
    } else {
        policy_->move(hole, at + size, rest);
        const RangeId low = fresh(range.below, start, pad);
        become_hole(low);
        block = fresh(low, at, size);
    }
    become_block(block, size);
    return block;
}

// Of two holes around the block the larger one stays: it is the likelier to keep its place in the policy's order.
[[gnu::flatten]] void Heap::give(RangeId block) noexcept {
    directory_.erase(block);
    const Range& range = ranges_[block];
    --state_->totals.blocks;
    state_->totals.used -= range.size;
    state_->totals.rounding -= range.size - range.asked;
    if (shaped_) return give_shaped(block);
    const RangeId low = range.below;
    const RangeId high = range.above;
    const Offset start = range.start;
    const Size size = range.size;
    if (!is_hole(ranges_[high])) {
        if (!is_hole(ranges_[low])) return become_hole(block);
        recycle(block);
        return policy_->move(low, ranges_[low].start, ranges_[low].size + size);
    }
    recycle(block);
    const Size above = ranges_[high].size;
    if (!is_hole(ranges_[low])) return policy_->move(high, start, size + above);
    const Offset begin = ranges_[low].start;
    const Size below = ranges_[low].size;
    const bool keep_low = below >= above;
    absorb(keep_low ? high : low);
    policy_->move(keep_low ? low : high, begin, below + size + above);
}

bool Heap::resize(RangeId block, Size size) noexcept {
    Range& range = ranges_[block];
    const Size target = shaped_ ? policy_->rounded(size, 1) : size;
    const Size old = range.size;
    // A block of take_at() may be smaller than what the policy would make of it.
    const bool stays = target == old || (target > old && size <= old);
    if (target == 0 || (!stays && !(target > old ? extend(block, target) : reduce(block, target)))) return false;
    Totals& totals = state_->totals;
    totals.rounding += (range.size - size) - (old - range.asked);
    range.asked = size;
    totals.used += range.size - old;
    if (totals.used > totals.peak) totals.peak = totals.used;
    return true;
}

RangeId Heap::covering(Offset offset) noexcept {
    const RangeId block = directory_.last_up_to(offset);
    return block != no_range && offset < end_of(ranges_[block]) ? block : no_range;
}

bool Heap::grow(Size size, bool contiguous) noexcept {
    State& state = *state_;
    const Offset end = state.totals.capacity;
    if (size > state.limit - end) return false;
    if (size == 0) return true;
    const bool fenced = !contiguous && end != 0;
    const RangeId top = last();
    if (!shaped_ && !fenced && is_hole(ranges_[top])) {
        policy_->move(top, ranges_[top].start, ranges_[top].size + size);
    } else {
        if (state.spare < pieces(end, size) + (fenced ? 1U : 0U)) return false;
        if (fenced) ranges_[fresh(top, end, 0)].state = static_cast<std::uint32_t>(Kind::fence);
        fill(last(), end, size);
    }
    state.totals.capacity = end + size;
    return true;
}

Size Heap::shrink(Size most) noexcept {
    Size taken = 0;
    for (;;) {
        const RangeId top = last();
        const Range& range = ranges_[top];
        if (kind(range) == Kind::fence) {
            recycle(top);
            continue;
        }
        if (!is_hole(range) || taken == most) return taken;
        const Size part = range.size < most - taken ? range.size : most - taken;
        const Size rest = range.size - part;
        const Offset start = range.start;
        if (rest == 0) {
            absorb(top);
        } else if (!shaped_) {
            policy_->move(top, start, rest);
        } else {
            if (pieces(start, rest) > state_->spare + 1) return taken;
            absorb(top);
            fill(last(), start, rest);
        }
        taken += part;
        state_->totals.capacity -= part;
    }
}

}  // namespace ashlar::ranges
