// Batches: one call allocates many blocks of one size, or frees blocks of any
// sizes.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "pattern.hpp"

namespace {

constexpr std::size_t kib = 1024;

std::vector<void*> take(std::size_t size, std::size_t count) {
    std::vector<void*> blocks(count);
    blocks.resize(ash_malloc_batch(size, count, blocks.data()));
    return blocks;
}

TEST(Batch, MallocReturnsTheRequestedNumberOfBlocks) {
    for (std::size_t size : Sizes{0, 1, 64, 1000, 4 * kib, 32 * kib, 100 * kib, 3000 * kib}) {
        for (std::size_t count : Sizes{1, 2, 63, 64, 65, 128, 1000}) {
            if (size * count > (std::size_t{256} << 20)) continue;
            std::vector<void*> blocks = take(size, count);
            ASSERT_EQ(blocks.size(), count) << size;
            const std::size_t written = std::min(size, 4 * kib);
            for (std::size_t i = 0; i < count; ++i) {
                ASSERT_TRUE(is_aligned(blocks[i], 16));
                ASSERT_EQ(ash_malloc_usable_size(blocks[i]), ash_good_size(size));
                fill(blocks[i], written, i);
            }
            for (std::size_t i = 0; i < count; ++i)
                ASSERT_TRUE(intact(blocks[i], written, i)) << size << ", block " << i;
            std::vector<void*> sorted = blocks;
            std::sort(sorted.begin(), sorted.end());
            EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end())
                << "given out twice";
            ash_free_batch(blocks.data(), blocks.size());
        }
    }
    EXPECT_EQ(ash_check(), 0u);
}

TEST(Batch, MallocWritesNothingBehindTheArray) {
    int sentinel = 0;
    std::vector<void*> out(101, &sentinel);
    ASSERT_EQ(ash_malloc_batch(48, 100, out.data()), 100u);
    EXPECT_EQ(out[100], &sentinel);
    EXPECT_EQ(ash_malloc_batch(48, 0, out.data() + 100), 0u);
    EXPECT_EQ(out[100], &sentinel);
    ash_free_batch(out.data(), 100);
}

TEST(Batch, MallocOfImpossibleSizesReturnsNoneAndEnomem) {
    void* out[4];
    for (std::size_t size :
         Sizes{SIZE_MAX, std::size_t{PTRDIFF_MAX} + 1, std::size_t{PTRDIFF_MAX}}) {
        errno = 0;
        EXPECT_EQ(ash_malloc_batch(size, 4, out), 0u);
        EXPECT_EQ(errno, ENOMEM);
    }
}

TEST(Batch, FreeAcceptsMixedSizesAndNullsAndLeavesTheArray) {
    Random random(21);
    std::vector<void*> blocks;
    for (int i = 0; i < 3000; ++i) {
        blocks.push_back(random.below(7) == 0 ? nullptr : ash_malloc(random.size(18)));
        if (random.below(50) == 0) blocks.push_back(ash_aligned_alloc(256, random.size(13)));
    }
    const std::vector<void*> before = blocks;
    errno = 4321;
    ash_free_batch(blocks.data(), blocks.size());
    EXPECT_EQ(errno, 4321);
    EXPECT_EQ(blocks, before);
    ash_free_batch(blocks.data(), 0);
    ash_free_batch(nullptr, 0);
    EXPECT_EQ(ash_check(), 0u);
}

TEST(Batch, MallocReturnsBlocksThatReallocAndFreeAccept) {
    std::vector<void*> blocks = take(200, 300);
    ASSERT_EQ(blocks.size(), 300u);
    for (void*& block : blocks) {
        fill(block, 200, 5);
        block = ash_realloc(block, 5000);
        ASSERT_NE(block, nullptr);
        EXPECT_TRUE(intact(block, 200, 5));
    }
    for (void* block : blocks) ash_free(block);
    std::vector<void*> single;
    for (int i = 0; i < 300; ++i) single.push_back(ash_malloc(200));
    ash_free_batch(single.data(), single.size());
    EXPECT_EQ(ash_check(), 0u);
}

// Without reuse of freed blocks, 2,000 rounds of 4 MiB would hold 8 GiB.
TEST(Batch, FreeMakesBlocksReusable) {
    ash_free_batch(take(4 * kib, 1000).data(), 1000);
    const std::size_t held = ashlar::Heap::process().statistics().held;
    for (int round = 0; round < 2000; ++round) {
        std::vector<void*> blocks = take(4 * kib, 1000);
        ASSERT_EQ(blocks.size(), 1000u);
        ash_free_batch(blocks.data(), blocks.size());
    }
    EXPECT_LE(ashlar::Heap::process().statistics().held, 2 * held + (std::size_t{64} << 20));
}

}  // namespace
