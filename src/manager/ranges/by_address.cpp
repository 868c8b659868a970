#include "manager/ranges/by_address.hpp"

#include "base/treap.hpp"
#include "manager/ranges/hole_search.hpp"

namespace ashlar::ranges {

namespace treap = base::treap;

// A hole's links: left, right, and the size of the largest hole in its subtree,
// in two halves.
struct ByAddress::Nodes {
    Ranges ranges;

    [[nodiscard]] RangeId& left(RangeId hole) const noexcept { return ranges[hole].link[0]; }
    [[nodiscard]] RangeId& right(RangeId hole) const noexcept { return ranges[hole].link[1]; }
    [[nodiscard]] bool before(RangeId a, RangeId b) const noexcept {
        return ranges[a].start < ranges[b].start;
    }
    [[nodiscard]] Size largest(RangeId tree) const noexcept {
        return tree == no_range ? 0 : ranges[tree].link[2] | Size{ranges[tree].link[3]} << 32;
    }
    bool update(RangeId hole) const noexcept {
        const Size size = largest_of(ranges[hole].size, largest(left(hole)), largest(right(hole)));
        if (size == largest(hole)) return false;
        ranges[hole].link[2] = static_cast<std::uint32_t>(size);
        ranges[hole].link[3] = static_cast<std::uint32_t>(size >> 32);
        return true;
    }
};

std::size_t ByAddress::state_bytes(Size limit) const noexcept {
    static_cast<void>(limit);
    return sizeof(State);
}

void ByAddress::attach(Ranges ranges, void* state, bool fresh) noexcept {
    static_cast<void>(fresh);  // all zero is a state without holes
    ranges_ = ranges;
    state_ = static_cast<State*>(state);
}

void ByAddress::insert(RangeId hole) noexcept { treap::insert(Nodes{ranges_}, state_->root, hole); }
void ByAddress::erase(RangeId hole) noexcept { treap::erase(Nodes{ranges_}, state_->root, hole); }

// Keeps its place in the order, since it passes no other hole.
void ByAddress::move(RangeId hole, Offset start, Size size) noexcept {
    ranges_[hole].start = start;
    ranges_[hole].size = size;
    treap::refresh(Nodes{ranges_}, state_->root, hole);
}

Size ByAddress::largest() const noexcept { return Nodes{ranges_}.largest(state_->root); }

RangeId ByAddress::lowest(Offset from, Size size, Size alignment) const noexcept {
    return lowest_fit(Nodes{ranges_}, state_->root, from, size, alignment);
}

bool ByAddress::knows(Strategy strategy) const noexcept { return strategy != Strategy::tight; }

RangeId ByAddress::find_by(Strategy strategy, Size size, Size alignment) noexcept {
    if (strategy == Strategy::lowest) return lowest(0, size, alignment);
    if (strategy == Strategy::upper_end)
        return highest_fit(Nodes{ranges_}, state_->root, size, alignment);
    return find(size, alignment);
}

// At a hole that reaches over the rover, as one does that a block below was
// freed into, the search begins with all of that hole.
RangeId NextFit::find(Size size, Size alignment) noexcept {
    RangeId hole = lowest(state_->rover, size, alignment);
    if (hole == no_range) hole = lowest(0, size, alignment);
    if (hole != no_range) state_->rover = aligned(ranges_[hole].start, alignment) + size;
    return hole;
}

bool ByAddress::check(std::uint64_t holes) const noexcept {
    const Nodes nodes{ranges_};
    if (treap::check(nodes, state_->root, holes, ranges_.last()) != holes) return false;
    return treap::all(nodes, state_->root, [&](RangeId hole) {
        return kind(ranges_[hole]) == Kind::hole &&
               nodes.largest(hole) == largest_of(ranges_[hole].size,
                                                 nodes.largest(nodes.left(hole)),
                                                 nodes.largest(nodes.right(hole)));
    });
}

}  // namespace ashlar::ranges
