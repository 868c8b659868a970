#include "manager/ranges/buddy.hpp"

#include <bit>

namespace ashlar::ranges {

std::size_t Buddy::state_bytes(Size limit) const noexcept {
    static_cast<void>(limit);
    return sizeof(State);
}

void Buddy::attach(Ranges ranges, void* state, bool fresh) noexcept {
    static_cast<void>(fresh);  // all zero is a state without holes
    ranges_ = ranges;
    state_ = static_cast<State*>(state);
}

void Buddy::insert(RangeId hole) noexcept {
    state_->link(ranges_, hole, base::highest(ranges_[hole].size));
}
void Buddy::erase(RangeId hole) noexcept {
    state_->unlink(ranges_, hole, base::highest(ranges_[hole].size));
}

// Pieces of the alignment or more are aligned; smaller ones are by chance, and
// it would be a waste to split a large one then: the newest of each length is
// tried first, and all of them when nothing else is left.
RangeId Buddy::find(Size size, Size alignment) noexcept {
    const unsigned order = base::highest(size);
    const unsigned safe = base::highest(alignment);
    const auto good = [&](const Range& range) { return fits(range, size, alignment); };
    for (unsigned at = state_->first_class(order); at < safe; at = state_->first_class(at + 1)) {
        if (good(ranges_[state_->head(at)])) return state_->head(at);
    }
    const RangeId hole = state_->first_from(order < safe ? safe : order);
    return hole != no_range || order >= safe ? hole : state_->search(ranges_, order, safe, good);
}

Size Buddy::largest() const noexcept {
    const RangeId hole = state_->top();
    return hole == no_range ? 0 : ranges_[hole].size;
}

Size Buddy::rounded(Size size, Size alignment) const noexcept {
    static_cast<void>(alignment);  // find() looks after it
    return size > kMostSize ? 0 : std::bit_ceil(size);
}

Size Buddy::piece(Offset start, Size size) const noexcept {
    const Size longest = std::bit_floor(size);
    const Size at = start & (~start + 1);
    return at != 0 && at < longest ? at : longest;
}

bool Buddy::merges(const Range& low, const Range& high) const noexcept {
    return low.size == high.size && (low.start & low.size) == 0 && base::is_power_of_two(low.size);
}

bool Buddy::check(std::uint64_t holes) const noexcept {
    return state_->check(ranges_, holes, [](Size size) { return base::highest(size); });
}

}  // namespace ashlar::ranges
