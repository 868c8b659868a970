// Treaps (Seidel and Aragon, Algorithmica 16, 1996) whose nodes are numbers of
// records in the caller's table; 0 is no node. A node's heap priority is a hash
// of its number: nothing is stored, and no order of calls makes the tree
// degenerate. All operations are O(log nodes) expected. Sequential code,
// without memory of its own.
//
// `Nodes`, a value of a word or two, gives a node's children and the order of
// nodes. It may keep sums of whole subtrees:
//
//   std::uint32_t& left(std::uint32_t), right(std::uint32_t); bool before(std::uint32_t,
//   std::uint32_t); bool update(std::uint32_t node);        optional: called when something below
//   the node has changed, lower ones first; says
//                                           whether the sums of its subtree have changed
#ifndef ASHLAR_BASE_TREAP_HPP
#define ASHLAR_BASE_TREAP_HPP

#include <cstdint>

namespace ashlar::base::treap {

using Node = std::uint32_t;
inline constexpr Node kNone = 0;

constexpr std::uint32_t priority(Node node) noexcept {
    std::uint32_t x = node * 0x9e3779b1U;
    x = (x ^ x >> 15) * 0x85ebca6bU;
    return x ^ x >> 13;
}

template <class Nodes>
concept Summed = requires(Nodes nodes, Node node) {
    nodes.update(node);
};

// Follows the way to `key` down to where `stop(node)` holds, has that link
// changed, and brings those above up to date as far as needed.
template <Summed Nodes, class Stop, class Change>
void change_below(Nodes nodes, Node& root, Node key, Stop stop, Change change) noexcept {
    constexpr unsigned kMost = 64;
    Node path[kMost];
    unsigned depth = 0;
    Node* into = &root;
    while (depth < kMost && !stop(*into)) {
        path[depth++] = *into;
        into = nodes.before(*into, key) ? &nodes.right(*into) : &nodes.left(*into);
    }
    if (stop(*into)) {
        change(*into);
    } else {
        change_below(nodes, *into, key, stop, change);
    }
    while (depth != 0 && nodes.update(path[depth - 1])) --depth;
}

// Splits `tree` into the nodes before `key` and those after it; `key` itself is
// in neither.
template <class Nodes>
void split(Nodes nodes, Node tree, Node key, Node& low, Node& high) noexcept {
    Node* into_low = &low;
    Node* into_high = &high;
    while (tree != kNone) {
        if (nodes.before(tree, key)) {
            *into_low = tree;
            into_low = &nodes.right(tree);
            tree = *into_low;
        } else {
            *into_high = tree;
            into_high = &nodes.left(tree);
            tree = *into_high;
        }
    }
    *into_low = kNone;
    *into_high = kNone;
}
template <Summed Nodes>
void split(Nodes nodes, Node tree, Node key, Node& low, Node& high) noexcept {
    if (tree == kNone) {
        low = high = kNone;
        return;
    }
    Node rest = kNone;
    if (nodes.before(tree, key)) {
        split(nodes, nodes.right(tree), key, rest, high);
        nodes.right(tree) = rest;
        low = tree;
    } else {
        split(nodes, nodes.left(tree), key, low, rest);
        nodes.left(tree) = rest;
        high = tree;
    }
    nodes.update(tree);
}

// One tree of two, all of `low` being before all of `high`.
template <class Nodes>
[[nodiscard]] Node join(Nodes nodes, Node low, Node high) noexcept {
    Node root = kNone;
    Node* into = &root;
    while (low != kNone && high != kNone) {
        if (priority(low) > priority(high)) {
            *into = low;
            into = &nodes.right(low);
            low = *into;
        } else {
            *into = high;
            into = &nodes.left(high);
            high = *into;
        }
    }
    *into = low != kNone ? low : high;
    return root;
}
template <Summed Nodes>
[[nodiscard]] Node join(Nodes nodes, Node low, Node high) noexcept {
    if (low == kNone) return high;
    if (high == kNone) return low;
    const bool low_on_top = priority(low) > priority(high);
    const Node root = low_on_top ? low : high;
    if (low_on_top) {
        nodes.right(low) = join(nodes, nodes.right(low), high);
    } else {
        nodes.left(high) = join(nodes, low, nodes.left(high));
    }
    nodes.update(root);
    return root;
}

// Writes the node's children and its sums; its key must be set.
template <class Nodes>
void insert(Nodes nodes, Node& root, Node node) noexcept {
    Node* into = &root;
    Node below = root;
    while (below != kNone && priority(below) > priority(node)) {
        into = nodes.before(below, node) ? &nodes.right(below) : &nodes.left(below);
        below = *into;
    }
    *into = node;
    split(nodes, below, node, nodes.left(node), nodes.right(node));
}
template <Summed Nodes>
void insert(Nodes nodes, Node& root, Node node) noexcept {
    const auto stop = [&](Node at) { return at == kNone || priority(at) <= priority(node); };
    change_below(nodes, root, node, stop, [&](Node& link) {
        const Node below = link;
        link = node;
        split(nodes, below, node, nodes.left(node), nodes.right(node));
        nodes.update(node);
    });
}

// The node must be in the tree, with the key that it was inserted with. Leaves
// the node as it is.
template <class Nodes>
void erase(Nodes nodes, Node& root, Node node) noexcept {
    Node* at = &root;
    while (*at != node) at = nodes.before(*at, node) ? &nodes.right(*at) : &nodes.left(*at);
    *at = join(nodes, nodes.left(node), nodes.right(node));
}
template <Summed Nodes>
void erase(Nodes nodes, Node& root, Node node) noexcept {
    const auto stop = [&](Node at) { return at == node; };
    change_below(nodes, root, node, stop,
                 [&](Node& link) { link = join(nodes, nodes.left(node), nodes.right(node)); });
}

// Call after a change of the node's share in the sums, but not of its place in
// the order.
template <Summed Nodes>
void refresh(Nodes nodes, Node root, Node node) noexcept {
    const auto stop = [&](Node at) { return at == node; };
    change_below(nodes, root, node, stop, [&](Node) { nodes.update(node); });
}

// The first node for which `reached` holds; it must hold for all that come
// after one for which it does.
template <class Nodes, class Reached>
[[nodiscard]] Node first(Nodes nodes, Node root, Reached reached) noexcept {
    Node found = kNone;
    for (Node at = root; at != kNone;) {
        if (reached(at)) {
            found = at;
            at = nodes.left(at);
        } else {
            at = nodes.right(at);
        }
    }
    return found;
}

// The last node for which `passed` holds; it must hold for all that come before
// one for which it does.
template <class Nodes, class Passed>
[[nodiscard]] Node last(Nodes nodes, Node root, Passed passed) noexcept {
    Node found = kNone;
    for (Node at = root; at != kNone;) {
        if (passed(at)) {
            found = at;
            at = nodes.right(at);
        } else {
            at = nodes.left(at);
        }
    }
    return found;
}

// The first node for which `reached` and `good` hold; `reached` as above. O(log
// nodes), beside those that are reached and not good.
template <class Nodes, class Reached, class Good>
[[nodiscard]] Node first_good(Nodes nodes, Node root, Reached reached, Good good) noexcept {
    while (root != kNone && !reached(root)) root = nodes.right(root);
    if (root == kNone) return kNone;
    const Node found = first_good(nodes, nodes.left(root), reached, good);
    if (found != kNone) return found;
    return good(root) ? root : first_good(nodes, nodes.right(root), reached, good);
}

// Whether `good` holds for all nodes of a sound tree.
template <class Nodes, class Good>
[[nodiscard]] bool all(Nodes nodes, Node root, Good good) noexcept {
    for (; root != kNone; root = nodes.right(root)) {
        if (!good(root) || !all(nodes, nodes.left(root), good)) return false;
    }
    return true;
}

// The nodes of a tree if their order and priorities are right; else, or where
// there are more than `most`, most + 1. Finds its end in any tangle of links.
// `last`: no record beyond is looked at. `low` and `high`: the nodes between
// whom all must lie, if any.
template <class Nodes>
[[nodiscard]] std::uint64_t check(Nodes nodes, Node root, std::uint64_t most, Node last,
                                  Node low = kNone, Node high = kNone) noexcept {
    if (root == kNone) return 0;
    if (most == 0 || root > last || (low != kNone && !nodes.before(low, root)) ||
        (high != kNone && !nodes.before(root, high)))
        return most + 1;
    const Node left = nodes.left(root);
    const Node right = nodes.right(root);
    if ((left != kNone && priority(left) > priority(root)) ||
        (right != kNone && priority(right) > priority(root)))
        return most + 1;
    const std::uint64_t below = check(nodes, left, most - 1, last, low, root);
    if (below >= most) return most + 1;
    return below + 1 + check(nodes, right, most - 1 - below, last, root, high);
}

}  // namespace ashlar::base::treap

#endif
