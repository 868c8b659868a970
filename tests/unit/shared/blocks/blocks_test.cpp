// Blocks of every size: where they lie, how large they are, and what each
// offset is.
#include <algorithm>

#include "../segment_fixture.hpp"

namespace {

using namespace ashlar::shared;
using namespace ashlar::shared::test;

class SharedBlocks : public SegmentTest {
  protected:
    SharedBlocks() : SegmentTest(256) {}
    // Every offset of a live block is its block's; only the first can be freed.
    void require_found(Offset block, std::size_t size, std::size_t step) {
        for (std::size_t at = 0; at < std::max<std::size_t>(size, 1); at += step) {
            const Blocks::Found found = blocks.find(block + at);
            ASSERT_EQ(found.fault, Fault::none) << size << " at " << at;
            ASSERT_EQ(found.start, block) << size << " at " << at;
            ASSERT_EQ(found.size, size);
        }
    }
};

TEST_F(SharedBlocks, HaveTheRequestedSize) {
    for (std::size_t size = 0; size <= 300 * 1024; size = size < 600 ? size + 1 : size * 9 / 8) {
        const Offset block = allocate(size);
        ASSERT_NE(block, 0U) << size;
        require_found(block, size, std::max<std::size_t>(size / 7, 1));
        ASSERT_EQ(deallocate(block), Fault::none);
    }
    require_nothing_lost();
}

TEST_F(SharedBlocks, LieAtTheirAlignment) {
    for (std::size_t alignment = 1; alignment <= kUnitSize; alignment *= 2) {
        for (const std::size_t size :
             {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{5000}, kUnitSize + 1}) {
            const Offset block = blocks.allocate(me(), size, alignment);
            ASSERT_NE(block, 0U) << size << " at " << alignment;
            ASSERT_EQ((segment.start() + block) % alignment, 0U) << size << " at " << alignment;
            ASSERT_EQ(blocks.find(block).size, size) << alignment;
        }
    }
    require_nothing_lost();
}

TEST_F(SharedBlocks, TakeAtLeast32Bytes) {
    const Offset one = allocate(1);
    EXPECT_EQ(allocate(0), one + 32);
    EXPECT_EQ(allocate(32), one + 64);
    EXPECT_NE(allocate(33), one + 96);
}

TEST_F(SharedBlocks, TellEveryOffsetOfASlab) {
    const Offset first = allocate(48);
    ASSERT_EQ(first, unit(1));
    const Offset second = allocate(40);
    const auto& g = kGeometry[ashlar::base::class_of_size(48)];
    for (std::size_t at = 0; at < kUnitSize; ++at) {
        const bool starts = at % 48 == 0 && at / 48 < g.blocks;
        const Fault expected = !starts ? Fault::interior : Fault::not_live;
        if (first + at != first && first + at != second) {
            ASSERT_EQ(deallocate(first + at), expected) << at;
        }
        const Fault found = at < 48 || (at >= 48 && at < 96) ? Fault::none
                            : at / 48 < g.blocks             ? Fault::not_live
                                                             : Fault::foreign;
        ASSERT_EQ(blocks.find(first + at).fault, found) << at;
    }
    EXPECT_EQ(deallocate(first), Fault::none);
    EXPECT_EQ(deallocate(second), Fault::none);
}

TEST_F(SharedBlocks, TellEveryOffsetOfARun) {
    const std::size_t size = 3 * kUnitSize - 5;
    const Offset block = allocate(size);
    for (std::size_t at = 1; at < 3 * kUnitSize; ++at)
        ASSERT_EQ(deallocate(block + at), Fault::interior) << at;
    require_found(block, size, 4093);
    EXPECT_EQ(deallocate(block), Fault::none);
    for (std::size_t at = 0; at < 3 * kUnitSize; at += 512)
        ASSERT_EQ(deallocate(block + at), Fault::not_live) << at;
}

TEST_F(SharedBlocks, TellForeignOffsets) {
    const Offset block = allocate(100);
    for (const Offset at :
         {Offset{0}, Offset{8}, unit(0) - 1, unit(0), unit(1) - 16, unit(units), ~Offset{0}}) {
        EXPECT_EQ(deallocate(at), Fault::foreign) << at;
        EXPECT_EQ(blocks.find(at).fault, Fault::foreign) << at;
    }
    EXPECT_EQ(deallocate(unit(3)), Fault::not_live) << "a free unit";
    EXPECT_EQ(deallocate(block), Fault::none);
}

TEST_F(SharedBlocks, TellDoubleFreesOfAnyThread) {
    for (const std::size_t size : {std::size_t{10}, std::size_t{32 * 1024}, 2 * kUnitSize}) {
        const Offset block = allocate(size);
        EXPECT_EQ(deallocate(block, 2), Fault::none) << size;
        EXPECT_EQ(deallocate(block, 1), Fault::not_live) << size;
        EXPECT_EQ(deallocate(block, 2), Fault::not_live) << size;
    }
}

TEST_F(SharedBlocks, EndWithoutRoom) {
    std::vector<Offset> all;
    for (Offset block; (block = allocate(1000, 1 + static_cast<SlotId>(all.size() % 3))) != 0;)
        all.push_back(block);
    EXPECT_EQ(allocate(kUnitSize), 0U);
    EXPECT_EQ(all.size(),
              std::size_t{units - 1} * kGeometry[ashlar::base::class_of_size(1000)].blocks);
    EXPECT_EQ(live().size(), all.size());
    std::sort(all.begin(), all.end());
    for (std::size_t i = 1; i < all.size(); ++i) ASSERT_GE(all[i] - all[i - 1], 1000U);
    for (const Offset block : all) ASSERT_EQ(deallocate(block, 2), Fault::none);
    require_nothing_lost();
}

TEST_F(SharedBlocks, RefuseSizesBeyondTheLimit) {
    EXPECT_EQ(allocate(units * kUnitSize), 0U);
    EXPECT_EQ(allocate(~std::size_t{0}), 0U);
    EXPECT_EQ(allocate(std::size_t{kMaxUnits} << 16), 0U);
    EXPECT_EQ(allocate((units - 1) * kUnitSize), unit(1));
}

TEST_F(SharedBlocks, VisitShowsLiveBlocksByOffset) {
    const Offset small = allocate(20);
    const Offset freed = allocate(20);
    const Offset large = allocate(kUnitSize + 1);
    const Offset other = allocate(5000);
    ASSERT_EQ(deallocate(freed), Fault::none);
    const auto found = live();
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].start, small);
    EXPECT_EQ(found[0].size, 20U);
    EXPECT_EQ(found[1].start, large);
    EXPECT_EQ(found[1].size, kUnitSize + 1);
    EXPECT_EQ(found[2].start, other);
    unsigned calls = 0;
    EXPECT_FALSE(blocks.visit(
        [](void* count, Offset, std::size_t) { return ++*static_cast<unsigned*>(count) != 2; },
        &calls));
    EXPECT_EQ(calls, 2U);
}

TEST_F(SharedBlocks, ResizeKeepsASmallBlockWithinItsClass) {
    const Offset block = allocate(100);
    EXPECT_EQ(blocks.resize(me(2), block, 112), block);
    EXPECT_EQ(blocks.find(block).size, 112U);
    EXPECT_EQ(blocks.resize(me(2), block, 97), block);
    EXPECT_EQ(blocks.find(block).size, 97U);
    EXPECT_EQ(blocks.resize(me(2), block, 96), 0U);
    EXPECT_EQ(blocks.resize(me(2), block, 113), 0U);
    EXPECT_EQ(blocks.resize(me(2), block + 16, 100), 0U);
    EXPECT_EQ(blocks.find(block).size, 97U);
    ASSERT_EQ(deallocate(block), Fault::none);
    EXPECT_EQ(blocks.resize(me(2), block, 100), 0U);
}

}  // namespace
