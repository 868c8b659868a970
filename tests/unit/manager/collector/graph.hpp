// A graph of blocks, and the test's own knowledge of it: the oracle for what a
// collector may free.
#ifndef ASHLAR_TESTS_UNIT_MANAGER_COLLECTOR_GRAPH_HPP
#define ASHLAR_TESTS_UNIT_MANAGER_COLLECTOR_GRAPH_HPP

#include <ashlar/policy.hpp>

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <vector>

using ashlar::Offset;
using ashlar::Size;

// No offset of a block: what an empty reference holds.
inline constexpr Offset kNull = ~Offset{0};

template <class Manager>
void set_word(Manager& manager, Offset at, Offset word) {
    manager.write(at, std::as_bytes(std::span(&word, 1)));
}

// Blocks that are nothing but references, and the test's own knowledge of them.
template <class Manager>
class Graph {
  public:
    explicit Graph(Manager& manager) : manager_(manager) {}

    Offset add(std::size_t references, Size extra = 0) {
        const Offset block = manager_.allocate(8 * references + extra, 8).value();
        edges_[block].assign(references, kNull);
        const std::vector<std::byte> ones(8 * references + extra, std::byte{0xff});
        manager_.write(block, ones);
        return block;
    }
    void refer(Offset block, std::size_t i, Offset to) {
        set_word(manager_, block + 8 * i, to);
        edges_.at(block)[i] = to;
    }
    // Cuts references off.
    void shorten(Offset block, std::size_t references) {
        if (manager_.resize(block, 8 * references)) edges_.at(block).resize(references);
    }
    // To another place. References to the old one stay as they are.
    Offset move(Offset block, Size alignment) {
        const Offset now = manager_.reallocate(block, manager_.size_of(block), alignment).value();
        auto references = std::move(edges_.at(block));
        edges_.erase(block);
        edges_[now] = std::move(references);  // in the place of one that a cycle has freed, perhaps
        return now;
    }
    void remove(Offset block) {
        manager_.deallocate(block);
        edges_.erase(block);
    }
    [[nodiscard]] Offset reference(Offset block, std::size_t i) const {
        return edges_.at(block)[i];
    }
    [[nodiscard]] std::size_t references(Offset block) const { return edges_.at(block).size(); }
    [[nodiscard]] std::set<Offset> reachable(std::vector<Offset> from) const {
        std::set<Offset> seen;
        while (!from.empty()) {
            const Offset at = from.back();
            from.pop_back();
            const auto found = owner(at);
            if (found == edges_.end() || !seen.insert(found->first).second) continue;
            from.insert(from.end(), found->second.begin(), found->second.end());
        }
        return seen;
    }
    [[nodiscard]] std::set<Offset> blocks() const {
        std::set<Offset> all;
        for (const auto& [block, edges] : edges_) all.insert(block);
        return all;
    }
    // Drops what the collector has freed from the test's knowledge.
    void forget_all_but(const std::set<Offset>& kept) {
        std::erase_if(edges_, [&](const auto& entry) { return !kept.contains(entry.first); });
    }

  private:
    using Edges = std::map<Offset, std::vector<Offset>>;
    [[nodiscard]] Edges::const_iterator owner(Offset at) const {
        auto found = edges_.upper_bound(at);
        if (found == edges_.begin()) return edges_.end();
        --found;
        return at - found->first < manager_.size_of(found->first) ? found : edges_.end();
    }

    Manager& manager_;
    Edges edges_;
};

#endif
