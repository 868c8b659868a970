// allocate_to() and deallocate_from(): the place and the block agree.
#include "../segment_fixture.hpp"

namespace {

using namespace ashlar::shared;
using namespace ashlar::shared::test;

class SharedPlaces : public SegmentTest, public testing::WithParamInterface<std::size_t> {
  protected:
    Offset place = allocate(64);
    Offset allocate_to(Offset at, std::size_t size, SlotId slot = 1) {
        return blocks.allocate_to(me(slot), at, size, 16);
    }
    Fault deallocate_from(Offset at, SlotId slot = 1) {
        return blocks.deallocate_from(me(slot), at);
    }
};

TEST_P(SharedPlaces, HoldTheBlockAndThenNothing) {
    const Offset block = allocate_to(place, GetParam());
    ASSERT_NE(block, 0U);
    EXPECT_EQ(word(place), block);
    EXPECT_EQ(blocks.find(block).size, GetParam());
    EXPECT_EQ(segment.slot(1).record.load(rlx), 0U);
    EXPECT_EQ(deallocate_from(place, 2), Fault::none);
    EXPECT_EQ(word(place), 0U);
    EXPECT_EQ(segment.slot(2).record.load(rlx), 0U);
    EXPECT_EQ(deallocate(block), Fault::not_live);
    EXPECT_EQ(deallocate_from(place), Fault::gone);
    require_nothing_lost();
}

// The size of a block belongs to the block, not to its thread's next call.
TEST_P(SharedPlaces, KeepTheirBlocksSizes) {
    const Offset block = allocate_to(place, GetParam());
    allocate_to(place + 8, GetParam() - 1);
    EXPECT_EQ(blocks.find(block).size, GetParam());
    EXPECT_EQ(blocks.find(word(place + 8)).size, GetParam() - 1);
}

TEST_P(SharedPlaces, ThatAnotherThreadMarkedAreLeftAlone) {
    const Offset block = allocate_to(place, GetParam());
    word(place) = mark_of(block, 3);
    EXPECT_EQ(deallocate_from(place), Fault::gone);
    EXPECT_EQ(word(place), mark_of(block, 3));
    EXPECT_EQ(blocks.find(block).fault, Fault::none);
}

TEST_P(SharedPlaces, OutsideABlockAreRefused) {
    for (const Offset at : {Offset{0}, place + 1, unit(0), unit(5), unit(units), ~Offset{7}}) {
        EXPECT_EQ(allocate_to(at, GetParam()), 0U) << at;
        EXPECT_EQ(deallocate_from(at), Fault::foreign) << at;
    }
    EXPECT_EQ(live().size(), 1U);
}

// Of the words in a slot only `entry` is a place.
TEST_P(SharedPlaces, InASlotAreItsEntryOnly) {
    const Slot& slot = segment.slot(2);
    const auto at = [&](const auto& word) {
        return segment.offset(reinterpret_cast<std::uintptr_t>(&word));
    };
    EXPECT_EQ(blocks.word_at(at(slot.entry)), &slot.entry);
    for (const Offset wrong : {at(slot.record), at(slot.mask[5]), at(slot.entry) + 1,
                               at(segment.slot(0).entry), at(segment.slot(kSlots).entry)}) {
        EXPECT_EQ(allocate_to(wrong, GetParam()), 0U) << wrong;
    }
}

TEST_P(SharedPlaces, WithoutABlockAreTold) {
    EXPECT_EQ(deallocate_from(place), Fault::gone) << "holds 0";
    word(place) = unit(50);
    EXPECT_NE(deallocate_from(place), Fault::none);
    const Offset block = allocate(GetParam());
    word(place) = block + 16;
    EXPECT_EQ(deallocate_from(place), Fault::interior);
    EXPECT_EQ(word(place), block + 16);
    EXPECT_EQ(blocks.find(block).fault, Fault::none);
    word(place) = block;
    ASSERT_EQ(deallocate(block), Fault::none);
    EXPECT_EQ(deallocate_from(place), Fault::not_live);
}

TEST_P(SharedPlaces, StayWithoutRoom) {
    while (allocate(GetParam(), 2) != 0) {
    }
    word(place) = 77;
    EXPECT_EQ(allocate_to(place, GetParam()), 0U);
    EXPECT_EQ(word(place), 77U);
}

INSTANTIATE_TEST_SUITE_P(Sizes, SharedPlaces, testing::Values(100, 30000, 3 * kUnitSize - 9));

}  // namespace
