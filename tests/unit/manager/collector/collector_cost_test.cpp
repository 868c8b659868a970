// How much the collector looks at, counted: every block once, also where far
// more are marked than its stack has room for.
#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include <algorithm>
#include <stdexcept>
#include <unordered_map>
#include <vector>

namespace {

using ashlar::CollectionStatistics;
using ashlar::MemoryManager;
using ashlar::Offset;
using ashlar::Size;

constexpr std::uint64_t kBudget = 256;  // of a slice, in collect()

using Edges = std::unordered_map<Offset, std::vector<Offset>>;

struct Cost {
    CollectionStatistics done;
    std::uint64_t looks = 0;   // at blocks
    std::uint64_t slices = 0;  // that walking from the roots took
};

Cost collect(MemoryManager& manager, const std::vector<Offset>& roots, const Edges& edges) {
    Cost cost;
    const std::uint64_t idle = manager.find_leaks({}, [](auto...) {}).size();
    const std::uint64_t around = manager.last_collection().slices;  // whitening and sweeping
    EXPECT_GT(idle, 0U);
    cost.done =
        manager.collect(roots, [&](Offset block, Size, const std::function<void(Offset)>& reach) {
            ++cost.looks;
            const auto found = edges.find(block);
            if (found == edges.end()) return;
            for (const Offset to : found->second) reach(to);
        });
    cost.slices = cost.done.slices - std::min(around, cost.done.slices);
    return cost;
}

// 64 slabs of the smallest blocks, all of them roots: each slab has twice as
// many blocks as the stack has room for.
TEST(CollectorCost, MarkingVisitsEachTinyBlockOnce) {
    MemoryManager manager = MemoryManager::without_memory(64U << 20);
    std::vector<Offset> blocks(8192U * 64);
    for (Offset& block : blocks) block = manager.allocate(8).value();
    const Cost cost = collect(manager, blocks, {});
    EXPECT_EQ(cost.done.marked, blocks.size());
    EXPECT_EQ(cost.done.freed_blocks, 0U);
    EXPECT_EQ(cost.looks, blocks.size());
    EXPECT_LE(cost.slices * kBudget, 3 * blocks.size());
}

// A list downwards through the buffer, each of whose nodes refers to a leaf
// first: the leaves fill the stack, and what it has no room for lies below all
// that was lost before.
TEST(CollectorCost, MarkStackOverflowsNeedNoHeapWalks) {
    for (const Size size : {Size{16}, Size{2000}}) {
        constexpr std::size_t kNodes = 100'000;
        MemoryManager manager = MemoryManager::without_memory(Size{1} << 30);
        std::vector<Offset> blocks(2 * kNodes);
        for (Offset& block : blocks) block = manager.allocate(size).value();
        std::ranges::sort(blocks, std::greater<>());
        Edges edges;
        for (std::size_t i = 0; i + 2 < blocks.size(); i += 2)
            edges[blocks[i]] = {blocks[i + 1], blocks[i + 2]};
        const Cost cost = collect(manager, {blocks[0]}, edges);
        EXPECT_EQ(cost.done.marked, blocks.size() - 1);
        EXPECT_EQ(cost.done.freed_blocks, 1U);
        EXPECT_EQ(cost.looks, blocks.size() - 1);
        EXPECT_LE(cost.slices * kBudget, 3 * blocks.size()) << size;
    }
}

// A cycle that ends early leaves nothing for the next one to look at.
TEST(CollectorCost, FailedCycleLeavesNoWorkToTheNext) {
    MemoryManager manager = MemoryManager::without_memory(64U << 20);
    std::vector<Offset> blocks;
    for (int i = 0; i < 20'000; ++i)
        blocks.push_back(manager.allocate(i % 2 == 0 ? 8 : 2000).value());
    const auto fails = [](auto...) { throw std::runtime_error("no"); };
    EXPECT_THROW(manager.collect(blocks, fails), std::runtime_error);
    std::uint64_t looks = 0;
    const auto counts = [&looks](auto...) { ++looks; };
    EXPECT_EQ(manager.collect({}, counts).freed_blocks, blocks.size());
    EXPECT_EQ(looks, 0U);
}

}  // namespace
