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

// The newest hole of the first class whose holes are long enough may be aligned
// by chance; if not, one with room for any padding is taken; and then there are
// only the holes in between, and those of the request's own class.
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

// The smallest one of the lowest class in which one has room, if that is known
// after kMostLooks holes.
RangeId Tlsf::find_by(Strategy strategy, Size size, Size alignment) noexcept {
    if (strategy != Strategy::tight || size > kMostSize) return find(size, alignment);
    RangeId best = no_range;
    unsigned looks = kMostLooks;
    for (unsigned cls = state_->first_class(class_of(size)); cls != State::kNone;
         cls = state_->first_class(cls + 1)) {
        static_cast<void>(state_->search(ranges_, cls, cls + 1, [&](const Range& range) {
            const bool tighter = best == no_range || range.size < ranges_[best].size;
            if (tighter && fits(range, size, alignment))
                best = static_cast<RangeId>(&range - &ranges_[no_range]);
            return --looks == 0;
        }));
        if (best != no_range) return best;
        if (looks == 0) return find(size, alignment);
    }
    return no_range;
}

// Less than the largest by no more than a class is wide.
Size Tlsf::largest() const noexcept {
    const RangeId hole = state_->top();
    return hole == no_range ? 0 : ranges_[hole].size;
}

// A broken number of lists would lead beyond the state.
bool Tlsf::check(std::uint64_t holes) const noexcept {
    const bool lists = limit_ == 0 || state_->used() == class_of(limit_) + 1;
    return lists && state_->check(ranges_, holes, class_of);
}

}  // namespace ashlar::ranges
