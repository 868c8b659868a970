// Threads that attach, use a heap through several mappings, and end.
#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <atomic>
#include <fstream>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "shared/api/mapping.hpp"
#include "support/random.hpp"
#include "support/together.hpp"
#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;

// How often the file is mapped in this process.
int mappings_of(const std::string& name) {
    std::ifstream maps("/proc/self/maps");
    int found = 0;
    for (std::string line; std::getline(maps, line);)
        found += line.find(name) != std::string::npos ? 1 : 0;
    return found;
}

// ThreadSanitizer takes two mappings of one word for two words, so that it does
// not see how the heap orders the users of a block. The content is accessed by
// relaxed atomics therefore.
TEST(SharedHeapThreads, TwoMappingsOfOneProcessShareTheBlocks) {
    constexpr unsigned kThreads = 4;
    const TemporaryName name;
    SharedHeap heaps[2] = {make_heap(name), make_heap(name)};
    std::atomic<std::uint64_t> places[64] = {};
    together(kThreads, [&](unsigned id) {
        Random random(id);
        for (int i = 0; i < 20000; ++i) {
            SharedHeap& mine = heaps[random.below(2)];
            const std::size_t size =
                random.below(100) == 0 ? random.below(200000) : 8 + random.below(500);
            auto* const block = static_cast<std::uint64_t*>(mine.allocate(size < 8 ? 8 : size));
            ASSERT_NE(block, nullptr);
            const std::uint64_t place = mine.to_offset(block);
            std::atomic_ref(*block).store(place, std::memory_order_relaxed);
            // Another thread frees it through another mapping.
            SharedHeap& theirs = heaps[random.below(2)];
            const std::uint64_t old = places[random.below(64)].exchange(place);
            if (old == 0) continue;
            auto* const other = static_cast<std::uint64_t*>(theirs.to_address(old));
            ASSERT_EQ(std::atomic_ref(*other).load(std::memory_order_relaxed), old);
            theirs.deallocate(theirs.to_address(old));
        }
    });
    for (std::atomic<std::uint64_t>& place : places)
        heaps[0].deallocate(heaps[0].to_address(place));
    EXPECT_EQ(heaps[0].statistics().blocks, 0U);
    EXPECT_EQ(heaps[1].check(), 0U);
}

TEST(SharedHeapThreads, ConcurrentDeallocateFromFreesOnce) {
    const TemporaryName name;
    SharedHeap heap = make_heap(name);
    auto* const place = static_cast<std::uint64_t*>(heap.allocate(8));
    *place = 0;
    for (int round = 0; round < 500; ++round) {
        ASSERT_NE(heap.allocate_to(place, round % 2 == 0 ? 40 : 100000), nullptr);
        std::atomic<int> freed{0};
        together(3, [&](unsigned) { freed += heap.deallocate_from(place) ? 1 : 0; });
        ASSERT_EQ(freed, 1);
        ASSERT_EQ(heap.statistics().blocks, 1U);
    }
    EXPECT_EQ(heap.check(), 0U);
}

TEST(SharedHeapThreads, ThreadsThatComeAndGoLeaveNothingBehind) {
    const TemporaryName name;
    SharedHeap heap = make_heap(name);
    for (int round = 0; round < 20; ++round) {
        together(4, [&](unsigned) {
            for (int i = 0; i < 100; ++i) heap.deallocate(heap.allocate(100));
        });
    }
    EXPECT_EQ(heap.statistics().threads, 1U);
    EXPECT_EQ(heap.recover(), 0U);
    EXPECT_EQ(heap.check(), 0U);
}

TEST(SharedHeapThreads, AClosedHeapStaysMappedUntilItsThreadsEnd) {
    const TemporaryName name;
    auto heap = std::make_unique<SharedHeap>(make_heap(name));
    std::latch attached(1);
    std::latch closed(1);
    std::thread thread([&] {
        static_cast<void>(heap->allocate(100));
        attached.count_down();
        closed.wait();
    });
    attached.wait();
    heap.reset();
    EXPECT_EQ(mappings_of(name), 1);
    closed.count_down();
    thread.join();
    EXPECT_EQ(mappings_of(name), 0);
    SharedHeap again = make_heap(name);
    EXPECT_EQ(again.statistics().threads, 1U);
    EXPECT_EQ(again.recover(), 0U);
    EXPECT_EQ(again.check(), 0U);
}

TEST(SharedHeapThreads, AThreadUsesMoreHeapsThanItHasEntries) {
    std::vector<std::unique_ptr<TemporaryName>> names;
    std::vector<SharedHeap> heaps;
    for (int i = 0; i < 20; ++i) {
        names.push_back(std::make_unique<TemporaryName>());
        heaps.push_back(make_heap(*names.back()));
    }
    std::vector<void*> blocks(heaps.size());
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < heaps.size(); ++i)
            ASSERT_NE(blocks[i] = heaps[i].allocate(100), nullptr);
        for (std::size_t i = 0; i < heaps.size(); ++i) heaps[i].deallocate(blocks[i]);
    }
    for (SharedHeap& heap : heaps) {
        EXPECT_LE(heap.statistics().threads, 1U);
        EXPECT_EQ(heap.recover(), 0U);
        EXPECT_EQ(heap.check(), 0U);
    }
}

// Its destructor runs after the thread has detached.
struct FreesAtTheEnd {
    SharedHeap* heap = nullptr;
    void* block = nullptr;
    FreesAtTheEnd() = default;
    FreesAtTheEnd(const FreesAtTheEnd&) = delete;
    FreesAtTheEnd& operator=(const FreesAtTheEnd&) = delete;
    ~FreesAtTheEnd() {
        if (heap != nullptr) heap->deallocate(block);
    }
};
thread_local FreesAtTheEnd frees_at_the_end;

TEST(SharedHeapThreads, ADestructorOfTheThreadMayStillFree) {
    const TemporaryName name;
    SharedHeap heap = make_heap(name);
    std::thread([&] {
        frees_at_the_end.heap = &heap;  // made before the heap attaches
        frees_at_the_end.block = heap.allocate(100);
    }).join();
    EXPECT_EQ(heap.statistics().blocks, 0U);
    EXPECT_EQ(heap.statistics().threads, 1U) << "it has detached once more";
    EXPECT_EQ(heap.recover(), 0U);
    EXPECT_EQ(heap.check(), 0U);
}

}  // namespace
