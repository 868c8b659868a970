// Every member function of ashlar::Heap in one thread, of the process heap too
// where that makes sense.
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "heap_support.hpp"
#include "pattern.hpp"

namespace {

using ashlar::Heap;
using heap_support::Blocks;
using heap_support::kib;
using heap_support::mib;
using heap_support::visited;

constexpr std::size_t of_every_kind[] = {0,        1,        16,        100, 1000,       4 * kib,
                                         32 * kib, 40 * kib, 100 * kib, mib, 5 * mib + 1};

TEST(Heap, AllocateReturnsAlignedBlocksOfTheHeap) {
    Heap heap;
    for (std::size_t alignment = 1; alignment <= 4 * mib; alignment *= 2) {
        for (std::size_t size : of_every_kind) {
            void* block = heap.allocate(size, alignment);
            ASSERT_NE(block, nullptr) << size << " at " << alignment;
            EXPECT_TRUE(is_aligned(block, alignment));
            EXPECT_TRUE(is_aligned(block, size == 0 ? 1 : std::min(alignment, std::size_t{16})));
            EXPECT_TRUE(heap.owns(block));
            EXPECT_FALSE(Heap::process().owns(block));
            EXPECT_GE(heap.usable_size(block), size);
            fill(block, size, alignment);
            EXPECT_TRUE(intact(block, size, alignment));
            heap.deallocate(block);
        }
    }
    EXPECT_EQ(heap.check(), 0u);
}

TEST(Heap, AllocateOfImpossibleSizesIsRefused) {
    Heap heap;
    for (std::size_t size : Sizes{SIZE_MAX, SIZE_MAX - 65536, std::size_t{PTRDIFF_MAX} + 1,
                                  std::size_t{PTRDIFF_MAX}}) {
        EXPECT_EQ(heap.allocate(size), nullptr);
        EXPECT_EQ(heap.allocate(size, mib), nullptr);
    }
    for (std::size_t alignment : Sizes{0, 3, 24, 100, 4097})
        EXPECT_EQ(heap.allocate(100, alignment), nullptr) << alignment;
    EXPECT_EQ(heap.allocate(100, std::size_t{1} << 62), nullptr);
    EXPECT_EQ(heap.usable_size(nullptr), 0u);
    heap.deallocate(nullptr);
    EXPECT_THROW(Heap(std::size_t{1} << 62), std::bad_alloc);
    EXPECT_THROW(Heap{SIZE_MAX}, std::bad_alloc);
    Heap least(0);
    EXPECT_NE(least.allocate(100), nullptr);
}

TEST(Heap, ReallocateKeepsTheContentAndAcceptsSizeZero) {
    Heap heap;
    std::size_t size = 1;
    void* block = heap.reallocate(nullptr, size);
    ASSERT_NE(block, nullptr);
    fill(block, size, 3);
    while (size < 6 * mib) {
        const std::size_t grown = 2 * size + 1;
        block = heap.reallocate(block, grown);
        ASSERT_NE(block, nullptr);
        ASSERT_TRUE(intact(block, size, 3)) << grown;
        fill(block, grown, 3);
        size = grown;
    }
    EXPECT_EQ(heap.reallocate(block, SIZE_MAX), nullptr);
    EXPECT_TRUE(intact(block, size, 3)) << "a failure leaves the block";
    while (size > 1) {
        size /= 3;
        block = heap.reallocate(block, size);
        ASSERT_NE(block, nullptr);
        ASSERT_TRUE(intact(block, size, 3)) << size;
    }
    block = heap.reallocate(block, 0);
    ASSERT_NE(block, nullptr) << "size 0 is a size, not a free";
    EXPECT_TRUE(heap.owns(block));
    heap.deallocate(block);
    EXPECT_TRUE(visited(heap).empty());
}

TEST(Heap, VisitSeesTheLiveBlocksInAddressOrder) {
    Heap heap;
    Random random(31);
    std::map<void*, std::size_t> live;
    for (int step = 0; step < 6000; ++step) {
        if (!live.empty() && random.below(5) < 2) {
            auto victim = live.lower_bound(reinterpret_cast<void*>(random.next() >> 17));
            if (victim == live.end()) victim = live.begin();
            heap.deallocate(victim->first);
            live.erase(victim);
        } else {
            const std::size_t size = random.size(random.below(20) == 0 ? 20 : 13);
            void* block = heap.allocate(size, std::size_t{1} << random.below(9));
            ASSERT_NE(block, nullptr);
            ASSERT_TRUE(live.emplace(block, heap.usable_size(block)).second) << "given out twice";
        }
        if (step % 1000 == 999) {
            ASSERT_EQ(visited(heap), Blocks(live.begin(), live.end())) << "step " << step;
            ASSERT_EQ(heap.check(), 0u);
        }
    }
    for (auto [block, size] : live) heap.deallocate(block);
    EXPECT_TRUE(visited(heap).empty());
}

TEST(Heap, VisitStopsWhenTheCallbackReturnsFalse) {
    Heap heap;
    for (int i = 0; i < 10; ++i) ASSERT_NE(heap.allocate(100), nullptr);
    int calls = 0;
    heap.visit([&](void*, std::size_t) { return ++calls < 4; });
    EXPECT_EQ(calls, 4);
}

TEST(Heap, VisitSkipsABlockFreedByAnotherThread) {
    Heap heap;
    void* kept = heap.allocate(100);
    void* freed = heap.allocate(100);
    std::thread([&] { heap.deallocate(freed); }).join();
    EXPECT_EQ(visited(heap), (Blocks{{kept, heap.usable_size(kept)}}));
}

TEST(Heap, StatisticsFollowAllocateAndDeallocate) {
    Heap heap(256 * mib);
    EXPECT_GE(heap.statistics().reserved, 256 * mib);
    EXPECT_EQ(heap.statistics().live, 0u);
    std::size_t usable = 0;
    std::vector<void*> blocks;
    for (std::size_t size : Sizes{100, 5 * kib, 100 * kib, 2 * mib}) {
        for (int i = 0; i < 10; ++i) {
            blocks.push_back(heap.allocate(size));
            usable += heap.usable_size(blocks.back());
        }
    }
    const ashlar::Statistics during = heap.statistics();
    EXPECT_GE(during.live, usable);
    EXPECT_LE(during.live, during.held);
    EXPECT_LE(during.held, during.peak);
    EXPECT_LE(during.peak, during.reserved);
    for (void* block : blocks) heap.deallocate(block);
    heap.trim();
    const ashlar::Statistics after = heap.statistics();
    EXPECT_LT(after.live, mib);
    EXPECT_LT(after.held, during.held / 2);
    EXPECT_GE(after.peak, during.peak);
    EXPECT_EQ(after.reserved, during.reserved);
}

class SmallHeap : public testing::TestWithParam<std::size_t> {};

TEST_P(SmallHeap, AllocateUsesMostOfTheCapacityAgainAfterFrees) {
    constexpr std::size_t capacity = 16 * mib;
    const std::size_t size = GetParam();
    Heap heap(capacity);
    const auto exhaust = [&] {
        std::vector<void*> blocks;
        while (void* block = heap.allocate(size)) blocks.push_back(block);
        return blocks;
    };
    std::vector<void*> blocks = exhaust();
    EXPECT_LE(blocks.size() * size, heap.statistics().reserved);
    EXPECT_GE(blocks.size() * size, capacity / 4 * 3);
    for (std::size_t i = 0; i < blocks.size(); ++i) fill(blocks[i], 16, i);
    for (std::size_t i = 0; i < blocks.size(); ++i) ASSERT_TRUE(intact(blocks[i], 16, i));
    EXPECT_EQ(heap.check(), 0u);
    for (std::size_t i = 0; i < blocks.size(); i += 2) heap.deallocate(blocks[i]);
    const std::vector<void*> again = exhaust();
    EXPECT_EQ(again.size(), (blocks.size() + 1) / 2);
    for (void* block : again) heap.deallocate(block);
    for (std::size_t i = 1; i < blocks.size(); i += 2) heap.deallocate(blocks[i]);
    void* other = heap.allocate(capacity / 2);
    EXPECT_NE(other, nullptr) << "the whole capacity is one piece again";
    heap.deallocate(other);
    EXPECT_GE(exhaust().size(), blocks.size() - blocks.size() / 10);
    EXPECT_EQ(heap.check(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, SmallHeap, testing::Values(16, 64, 1024, 32 * kib, 64 * kib, mib),
                         [](const auto& instance) {
                             return std::to_string(instance.param) + "Bytes";
                         });

TEST(Heap, ConstructorRoundsTheCapacityUpToAMebibyte) {
    Heap heap(1);
    void* block = heap.allocate(100 * kib);
    EXPECT_NE(block, nullptr) << "rounded up to 1 MiB";
    EXPECT_EQ(heap.allocate(64 * mib), nullptr);
}

TEST(Heap, ReallocateToLessInAFullHeapKeepsTheBlock) {
    Heap heap(0);
    void* block = heap.allocate(40 * kib);
    ASSERT_NE(block, nullptr);
    fill(block, 100, 1);
    for (std::size_t size = 512 * kib; size >= 16; size /= 2) {
        while (heap.allocate(size) != nullptr) {
        }
    }
    EXPECT_EQ(heap.reallocate(block, 10), block);
    EXPECT_EQ(heap.reallocate(block, mib), nullptr);
    EXPECT_TRUE(intact(block, 100, 1));
}

TEST(Heap, OwnsOnlyItsOwnBlocks) {
    Heap first;
    Heap second;
    std::set<void*> blocks;
    for (int i = 0; i < 500; ++i) {
        void* a = first.allocate(64);
        void* b = second.allocate(64);
        EXPECT_TRUE(first.owns(a) && !second.owns(a));
        EXPECT_TRUE(second.owns(b) && !first.owns(b));
        EXPECT_TRUE(blocks.insert(a).second);
        EXPECT_TRUE(blocks.insert(b).second);
    }
    EXPECT_EQ(visited(first).size(), 500u);
    EXPECT_EQ(visited(second).size(), 500u);
    int on_stack = 0;
    EXPECT_FALSE(first.owns(&on_stack));
    EXPECT_FALSE(first.owns(nullptr));
}

TEST(Heap, FreeReturnsABlockToItsHeap) {
    Heap heap;
    for (std::size_t size : of_every_kind) {
        void* block = heap.allocate(size);
        ASSERT_NE(block, nullptr);
        ash_free(block);
        block = heap.allocate(size);
        std::thread([block] { ash_free(block); }).join();
    }
    EXPECT_TRUE(visited(heap).empty());
    EXPECT_EQ(heap.check(), 0u);
}

TEST(Heap, ProcessReturnsTheHeapOfMalloc) {
    Heap& process = Heap::process();
    EXPECT_EQ(&process, &Heap::process());
    void* block = ash_malloc(100);
    EXPECT_TRUE(process.owns(block));
    process.deallocate(block);
    block = process.allocate(100, 64);
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(is_aligned(block, 64));
    block = process.reallocate(block, 5000);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(process.usable_size(block), ash_malloc_usable_size(block));
    ash_free(block);
    EXPECT_EQ(process.check(), 0u);
    EXPECT_GT(process.statistics().reserved, 0u);
    const ash_stats all = ash_statistics();
    EXPECT_EQ(process.statistics().reserved, all.reserved);
    block = process.allocate(200);
    bool seen = false;
    process.visit([&seen, block](void* each, std::size_t) {
        seen = seen || each == block;
        return true;
    });
    EXPECT_TRUE(seen);
    process.deallocate(block);
    static_cast<void>(process.trim());
    EXPECT_EQ(process.check(), 0u);
}

}  // namespace
