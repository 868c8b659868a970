#include "manager/ranges/range_allocator.hpp"

#include "manager/ranges/range_allocator_inline.hpp"

namespace ashlar::ranges {

void RangeAllocator::layout(region::Carver& carver, Policy& policy, Size limit,
                            std::uint32_t most) noexcept {
    most_ = most;
    // Null while the carver measures.
    Range* const records = carver.stepped<Range>(std::size_t{most} + 1);
    ranges_ = Ranges(records, most);
    steps_ = region::StepTables(carver.open_end());
    steps_.add(records, sizeof(Range));
    state_ = carver.array<State>(1);
    clean_ = carver.array<base::Word>(most / base::kWordBits / kLeastPage + 1);
    directory_.layout(carver, ranges_, most);
    index_.layout(carver, most);
    policy_bytes_ = policy.state_bytes(limit);
    std::byte* memory = carver.array<std::byte>(policy_bytes_);
    if (!carver.places()) return;
    const bool fresh = state_->limit == 0;
    if (fresh) {
        state_->limit = limit;
        state_->opened = carver.steps() ? 0 : most + 1;
        state_->spare = carver.steps() ? 0 : most;
        state_->refused_size = ~Size{0};
        state_->lead = records_before_page();
    }
    policy.attach(ranges_, memory, fresh);
    own_policy_ = &policy;
    index_.stand_before(policy, ranges_);
    policy_ = index_.active() ? static_cast<Policy*>(&index_) : &policy;
    shaped_ = policy.shaped();
}

// Record 0 is the ring's, and no range's.
bool RangeAllocator::open_records(std::uint32_t spare) noexcept {
    State& state = *state_;
    const std::uint32_t before = state.opened;
    const std::uint32_t missing = spare - state.spare + (before == 0 ? 1 : 0);
    if (missing > most_ + 1 - before) return false;
    state.opened = steps_.open(before, before + missing, most_ + 1);
    if (state.opened == before) return false;
    state.spare += state.opened - before - (before == 0 ? 1 : 0);
    return true;
}

// Begins anew, so that the common path keeps nothing over this call.
RangeId RangeAllocator::take_opened(Size size, Size alignment) noexcept {
    return open_records(1) ? take(size, alignment) : no_range;
}

[[gnu::flatten]] RangeId RangeAllocator::take(Size size, Size alignment) noexcept {
    return take_inline(size, alignment);
}
[[gnu::flatten]] void RangeAllocator::give(RangeId block) noexcept {
    give_inline(directory_.link_to(ranges_[block].start));
}

void RangeAllocator::become_hole(RangeId id) noexcept { become_hole(*policy_, id); }
void RangeAllocator::absorb(RangeId hole) noexcept { absorb(*policy_, hole); }

RangeId RangeAllocator::take_by_policy(Size size, Size alignment) noexcept {
    return shaped_ ? take_shaped(size, alignment) : take_from(*policy_, size, alignment);
}

void RangeAllocator::give_by_policy(RangeId block) noexcept {
    return shaped_ ? give_shaped(block) : give_to(*policy_, block);
}

// The rest above the block keeps the hole's record, the rest below gets a new
// one. Without a rest above, the rest below keeps the record.
[[gnu::noinline]] RangeId RangeAllocator::take_padded(RangeId hole, Offset at, Size size) noexcept {
    Range& range = ranges_[hole];
    const Offset start = range.start;
    const Size pad = at - start;
    const Size rest = range.size - pad - size;
    if (!has_spare(rest == 0 ? 1U : 2U)) return no_range;
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

bool RangeAllocator::resize(RangeId block, Size size) noexcept {
    Range& range = ranges_[block];
    const Size target = shaped_ ? policy_->rounded(size, 1) : size;
    const Size old = range.size;
    // A block of take_at() may be smaller than the size to which the policy
    // would round it.
    const bool stays = target == old || (target > old && size <= old);
    if (target == 0 || (!stays && !(target > old ? extend(block, target) : reduce(block, target))))
        return false;
    Totals& totals = state_->totals;
    totals.rounding += (range.size - size) - (old - range.asked);
    range.asked = size;
    totals.used += range.size - old;
    if (totals.used > totals.peak) totals.peak = totals.used;
    return true;
}

RangeId RangeAllocator::covering(Offset offset) noexcept {
    const RangeId block = directory_.last_up_to(offset);
    return block != no_range && offset < end_of(ranges_[block]) ? block : no_range;
}

bool RangeAllocator::grow(Size size, bool contiguous) noexcept {
    State& state = *state_;
    const Offset end = state.totals.capacity;
    if (size > state.limit - end) return false;
    if (size == 0) return true;
    if (state.opened == 0 && !open_records(1)) return false;
    const bool fenced = !contiguous && end != 0;
    const RangeId top = last();
    if (!shaped_ && !fenced && is_hole(ranges_[top])) {
        policy_->move(top, ranges_[top].start, ranges_[top].size + size);
        gained(ranges_[top].start, ranges_[top].size);
    } else {
        if (!has_spare(pieces(end, size) + (fenced ? 1U : 0U))) return false;
        if (fenced) become(ranges_[fresh(top, end, 0)], Kind::fence);
        fill(last(), end, size);
    }
    state.totals.capacity = end + size;
    return true;
}

Size RangeAllocator::shrink(Size most) noexcept {
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
            if (!has_spare(pieces(start, rest) - 1)) return taken;
            absorb(top);
            fill(last(), start, rest);
        }
        taken += part;
        state_->totals.capacity -= part;
    }
}

}  // namespace ashlar::ranges
