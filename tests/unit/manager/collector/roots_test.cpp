// Blocks that the collector keeps and takes for roots: those of
// allocate_root(), and so the nodes of containers.
#include <gtest/gtest.h>
#include <ashlar/manager_resource.hpp>
#include <ashlar/memory_manager.hpp>

#include <list>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "graph.hpp"
#include "unit/manager/make.hpp"

namespace {

using ashlar::CollectorOptions;
using ashlar::ManagerResource;
using ashlar::MemoryManager;
using ashlar::Offset;
using ashlar::Size;
using ashlar::Status;

constexpr Size kSizes[] = {16, 64, 1000, 5000};

class CollectorRoots : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, CollectorRoots, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(CollectorRoots, ContainersSurviveACollectionFromOtherRoots) {
    MemoryManager manager(16U << 20, make::options(0, GetParam()));
    ManagerResource resource(manager);
    {
        std::pmr::list<int> listed(&resource);
        std::pmr::map<int, std::pmr::string> ordered(&resource);
        std::pmr::vector<int> row(&resource);
        for (int i = 0; i < 400; ++i) {
            listed.push_back(i);
            ordered[i] = std::string(100, 'x');
            row.push_back(i);
        }
        const std::uint64_t contained = manager.statistics().blocks;
        for (int i = 0; i < 100; ++i) ASSERT_TRUE(manager.allocate(kSizes[i % 4], 8).has_value());
        EXPECT_EQ(manager.find_leaks({}).size(), 100U);
        EXPECT_EQ(manager.collect({}).freed_blocks, 100U);
        EXPECT_EQ(manager.statistics().blocks, contained);
        int next = 0;
        for (const int value : listed) EXPECT_EQ(value, next++);
        EXPECT_EQ(ordered.at(399).size(), 100U);
    }
    EXPECT_EQ(manager.statistics().blocks, 0U) << "the containers gave everything back";
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(CollectorRoots, KeepWhatTheyReferToUntilTheyAreFreed) {
    for (const Size size : kSizes) {
        MemoryManager manager(16U << 20, make::options(0, GetParam()));
        const Offset root = manager.allocate_root(size, 8).value();
        Graph<MemoryManager> graph(manager);
        const Offset first = graph.add(2);
        const Offset second = graph.add(2);
        graph.refer(first, 1, second);
        manager.write(root, std::vector<std::byte>(size, std::byte{0xff}));
        set_word(manager, root + 8, first);
        EXPECT_EQ(manager.collect({}).freed_blocks, 0U);
        manager.deallocate(root);
        EXPECT_EQ(manager.collect({}).freed_blocks, 2U);
    }
}

TEST_P(CollectorRoots, TheNextBlockAtTheOffsetIsNoRoot) {
    for (const Size size : kSizes) {
        MemoryManager manager(16U << 20, make::options(0, GetParam()));
        const Offset root = manager.allocate_root(size, 8).value();
        manager.deallocate(root);
        ASSERT_EQ(manager.allocate(size, 8), root);
        EXPECT_EQ(manager.collect({}).freed_blocks, 1U) << size;
    }
}

TEST_P(CollectorRoots, RefuseWhatAllocateRefuses) {
    MemoryManager manager(1U << 20, make::options(0, GetParam()));
    EXPECT_THROW(static_cast<void>(manager.allocate_root(8, 3)), ashlar::BadAlignment);
    EXPECT_EQ(manager.allocate_root(2U << 20), std::nullopt);
    Offset at = 0;
    EXPECT_EQ(manager.try_allocate_root(8, 3, at), Status::bad_alignment);
    EXPECT_EQ(manager.try_allocate_root(2U << 20, 1, at), Status::no_room);
    EXPECT_EQ(manager.try_allocate_root(8, 8, at), Status::ok);
    EXPECT_TRUE(manager.is_block(at));
}

// In each phase of a cycle: the roots' source is asked at the beginning and
// before the sweep.
TEST(CollectorRootsThreads, AllocatedWhileCyclesRunAreKept) {
    MemoryManager manager(64U << 20);
    std::vector<Offset> asked;
    CollectorOptions options;
    options.period = std::chrono::milliseconds(0);
    options.budget = 1;
    options.roots = [&] {
        for (const Size size : kSizes) asked.push_back(manager.allocate_root(size, 8).value());
        return std::vector<Offset>();
    };
    manager.start_collector(std::move(options));
    std::vector<Offset> beside;
    while (manager.last_collection().cycles < 20) {
        if (beside.size() < 20'000)
            beside.push_back(manager.allocate_root(kSizes[beside.size() % 3], 8).value());
        std::this_thread::yield();
    }
    manager.stop_collector();
    EXPECT_EQ(manager.collect({}).freed_blocks, 0U);
    for (const Offset root : asked) EXPECT_TRUE(manager.is_block(root));
    for (const Offset root : beside) EXPECT_TRUE(manager.is_block(root));
    EXPECT_EQ(manager.check(), 0U);
}

}  // namespace
