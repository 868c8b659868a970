// Statistics of a manager that has had small blocks.
#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <vector>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

constexpr Size kBuffer = Size{16} << 20;

class SlabStatistics : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, SlabStatistics,
                         testing::Values(make::Mode::one_slabs, make::Mode::many),
                         [](const auto& mode) { return make::name_of(mode.param); });

// Slabs of all classes, with large blocks between them.
std::vector<Offset> scatter(MemoryManager& manager) {
    std::vector<Offset> blocks;
    for (Size size = 8; size <= 1024; size += 8) {
        for (int i = 0; i < 16; ++i) blocks.push_back(manager.allocate(size).value());
        blocks.push_back(manager.allocate(kBuffer / 512).value());
    }
    return blocks;
}

TEST_P(SlabStatistics, LargestFreeOfAnEmptyManagerIsItsCapacity) {
    for (const Placement placement : make::placements) {
        MemoryManager manager(kBuffer, make::placed(placement, GetParam()));
        for (const Offset block : scatter(manager)) manager.deallocate(block);
        const ManagerStatistics totals = manager.statistics();
        EXPECT_EQ(totals.largest_free, kBuffer) << manager.policy_name();
        EXPECT_EQ(totals.overhead, 0U);
        EXPECT_EQ(totals.free_ranges, 1U);
        EXPECT_EQ(totals.fragmentation(), 0.0);
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST_P(SlabStatistics, AgreeWithTheViewsOfTheSameMoment) {
    MemoryManager manager(kBuffer, make::options(0, GetParam()));
    for (const Offset block : scatter(manager)) manager.deallocate(block);
    const ManagerHistograms counts = manager.histograms();
    EXPECT_EQ(counts.totals.largest_free, counts.most_hole);
    EXPECT_EQ(counts.most_hole, kBuffer);
}

// With one live block in a slab, and whatever else is free.
TEST_P(SlabStatistics, LargestFreeCanBeAllocated) {
    for (const Placement placement : make::placements) {
        MemoryManager manager(kBuffer, make::placed(placement, GetParam()));
        const std::vector<Offset> blocks = scatter(manager);
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            if (i != 500) manager.deallocate(blocks[i]);
        }
        const Size largest = manager.statistics().largest_free;
        EXPECT_GE(largest, kBuffer / 4);
        EXPECT_TRUE(manager.allocate(largest)) << manager.policy_name();
        EXPECT_EQ(manager.check(), 0U);
    }
}

}  // namespace
