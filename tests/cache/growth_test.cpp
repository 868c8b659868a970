// What the process heap grows by when its region is full: further heaps, and one for each very large block.
#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include <gtest/gtest.h>

#include "../base/together.hpp"
#include "cache/growth.hpp"
#include "cache/process.hpp"

namespace {

using namespace ashlar::cache;
using ashlar::base::kUnitSize;

constexpr std::size_t mib = std::size_t{1} << 20;

std::size_t grown() {
    std::size_t n = 0;
    each_grown([&n](Core&) { ++n; });
    return n;
}

TEST(Growth, BlocksAreOfAHeapThatTheRegistryKnows) {
    bool zero = false;
    for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{40'000}, mib, 5 * mib}) {
        for (const std::size_t alignment : {std::size_t{16}, std::size_t{4096}, 4 * kUnitSize}) {
            void* block = take_grown(size, alignment, zero);
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
    void* block = take_grown(5 * mib, 16, zero);
    ASSERT_NE(block, nullptr);
    std::memset(block, 'x', 5 * mib);
    give(block);
    EXPECT_TRUE(trim()) << "all of them";
    EXPECT_FALSE(trim()) << "nothing is left to give";
}

TEST(Growth, AFullHeapIsFollowedByAnother) {
    bool zero = false;
    std::set<void*> blocks;
    while (grown() < 3 && blocks.size() < 100) blocks.insert(take_grown(8 * mib, 16, zero));
    EXPECT_EQ(grown(), 3U);
    EXPECT_EQ(blocks.count(nullptr), 0U);
    for (void* block : blocks) give(block);
    for (std::size_t i = 0; i < blocks.size(); ++i) ASSERT_NE(take_grown(8 * mib, 16, zero), nullptr);
    EXPECT_EQ(grown(), 3U) << "what was given back is used first";
}

TEST(Growth, AVeryLargeBlockHasAHeapOfItsOwnThatGoesWithIt) {
    const std::size_t before = grown();
    for (const std::size_t alignment : {std::size_t{16}, kUnitSize, 64 * kUnitSize}) {
        bool zero = false;
        auto* block = static_cast<char*>(take_grown(100 * mib, alignment, zero));
        ASSERT_NE(block, nullptr);
        EXPECT_TRUE(zero);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0U);
        block[0] = block[100 * mib - 1] = 'x';
        EXPECT_EQ(size_of(block), 100 * mib);
        ASSERT_NE(owner_of(block), nullptr);
        EXPECT_TRUE(owner_of(block)->single);
        give(block);
        EXPECT_EQ(owner_of(block), nullptr);
    }
    EXPECT_EQ(grown(), before);
}

TEST(Growth, WhatCannotBeHadIsNull) {
    bool zero = false;
    EXPECT_EQ(take_grown(PTRDIFF_MAX, 16, zero), nullptr);
    EXPECT_EQ(take_grown(16, std::size_t{1} << 62, zero), nullptr);
    EXPECT_EQ(take_grown(std::size_t{1} << 45, std::size_t{1} << 45, zero), nullptr);
    EXPECT_EQ(take(16, std::size_t{1} << 63), nullptr);
}

// Threads that all find the heap missing make one each; one is published, the others are released. To be run in a process of
// its own, as ctest does: later nothing is missing.
TEST(Growth, ThreadsThatGrowAtOnceAgreeOnOneHeap) {
    constexpr unsigned threads = 6;
    const std::size_t expected = std::max<std::size_t>(grown(), 1);
    std::array<void*, threads> blocks{};
    together(threads, [&](unsigned self) {
        bool zero = false;
        blocks[self] = take_grown(1000, 16, zero);
        if (blocks[self] != nullptr) std::memset(blocks[self], static_cast<int>(self), 1000);
    });
    EXPECT_EQ(grown(), expected);
    std::size_t in_registry = 0;
    registry.each([&in_registry](Core&) { ++in_registry; });
    EXPECT_EQ(in_registry, expected) << "the others are gone from there, too";
    for (unsigned i = 0; i < threads; ++i) {
        ASSERT_NE(blocks[i], nullptr);
        EXPECT_EQ(static_cast<unsigned char*>(blocks[i])[999], i);
        give(blocks[i]);
    }
}

}  // namespace
