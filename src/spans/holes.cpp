#include "spans/holes.hpp"

#include "base/atomic.hpp"

namespace ashlar::spans {

using base::bit;
using base::kNoUnit;
using base::kWordBits;
using base::UnitId;
using base::Word;

namespace {
// A node's heap priority is a hash of its unit: nothing to store, and no order of calls makes the tree degenerate.
constexpr std::uint32_t priority(UnitId unit) noexcept {
    std::uint32_t x = unit * 0x9e3779b1U;
    x = (x ^ x >> 15) * 0x85ebca6bU;
    return x ^ x >> 13;
}
}  // namespace

void Holes::layout(region::Carver& carver, UnitId end) noexcept {
    nodes_ = carver.array<Node>(end);
    starts_ = carver.array<Word>(end / kWordBits + 1);
}

UnitId Holes::best_fit(std::uint32_t units) const noexcept {
    UnitId best = kNoUnit;
    for (UnitId at = root_; at != kNoUnit;) {
        if (nodes_[at].length < units) {
            at = nodes_[at].right;
        } else {
            best = at;
            at = nodes_[at].left;
        }
    }
    return best;
}

// Splits `tree` into what comes before `key` and what comes after it; `key` itself is in neither.
void Holes::split(UnitId tree, UnitId key, UnitId& low, UnitId& high) noexcept {
    UnitId* into_low = &low;
    UnitId* into_high = &high;
    while (tree != kNoUnit) {
        if (before(tree, key)) {
            *into_low = tree;
            into_low = &nodes_[tree].right;
            tree = *into_low;
        } else {
            *into_high = tree;
            into_high = &nodes_[tree].left;
            tree = *into_high;
        }
    }
    *into_low = kNoUnit;
    *into_high = kNoUnit;
}

UnitId Holes::join(UnitId low, UnitId high) noexcept {
    UnitId root = kNoUnit;
    UnitId* into = &root;
    while (low != kNoUnit && high != kNoUnit) {
        if (priority(low) > priority(high)) {
            *into = low;
            into = &nodes_[low].right;
            low = *into;
        } else {
            *into = high;
            into = &nodes_[high].left;
            high = *into;
        }
    }
    *into = low != kNoUnit ? low : high;
    return root;
}

void Holes::insert(UnitId start, std::uint32_t units) noexcept {
    if (units == 0) return;
    if (nodes_[start].length != 0) erase(start);
    starts_[start / kWordBits] |= bit(start % kWordBits);
    base::compiler_fence();  // a node that has a length has its bit, wherever a fork cuts: clear() finds it
    nodes_[start].length = units;
    UnitId* at = &root_;
    while (*at != kNoUnit && priority(*at) > priority(start)) {
        at = before(*at, start) ? &nodes_[*at].right : &nodes_[*at].left;
    }
    const UnitId below = *at;
    *at = start;
    split(below, start, nodes_[start].left, nodes_[start].right);
}

void Holes::erase(UnitId start) noexcept {
    UnitId* at = &root_;
    while (*at != start) at = before(*at, start) ? &nodes_[*at].right : &nodes_[*at].left;
    *at = join(nodes_[start].left, nodes_[start].right);
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
        for (Word left = starts_[word]; left != 0; left &= left - 1) nodes_[word * kWordBits + base::lowest(left)] = {};
        starts_[word] = 0;
    }
    root_ = kNoUnit;
}

}  // namespace ashlar::spans
