// The calls of SharedHeap that look at the whole heap.
#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <thread>
#include <vector>

#include "shared/api/mapping.hpp"
#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;

struct SharedHeapInspect : ::testing::Test {
    TemporaryName name;
    SharedHeap heap = make_heap(name);
    ~SharedHeapInspect() override { EXPECT_EQ(heap.check(), 0U); }
};

TEST_F(SharedHeapInspect, VisitGivesLiveBlocksByRisingOffset) {
    std::vector<void*> blocks;
    for (const std::size_t size : {10U, 70000U, 10U, 900U, 0U, 200000U})
        blocks.push_back(heap.allocate(size));
    heap.deallocate(blocks[2]);
    std::vector<SharedHeap::Block> seen;
    heap.visit([&](SharedHeap::Block block) {
        seen.push_back(block);
        return true;
    });
    ASSERT_EQ(seen.size(), 5U);
    for (std::size_t i = 1; i < seen.size(); ++i) EXPECT_LT(seen[i - 1].start, seen[i].start);
    std::size_t bytes = 0;
    for (const SharedHeap::Block& block : seen) bytes += block.size;
    EXPECT_EQ(bytes, 270910U);
}

TEST_F(SharedHeapInspect, VisitStopsWhenToldSo) {
    for (const std::size_t size : {10U, 10U, 70000U, 70000U})
        static_cast<void>(heap.allocate(size));
    for (int most = 1; most < 4; ++most) {
        int seen = 0;
        heap.visit([&](SharedHeap::Block) { return ++seen < most; });
        EXPECT_EQ(seen, most);
    }
}

TEST_F(SharedHeapInspect, StatisticsCountBlocksAndBytes) {
    const SharedStatistics before = heap.statistics();
    EXPECT_EQ(before.limit, small_heap().limit);
    EXPECT_EQ(before.blocks, 0U);
    EXPECT_EQ(before.threads, 1U);
    EXPECT_GT(before.metadata, 0U);
    void* const small = heap.allocate(100);
    void* const large = heap.allocate(70000);
    const SharedStatistics now = heap.statistics();
    EXPECT_EQ(now.blocks, 2U);
    EXPECT_EQ(now.used, 70100U);
    EXPECT_EQ(now.rounding, 12U + 2U * 65536U - 70000U);  // 100 bytes take 112
    EXPECT_GT(now.kept, 0U);
    EXPECT_GE(now.file, now.metadata + now.used);
    EXPECT_LT(now.file, now.metadata + 4U * 65536U) << "three units";
    EXPECT_EQ(now.doubts, 0U);
    heap.deallocate(small);
    heap.deallocate(large);
    EXPECT_EQ(heap.statistics().used, 0U);
    EXPECT_EQ(heap.statistics().rounding, 0U);
}

TEST_F(SharedHeapInspect, TrimReturnsPagesToTheFileSystem) {
    constexpr std::size_t kBytes = std::size_t{8} << 20;
    std::vector<void*> blocks;
    for (std::size_t bytes = 0; bytes < kBytes; bytes += 1024)
        blocks.push_back(heap.allocate(1024));
    EXPECT_GE(heap.statistics().file, kBytes);
    for (void* const block : blocks) heap.deallocate(block);
    EXPECT_GT(heap.trim(), 0U);
    EXPECT_LT(heap.statistics().file, kBytes / 4);
    EXPECT_EQ(heap.trim(), 0U);
    void* const again = heap.allocate(kBytes);
    EXPECT_NE(again, nullptr);
    heap.deallocate(again);
}

TEST_F(SharedHeapInspect, ProcessesCountsThreadsAndWhatTheyKeep) {
    static_cast<void>(heap.allocate(32));
    std::thread([&] {
        static_cast<void>(heap.allocate(32));
        const std::vector<SharedProcess> found = heap.processes();
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].process, getpid());
        EXPECT_EQ(found[0].threads, 2U);
        EXPECT_GT(found[0].blocks, 1U);
        EXPECT_EQ(found[0].bytes, found[0].blocks * 32);
    }).join();
    const pid_t child = start_child([&] {
        static_cast<void>(heap.allocate(64));
        const std::vector<SharedProcess> found = heap.processes();
        return found.size() == 2 && found[1].process == getpid() && found[1].threads == 1 ? 0 : 1;
    });
    EXPECT_EQ(end_of(child), 0);
}

TEST_F(SharedHeapInspect, ProcessesTellsTwoWithOneNumberApart) {
    const shared::Owner me = heap.mapping()->enter();
    EXPECT_EQ(me.slot.started.load(base::rlx), shared::start_of_process());
    EXPECT_GT(shared::start_of_process(), 0U);
    std::thread([&] {
        heap.mapping()->enter().slot.started.store(7, base::rlx);
        EXPECT_EQ(heap.processes().size(), 2U);
    }).join();
}

TEST_F(SharedHeapInspect, ProcessesForgetsThreadsThatEnded) {
    std::thread([&] { static_cast<void>(heap.allocate(32)); }).join();
    ASSERT_EQ(heap.processes().size(), 1U);
    EXPECT_EQ(heap.processes()[0].threads, 1U);
    EXPECT_EQ(heap.recover(), 0U);
}

}  // namespace
