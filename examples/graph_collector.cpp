// A graph whose nodes are collected. Nodes are blocks that hold the offsets of
// their neighbours. Edges are cut and drawn at random; a node that no root
// reaches is garbage. First collect() frees it between two steps. Then
// start_collector() frees it in a thread of its own while the graph changes.
// Edges are stored by write(), which tells the collector of them.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(graph_collector graph_collector.cpp)
//   target_link_libraries(graph_collector
//                         PRIVATE ashlar::manager Threads::Threads)
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include <ashlar/memory_manager.hpp>

namespace {

using ashlar::MemoryManager;
using ashlar::Offset;

constexpr Offset nothing = ~Offset{0};  // no block: beyond the buffer
constexpr std::size_t edges = 3;
using Node = std::array<Offset, edges>;

class Graph {
  public:
    Graph() : manager_(ashlar::Size{4} << 20) {
        for (Offset& root : roots_) root = add().value();
    }

    // At the end of a random walk: adds a node, draws an edge, or cuts one.
    void change() {
        const Offset from = walk();
        const std::size_t edge = random_() % edges;
        switch (random_() % 3) {
            case 0:
                if (!grow(from, edge)) manager_.collect(roots_);
                return;
            case 1: return set(from, edge, walk());
            default: return set(from, edge, nothing);
        }
    }
    [[nodiscard]] std::set<Offset> reachable() const {
        std::set<Offset> found;
        std::vector<Offset> ahead(roots_.begin(), roots_.end());
        while (!ahead.empty()) {
            const Offset node = ahead.back();
            ahead.pop_back();
            if (node == nothing || !found.insert(node).second) continue;
            const Node next = get(node);
            ahead.insert(ahead.end(), next.begin(), next.end());
        }
        return found;
    }
    [[nodiscard]] MemoryManager& manager() { return manager_; }
    [[nodiscard]] std::vector<Offset> roots() {
        const std::lock_guard<std::mutex> hold(growing_);
        return {roots_.begin(), roots_.end()};
    }

  private:
    // Between add() and set() no root reaches the new node. The mutex keeps the
    // collector from reading the roots in between.
    [[nodiscard]] bool grow(Offset from, std::size_t edge) {
        const std::lock_guard<std::mutex> hold(growing_);
        const auto node = add();
        if (node) set(from, edge, *node);
        return node.has_value();
    }
    std::optional<Offset> add() {
        const auto node = manager_.allocate(sizeof(Node), alignof(Offset));
        Node empty;
        empty.fill(nothing);
        if (node) manager_.write(*node, std::as_bytes(std::span(empty)));
        return node;
    }
    void set(Offset node, std::size_t edge, Offset target) {
        manager_.write(node + edge * sizeof(Offset), std::as_bytes(std::span(&target, 1)));
    }
    [[nodiscard]] Node get(Offset node) const {
        Node found;
        manager_.read(node, std::as_writable_bytes(std::span(found)));
        return found;
    }
    [[nodiscard]] Offset walk() {
        Offset node = roots_[random_() % roots_.size()];
        for (std::size_t steps = random_() % 12; steps > 0; --steps) {
            const Offset next = get(node)[random_() % edges];
            if (next != nothing) node = next;
        }
        return node;
    }

    MemoryManager manager_;
    std::array<Offset, 2> roots_;
    std::mutex growing_;
    std::mt19937 random_{1};
};

}  // namespace

int main() {
    Graph graph;
    bool right = true;

    // Without changes during the cycle: exactly the reachable nodes remain.
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 2000; ++i) graph.change();
        graph.manager().collect(graph.roots());
        const std::set<Offset> kept = graph.reachable();
        right = right && graph.manager().statistics().blocks == kept.size();
        for (const Offset node : kept) right = right && graph.manager().is_block(node);
    }

    // With changes during the cycles. Each step reads nodes: reading a node
    // that was freed would throw.
    graph.manager().start_collector({.period = std::chrono::milliseconds(1),
                                     .budget = 64,
                                     .roots = [&] { return graph.roots(); }});
    std::size_t steps = 0;
    while (steps < 200'000 ||
           (steps < 5'000'000 && graph.manager().last_collection().cycles < 25)) {
        graph.change();
        ++steps;
    }
    graph.manager().stop_collector();

    const ashlar::CollectionStatistics last = graph.manager().collect(graph.roots());
    right = right && last.cycles > 25 &&
            graph.manager().statistics().blocks == graph.reachable().size();
    std::printf("%zu steps, %llu cycles; %zu nodes are left, all reachable\n", steps,
                static_cast<unsigned long long>(last.cycles), graph.reachable().size());
    return right && graph.manager().check() == 0 ? 0 : 1;
}
