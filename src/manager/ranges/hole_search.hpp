// Searches in a tree of holes by address, in which each node knows the largest
// hole of its subtree, so that subtrees without room are never entered. `Nodes`
// is that of a treap (base/treap.hpp) with `ranges` and `largest(tree)`.
#ifndef ASHLAR_MANAGER_RANGES_HOLE_SEARCH_HPP
#define ASHLAR_MANAGER_RANGES_HOLE_SEARCH_HPP

#include <ashlar/policy.hpp>

#include "manager/ranges/kind.hpp"

namespace ashlar::ranges {

[[nodiscard]] inline Offset aligned_up(Offset start, Size alignment) noexcept {
    return (start + alignment - 1) & ~(alignment - 1);
}
[[nodiscard]] inline bool has_room(const Range& hole, Size size, Size alignment) noexcept {
    const Size pad = aligned_up(hole.start, alignment) - hole.start;
    return pad <= hole.size && hole.size - pad >= size;
}
[[nodiscard]] inline Size largest_of(Size a, Size b, Size c) noexcept {
    const Size ab = a > b ? a : b;
    return ab > c ? ab : c;
}

// The lowest hole of a subtree that ends behind `from` and has room, or the
// hole at which `looks` long enough holes had none.
template <class Nodes>
[[nodiscard]] RangeId lowest_in(Nodes nodes, RangeId tree, Offset from, Size size, Size alignment,
                                std::uint64_t& looks) noexcept {
    while (nodes.largest(tree) >= size) {
        const Range& range = nodes.ranges[tree];
        if (range.start + range.size > from) {
            const RangeId below = lowest_in(nodes, nodes.left(tree), from, size, alignment, looks);
            if (below != no_range) return below;
            if (has_room(range, size, alignment) || (range.size >= size && --looks == 0))
                return tree;
        }
        tree = nodes.right(tree);
    }
    return no_range;
}

// The highest hole, likewise.
template <class Nodes>
[[nodiscard]] RangeId highest_in(Nodes nodes, RangeId tree, Size size, Size alignment,
                                 std::uint64_t& looks) noexcept {
    while (nodes.largest(tree) >= size) {
        const Range& range = nodes.ranges[tree];
        const RangeId above = highest_in(nodes, nodes.right(tree), size, alignment, looks);
        if (above != no_range) return above;
        if (has_room(range, size, alignment) || (range.size >= size && --looks == 0)) return tree;
        tree = nodes.left(tree);
    }
    return no_range;
}

// `search(size, alignment, looks)`: one of the two above. After kMostLooks
// holes without room it is one with room for any padding, and only without such
// a one all are looked at.
template <class Search>
[[nodiscard]] RangeId search_in_turns(Ranges ranges, Size size, Size alignment,
                                      Search search) noexcept {
    std::uint64_t looks = kMostLooks, all = ~std::uint64_t{0};
    const RangeId hole = search(size, alignment, looks);
    if (hole == no_range || has_room(ranges[hole], size, alignment)) return hole;
    const RangeId sure = search(size + alignment - 1, Size{1}, all);
    return sure != no_range ? sure : search(size, alignment, all);
}

// The lowest hole that ends behind `from` and has room.
template <class Nodes>
[[nodiscard]] RangeId lowest_fit(Nodes nodes, RangeId root, Offset from, Size size,
                                 Size alignment) noexcept {
    if (from != 0 || alignment != 1) {
        return search_in_turns(nodes.ranges, size, alignment,
                               [=](Size wanted, Size step, std::uint64_t& looks) {
                                   return lowest_in(nodes, root, from, wanted, step, looks);
                               });
    }
    RangeId at = root;
    if (nodes.largest(at) < size) return no_range;
    for (;;) {
        if (nodes.largest(nodes.left(at)) >= size) {
            at = nodes.left(at);
        } else if (nodes.ranges[at].size >= size) {
            return at;
        } else {
            at = nodes.right(at);
        }
    }
}

// The highest hole that has room.
template <class Nodes>
[[nodiscard]] RangeId highest_fit(Nodes nodes, RangeId root, Size size, Size alignment) noexcept {
    return search_in_turns(nodes.ranges, size, alignment,
                           [=](Size wanted, Size step, std::uint64_t& looks) {
                               return highest_in(nodes, root, wanted, step, looks);
                           });
}

}  // namespace ashlar::ranges

#endif
