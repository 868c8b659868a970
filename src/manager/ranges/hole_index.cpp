#include "manager/ranges/hole_index.hpp"

#include "base/treap.hpp"
#include "manager/ranges/hole_search.hpp"

namespace ashlar::ranges {

namespace treap = base::treap;

struct HoleIndex::ByAddress {
    Ranges ranges;
    Links* links;

    [[nodiscard]] RangeId& left(RangeId hole) const noexcept { return links[hole].left; }
    [[nodiscard]] RangeId& right(RangeId hole) const noexcept { return links[hole].right; }
    [[nodiscard]] bool before(RangeId a, RangeId b) const noexcept {
        return ranges[a].start < ranges[b].start;
    }
    [[nodiscard]] Size largest(RangeId tree) const noexcept {
        return tree == no_range ? 0 : ranges[tree].asked;
    }
    [[nodiscard]] Size sum(RangeId hole) const noexcept {
        return largest_of(ranges[hole].size, largest(left(hole)), largest(right(hole)));
    }
    bool update(RangeId hole) const noexcept {
        const Size size = sum(hole);
        if (size == ranges[hole].asked) return false;
        ranges[hole].asked = size;
        return true;
    }
};

struct HoleIndex::BySize {
    Ranges ranges;
    Links* links;

    [[nodiscard]] RangeId& left(RangeId hole) const noexcept { return links[hole].left; }
    [[nodiscard]] RangeId& right(RangeId hole) const noexcept { return links[hole].right; }
    [[nodiscard]] bool before(RangeId a, RangeId b) const noexcept {
        return ranges[a].size != ranges[b].size ? ranges[a].size < ranges[b].size
                                                : ranges[a].start < ranges[b].start;
    }
};

void HoleIndex::layout(region::Carver& carver, std::uint32_t most) noexcept {
    most_ = most;
    state_ = carver.array<State>(1);
    links_ = carver.stepped<Links>(std::size_t{most} + 1);
}

void HoleIndex::stand_before(Policy& policy, Ranges ranges) noexcept {
    policy_ = &policy;
    ranges_ = ranges;
    by_size_ = policy.knows(Strategy::lowest) && policy.knows(Strategy::upper_end);
}

void HoleIndex::drop() noexcept {
    if (active()) region::purge_within(region::kSystem, links_, links_ + most_ + 1);
    *state_ = {};
}

void HoleIndex::enter(RangeId hole) noexcept {
    ++state_->holes;
    if (by_size_) return treap::insert(BySize{ranges_, links_}, state_->root, hole);
    treap::insert(ByAddress{ranges_, links_}, state_->root, hole);
}

void HoleIndex::leave(RangeId hole) noexcept {
    --state_->holes;
    if (by_size_) return treap::erase(BySize{ranges_, links_}, state_->root, hole);
    treap::erase(ByAddress{ranges_, links_}, state_->root, hole);
}

void HoleIndex::pass(RangeId id) noexcept {
    const Range& range = ranges_[id];
    if (kind(range) == Kind::hole) enter(id);
    state_->end = range.start + range.size;
}

void HoleIndex::insert(RangeId hole) noexcept {
    policy_->insert(hole);
    if (covers(ranges_[hole].start)) enter(hole);
}

void HoleIndex::erase(RangeId hole) noexcept {
    if (covers(ranges_[hole].start)) leave(hole);
    policy_->erase(hole);
}

// A hole keeps its place by address, since it passes no other one.
void HoleIndex::move(RangeId hole, Offset start, Size size) noexcept {
    const bool was = covers(ranges_[hole].start);
    const bool stays = was && covers(start) && !by_size_;
    if (was && !stays) leave(hole);
    policy_->move(hole, start, size);
    if (stays) {
        treap::refresh(ByAddress{ranges_, links_}, state_->root, hole);
    } else if (covers(start)) {
        enter(hole);
    }
}

RangeId HoleIndex::find_by(Strategy strategy, Size size, Size alignment) noexcept {
    if (policy_->knows(strategy)) return policy_->find_by(strategy, size, alignment);
    if (!by_size_) {
        const ByAddress nodes{ranges_, links_};
        return strategy == Strategy::lowest ? lowest_fit(nodes, state_->root, 0, size, alignment)
                                            : highest_fit(nodes, state_->root, size, alignment);
    }
    const BySize nodes{ranges_, links_};
    const auto roomy = [&](Size length) {
        return [this, length](RangeId hole) { return ranges_[hole].size >= length; };
    };
    const auto good = [&](RangeId hole) { return has_room(ranges_[hole], size, alignment); };
    unsigned looks = kMostLooks;
    const RangeId hole = treap::first_good(nodes, state_->root, roomy(size),
                                           [&](RangeId at) { return good(at) || --looks == 0; });
    if (hole == no_range || good(hole)) return hole;
    const RangeId sure = treap::first(nodes, state_->root, roomy(size + alignment - 1));
    return sure != no_range ? sure : treap::first_good(nodes, state_->root, roomy(size), good);
}

bool HoleIndex::check(std::uint64_t holes) const noexcept {
    const State& state = *state_;
    if (!policy_->check(holes) || (complete() && state.holes != holes)) return false;
    const auto is_hole = [&](RangeId at) {
        return kind(ranges_[at]) == Kind::hole && covers(ranges_[at].start);
    };
    if (by_size_) {
        const BySize nodes{ranges_, links_};
        return treap::check(nodes, state.root, state.holes, ranges_.last()) == state.holes &&
               treap::all(nodes, state.root, is_hole);
    }
    const ByAddress nodes{ranges_, links_};
    return treap::check(nodes, state.root, state.holes, ranges_.last()) == state.holes &&
           treap::all(nodes, state.root, [&](RangeId at) {
               return is_hole(at) && ranges_[at].asked == nodes.sum(at);
           });
}

}  // namespace ashlar::ranges
