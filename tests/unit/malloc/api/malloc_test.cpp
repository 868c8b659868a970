// malloc, free and free_sized, over the interface that this program is linked
// with.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "api.hpp"
#include "pattern.hpp"

namespace {

constexpr std::size_t too_large[] = {SIZE_MAX,         SIZE_MAX - 1,    SIZE_MAX - 4096,
                                     SIZE_MAX - 65536, ptrdiff_max + 1, ptrdiff_max};
constexpr std::size_t of_every_kind[] = {
    0,        1,        8,         16,        64,  1000,        4 * kib,  32 * kib,
    40 * kib, 64 * kib, 100 * kib, 256 * kib, mib, 3 * mib + 1, 16 * mib, 64 * mib};

TEST(Malloc, OfZeroReturnsDistinctBlocks) {
    std::set<void*> blocks;
    for (int i = 0; i < 1000; ++i) {
        void* block = api.malloc(0);
        ASSERT_NE(block, nullptr);
        EXPECT_TRUE(blocks.insert(block).second) << "given out twice";
    }
    for (void* block : blocks) api.free(block);
}

TEST(Malloc, ImpossibleSizesGiveEnomem) {
    for (std::size_t size : too_large) {
        errno = 0;
        EXPECT_EQ(api.malloc(size), nullptr) << size;
        EXPECT_EQ(errno, ENOMEM) << size;
    }
}

TEST(Malloc, ReturnsBlocksWritableFromEndToEnd) {
    for (std::size_t size : of_every_kind) {
        void* block = api.malloc(size);
        ASSERT_NE(block, nullptr) << size;
        EXPECT_TRUE(is_aligned(block, 16)) << size;
        fill(block, size, size);
        EXPECT_EQ(first_difference(block, size, size), size);
        api.free(block);
    }
}

TEST(Malloc, AlignsAndSeparatesEverySizeUpTo70000) {
    unsigned char* previous = nullptr;
    std::size_t previous_size = 0;
    for (std::size_t size = 1; size <= 70'000; ++size) {
        auto* block = static_cast<unsigned char*>(api.malloc(size));
        ASSERT_NE(block, nullptr) << size;
        ASSERT_TRUE(is_aligned(block, 16)) << size;
        block[0] = static_cast<unsigned char>(size);
        block[size - 1] = static_cast<unsigned char>(size);
        if (previous != nullptr) {
            ASSERT_EQ(previous[0], static_cast<unsigned char>(previous_size)) << size;
            ASSERT_EQ(previous[previous_size - 1], static_cast<unsigned char>(previous_size))
                << size;
        }
        api.free(previous);
        previous = block;
        previous_size = size;
    }
    api.free(previous);
}

TEST(Malloc, ServesManyLargeBlocksAtOnce) {
    Random random(1);
    std::vector<std::pair<unsigned char*, std::size_t>> blocks;
    for (int i = 0; i < 2000; ++i) {
        const std::size_t size = 33 * kib + random.below(4 * mib);
        auto* block = static_cast<unsigned char*>(api.malloc(size));
        ASSERT_NE(block, nullptr) << "block " << i << " of " << size << " bytes";
        fill(block, 64, static_cast<std::uint64_t>(i));
        fill(block + size - 64, 64, static_cast<std::uint64_t>(i) + 1'000'000);
        blocks.emplace_back(block, size);
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const auto [block, size] = blocks[i];
        EXPECT_TRUE(intact(block, 64, i)) << i;
        EXPECT_TRUE(intact(block + size - 64, 64, i + 1'000'000)) << i;
        api.free(block);
    }
}

TEST(Free, KeepsErrno) {
    for (std::size_t size : of_every_kind) {
        void* blocks[] = {api.malloc(size), api.malloc(size), api.malloc(size)};
        for (void* block : blocks) ASSERT_NE(block, nullptr);
        std::memset(blocks[0], 1, size);
        errno = 4321;
        api.free(blocks[0]);
        EXPECT_EQ(errno, 4321) << size;
        api.free_sized(blocks[1], size);
        EXPECT_EQ(errno, 4321) << size;
        api.free(blocks[2]);
        EXPECT_EQ(errno, 4321) << size;
    }
}

TEST(Free, OfManyBlocksKeepsErrno) {
    for (std::size_t size : Sizes{16, 4 * kib, 200 * kib}) {
        std::vector<void*> blocks;
        for (std::size_t i = 0; i < std::min(20'000 * std::size_t{16}, 64 * mib) / size + 64; ++i)
            blocks.push_back(api.malloc(size));
        errno = 4321;
        for (void* block : blocks) api.free(block);
        EXPECT_EQ(errno, 4321) << size;
    }
}

TEST(Free, OfNullDoesNothing) {
    errno = 4321;
    api.free(nullptr);
    api.free_sized(nullptr, 0);
    api.free_sized(nullptr, 100);
    api.free_aligned_sized(nullptr, 64, 100);
    EXPECT_EQ(errno, 4321);
}

TEST(FreeSized, AcceptsTheRequestedSize) {
    for (std::size_t size = 0; size <= 70'000; size += size < 2000 ? 1 : 97)
        api.free_sized(api.malloc(size), size);
    for (std::size_t size : of_every_kind) {
        api.free_sized(api.malloc(size), size);
        api.free_sized(api.calloc(1, size), size);
        api.free_sized(api.realloc(api.malloc(40), size + 1), size + 1);
    }
}

TEST(Free, ByAnotherThreadReleasesTheBlock) {
    Random random(2);
    std::vector<std::pair<void*, std::size_t>> blocks;
    for (std::size_t i = 0; i < 5000; ++i) {
        const std::size_t size = random.size(15);
        void* block = api.malloc(size);
        ASSERT_NE(block, nullptr);
        fill(block, size, i);
        blocks.emplace_back(block, size);
    }
    std::size_t damaged = 0;
    std::thread([&] {
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            damaged += intact(blocks[i].first, blocks[i].second, i) ? 0u : 1u;
            api.free(blocks[i].first);
        }
        for (auto& [block, size] : blocks) {
            block = api.malloc(size);
            fill(block, size, size);
        }
    }).join();
    for (auto [block, size] : blocks) {
        damaged += intact(block, size, size) ? 0u : 1u;
        api.free(block);
    }
    EXPECT_EQ(damaged, 0u);
}

}  // namespace
