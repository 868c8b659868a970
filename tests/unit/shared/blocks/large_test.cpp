// Large blocks: whole units, resized in place.
#include "../segment_fixture.hpp"

namespace {

using namespace ashlar::shared;
using namespace ashlar::shared::test;

class SharedLarge : public SegmentTest {
  protected:
    Offset resize(Offset block, std::size_t size) { return blocks.resize(me(1), block, size); }
    void require_tail(Offset block, unsigned used) {
        for (unsigned i = 0; i < used; ++i)
            ASSERT_EQ(blocks.runs().head(unit_of(block) + i), unit_of(block)) << i;
        EXPECT_EQ(blocks.runs().head(unit_of(block) + used), ashlar::base::kNoUnit);
    }
};

TEST_F(SharedLarge, TakeWholeUnits) {
    const Offset one = allocate(32 * 1024 + 1);
    const Offset two = allocate(kUnitSize + 1);
    EXPECT_EQ(two, one + kUnitSize);
    EXPECT_EQ(allocate(1 << 20), one + 3 * kUnitSize);
    EXPECT_EQ(segment.header().units_used.load(rlx), 1U + 2 + 16);
}

TEST_F(SharedLarge, GrowInPlace) {
    const Offset block = allocate(2 * kUnitSize);
    EXPECT_EQ(resize(block, 5 * kUnitSize - 7), block);
    EXPECT_EQ(blocks.find(block + 4 * kUnitSize).size, 5 * kUnitSize - 7);
    require_tail(block, 5);
    EXPECT_EQ(segment.header().units_used.load(rlx), 5U);
    EXPECT_EQ(units_with_pages(), 5U);
    EXPECT_EQ(segment.slot(1).record.load(rlx), 0U);
    require_nothing_lost();
}

TEST_F(SharedLarge, ShrinkInPlace) {
    const Offset block = allocate(6 * kUnitSize);
    EXPECT_EQ(resize(block, kUnitSize + 1), block);
    EXPECT_EQ(blocks.find(block).size, kUnitSize + 1);
    require_tail(block, 2);
    EXPECT_EQ(segment.header().units_used.load(rlx), 2U);
    EXPECT_EQ(segment.header().units_backed.load(rlx), 4U);
    EXPECT_EQ(allocate(4 * kUnitSize), block + 2 * kUnitSize) << "the tail is free at once";
    require_nothing_lost();
}

TEST_F(SharedLarge, ResizeWithinTheirUnits) {
    const Offset block = allocate(2 * kUnitSize);
    EXPECT_EQ(resize(block, 2 * kUnitSize - 100), block);
    EXPECT_EQ(blocks.find(block).size, 2 * kUnitSize - 100);
    EXPECT_EQ(resize(block, 2 * kUnitSize), block);
    require_tail(block, 2);
}

TEST_F(SharedLarge, GrowOverNoOtherBlock) {
    const Offset block = allocate(2 * kUnitSize);
    const Offset other = allocate(kUnitSize);
    EXPECT_EQ(resize(block, 3 * kUnitSize), 0U);
    EXPECT_EQ(blocks.find(block).size, 2 * kUnitSize);
    EXPECT_EQ(blocks.find(other).size, kUnitSize);
    ASSERT_EQ(deallocate(other), Fault::none);
    EXPECT_EQ(resize(block, 3 * kUnitSize), block);
    EXPECT_EQ(segment.slot(1).record.load(rlx), 0U);
    require_nothing_lost();
}

TEST_F(SharedLarge, GrowNotWithoutPages) {
    const Offset block = allocate(2 * kUnitSize);
    file.room = kUnitSize / FakeFile::kPage;
    EXPECT_EQ(resize(block, 4 * kUnitSize), 0U);
    EXPECT_EQ(blocks.find(block).size, 2 * kUnitSize);
    require_tail(block, 2);
    EXPECT_EQ(resize(block, 3 * kUnitSize), block);
    require_nothing_lost();
}

TEST_F(SharedLarge, GrowNotBeyondTheEnd) {
    const Offset block = allocate(2 * kUnitSize);
    EXPECT_EQ(resize(block, units * kUnitSize), 0U);
    EXPECT_EQ(resize(block, ~std::size_t{0}), 0U);
    EXPECT_EQ(resize(block, 100), 0U) << "small blocks lie in slabs";
    EXPECT_EQ(resize(block, 0), 0U);
    EXPECT_EQ(blocks.find(block).size, 2 * kUnitSize);
}

TEST_F(SharedLarge, EndInOneUnitForSizeZeroAtALargeAlignment) {
    const Offset block = blocks.allocate(me(), 0, kUnitSize);
    ASSERT_NE(block, 0U);
    EXPECT_EQ(blocks.find(block).size, 0U);
    EXPECT_EQ(deallocate(block), Fault::none);
    EXPECT_EQ(deallocate(block), Fault::not_live);
    require_nothing_lost();
}

}  // namespace
