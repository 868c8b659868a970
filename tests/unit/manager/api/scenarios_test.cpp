// The documented behaviour of the two programs with which this library began: a
// memory manager over a block of a given size, with first fit, and its test.
#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::contents;
using make::pattern;

class Scenarios : public testing::Test {
  protected:
    MemoryManager manager_{100, make::placed(Placement::first_fit)};
};

TEST_F(Scenarios, AllocateTakesTheFirstHoleThatFits) {
    const Offset first = manager_.allocate(30).value();
    ASSERT_EQ(manager_.allocate(10), Offset{30});
    const Offset third = manager_.allocate(20).value();
    ASSERT_EQ(manager_.allocate(10), Offset{60});
    manager_.deallocate(first);
    manager_.deallocate(third);
    EXPECT_EQ(manager_.allocate(15), first);  // the hole of 20 would fit better, and lies higher
    EXPECT_EQ(manager_.allocate(20), third);
    EXPECT_EQ(manager_.allocate(30), Offset{70});
}

TEST_F(Scenarios, AllocateReturnsNulloptWhenNothingFits) {
    EXPECT_EQ(manager_.allocate(101), std::nullopt);
    ASSERT_EQ(manager_.allocate(60), Offset{0});
    EXPECT_EQ(manager_.allocate(41), std::nullopt);
    EXPECT_EQ(manager_.allocate(40), Offset{60});
    EXPECT_EQ(manager_.allocate(1), std::nullopt);
    EXPECT_EQ(manager_.statistics().used, 100U);
}

TEST_F(Scenarios, DeallocateMergesBothNeighbours) {
    ASSERT_EQ(manager_.allocate(30), Offset{0});
    ASSERT_EQ(manager_.allocate(40), Offset{30});
    ASSERT_EQ(manager_.allocate(30), Offset{70});
    manager_.deallocate(0);
    manager_.deallocate(70);
    EXPECT_EQ(manager_.statistics().free_ranges, 2U);
    manager_.deallocate(30);
    EXPECT_EQ(manager_.statistics().free_ranges, 1U);
    EXPECT_EQ(manager_.statistics().largest_free, 100U);
    EXPECT_EQ(manager_.allocate(100), Offset{0});
}

TEST_F(Scenarios, DeallocateInAnyOrderEndsInOneHole) {
    for (const auto& order : {std::array{0, 1, 2}, std::array{0, 2, 1}, std::array{1, 0, 2},
                              std::array{1, 2, 0}, std::array{2, 0, 1}, std::array{2, 1, 0}}) {
        for (int i = 0; i < 3; ++i) ASSERT_TRUE(manager_.allocate(33));
        for (const int i : order) manager_.deallocate(static_cast<Offset>(33 * i));
        EXPECT_EQ(manager_.statistics().free_ranges, 1U);
        EXPECT_EQ(manager_.check(), 0U);
    }
}

TEST_F(Scenarios, ReadReturnsWhatWasWritten) {
    const Offset one = manager_.allocate(20).value(), two = manager_.allocate(30).value();
    manager_.write(one, pattern(20, 1));
    manager_.write(two, pattern(30, 2));
    EXPECT_EQ(contents(manager_, one, 20), pattern(20, 1));
    EXPECT_EQ(contents(manager_, two, 30), pattern(30, 2));
    EXPECT_THROW(manager_.write(one + 10, pattern(11, 3)), OutsideBlock);
    EXPECT_EQ(contents(manager_, one, 20), pattern(20, 1));
    manager_.deallocate(one);
    EXPECT_THROW(contents(manager_, one, 1), OutsideBlock);
    EXPECT_EQ(contents(manager_, two, 30), pattern(30, 2));
}

// With threads a block may wait in a cache or a slab when nothing fits: then
// they are given back, merged, and tried again.
TEST(Reclaim, EmptySlabsServeALargeBlock) {
    MemoryManager manager(Size{1} << 20);
    std::vector<Offset> blocks;
    while (const auto block = manager.allocate(64)) blocks.push_back(*block);
    for (const Offset block : blocks) manager.deallocate(block);
    EXPECT_EQ(manager.statistics().used, 0U);
    EXPECT_EQ(manager.allocate(Size{1} << 20), Offset{0});
}

TEST(Reclaim, EmptySlabsServeOtherSizes) {
    MemoryManager manager(Size{1} << 20);
    for (const Size size : {64U, 1024U, 8U, 500U}) {
        std::vector<Offset> blocks;
        while (const auto block = manager.allocate(size)) blocks.push_back(*block);
        EXPECT_GT(blocks.size() * size, (Size{1} << 20) * 9 / 10) << size;
        for (const Offset block : blocks) manager.deallocate(block);
    }
    EXPECT_EQ(manager.check(), 0U);
}

}  // namespace
