// The usable size is at least the requested size, is writable in full, and is
// what ash_good_size predicts.
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/ashlar.h>

#include "api.hpp"
#include "pattern.hpp"

namespace {

std::vector<std::size_t> large_sizes() {
    std::vector<std::size_t> sizes;
    for (std::size_t size = 70'000; size <= 64 * mib; size += size / 5)
        sizes.insert(sizes.end(), {size - 1, size, size + 1});
    for (std::size_t size = 64 * kib; size <= 64 * mib; size *= 2)
        sizes.insert(sizes.end(), {size - 1, size, size + 1});
    return sizes;
}

TEST(Sizes, UsableSizeOfNullIsZero) { EXPECT_EQ(api.usable_size(nullptr), 0u); }

TEST(Sizes, GoodSizeIsTheUsableSizeOfEverySmallSize) {
    for (std::size_t size = 0; size <= 70'000; ++size) {
        void* block = api.malloc(size);
        ASSERT_NE(block, nullptr);
        ASSERT_GE(api.usable_size(block), size);
        ASSERT_EQ(api.usable_size(block), ash_good_size(size)) << size;
        api.free(block);
    }
}

TEST(Sizes, GoodSizeIsTheUsableSizeOfLargeSizes) {
    for (std::size_t size : large_sizes()) {
        void* block = api.malloc(size);
        ASSERT_NE(block, nullptr) << size;
        ASSERT_GE(api.usable_size(block), size);
        ASSERT_EQ(api.usable_size(block), ash_good_size(size)) << size;
        api.free(block);
    }
}

TEST(Sizes, GoodSizesAreMonotoneAndFixedPoints) {
    std::size_t previous = 0;
    for (std::size_t size = 0; size <= 200'000; ++size) {
        const std::size_t good = ash_good_size(size);
        ASSERT_GE(good, size);
        ASSERT_GE(good, previous) << size;
        ASSERT_EQ(ash_good_size(good), good) << "asking for a good size wastes nothing: " << size;
        previous = good;
    }
    EXPECT_EQ(ash_good_size(0), 16u);
}

TEST(Sizes, GoodSizeWastesAtMostAQuarter) {
    for (std::size_t size = 64; size <= 32 * kib; ++size) {
        ASSERT_LE(ash_good_size(size) * 4, size * 5) << size;
    }
}

TEST(Sizes, GoodSizeOfAnImpossibleSizeIsZero) {
    EXPECT_EQ(ash_good_size(SIZE_MAX), 0u);
    EXPECT_EQ(ash_good_size(std::size_t{PTRDIFF_MAX} + 1), 0u);
}

TEST(Sizes, UsableSizeIsWritableInFull) {
    std::vector<void*> blocks;
    for (std::size_t size = 0; size <= 40'000; size += 1 + size / 40) {
        for (int i = 0; i < 3; ++i) {
            blocks.push_back(api.malloc(size));
            ASSERT_NE(blocks.back(), nullptr);
            fill(blocks.back(), api.usable_size(blocks.back()), blocks.size());
        }
    }
    for (std::size_t size : Sizes{64 * kib, 65 * kib, 200 * kib, 3 * mib + 5}) {
        blocks.push_back(api.malloc(size));
        ASSERT_NE(blocks.back(), nullptr);
        fill(blocks.back(), api.usable_size(blocks.back()), blocks.size());
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const std::size_t usable = api.usable_size(blocks[i]);
        EXPECT_EQ(first_difference(blocks[i], usable, i + 1), usable);
    }
    for (void* block : blocks) api.free(block);
}

}  // namespace
