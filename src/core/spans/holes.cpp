#include "core/spans/holes.hpp"

#include "base/atomic.hpp"
#include "base/treap.hpp"

namespace ashlar::spans {

namespace treap = base::treap;

using base::bit;
using base::kNoUnit;
using base::kWordBits;
using base::UnitId;
using base::Word;

struct Holes::Tree {
    Node* nodes;

    [[nodiscard]] UnitId& left(UnitId unit) const noexcept { return nodes[unit].left; }
    [[nodiscard]] UnitId& right(UnitId unit) const noexcept { return nodes[unit].right; }
    [[nodiscard]] bool before(UnitId a, UnitId b) const noexcept {
        return nodes[a].length != nodes[b].length ? nodes[a].length < nodes[b].length : a < b;
    }
};

void Holes::layout(region::Carver& carver, UnitId end) noexcept {
    nodes_ = carver.table<Node>(end);
    starts_ = carver.table<Word>(end, base::kWordShift);
}

UnitId Holes::best_fit(std::uint32_t units) const noexcept {
    return treap::first(Tree{nodes_}, root_,
                        [&](UnitId start) { return nodes_[start].length >= units; });
}

UnitId Holes::next_fit(UnitId start) const noexcept {
    const Tree tree{nodes_};
    return treap::first(tree, root_, [&](UnitId other) { return tree.before(start, other); });
}

void Holes::insert(UnitId start, std::uint32_t units) noexcept {
    if (units == 0) return;
    if (nodes_[start].length != 0) erase(start);
    starts_[start / kWordBits] |= bit(start % kWordBits);
    // A node that has a length has its bit, wherever a fork cuts: clear() finds
    // it.
    base::compiler_fence();
    nodes_[start].length = units;
    treap::insert(Tree{nodes_}, root_, start);
}

void Holes::erase(UnitId start) noexcept {
    treap::erase(Tree{nodes_}, root_, start);
    nodes_[start] = {};
    base::compiler_fence();
    starts_[start / kWordBits] &= ~bit(start % kWordBits);
}

UnitId Holes::erase_within(UnitId from, UnitId to) noexcept {
    UnitId end = 0;
    for (UnitId word = from / kWordBits; word * kWordBits < to; ++word) {
        for (Word left = starts_[word]; left != 0; left &= left - 1) {
            const UnitId start = word * kWordBits + base::lowest(left);
            if (start < from || start >= to) continue;
            if (start + nodes_[start].length > end) end = start + nodes_[start].length;
            erase(start);
        }
    }
    return end;
}

void Holes::clear(UnitId end) noexcept {
    for (UnitId word = 0; word * kWordBits < end; ++word) {
        for (Word left = starts_[word]; left != 0; left &= left - 1)
            nodes_[word * kWordBits + base::lowest(left)] = {};
        starts_[word] = 0;
    }
    root_ = kNoUnit;
}

}  // namespace ashlar::spans
