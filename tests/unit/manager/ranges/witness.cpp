#include "witness.hpp"

#include <algorithm>
#include <bit>
#include <tuple>

using ashlar::Offset;
using ashlar::Placement;
using ashlar::RangeId;
using ashlar::Size;

Offset Hole::cut(Size alignment) const {
    return start % alignment == 0 ? start : start + (alignment - start % alignment);
}

bool Hole::fits(Size wanted, Size alignment) const {
    const Offset at = cut(alignment);
    return at - start <= size && size - (at - start) >= wanted;
}

unsigned tlsf_class(Size size) {
    unsigned before = 0;
    for (Size width = 1, end = 64;; width *= 2, end *= 2) {
        if (size < end)
            return before + static_cast<unsigned>((size - (width == 1 ? 0 : end / 2)) / width);
        before += width == 1 ? 64 : 32;
    }
}

Witness::Witness(Placement placement)
    : placement_(placement), inner_(ashlar::make_policy(placement)) {}

void Witness::blame(const std::string& what) {
    if (fault_.empty())
        fault_ = std::string(name()) + ", call " + std::to_string(calls_) + ": " + what;
}

void Witness::attach(ashlar::Ranges ranges, void* state, bool fresh) noexcept {
    ranges_ = ranges;
    if (!fresh) inner_ = ashlar::make_policy(placement_);
    if (fresh != holes_.empty()) blame("attach does not know whether there was something before");
    inner_->attach(ranges, state, fresh);
}

void Witness::insert(RangeId hole) noexcept {
    ++calls_;
    const ashlar::Range& range = ranges_[hole];
    if (holes_.count(hole) != 0) blame("insert of a hole that was inserted before");
    for (const std::uint32_t link : range.link) {
        if (link != 0) blame("insert of a hole whose links are not zero");
    }
    if (range.size == 0) blame("insert of an empty hole");
    holes_[hole] = {hole, range.start, range.size, calls_, calls_};
    look_for_tip(holes_[hole]);
    inner_->insert(hole);
}

void Witness::expect_unchanged(RangeId hole, const char* call) {
    ++calls_;
    const auto known = holes_.find(hole);
    if (known == holes_.end()) {
        blame(std::string(call) + " of what is no hole");
    } else if (known->second.start != ranges_[hole].start ||
               known->second.size != ranges_[hole].size) {
        blame(std::string(call) + " of a hole that was changed behind its back");
    }
}

void Witness::erase(RangeId hole) noexcept {
    expect_unchanged(hole, "erase");
    holes_.erase(hole);
    if (hole == gap_) gap_ = ashlar::no_range;
    inner_->erase(hole);
}

void Witness::move(RangeId hole, Offset start, Size size) noexcept {
    expect_unchanged(hole, "move");
    Hole& own = holes_[hole];
    for (const auto& [id, other] : holes_) {
        if (id == hole) continue;
        if ((other.start < own.start) != (other.start < start)) blame("move past another hole");
        if (other.start < start + size && start < other.start + other.size)
            blame("move into another hole");
    }
    if (tlsf_class(own.size) != tlsf_class(size) || size > own.size) own.listed = calls_;
    own = {hole, start, size, calls_, own.listed};
    if (hole == gap_) {
        rover_ = std::max(rover_, start);
        if (rover_ > start + size) gap_ = ashlar::no_range;
    }
    look_for_tip(own);
    inner_->move(hole, start, size);
    if (ranges_[hole].start != start || ranges_[hole].size != size) blame("move does not move");
}

// Of two that fit. TLSF and buddy: of two in the same list.
bool Witness::better(const Hole& a, const Hole& b) const {
    switch (placement_) {
        case Placement::first_fit:
        case Placement::next_fit: return a.start < b.start;
        case Placement::best_fit:
            return std::tuple(a.size, b.changed) < std::tuple(b.size, a.changed);
        case Placement::ordered_best_fit:
            return std::tuple(a.size, a.start) < std::tuple(b.size, b.start);
        case Placement::worst_fit: return std::tuple(b.size, a.start) < std::tuple(a.size, b.start);
        case Placement::linear:
        case Placement::ring:
        case Placement::tlsf:
            return std::tuple(tlsf_class(a.size), b.listed) <
                   std::tuple(tlsf_class(b.size), a.listed);
        case Placement::buddy: return std::tuple(a.size, b.changed) < std::tuple(b.size, a.changed);
    }
    return false;
}

template <class Good>
const Hole* Witness::best_of(Good good) const {
    const Hole* found = nullptr;
    for (const auto& [id, hole] : holes_) {
        if (good(hole) && (found == nullptr || better(hole, *found))) found = &hole;
    }
    return found;
}

// The newest of the next class up is looked at first; for alignments the next
// class with room for any padding; then all by class.
const Hole* Witness::tlsf_choice(Size size, Size alignment) const {
    const auto from_class_for = [&](Size wanted) {
        unsigned least = tlsf_class(wanted);
        if (least == tlsf_class(wanted - 1)) ++least;  // the first class with nothing shorter in it
        return best_of([&](const Hole& hole) { return tlsf_class(hole.size) >= least; });
    };
    const Hole* found = from_class_for(size);
    if (found != nullptr && found->fits(size, alignment)) return found;
    found = alignment == 1 ? nullptr : from_class_for(size + alignment - 1);
    return found != nullptr ? found
                            : best_of([&](const Hole& hole) { return hole.fits(size, alignment); });
}

// The newest of a length that is aligned by chance, or the newest that must be,
// or any.
const Hole* Witness::buddy_choice(Size size, Size alignment) const {
    const auto newest = [&](Size length) {
        return best_of([&](const Hole& hole) { return hole.size == length; });
    };
    for (Size length = std::bit_ceil(size); length < alignment; length *= 2) {
        const Hole* found = newest(length);
        if (found != nullptr && found->fits(size, alignment)) return found;
    }
    const Hole* found =
        best_of([&](const Hole& hole) { return hole.size >= size && hole.size >= alignment; });
    return found != nullptr ? found
                            : best_of([&](const Hole& hole) { return hole.fits(size, alignment); });
}

bool Witness::has_tip() const {
    return placement_ == Placement::linear || placement_ == Placement::ring;
}

void Witness::look_for_tip(const Hole& hole) {
    const bool there = hole.start <= rover_ && rover_ <= hole.start + hole.size;
    if (has_tip() && gap_ == ashlar::no_range && there) gap_ = hole.id;
}

const Hole* Witness::gap(Size size, Size alignment) const {
    const auto found = holes_.find(gap_);
    return found != holes_.end() && found->second.fits(size, alignment) ? &found->second : nullptr;
}

const Hole* Witness::linear_choice(Size size, Size alignment) const {
    if (const Hole* found = gap(size, alignment)) return found;
    const auto lowest = [&](const Hole& hole) {
        return hole.start == 0 && hole.fits(size, alignment);
    };
    const Hole* first = placement_ == Placement::ring ? best_of(lowest) : nullptr;
    return first != nullptr ? first : tlsf_choice(size, alignment);
}

const Hole* Witness::best(Size size, Size alignment) const {
    if (has_tip()) return linear_choice(size, alignment);
    if (placement_ == Placement::tlsf) return tlsf_choice(size, alignment);
    if (placement_ == Placement::buddy) return buddy_choice(size, alignment);
    if (placement_ == Placement::next_fit) {
        const Hole* found = best_from(rover_, size, alignment);
        if (found != nullptr) return found;
    }
    return best_from(0, size, alignment);
}

// Of the holes that end behind `from`: the best that fits. If 64 before it are
// long enough and do not fit, the best with room for any padding, if there is
// one.
const Hole* Witness::best_from(Offset from, Size size, Size alignment) const {
    const auto there = [&](const Hole& hole) {
        return hole.start + hole.size > from && hole.size >= size;
    };
    const Hole* best =
        best_of([&](const Hole& hole) { return there(hole) && hole.fits(size, alignment); });
    if (best == nullptr || placement_ == Placement::worst_fit) return best;
    unsigned looks = 0;
    for (const auto& [id, hole] : holes_) {
        looks += there(hole) && !hole.fits(size, alignment) && better(hole, *best) ? 1 : 0;
    }
    const Hole* sure =
        best_of([&](const Hole& hole) { return there(hole) && hole.size >= size + alignment - 1; });
    return looks >= 64 && sure != nullptr ? sure : best;
}

RangeId Witness::find(Size size, Size alignment) noexcept {
    ++calls_;
    const RangeId found = inner_->find(size, alignment);
    const Hole* expected = best(size, alignment);
    judge("find(" + std::to_string(size) + ", " + std::to_string(alignment) + ")", found, expected);
    if (expected == nullptr) return found;
    chosen_ = *expected;
    // Linear placement goes back to its gap.
    const bool aside = placement_ == Placement::linear && gap_ != ashlar::no_range && gap_ != found;
    if (!aside) {
        rover_ = expected->cut(alignment) + size;
        gap_ = has_tip() ? found : ashlar::no_range;
    }
    return found;
}

// Where the block lies, Trace says.
RangeId Witness::find_by(ashlar::Strategy strategy, Size size, Size alignment) noexcept {
    ++calls_;
    const RangeId found = inner_->find_by(strategy, size, alignment);
    if (!has_tip() || strategy != ashlar::Strategy::upper_end) return found;
    const Hole* expected = gap(size, alignment);
    judge("find_by", found, expected != nullptr ? expected : tlsf_choice(size, alignment));
    if (expected != nullptr) rover_ = expected->start;
    return found;
}

void Witness::judge(const std::string& call, RangeId found, const Hole* expected) {
    const RangeId right = expected == nullptr ? ashlar::no_range : expected->id;
    if (found != right) {
        const auto describe = [&](RangeId id) {
            const auto hole = holes_.find(id);
            return hole == holes_.end() ? "none"
                                        : std::to_string(hole->second.start) + "+" +
                                              std::to_string(hole->second.size);
        };
        blame(call + " chose " + describe(found) + " instead of " + describe(right));
    }
}
