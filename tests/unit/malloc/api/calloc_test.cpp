// calloc clears reused memory, and refuses products that overflow.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "api.hpp"
#include "pattern.hpp"

namespace {

TEST(Calloc, ClearsReusedMemory) {
    for (std::size_t size : Sizes{1, 24, 64, 1000, 4 * kib, 32 * kib, 40 * kib, 100 * kib,
                                  256 * kib, mib, 3 * mib, 8 * mib}) {
        constexpr int count = 4;
        std::vector<unsigned char*> dirty;
        for (int i = 0; i < count; ++i) {
            dirty.push_back(static_cast<unsigned char*>(api.malloc(size)));
            ASSERT_NE(dirty.back(), nullptr);
            std::memset(dirty.back(), 0xa5, size);
        }
        for (void* block : dirty) api.free(block);
        const auto was_dirty = [&](const unsigned char* block) {
            return std::any_of(dirty.begin(), dirty.end(), [&](unsigned char* old) {
                return block < old + size && old < block + size;
            });
        };
        int reused = 0;
        std::vector<unsigned char*> cleared;
        for (int i = 0; i < count; ++i) {
            cleared.push_back(static_cast<unsigned char*>(api.calloc(1, size)));
            ASSERT_NE(cleared.back(), nullptr);
            EXPECT_TRUE(all_zero(cleared.back(), size)) << size;
            if (was_dirty(cleared.back())) ++reused;
        }
        EXPECT_GT(reused, 0) << "no memory of the " << size
                             << "-byte blocks came back, so this proved nothing";
        for (void* block : cleared) api.free(block);
    }
}

TEST(Calloc, ClearsSplitAndMergedMemory) {
    for (int round = 0; round < 4; ++round) {
        std::vector<void*> small;
        for (int i = 0; i < 64; ++i) {
            small.push_back(api.malloc(100 * kib));
            ASSERT_NE(small.back(), nullptr);
            std::memset(small.back(), 0xff, 100 * kib);
        }
        for (void* block : small) api.free(block);
        void* merged = api.calloc(5, mib);
        ASSERT_NE(merged, nullptr);
        EXPECT_TRUE(all_zero(merged, 5 * mib)) << "round " << round;
        std::memset(merged, 0xff, 5 * mib);
        api.free(merged);
        void* part = api.calloc(300, kib);
        ASSERT_NE(part, nullptr);
        EXPECT_TRUE(all_zero(part, 300 * kib)) << "round " << round;
        api.free(part);
    }
}

TEST(Calloc, OverflowingProductGivesEnomem) {
    constexpr std::size_t half = SIZE_MAX / 2 + 1;
    constexpr std::pair<std::size_t, std::size_t> products[] = {
        {SIZE_MAX, SIZE_MAX},
        {SIZE_MAX, 2},
        {2, SIZE_MAX},
        {half, 2},
        {2, half},
        {std::size_t{1} << 32, std::size_t{1} << 32},
        {SIZE_MAX, 1},
        {1, SIZE_MAX},
        {ptrdiff_max, 1},
        {ptrdiff_max / 8 + 1, 8}};
    for (auto [count, size] : products) {
        errno = 0;
        EXPECT_EQ(api.calloc(count, size), nullptr) << count << " * " << size;
        EXPECT_EQ(errno, ENOMEM) << count << " * " << size;
    }
}

TEST(Calloc, OfZeroReturnsDistinctBlocks) {
    void* first = api.calloc(0, 8);
    void* second = api.calloc(8, 0);
    EXPECT_NE(first, nullptr);
    EXPECT_NE(second, nullptr);
    EXPECT_NE(first, second);
    api.free(first);
    api.free(second);
}

}  // namespace
