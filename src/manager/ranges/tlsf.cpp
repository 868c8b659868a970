#include "manager/ranges/tlsf.hpp"

namespace ashlar::ranges {

std::size_t Tlsf::state_bytes(Size limit) const noexcept {
    limit_ = limit;
    return State::bytes_for(class_of(limit) + 1);
}

// All zero is a state without holes.
void Tlsf::attach(Ranges ranges, void* state, bool fresh) noexcept {
    ranges_ = ranges;
    state_ = static_cast<State*>(state);
    if (fresh) state_->limit_to(class_of(limit_) + 1);
}

// The newest hole of the first class whose holes are long enough may be aligned by chance; if not, one with room for any
// padding is taken; and then there are only the holes in between, and those of the request's own class.
RangeId Tlsf::find_slowly(RangeId hole, Size size, Size alignment) noexcept {
    if (size > kMostSize || class_of(size) >= state_->used()) return no_range;
    if (hole != no_range && fits(ranges_[hole], size, alignment)) return hole;
    if (alignment > 1) {
        const RangeId roomy = state_->first_from(class_for(size + alignment - 1));
        if (roomy != no_range) return roomy;
    }
    const auto good = [&](const Range& range) { return fits(range, size, alignment); };
    // No larger class has a hole.
    if (hole == no_range) return state_->search_class(ranges_, class_of(size), size, good);
    return state_->search(ranges_, class_of(size), kClasses, good);
}

// Less than the largest by no more than a class is wide.
Size Tlsf::largest() const noexcept {
    const RangeId hole = state_->top();
    return hole == no_range ? 0 : ranges_[hole].size;
}

bool Tlsf::check(std::uint64_t holes) const noexcept { return state_->check(ranges_, holes, class_of); }

}  // namespace ashlar::ranges
