// realloc and reallocarray: contents, moves, and the block after a failure.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "api.hpp"
#include "pattern.hpp"

namespace {

TEST(Realloc, OfNullAllocates) {
    for (std::size_t size : Sizes{0, 1, 100, 40 * kib, 5 * mib}) {
        void* block = api.realloc(nullptr, size);
        ASSERT_NE(block, nullptr) << size;
        fill(block, size, 1);
        EXPECT_TRUE(intact(block, size, 1));
        api.free(block);
    }
}

TEST(Realloc, ToZeroFreesAndReturnsNull) {
    constexpr std::size_t count = 100'000;
    for (std::size_t size : Sizes{16, 4 * kib, mib}) {
        const std::size_t live = ashlar::Heap::process().statistics().live;
        for (std::size_t i = 0; i < count; ++i) {
            void* block = api.malloc(size);
            ASSERT_NE(block, nullptr);
            ASSERT_EQ(api.realloc(block, 0), nullptr);
        }
        EXPECT_LT(ashlar::Heap::process().statistics().live, live + count * size / 2)
            << "blocks of " << size << " bytes were kept";
    }
}

TEST(Realloc, GrowthOverAllSizesKeepsTheContent) {
    std::size_t size = 1;
    void* block = api.malloc(size);
    fill(block, size, 7);
    while (size < 9 * mib) {
        const std::size_t grown = size + size / 6 + 1;
        block = api.realloc(block, grown);
        ASSERT_NE(block, nullptr) << grown;
        ASSERT_EQ(first_difference(block, size, 7), size) << "from " << size << " to " << grown;
        fill(block, grown, 7);
        size = grown;
    }
    api.free(block);
}

TEST(Realloc, ShrinkingOverAllSizesKeepsTheContent) {
    std::size_t size = 9 * mib;
    void* block = api.malloc(size);
    ASSERT_NE(block, nullptr);
    fill(block, size, 8);
    while (size > 1) {
        size -= size / 6 + 1;
        if (size == 0) size = 1;
        block = api.realloc(block, size);
        ASSERT_NE(block, nullptr) << size;
        ASSERT_EQ(first_difference(block, size, 8), size) << "shrunk to " << size;
    }
    api.free(block);
}

TEST(Realloc, ShrinkingALotReleasesTheRest) {
    std::vector<void*> blocks;
    const std::size_t live = ashlar::Heap::process().statistics().live;
    for (int i = 0; i < 100; ++i) {
        void* block = api.realloc(api.malloc(64 * mib), 100);
        ASSERT_NE(block, nullptr);
        EXPECT_LE(api.usable_size(block), 64 * kib);
        blocks.push_back(block);
    }
    EXPECT_LT(ashlar::Heap::process().statistics().live, live + 100 * mib);
    for (void* block : blocks) api.free(block);
}

TEST(Realloc, OfAlignedBlocksKeepsTheContent) {
    for (std::size_t alignment = 32; alignment <= mib; alignment *= 2) {
        for (std::size_t size : Sizes{10, alignment, alignment + 1, 3 * alignment}) {
            void* block = nullptr;
            ASSERT_EQ(api.posix_memalign(&block, alignment, size), 0);
            fill(block, size, alignment);
            block = api.realloc(block, 2 * size + 1);
            ASSERT_NE(block, nullptr);
            EXPECT_EQ(first_difference(block, size, alignment), size) << "alignment " << alignment;
            block = api.realloc(block, size / 2 + 1);
            ASSERT_NE(block, nullptr);
            EXPECT_TRUE(intact(block, size / 2 + 1, alignment)) << "alignment " << alignment;
            api.free(block);
        }
    }
}

TEST(Realloc, InRandomOrderKeepsTheContentOfAllBlocks) {
    struct Block {
        void* address = nullptr;
        std::size_t size = 0;
        std::uint64_t seed = 0;
    };
    Random random(3);
    std::vector<Block> blocks(100);
    for (std::uint64_t step = 1; step <= 20'000; ++step) {
        Block& block = blocks[random.below(blocks.size())];
        const std::size_t size = random.size(step % 50 == 0 ? 22 : 14) + 1;
        void* moved = api.realloc(block.address, size);
        ASSERT_NE(moved, nullptr);
        const std::size_t kept = std::min(size, block.size);
        ASSERT_EQ(first_difference(moved, kept, block.seed), kept)
            << "from " << block.size << " to " << size;
        fill(moved, size, step);
        block = {moved, size, step};
    }
    for (const Block& block : blocks) {
        EXPECT_TRUE(intact(block.address, block.size, block.seed));
        api.free(block.address);
    }
}

TEST(Realloc, FailureKeepsTheBlock) {
    for (std::size_t size : Sizes{1, 100, 4 * kib, 40 * kib, 256 * kib, 5 * mib}) {
        void* block = api.malloc(size);
        ASSERT_NE(block, nullptr);
        fill(block, size, size);
        const std::size_t usable = api.usable_size(block);
        for (std::size_t impossible :
             Sizes{SIZE_MAX, SIZE_MAX - 65536, std::size_t{PTRDIFF_MAX} + 1,
                   std::size_t{PTRDIFF_MAX}}) {
            errno = 0;
            EXPECT_EQ(api.realloc(block, impossible), nullptr);
            EXPECT_EQ(errno, ENOMEM);
            errno = 0;
            EXPECT_EQ(api.reallocarray(block, impossible, 16), nullptr);
            EXPECT_EQ(errno, ENOMEM);
        }
        EXPECT_TRUE(intact(block, size, size)) << size;
        EXPECT_EQ(api.usable_size(block), usable);
        block = api.realloc(block, size + 1);
        ASSERT_NE(block, nullptr);
        EXPECT_TRUE(intact(block, size, size)) << size;
        api.free(block);
    }
}

TEST(Realloc, OfNullToImpossibleSizesGivesEnomem) {
    errno = 0;
    EXPECT_EQ(api.realloc(nullptr, SIZE_MAX), nullptr);
    EXPECT_EQ(errno, ENOMEM);
}

TEST(Reallocarray, MultipliesAndRefusesOverflow) {
    void* block = api.reallocarray(nullptr, 100, 7);
    ASSERT_NE(block, nullptr);
    EXPECT_GE(api.usable_size(block), 700u);
    fill(block, 700, 9);
    block = api.reallocarray(block, 70'000, 10);
    ASSERT_NE(block, nullptr);
    EXPECT_GE(api.usable_size(block), 700'000u);
    EXPECT_TRUE(intact(block, 700, 9));
    for (std::size_t count : Sizes{SIZE_MAX, SIZE_MAX / 2 + 1, std::size_t{1} << 61}) {
        errno = 0;
        EXPECT_EQ(api.reallocarray(block, count, 8), nullptr) << count;
        EXPECT_EQ(errno, ENOMEM);
        errno = 0;
        EXPECT_EQ(api.reallocarray(block, 8, count), nullptr) << count;
        EXPECT_EQ(errno, ENOMEM);
    }
    EXPECT_TRUE(intact(block, 700, 9));
    EXPECT_EQ(api.reallocarray(block, 0, 10), nullptr) << "frees, as realloc to 0 does";
}

}  // namespace
