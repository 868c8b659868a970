// Small blocks that survive among many that are freed: the rest of the buffer
// stays of use, although each of them pins a slab.
#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <optional>
#include <vector>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

constexpr Size kBuffer = Size{16} << 20;

// Fills the buffer with blocks of `size` bytes, and frees all but the first of
// each 16 KiB.
std::vector<Offset> leave_survivors(MemoryManager& manager, Size size) {
    std::vector<Offset> blocks, survivors;
    std::vector<bool> pinned(kBuffer >> 14);
    while (const auto block = manager.allocate(size)) blocks.push_back(*block);
    for (const Offset block : blocks) {
        if (pinned[block >> 14]) {
            manager.deallocate(block);
        } else {
            pinned[block >> 14] = true;
            survivors.push_back(block);
        }
    }
    return survivors;
}

class Survivors : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, Survivors,
                         testing::Values(make::Mode::one_slabs, make::Mode::many),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(Survivors, OfEverySlabLeaveRoomForAllSizes) {
    for (const Placement placement : make::placements) {
        MemoryManager manager(kBuffer, make::placed(placement, GetParam()));
        const std::vector<Offset> survivors = leave_survivors(manager, 16);
        ASSERT_EQ(survivors.size(), kBuffer >> 14);
        for (const Size size : {8U, 24U, 200U, 1024U, 4096U}) {
            for (int i = 0; i < 100; ++i) {
                ASSERT_TRUE(manager.allocate(size))
                    << manager.policy_name() << ", block " << i << " of " << size;
            }
        }
        EXPECT_EQ(manager.check(), 0U);
        for (const Offset block : survivors) EXPECT_EQ(manager.size_of(block), 16U);
    }
}

// As a buffer of several parts, or one that grew: the share is that of the
// capacity now.
TEST(Survivors, OfABufferThatCannotGrowFurtherLeaveRoom) {
    ManagerOptions options = make::options(Size{64} << 20, Threads::many);
    options.grow_by = [](Size, Size) { return Size{0}; };
    MemoryManager manager(kBuffer, std::move(options));
    static_cast<void>(leave_survivors(manager, 16));
    for (const Size size : {8U, 24U, 200U, 1024U, 4096U})
        EXPECT_TRUE(manager.allocate(size)) << size;
}

// Slabs and one large block have the whole buffer.
TEST(Survivors, LendTheirSlabsToSmallerBlocks) {
    for (const Size granularity : {1U, 16U}) {
        ManagerOptions options = make::options(0, Threads::many);
        options.granularity = granularity;
        MemoryManager manager(kBuffer, std::move(options));
        ASSERT_TRUE(manager.allocate(kBuffer / 4));
        std::vector<Offset> blocks;
        while (const auto block = manager.allocate(112)) blocks.push_back(*block);
        for (std::size_t i = 1; i < blocks.size(); i += 2) manager.deallocate(blocks[i]);
        EXPECT_EQ(manager.allocate(113), std::nullopt);
        EXPECT_EQ(manager.allocate(8, 32), std::nullopt)
            << "no multiple of 32 is the start of a free block for sure";
        const Size free = manager.statistics().overhead;
        std::size_t lent = 0;
        for (std::optional<Offset> block; (block = manager.allocate(8, 16)); ++lent) {
            ASSERT_EQ(*block % 16, 0U);
            ASSERT_EQ(manager.size_of(*block), granularity == 1 ? 8U : 16U);
        }
        EXPECT_GE(lent, blocks.size() / 2);
        EXPECT_LT(manager.statistics().overhead, free);
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST(Survivors, LendTheirSlabsToRoots) {
    MemoryManager manager(kBuffer, make::options(0, Threads::many));
    ASSERT_TRUE(manager.allocate(kBuffer / 4));
    std::vector<Offset> blocks;
    while (const auto block = manager.allocate(112)) blocks.push_back(*block);
    for (std::size_t i = 1; i < blocks.size(); i += 2) manager.deallocate(blocks[i]);
    const Offset root = manager.allocate_root(8, 16).value();
    EXPECT_EQ(manager.allocate_root(113), std::nullopt);
    static_cast<void>(manager.collect({}));
    EXPECT_TRUE(manager.is_block(root));
    EXPECT_FALSE(manager.is_block(blocks[2]));
    EXPECT_EQ(manager.check(), 0U);
}

// The tag of a block holds how much larger it is: 253 bytes at most.
TEST(Survivors, LendNoBlockThatIsMuchTooLarge) {
    MemoryManager manager(kBuffer, make::options(0, Threads::many));
    std::vector<Offset> blocks;
    while (const auto block = manager.allocate(512)) blocks.push_back(*block);
    for (std::size_t i = 1; i < blocks.size() * 3 / 4; i += 2) manager.deallocate(blocks[i]);
    const Offset lent = manager.allocate(512 - 253).value();
    EXPECT_EQ(manager.size_of(lent), 512U - 253);
    while (const auto block = manager.allocate(512 - 254))
        EXPECT_EQ(manager.size_of(*block), 512U - 254);
    EXPECT_TRUE(manager.allocate(512 - 253)) << "a block of 512 is still free";
    EXPECT_EQ(manager.check(), 0U);
}

// A record of its own for each small block would leave none for anything else.
TEST(Survivors, SlabsTakeTheWholeBufferWhereRecordsAreFew) {
    ManagerOptions options = make::options(0, Threads::many);
    options.most_ranges = 2048;
    MemoryManager manager(kBuffer, std::move(options));
    Size blocks = 0;
    while (manager.allocate(16)) ++blocks;
    EXPECT_GT(blocks, kBuffer / 16 - kBuffer / 16 / 64);
    EXPECT_EQ(manager.check(), 0U);
}

}  // namespace
