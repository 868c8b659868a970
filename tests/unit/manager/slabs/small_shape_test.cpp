// The classes of small blocks: sizes, alignments, and which buffers have them.
#include <gtest/gtest.h>

#include "small_fixture.hpp"

namespace {

using namespace small_fixture;

constexpr Size kMiB = Size{1} << 20;

TEST(SmallShape, ClassesAreTheLeastThatFit) {
    for (Class c = 1; c + 1 < kClasses; ++c) {
        EXPECT_LT(kSizes[c].size, kSizes[c + 1].size);
        EXPECT_LE(kSizes[c + 1].size - kSizes[c].size, kMostSlack);
    }
    const Shape shape = Shape::of(64 * kMiB, kMostSmall, 1);
    for (Size size = 1; size <= kMostSmall; ++size) {
        const Class c = class_of_size(size);
        ASSERT_GE(kSizes[c].size, size);
        ASSERT_TRUE(c == 1 || kSizes[c - 1].size < size) << size;
        ASSERT_EQ(shape.class_of(size, 1), c);
        ASSERT_EQ(shape.class_of(size, kGrain), c);
    }
}

TEST(SmallShape, ReciprocalsDivideEveryOffsetOfASlab) {
    for (Class c = 1; c < kClasses; ++c) {
        for (std::uint64_t at = 0; at < Size{1} << Shape::kMostShift; ++at) {
            ASSERT_EQ(at * kSizes[c].reciprocal >> 32, at / kSizes[c].size) << c << ' ' << at;
        }
    }
}

TEST(SmallShape, SmallBuffersAndCoarseOnesHaveNoSlabs) {
    EXPECT_EQ(Shape::of(kMiB - 1, 1024, 1).shift, 0U);
    EXPECT_EQ(Shape::of(kMiB, 0, 1).shift, 0U);
    EXPECT_EQ(Shape::of(kMiB, 1024, 32).shift, 0U);
    EXPECT_EQ(Shape::of(kMiB, 1024, 16).shift, 12U);
    EXPECT_EQ(Shape::of(Size{1} << 48, 1024, 1).shift, 16U);
    EXPECT_EQ(Shape::of(Size{1} << 48, 1024, 1).slabs, Shape::kMostSlabs);
    const Shape none = Shape::of(1, 1024, 1);
    for (const Size size : {Size{0}, Size{1}, Size{1024}, ~Size{0}})
        EXPECT_EQ(none.class_of(size, 1), 0U);
    Small small{};
    region::Carver carver(0);
    small.layout(carver, none, true);
    EXPECT_EQ(small.give(1, 0), Given::not_small);
    EXPECT_EQ(small.find(77).kind, Kind::not_small);
    EXPECT_EQ(small.totals().blocks, 0U);
    EXPECT_EQ(small.check(), 0U);
    EXPECT_LT(carver.used(), 8192U);
}

TEST(SmallShape, AllOfASlabsBlocksAreAlignedAsAskedFor) {
    for (const Size granularity : {Size{1}, Size{2}, Size{8}, Size{16}}) {
        const Shape shape = Shape::of(64 * kMiB, 1024, granularity);
        for (Size alignment = 1; alignment <= 2048; alignment *= 2) {
            for (Size size = granularity; size <= 1100; size += granularity) {
                const Class c = shape.class_of(size, alignment);
                if (size <= 1024 && alignment <= kGrain) {
                    ASSERT_NE(c, 0U) << size;
                }
                if (size > 1024 || alignment > 1024) {
                    ASSERT_EQ(c, 0U) << size;
                }
                if (c == 0) continue;
                ASSERT_GE(kSizes[c].size, size);
                ASSERT_EQ(
                    kSizes[c].size % std::min(alignment, Size{kSizes[c].size & -kSizes[c].size}),
                    0U);
                ASSERT_TRUE(alignment <= kGrain || kSizes[c].size % alignment == 0)
                    << size << ' ' << alignment;
                ASSERT_TRUE(granularity <= kGrain || kSizes[c].size % granularity == 0);
            }
        }
        EXPECT_NE(shape.class_of(granularity, 64), 0U);
    }
}

}  // namespace
