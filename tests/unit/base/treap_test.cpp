// Treaps against a std::set, with and without sums over subtrees, balanced and
// as deep as they can be.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/treap.hpp"

#include "support/random.hpp"

namespace {

namespace treap = ashlar::base::treap;
using treap::Node;

struct Record {
    std::uint64_t key;
    std::uint32_t weight;
    std::uint32_t heaviest;  // of the subtree
    Node left, right;
};

struct Plain {
    std::vector<Record>* table;

    [[nodiscard]] Record& at(Node node) const { return (*table)[node]; }
    [[nodiscard]] Node& left(Node node) const { return at(node).left; }
    [[nodiscard]] Node& right(Node node) const { return at(node).right; }
    [[nodiscard]] bool before(Node a, Node b) const { return at(a).key < at(b).key; }
};

struct Weighed : Plain {
    [[nodiscard]] std::uint32_t heaviest(Node node) const {
        return node == treap::kNone ? 0 : at(node).heaviest;
    }
    [[nodiscard]] std::uint32_t sum(Node node) const {
        return std::max({at(node).weight, heaviest(left(node)), heaviest(right(node))});
    }
    bool update(Node node) const {
        const std::uint32_t found = sum(node);
        return found != std::exchange(at(node).heaviest, found);
    }
};
static_assert(treap::Summed<Weighed> && !treap::Summed<Plain>);

template <class Nodes>
class TreapTest : public testing::Test {
  protected:
    static constexpr bool weighed = treap::Summed<Nodes>;

    void insert(Node node, std::uint64_t key, std::uint32_t weight) {
        table_[node] = {key, weight, 0, 0, 0};
        treap::insert(nodes_, root_, node);
        model_.insert({key, node});
    }
    void erase(Node node) {
        treap::erase(nodes_, root_, node);
        model_.erase({table_[node].key, node});
    }
    void reweigh(Node node, std::uint32_t weight) {
        table_[node].weight = weight;
        if constexpr (weighed) treap::refresh(nodes_, root_, node);
    }
    [[nodiscard]] static Nodes over(std::vector<Record>& table) {
        Nodes nodes;
        nodes.table = &table;
        return nodes;
    }
    [[nodiscard]] bool holds(Node node) const {
        return model_.count({table_[node].key, node}) != 0;
    }
    void expect_same(std::uint64_t key) {
        const auto last = static_cast<Node>(table_.size() - 1);
        ASSERT_EQ(treap::check(nodes_, root_, model_.size(), last), model_.size());
        ASSERT_EQ(treap::check(nodes_, root_, model_.size() / 2, last),
                  model_.empty() ? 0 : model_.size() / 2 + 1);
        if constexpr (weighed) {
            ASSERT_TRUE(treap::all(nodes_, root_, [&](Node node) {
                return table_[node].heaviest == nodes_.sum(node);
            }));
        }
        const auto reached = [&](Node node) { return table_[node].key >= key; };
        const auto above = model_.lower_bound({key, 0});
        ASSERT_EQ(treap::first(nodes_, root_, reached),
                  above == model_.end() ? treap::kNone : above->second);
        ASSERT_EQ(treap::last(nodes_, root_, [&](Node node) { return table_[node].key < key; }),
                  above == model_.begin() ? treap::kNone : std::prev(above)->second);
        const auto good = [&](Node node) { return table_[node].weight % 4 == 1; };
        const auto found = std::find_if(above, model_.end(),
                                        [&](const auto& entry) { return good(entry.second); });
        ASSERT_EQ(treap::first_good(nodes_, root_, reached, good),
                  found == model_.end() ? treap::kNone : found->second);
    }
    void run(int steps, std::uint64_t bound) {
        Random random(3);
        for (int step = 0; step < steps; ++step) {
            const Node node = 1 + random.below(table_.size() - 1);
            if (!holds(node)) {
                insert(node, random.next() % bound * table_.size() + node, random.below(1000));
            } else if (random.below(3) == 0) {
                reweigh(node, random.below(1000));
            } else {
                erase(node);
                table_[node] = {};
            }
            expect_same(random.next() % bound * table_.size());
        }
    }

    std::vector<Record> table_ = std::vector<Record>(300);
    Nodes nodes_ = over(table_);
    Node root_ = treap::kNone;
    std::set<std::pair<std::uint64_t, Node>> model_;
};

using Kinds = testing::Types<Plain, Weighed>;
TYPED_TEST_SUITE(TreapTest, Kinds, );

TYPED_TEST(TreapTest, BehavesLikeASet) { this->run(4000, 1'000'000); }

// Keys ascend while priorities descend: the tree is a list, ten times as deep
// as any path that is kept at once.
TYPED_TEST(TreapTest, DegenerateTreeWorks) {
    this->table_.resize(700);
    std::vector<Node> nodes(699);
    std::iota(nodes.begin(), nodes.end(), 1U);
    std::sort(nodes.begin(), nodes.end(),
              [](Node a, Node b) { return treap::priority(a) > treap::priority(b); });
    for (std::size_t i = 0; i < nodes.size(); ++i)
        this->insert(nodes[i], 10 * i, static_cast<std::uint32_t>(i * 7919 % 1000));
    this->expect_same(3500);
    for (const std::size_t i : {698U, 64U, 65U, 63U, 128U, 0U, 400U}) {
        this->reweigh(nodes[i], 5000);
        this->expect_same(10 * i);
        this->reweigh(nodes[i], 1);
        this->expect_same(10 * i);
        this->erase(nodes[i]);
        this->expect_same(10 * i);
    }
}

// Consecutive numbers and keys in any order, mostly ascending: the mean depth
// stays near that of random keys, 2 ln n.
TEST(TreapDepth, IsLogarithmicWhateverTheOrder) {
    constexpr Node count = 1 << 17;
    for (const std::uint64_t stride : {std::uint64_t{1}, std::uint64_t{0xffff'ffff'ffff'ffff},
                                       std::uint64_t{64}, std::uint64_t{0x9e37'79b9'7f4a'7c15}}) {
        std::vector<Record> table(count + 1);
        const Plain nodes{&table};
        Node root = treap::kNone;
        for (Node node = 1; node <= count; ++node) {
            table[node].key = node * stride;
            treap::insert(nodes, root, node);
        }
        std::uint64_t steps = 0;
        for (Node node = 1; node <= count; ++node) {
            for (Node at = root; at != node; ++steps)
                at = nodes.before(at, node) ? nodes.right(at) : nodes.left(at);
        }
        EXPECT_LT(static_cast<double>(steps) / count, 2.5 * std::log(count)) << stride;
    }
}

}  // namespace
