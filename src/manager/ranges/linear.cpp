#include "manager/ranges/linear.hpp"

#include "manager/ranges/kind.hpp"

namespace ashlar::ranges {

std::size_t Linear::state_bytes(Size limit) const noexcept {
    return sizeof(State) + lists_.state_bytes(limit);
}

void Linear::attach(Ranges ranges, void* state, bool fresh) noexcept {
    ranges_ = ranges;
    state_ = static_cast<State*>(state);  // all zero is a gap at 0, which is not there yet
    lists_.attach(ranges, state_ + 1, fresh);
}

bool Linear::at_tip(RangeId hole) const noexcept {
    const Range& range = ranges_[hole];
    return range.start <= state_->tip && state_->tip - range.start <= range.size;
}

void Linear::look_for_tip(RangeId hole) noexcept {
    if (state_->gap == no_range && at_tip(hole)) state_->gap = hole;
}

void Linear::insert(RangeId hole) noexcept {
    lists_.insert(hole);
    look_for_tip(hole);
}

void Linear::erase(RangeId hole) noexcept {
    lists_.erase(hole);
    if (hole == state_->gap) state_->gap = no_range;
}

// The gap's lower end rises when the block below it grows.
void Linear::move(RangeId hole, Offset start, Size size) noexcept {
    lists_.move(hole, start, size);
    if (hole != state_->gap) return look_for_tip(hole);
    if (start > state_->tip) state_->tip = start;
    if (!at_tip(hole)) state_->gap = no_range;
}

// After a turn of a ring the oldest blocks are gone, so that the lowest range
// is a hole.
RangeId Linear::elsewhere(Size size, Size alignment) noexcept {
    if (wraps_) {
        const RangeId first = ranges_[no_range].above;
        if (kind(ranges_[first]) == Kind::hole && fits(ranges_[first], size, alignment))
            return first;
    }
    return lists_.find(size, alignment);
}

RangeId Linear::find(Size size, Size alignment) noexcept {
    State& state = *state_;
    RangeId hole = state.gap;
    if (hole == no_range || !fits(ranges_[hole], size, alignment)) [[unlikely]] {
        hole = elsewhere(size, alignment);
        if (hole == no_range || (!wraps_ && state.gap != no_range)) return hole;
        state.gap = hole;
    }
    state.tip = aligned(ranges_[hole].start, alignment) + size;
    return hole;
}

// The block is cut from the gap's end: the gap stays between the stacks.
RangeId Linear::find_by(Strategy strategy, Size size, Size alignment) noexcept {
    if (strategy != Strategy::upper_end) return lists_.find_by(strategy, size, alignment);
    const RangeId hole = state_->gap;
    if (hole == no_range || !fits(ranges_[hole], size, alignment))
        return lists_.find(size, alignment);
    state_->tip = ranges_[hole].start;
    return hole;
}

bool Linear::check(std::uint64_t holes) const noexcept {
    const RangeId gap = state_->gap;
    if (gap > ranges_.last() ||
        (gap != no_range && (kind(ranges_[gap]) != Kind::hole || !at_tip(gap))))
        return false;
    return lists_.check(holes);
}

}  // namespace ashlar::ranges
