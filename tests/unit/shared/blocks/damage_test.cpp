// Wrong words in the segment: no access outside, and an end.
#include "../segment_fixture.hpp"

namespace {

using namespace ashlar::shared;
using namespace ashlar::shared::test;

class SharedDamage : public SegmentTest {
  protected:
    void store(UnitId at, UnitState state) { segment.state_word(at).store(state.raw, rlx); }
    [[nodiscard]] UnitId last() const { return segment.covered() - 1; }
    [[nodiscard]] bool is_shown(Offset block) const {
        for (const Blocks::Found& each : live()) {
            if (each.start == block) return true;
        }
        return false;
    }
};

TEST_F(SharedDamage, ALargeBlockBeyondTheEndIsNeitherShownNorResized) {
    const Offset block = allocate(2 * kUnitSize);
    ASSERT_TRUE(is_shown(block));
    for (const std::uint32_t length : {0U, units, kMaxUnits - 1}) {
        store(unit_of(block), UnitState::large(length, 0));
        EXPECT_EQ(blocks.resize(me(), block, 40000), 0U) << length;
        EXPECT_EQ(blocks.find(block).fault, Fault::not_live) << length;
        EXPECT_FALSE(is_shown(block)) << length;
    }
}

// The state changes after it was looked up.
TEST_F(SharedDamage, ALargeBlockThatBecomesLongerThanTheHeapIsNotResized) {
    const UnitId start = unit_of(allocate(2 * kUnitSize));
    store(start, UnitState::large(kMaxUnits - 1, 0));
    EXPECT_FALSE(blocks.runs().resize_large(me().slot, me().id, start, 1, 0));
    EXPECT_EQ(me().slot.record.load(rlx) & 31, static_cast<Word>(Step::allocating));
}

TEST_F(SharedDamage, ASlabBeyondTheEndHasNoBlocks) {
    ASSERT_NE(allocate(32), 0U);
    const Bin c = ashlar::base::class_of_size(32768);
    ASSERT_GT(kGeometry[c].units, 1U);
    store(last(), UnitState::shared(c));
    segment.tag(last(), 0).store(live_tag(kGeometry[c].size, 32768), rlx);
    EXPECT_EQ(blocks.find(unit(last())).fault, Fault::not_live);
    EXPECT_FALSE(is_shown(unit(last())));
    EXPECT_EQ(blocks.word_at(unit(last())), nullptr);
}

// Its free bits are taken by no thread, so it is hinted at by none.
TEST_F(SharedDamage, BitsBeyondTheLastBlockHintAtNoSlab) {
    const Offset block = allocate(8192);
    const Bin c = ashlar::base::class_of_size(8192);
    ASSERT_LT(kGeometry[c].blocks, 64U);
    blocks.slabs().leave_all(me());
    segment.bits(unit_of(block), 0).store(Word{1} << 63, rlx);
    while (segment.partial[c].remove(unit_of(block))) {
    }
    ASSERT_FALSE(blocks.slabs().reindex(unit_of(block), c));  // else the allocation never ends
    EXPECT_FALSE(segment.partial[c].contains(unit_of(block)));
    EXPECT_NE(allocate(8192), 0U);
}

}  // namespace
