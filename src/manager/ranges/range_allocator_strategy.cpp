// Blocks by a strategy of the request. Where the policy does not know a
// strategy, the tree of holes does: HoleIndex, which the first such request
// builds.
#include "manager/ranges/range_allocator_inline.hpp"

namespace ashlar::ranges {

bool RangeAllocator::prepare(Strategy strategy, std::uint32_t steps) noexcept {
    const bool needed =
        strategy != Strategy::by_policy && !own_policy_->knows(strategy) && index_.serves(strategy);
    if (!needed || index_.complete() || !open_index()) return true;
    index_.begin();
    policy_ = &index_;
    const Offset end = index_.end();
    RangeId at = end == 0 ? no_range : directory_.last_up_to(end);
    if (at == no_range) at = first();
    while (at != no_range && ranges_[at].start < end) at = ranges_[at].above;
    for (; at != no_range && steps != 0; --steps, at = ranges_[at].above) index_.pass(at);
    if (at != no_range) return false;
    index_.finish();
    return true;
}

bool RangeAllocator::open_index() noexcept {
    if (!index_open_) index_open_ = open_with_records(index_.links(), HoleIndex::kLinkBytes);
    return index_open_;
}

void RangeAllocator::drop_index() noexcept {
    index_.drop();
    policy_ = own_policy_;
}

RangeId RangeAllocator::take_by(Strategy strategy, Size size, Size alignment) noexcept {
    if (strategy == Strategy::by_policy) return take(size, alignment);
    const Size length = shaped_ ? policy_->rounded(size, alignment) : size;
    if (length == 0 || refused(length, alignment)) return no_range;
    static_cast<void>(prepare(strategy, ~std::uint32_t{0}));
    const bool known = policy_->knows(strategy);
    // The system refused memory for the tree.
    if (!known && index_.serves(strategy)) return no_range;
    const RangeId hole =
        known ? policy_->find_by(strategy, length, alignment) : policy_->find(length, alignment);
    if (hole == no_range) return refuse(length, alignment);
    const Range& range = ranges_[hole];
    const bool top = strategy == Strategy::upper_end;
    const Offset at =
        top ? (end_of(range) - length) & ~(alignment - 1) : aligned(range.start, alignment);
    if (shaped_) return carve(hole, at, length, size);
    if (at == range.start) return take_front(hole, size);
    return top ? take_top(hole, at, size) : take_padded(hole, at, size);
}

RangeId RangeAllocator::take_front(RangeId hole, Size size) noexcept {
    const Range& range = ranges_[hole];
    RangeId block = hole;
    if (range.size == size) {
        policy_->erase(hole);
        --state_->totals.holes;
    } else {
        if (!has_spare(1)) return no_range;
        block = fresh(range.below, range.start, size);
        policy_->move(hole, range.start + size, range.size - size);
    }
    become_block(block, size);
    return block;
}

// The rest below the block keeps the hole's record: of a double stack it is
// what both stacks grow into.
RangeId RangeAllocator::take_top(RangeId hole, Offset at, Size size) noexcept {
    const Offset start = ranges_[hole].start;
    const Size rest = end_of(ranges_[hole]) - at - size;
    if (!has_spare(rest == 0 ? 1U : 2U)) return no_range;
    policy_->move(hole, start, at - start);
    const RangeId block = fresh(hole, at, size);
    if (rest != 0) become_hole(fresh(block, at + size, rest));
    become_block(block, size);
    return block;
}

}  // namespace ashlar::ranges
