// Slabs: which block comes next, masks and words, and complete slabs.
#include "../segment_fixture.hpp"

namespace {

using namespace ashlar::shared;
using namespace ashlar::shared::test;
using ashlar::base::class_of_size;

class SharedSlabs : public SegmentTest {
  protected:
    SharedSlabs() : SegmentTest(600) {}
    [[nodiscard]] Word mask(SlotId slot, std::size_t size) const {
        return segment.slot(slot).mask[class_of_size(size)].load(rlx);
    }
};

TEST_F(SharedSlabs, TakeTheLowestBlockOfTheWord) {
    Offset block[5];
    for (Offset& each : block) each = allocate(512);
    for (unsigned i = 1; i < 5; ++i) EXPECT_EQ(block[i], block[0] + i * 512);
    ASSERT_EQ(deallocate(block[3]), Fault::none);
    ASSERT_EQ(deallocate(block[1]), Fault::none);
    EXPECT_EQ(allocate(512), block[1]);
    EXPECT_EQ(allocate(512), block[3]);
}

TEST_F(SharedSlabs, KeepAFreedBlockOfTheirOwnWordInTheMask) {
    const Offset block = allocate(512);
    const Word bits = segment.bits(unit_of(block), 0).load(rlx);
    ASSERT_EQ(deallocate(block), Fault::none);
    EXPECT_EQ(segment.bits(unit_of(block), 0).load(rlx), bits);
    EXPECT_EQ(mask(1, 512) & 1, 1U);
    ASSERT_EQ(segment.slot(1).record.load(rlx), 0U);
}

TEST_F(SharedSlabs, SetTheBitOfABlockOfAnotherThread) {
    const Offset block = allocate(1000);
    const Word mine = mask(1, 1000);
    ASSERT_EQ(deallocate(block, 2), Fault::none);
    EXPECT_EQ(segment.bits(unit_of(block), 0).load(rlx), 1U);
    EXPECT_EQ(mask(1, 1000), mine);
    EXPECT_EQ(segment.tag(unit_of(block), 0).load(rlx), freed_tag(2));
}

// Small blocks of other threads, up to eight of a class. The last one is handed
// out first. The slab's owner never sees them.
TEST_F(SharedSlabs, KeepFreedBlocksOfOtherThreadsAsSpares) {
    std::vector<Offset> block;
    for (unsigned i = 0; i < 10; ++i) block.push_back(allocate(512));
    for (unsigned i = 0; i < 10; ++i) ASSERT_EQ(deallocate(block[i], 2), Fault::none);
    EXPECT_EQ(deallocate(block[3], 2), Fault::not_live);
    EXPECT_EQ(deallocate(block[3], 1), Fault::not_live);
    EXPECT_EQ(segment.bits(unit_of(block[0]), 0).load(rlx), 3U << 8);
    EXPECT_EQ(segment.slot(2).spares[class_of_size(512)].load(rlx), kSpares);
    for (unsigned i = 8; i-- > 0;) EXPECT_EQ(allocate(500, 2), block[i]);
    EXPECT_EQ(blocks.find(block[0]).size, 500U);
    EXPECT_NE(unit_of(allocate(512, 2)), unit_of(block[0]));
}

TEST_F(SharedSlabs, GiveBackTheSparesWithTheRest) {
    const Offset block = allocate(512);
    ASSERT_EQ(deallocate(block, 2), Fault::none);
    blocks.slabs().leave_all(me(2));
    EXPECT_EQ(segment.slot(2).spares[class_of_size(512)].load(rlx), 0U);
    EXPECT_EQ(segment.bits(unit_of(block), 0).load(rlx), 1U);
    ASSERT_EQ(segment.slot(2).record.load(rlx), 0U);
    blocks.slabs().leave_all(me(1));
    require_nothing_lost();
}

TEST_F(SharedSlabs, GoToTheNextWordBeforeTheNextSlab) {
    const auto& g = kGeometry[class_of_size(512)];
    ASSERT_EQ(g.words, 2U);
    Offset last = 0;
    for (unsigned i = 0; i < g.blocks; ++i) last = allocate(512);
    EXPECT_EQ(unit_of(last), 1U);
    EXPECT_EQ(unit_of(allocate(512)), 2U);
}

TEST_F(SharedSlabs, AreFoundByOthersOnceTheirOwnerLeft) {
    const Offset block = allocate(512);
    EXPECT_NE(unit_of(allocate(512, 2)), unit_of(block));
    blocks.slabs().leave_all(me(1));
    EXPECT_EQ(segment.state(unit_of(block), rlx), UnitState::shared(class_of_size(512)));
    EXPECT_EQ(allocate(512, 3), block + 512);
    EXPECT_EQ(mask(1, 512), 0U);
    EXPECT_EQ(segment.slot(1).place[class_of_size(512)].load(rlx), 0U);
}

// At most 32 complete slabs stay, or an eighth of the units in use.
TEST_F(SharedSlabs, ReturnCompleteSlabsBeyondTheBound) {
    std::vector<Offset> all;
    for (unsigned i = 0; i < 100 * 8; ++i) all.push_back(allocate(8192));
    blocks.slabs().leave_all(me(1));
    ASSERT_EQ(segment.header().units_used.load(rlx), 100U);
    for (const Offset block : all) ASSERT_EQ(deallocate(block, 2), Fault::none);
    EXPECT_LE(segment.header().complete.load(rlx), 32U);
    EXPECT_GE(segment.header().complete.load(rlx), 31U);
    EXPECT_EQ(segment.header().units_used.load(rlx), segment.header().complete.load(rlx));
    EXPECT_EQ(blocks.slabs().retire(me(2), 5), 5U);
    EXPECT_LE(segment.header().units_used.load(rlx), 27U);
    EXPECT_GE(blocks.slabs().retire(me(2), ~0U), 26U);
    EXPECT_EQ(segment.header().units_used.load(rlx), 0U);
    require_nothing_lost();
}

TEST_F(SharedSlabs, GiveTheirUnitsToOtherSizesWithoutRoom) {
    std::vector<Offset> all;
    for (Offset block; (block = allocate(8192)) != 0;) all.push_back(block);
    EXPECT_EQ(allocate(kUnitSize), 0U);
    for (unsigned i = 0; i < 8; ++i) ASSERT_EQ(deallocate(all[i], 2), Fault::none);
    EXPECT_EQ(allocate(kUnitSize), unit(1));
    ASSERT_EQ(deallocate(unit(1)), Fault::none);
    EXPECT_NE(allocate(100), 0U);
}

TEST_F(SharedSlabs, FollowNoHintOutOfTheFile) {
    allocate(512);
    segment.partial[class_of_size(512)].insert(599);
    segment.complete.insert(599);
    EXPECT_NE(allocate(512, 2), 0U);
    EXPECT_EQ(blocks.slabs().retire(me(2), ~0U), 0U);
}

}  // namespace
