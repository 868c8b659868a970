// The collector over graphs at rest, of which the test knows what can be
// reached; leaks; visitors.
#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <stdexcept>

#include "graph.hpp"
#include "unit/manager/make.hpp"

namespace {

using ashlar::BlockView;
using ashlar::MemoryManager;
using ashlar::Offset;
using ashlar::ReferenceVisitor;
using ashlar::Size;

std::set<Offset> live(const MemoryManager& manager) {
    std::set<Offset> found;
    manager.for_each([&](const BlockView& view) {
        if (view.kind != BlockView::Kind::hole && view.kind != BlockView::Kind::slab)
            found.insert(view.start);
        return true;
    });
    return found;
}

class Collector : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, Collector, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

// Small blocks and large ones, chains, cycles and interior references.
TEST_P(Collector, FreesExactlyTheUnreachableBlocks) {
    for (unsigned seed = 0; seed < 10; ++seed) {
        std::mt19937_64 random(seed);
        MemoryManager manager(32U << 20, make::options(0, GetParam()));
        Graph<MemoryManager> graph(manager);
        std::vector<Offset> blocks;
        for (int i = 0; i < 3000; ++i) {
            blocks.push_back(
                graph.add(1 + random() % 6, random() % 4 == 0 ? random() % 5000 : random() % 8));
        }
        for (int i = 0; i < 7000; ++i) {
            const Offset block = blocks[random() % blocks.size()];
            const Offset to = blocks[random() % blocks.size()];
            const Offset inside = random() % 3 == 0 ? to + random() % manager.size_of(to) : to;
            graph.refer(block, random() % graph.references(block), inside);
        }
        const std::vector<Offset> roots{blocks[1], blocks[2] + 5, blocks[3], kNull,
                                        (32U << 20) - 1};
        const std::set<Offset> kept = graph.reachable(roots);
        ASSERT_GT(kept.size(), 100U);
        ASSERT_LT(kept.size(), 2950U);

        const std::vector<BlockView> leaks = manager.find_leaks(roots);
        std::set<Offset> leaked;
        for (const BlockView& view : leaks) leaked.insert(view.start);
        EXPECT_EQ(leaked.size(), leaks.size());
        std::set<Offset> expected = graph.blocks();
        for (const Offset block : kept) expected.erase(block);
        EXPECT_EQ(leaked, expected);
        EXPECT_EQ(live(manager), graph.blocks());

        const auto before = manager.statistics();
        const auto done = manager.collect(roots);
        EXPECT_EQ(live(manager), kept);
        EXPECT_EQ(done.roots, 3U);
        EXPECT_EQ(done.marked, kept.size());
        EXPECT_EQ(done.freed_blocks, graph.blocks().size() - kept.size());
        EXPECT_EQ(done.freed_bytes, before.used - manager.statistics().used);
        EXPECT_EQ(done.cycles, 2U);
        EXPECT_LE(done.longest_slice, 256U);
        EXPECT_EQ(manager.collect(roots).freed_blocks, 0U);
        EXPECT_EQ(manager.check(), 0U);
    }
}

// A list is as deep as marking gets, a block with many references as wide: more
// than the stack has room for.
TEST_P(Collector, MarksDeepAndWideGraphs) {
    MemoryManager manager(64U << 20, make::options(0, GetParam()));
    Graph<MemoryManager> graph(manager);
    const Offset list = graph.add(1);
    Offset last = list;
    for (int i = 0; i < 50'000; ++i) {
        const Offset next = graph.add(1);
        graph.refer(last, 0, next);
        last = next;
    }
    const Offset wide = graph.add(20'000);
    for (std::size_t i = 0; i < 20'000; ++i) {
        const Offset child = graph.add(i % 16 == 0 ? 300 : 1);
        graph.refer(wide, i, child);
        graph.refer(child, 0, graph.add(1));
    }
    for (int i = 0; i < 1000; ++i) graph.add(2);
    const auto done = manager.collect(std::vector{list, wide});
    EXPECT_EQ(done.marked, 50'001U + 40'001U);
    EXPECT_EQ(done.freed_blocks, 1000U);
    EXPECT_EQ(manager.check(), 0U);
}

// The roots fill the stack, so that one of them is lost: the lowest block of
// all, but not the first one of its slab.
TEST_P(Collector, FindsSmallBlocksAfterMarkStackOverflow) {
    constexpr int kMoreThanTheStackHolds = 5000;
    MemoryManager manager(32U << 20, make::options(0, GetParam()));
    Graph<MemoryManager> graph(manager);
    std::vector<Offset> small;
    for (int i = 0; i < 10; ++i) small.push_back(graph.add(1));
    std::sort(small.begin(), small.end());
    const Offset inside = small[5], child = graph.add(1), grandchild = graph.add(1);
    graph.refer(inside, 0, child);
    graph.refer(child, 0, grandchild);
    std::vector<Offset> roots;
    for (int i = 0; i < kMoreThanTheStackHolds; ++i) roots.push_back(graph.add(1, 2000));
    ASSERT_LT(inside, *std::min_element(roots.begin(), roots.end()));
    roots.push_back(inside);
    const auto done = manager.collect(roots);
    EXPECT_TRUE(manager.is_block(child));
    EXPECT_TRUE(manager.is_block(grandchild));
    EXPECT_EQ(done.marked, roots.size() + 2);
    EXPECT_EQ(done.freed_blocks, small.size() - 1);
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Collector, KeepsMovableAndReservedBlocksAndWhatTheyReach) {
    MemoryManager manager(1U << 20, make::options(0, GetParam()));
    Graph<MemoryManager> graph(manager);
    const ashlar::Handle movable = manager.allocate_movable(64, 8).value();
    ASSERT_TRUE(manager.reserve_range(500'000, 64));
    const Offset first = graph.add(2), second = graph.add(2), third = graph.add(1000),
                 lost = graph.add(1000);
    std::memset(manager.data(manager.resolve(movable)), 0xff, 64);
    std::memset(manager.data(500'000), 0xff, 64);
    set_word(manager, manager.resolve(movable) + 8, first);
    set_word(manager, 500'008, second);
    graph.refer(second, 0, third);
    EXPECT_EQ(manager.collect({}).freed_blocks, 1U);
    EXPECT_FALSE(manager.is_block(lost));
    EXPECT_TRUE(manager.is_block(first));
    EXPECT_TRUE(manager.is_block(third));
    EXPECT_TRUE(manager.is_block(500'000));
    manager.deallocate(movable);
    manager.deallocate(500'000);
    EXPECT_EQ(manager.collect({}).freed_blocks, 3U);
    EXPECT_EQ(manager.statistics().used, 0U);
}

// Only words that the visitor names are references, whatever others look like.
// It works without memory too.
TEST_P(Collector, FollowsTheVisitorsReferences) {
    MemoryManager manager = MemoryManager::without_memory(1U << 20, make::options(0, GetParam()));
    std::map<Offset, std::vector<Offset>> edges;
    std::vector<Offset> blocks;
    for (int i = 0; i < 100; ++i)
        blocks.push_back(manager.allocate(i % 2 == 0 ? 100 : 3000).value());
    for (std::size_t i = 0; i + 10 < blocks.size(); ++i) edges[blocks[i]] = {blocks[i + 10] + 50};
    const ReferenceVisitor visitor = [&](Offset block, Size size,
                                         const std::function<void(Offset)>& reach) {
        EXPECT_EQ(size, manager.size_of(block));
        for (const Offset to : edges[block]) reach(to);
    };
    EXPECT_THROW(manager.collect(blocks), ashlar::NoMemory);
    EXPECT_EQ(manager.collect(std::vector{blocks[0], blocks[1]}, visitor).freed_blocks, 80U);
    for (std::size_t i = 0; i < blocks.size(); ++i)
        EXPECT_EQ(manager.is_block(blocks[i]), i % 10 < 2) << i;
}

TEST_P(Collector, FreesNothingWhenACallbackThrows) {
    MemoryManager manager(1U << 20, make::options(0, GetParam()));
    Graph<MemoryManager> graph(manager);
    const Offset root = graph.add(2), lost = graph.add(2), large = graph.add(500);
    const ReferenceVisitor bad = [](Offset, Size, const std::function<void(Offset)>&) {
        throw std::runtime_error("no");
    };
    EXPECT_THROW(manager.collect(std::vector{root}, bad), std::runtime_error);
    EXPECT_TRUE(manager.is_block(lost));
    EXPECT_TRUE(manager.is_block(large));
    EXPECT_EQ(manager.collect(std::vector{root}).freed_blocks, 2U);
    EXPECT_EQ(manager.last_collection().freed_blocks, 2U);
}

}  // namespace
