#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include <gtest/gtest.h>

#include "base/size_class.hpp"

namespace {

using namespace ashlar::base;

TEST(SizeClass, ClassIsTheSmallestThatFits) {
    Bin before = 1;
    for (std::size_t size = 1; size <= kMaxSmall; ++size) {
        const Bin c = class_of_size(size);
        ASSERT_GE(c, before) << "of " << size;
        ASSERT_LT(c, kClasses) << "of " << size;
        ASSERT_GE(size_of_class(c), size);
        if (c > 1) {
            ASSERT_LT(size_of_class(c - 1), size);
        }
        before = c;
    }
    EXPECT_EQ(before, kClasses - 1) << "a class that no size needs";
    EXPECT_EQ(class_of_size(0), 1U) << "size 0 gets a block like any other";
    EXPECT_EQ(bin_of_size(0), 1U);
}

TEST(SizeClass, AtMostAFifthOfABlockIsSlackFrom64BytesOn) {
    for (std::size_t size = 65; size <= kMaxSmall; ++size) {
        const std::size_t block = size_of_class(class_of_size(size));
        ASSERT_LE((block - size) * 5, block) << "of " << size;
    }
}

TEST(SizeClass, SizesAreMultiplesOfTheLeastAlignment) {
    for (Bin c = 1; c < kClasses; ++c) {
        EXPECT_EQ(size_of_class(c) % kMinAlignment, 0U) << "class " << c;
        EXPECT_EQ(class_of_size(size_of_class(c)), c);
        EXPECT_EQ(size_of_bin(c), size_of_class(c));
    }
    EXPECT_EQ(size_of_class(kClasses - 1), kMaxSmall);
}

TEST(Geometry, SlabsHoldAsManyBlocksAsFit) {
    for (Bin c = 1; c < kClasses; ++c) {
        const ClassGeometry& g = kGeometry[c];
        const std::size_t bytes = g.units * kUnitSize;
        EXPECT_EQ(g.size, size_of_class(c));
        EXPECT_LE(std::size_t{g.blocks} * g.size, bytes);
        EXPECT_GT((std::size_t{g.blocks} + 1) * g.size, bytes);
        EXPECT_GE(g.blocks, 8U) << "a refill for nothing, class " << c;
        EXPECT_LE(g.words, kMaxSlabWords);
        EXPECT_LE(g.units, 5U);
    }
}

TEST(Geometry, FullWordsCountTheBlocks) {
    for (Bin c = 1; c < kClasses; ++c) {
        const ClassGeometry& g = kGeometry[c];
        std::uint32_t blocks = 0;
        for (std::uint32_t w = 0; w < g.words; ++w) {
            const Word full = full_word(g, w);
            ASSERT_NE(full, 0U);
            ASSERT_EQ(full & (full + 1), 0U) << "a gap in the bits of class " << c;
            if (w + 1 < g.words) {
                ASSERT_EQ(full, ~Word{0});
            }
            blocks += count(full);
        }
        EXPECT_EQ(blocks, g.blocks) << "class " << c;
    }
}

TEST(Geometry, ReciprocalDividesEveryOffset) {
    for (Bin c = 1; c < kClasses; ++c) {
        const ClassGeometry& g = kGeometry[c];
        std::size_t wrong = 0;
        for (std::size_t offset = 0; offset < g.units * kUnitSize; ++offset) {
            if (block_of_offset(g, offset) != offset / g.size) ++wrong;
        }
        EXPECT_EQ(wrong, 0U) << "class " << c;
    }
}

TEST(Bins, RunsAreBinsOfTheirOwn) {
    for (std::uint32_t units = 1; units <= kMaxRunUnits; ++units) {
        const Bin bin = bin_of_run(units);
        EXPECT_TRUE(is_run(bin));
        EXPECT_LT(bin, kBins);
        EXPECT_EQ(units_of_run(bin), units);
        EXPECT_EQ(size_of_bin(bin), units * kUnitSize);
        EXPECT_EQ(bin_of_size(units * kUnitSize), bin);
        EXPECT_EQ(bin_of_size((units - 1) * kUnitSize + kMaxSmall + 1), bin);
    }
    EXPECT_FALSE(is_run(kClasses - 1));
    EXPECT_EQ(bin_of_run(kMaxRunUnits + 1), 0U);
    EXPECT_EQ(bin_of_size(kMaxRun + 1), 0U);
    EXPECT_EQ(bin_of_size(kMaxSmall), kClasses - 1);
    EXPECT_EQ(bin_of_size(kMaxSmall + 1), bin_of_run(1));
    EXPECT_LE(kBins, 256U) << "a bin is a byte of the page map";
}

TEST(Bins, UnitsOfASizeRoundUp) {
    EXPECT_EQ(units_of_size(1), 1U);
    EXPECT_EQ(units_of_size(kUnitSize), 1U);
    EXPECT_EQ(units_of_size(kUnitSize + 1), 2U);
}

TEST(Bins, AlignedBinsAlignEveryBlockAndAreTheSmallestThatDo) {
    for (std::size_t alignment = 1; alignment <= kUnitSize; alignment *= 2) {
        for (std::size_t size = 0; size <= 2 * kMaxSmall; size += size < 256 ? 1 : 97) {
            const Bin bin = bin_of_aligned(size, alignment);
            ASSERT_NE(bin, 0U) << size << " at " << alignment;
            ASSERT_GE(size_of_bin(bin), size);
            ASSERT_EQ(size_of_bin(bin) % alignment, 0U) << size << " at " << alignment;
            for (Bin smaller = class_of_size(size < 1           ? 1
                                             : size > kMaxSmall ? kMaxSmall
                                                                : size);
                 smaller < bin; ++smaller) {
                ASSERT_FALSE(size_of_bin(smaller) >= size && size_of_bin(smaller) % alignment == 0)
                    << size << " at " << alignment << ": bin " << smaller << " would do, not "
                    << bin;
            }
        }
    }
    EXPECT_EQ(bin_of_aligned(kMaxRun + 1, 64), 0U);
}

}  // namespace
