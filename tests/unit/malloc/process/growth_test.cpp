// Growth of the process heap when its region is full: more heaps, later ones
// larger.
#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include <gtest/gtest.h>

#include "malloc/process/growth.hpp"
#include "support/fake_clock.hpp"
#include "support/together.hpp"
#include "unit/malloc/process/hit_or_miss.hpp"

namespace {

using namespace ashlar::cache;
using ashlar::base::kUnitSize;

constexpr std::size_t mib = std::size_t{1} << 20;

std::size_t grown() {
    std::size_t n = 0;
    each_grown([&n](Heap&) { ++n; });
    return n;
}

TEST(Growth, TakesBlocksOfARegisteredHeap) {
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{100}, std::size_t{40'000}, mib, 5 * mib}) {
        for (const std::size_t alignment : {std::size_t{16}, std::size_t{4096}, 4 * kUnitSize}) {
            void* block = allocate_grown({size, alignment}).block;
            ASSERT_NE(block, nullptr);
            std::memset(block, 'x', size);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0U);
            ASSERT_NE(owner_of(block), nullptr);
            EXPECT_NE(owner_of(block), process());
            EXPECT_GE(size_of(block), size);
            give(block);
        }
    }
    EXPECT_EQ(check(), 0U);
    EXPECT_GT(totals().reserved, totals(*process()).reserved) << "all of them";
    void* block = allocate_grown({5 * mib, 16}).block;
    ASSERT_NE(block, nullptr);
    std::memset(block, 'x', 5 * mib);
    give(block);
    EXPECT_TRUE(trim()) << "all of them";
    EXPECT_FALSE(trim()) << "nothing is left to give";
}

TEST(Growth, AddsAHeapWhenTheLastIsFull) {
    std::set<void*> blocks;
    while (grown() < 3 && blocks.size() < 100) blocks.insert(allocate_grown({8 * mib, 16}).block);
    EXPECT_EQ(grown(), 3U);
    EXPECT_EQ(blocks.count(nullptr), 0U);
    for (void* block : blocks) give(block);
    for (std::size_t i = 0; i < blocks.size(); ++i)
        ASSERT_NE(allocate_grown({8 * mib, 16}).block, nullptr);
    EXPECT_EQ(grown(), 3U) << "what was given back is used first";
}

// The first four heaps have 64 MiB, the next four twice that, and so on. The
// registry has places until the address space is full.
TEST(Growth, MakesLaterHeapsLarger) {
    std::set<void*> blocks;
    while (grown() < 5 && blocks.size() < 100) blocks.insert(allocate_grown({20 * mib, 16}).block);
    EXPECT_EQ(blocks.count(nullptr), 0U);
    void* block = allocate_grown({40 * mib, 16}).block;
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(size_of(block), 40 * mib);
    std::size_t least = SIZE_MAX;
    std::size_t most = 0;
    each_grown([&](Heap& heap) {
        const std::size_t bytes = std::size_t{heap.region().end - 1} * kUnitSize;
        least = std::min(least, bytes);
        most = std::max(most, bytes);
    });
    EXPECT_EQ(least, 64 * mib);
    EXPECT_EQ(most, 128 * mib);
    give(block);
    for (void* other : blocks) give(other);
}

TEST(Growth, TickGrownReturnsFreeMemoryOnceASecond) {
    const auto dirty = [] {
        std::size_t units = 0;
        each_grown([&units](Heap& heap) { units += heap.spans.counts().dirty; });
        return units;
    };
    std::set<void*> blocks;
    for (int i = 0; i < 100; ++i) blocks.insert(allocate_grown({100'000}).block);
    EXPECT_EQ(blocks.count(nullptr), 0U);
    for (void* block : blocks) give(block);
    ASSERT_GT(dirty(), 0U);
    for (int second = 0; second < 4; ++second) {
        fake_now_ms += 1000;
        process()->also_tick();
    }
    EXPECT_EQ(dirty(), 0U);
}

TEST(Growth, ReturnsNullForImpossibleSizes) {
    EXPECT_EQ(allocate_grown({PTRDIFF_MAX, 16}).block, nullptr);
    EXPECT_EQ(allocate_grown({16, std::size_t{1} << 62}).block, nullptr);
    EXPECT_EQ(allocate_grown({std::size_t{1} << 45, std::size_t{1} << 45}).block, nullptr);
    EXPECT_EQ(hit_or_miss({16, std::size_t{1} << 63}), nullptr);
}

// Threads that find the heap missing make one each. One is published, the
// others are released. ctest runs this test in a process of its own, where the
// heap is missing.
TEST(Growth, ByManyThreadsPublishesOneHeap) {
    constexpr unsigned threads = 6;
    const std::size_t expected = std::max<std::size_t>(grown(), 1);
    std::array<void*, threads> blocks{};
    together(threads, [&](unsigned self) {
        blocks[self] = allocate_grown({1000, 16}).block;
        if (blocks[self] != nullptr) std::memset(blocks[self], static_cast<int>(self), 1000);
    });
    EXPECT_EQ(grown(), expected);
    std::size_t in_registry = 0;
    registry.each([&in_registry](Heap&) { ++in_registry; });
    EXPECT_EQ(in_registry, expected) << "the unpublished heaps have left the registry";
    for (unsigned i = 0; i < threads; ++i) {
        ASSERT_NE(blocks[i], nullptr);
        EXPECT_EQ(static_cast<unsigned char*>(blocks[i])[999], i);
        give(blocks[i]);
    }
}

}  // namespace
