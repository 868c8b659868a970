// The heap's behaviour where it does not depend on the policy, call by call, at
// its limits, and with a policy of a user's own.
#include <algorithm>

#include <gtest/gtest.h>

#include "manager/base/store.hpp"
#include "ranges_fixture.hpp"

namespace {

using namespace ashlar;
using ranges::RangeAllocator;

constexpr Placement placements[] = {
    Placement::tlsf,     Placement::first_fit, Placement::next_fit,
    Placement::best_fit, Placement::worst_fit, Placement::ordered_best_fit,
    Placement::buddy,    Placement::linear,    Placement::ring};

TEST(RangeAllocator, TakeCutsFromTheBottomAndGiveMergesBothNeighbours) {
    Fixture fixture(Placement::first_fit, 1000, 100);
    RangeAllocator& allocator = fixture.allocator;
    const RangeId a = allocator.take(100, 1);
    const RangeId b = allocator.take(200, 1);
    const RangeId c = allocator.take(300, 1);
    EXPECT_EQ(allocator[a].start, 0U);
    EXPECT_EQ(allocator[b].start, 100U);
    EXPECT_EQ(allocator[c].start, 300U);
    EXPECT_EQ(allocator.totals().used, 600U);
    allocator.give(a);
    allocator.give(c);
    EXPECT_EQ(allocator.totals().holes, 2U);
    EXPECT_EQ(allocator.largest(), 700U);
    fixture.expect_sound();
    allocator.give(b);
    EXPECT_EQ(allocator.totals().holes, 1U);
    EXPECT_EQ(allocator.largest(), 1000U);
    EXPECT_EQ(allocator.totals().peak, 600U);
    fixture.expect_sound();
}

TEST(RangeAllocator, OneByteBufferHoldsOneBlock) {
    for (const Placement placement : placements) {
        Fixture fixture(placement, 1, 10);
        EXPECT_EQ(fixture.allocator.take(2, 1), no_range);
        const RangeId block = fixture.allocator.take(1, 1);
        ASSERT_NE(block, no_range) << fixture.policy->name();
        EXPECT_EQ(fixture.allocator.take(1, 1), no_range);
        EXPECT_EQ(fixture.allocator.largest(), 0U);
        fixture.allocator.give(block);
        // 0 is a multiple of everything.
        const RangeId aligned = fixture.allocator.take(1, Size{1} << 63);
        EXPECT_NE(aligned, no_range) << fixture.policy->name();
        fixture.expect_sound();
    }
}

TEST(RangeAllocator, LargestBufferHoldsOneBlockOrMany) {
    constexpr Size all = Size{1} << 48;
    for (const Placement placement : placements) {
        Fixture fixture(placement, all, 1000);
        RangeAllocator& allocator = fixture.allocator;
        EXPECT_EQ(allocator.largest(), all);
        EXPECT_FALSE(allocator.grow(1, true)) << "over the limit";
        EXPECT_EQ(allocator.take(all + 1, 1), no_range);
        for (const Size size :
             {~Size{0}, Size{1} << 63, (Size{1} << 63) - 1, (Size{1} << 62) + 1}) {
            EXPECT_EQ(allocator.take(size, 1), no_range) << size;
            EXPECT_EQ(allocator.take(size, Size{1} << 63), no_range) << size;
            EXPECT_EQ(allocator.take_at(1, size), no_range) << size;
        }
        const RangeId block = allocator.take(all, 1);
        ASSERT_NE(block, no_range) << fixture.policy->name();
        allocator.give(block);
        const RangeId top = allocator.take_at(all - 1, 1);
        ASSERT_NE(top, no_range);
        const RangeId half = allocator.take(all / 2, all / 2);
        ASSERT_NE(half, no_range);
        EXPECT_EQ(allocator[half].start % (all / 2), 0U);
        EXPECT_EQ(allocator.take(all / 2, 1), no_range);
        EXPECT_FALSE(allocator.resize(half, ~Size{0}));
        fixture.expect_sound();
        allocator.give(top);
        allocator.give(half);
        EXPECT_EQ(allocator.totals().holes, 1U) << fixture.policy->name();
        fixture.expect_sound();
    }
}

TEST(RangeAllocator, TakeWithoutRecordsNeedsAnExactFit) {
    for (const Placement placement : placements) {
        Fixture fixture(placement, 1024, 12);
        RangeAllocator& allocator = fixture.allocator;
        std::vector<RangeId> blocks;
        for (RangeId block = allocator.take(16, 1); block != no_range;
             block = allocator.take(16, 1))
            blocks.push_back(block);
        EXPECT_LT(allocator.totals().used, 1024U);
        EXPECT_GE(blocks.size(), 5U) << fixture.policy->name();
        fixture.expect_sound();
        const RangeAllocator::Totals before = allocator.totals();
        EXPECT_EQ(allocator.take(1, 1), no_range);
        EXPECT_EQ(allocator.take(1, 64), no_range);
        EXPECT_EQ(allocator.take_at(1000, 1), no_range);
        EXPECT_FALSE(allocator.resize(blocks[0], 1));
        EXPECT_EQ(before.used, allocator.totals().used);
        for (const RangeId block : blocks) allocator.give(block);
        EXPECT_EQ(allocator.totals().holes, 1U);
        fixture.expect_sound();
    }
}

// A block that take_at() cuts out of buddies is given back in pieces; the
// records for them are kept.
TEST(RangeAllocator, GiveOfAnUnevenBuddyBlockNeedsNoSpareRecord) {
    Fixture fixture(Placement::buddy, 1024, 40);
    RangeAllocator& allocator = fixture.allocator;
    const RangeId uneven = allocator.take_at(3, 900);
    ASSERT_NE(uneven, no_range);
    std::vector<RangeId> blocks;
    for (RangeId block = allocator.take(1, 1); block != no_range; block = allocator.take(1, 1))
        blocks.push_back(block);
    fixture.expect_sound();
    allocator.give(uneven);
    fixture.expect_sound();
    for (const RangeId block : blocks) allocator.give(block);
    EXPECT_EQ(allocator.totals().holes, 1U);
    EXPECT_EQ(allocator.spare(), 39U);
    fixture.expect_sound();
}

TEST(RangeAllocator, BlocksDoNotLieAcrossFences) {
    for (const Placement placement : placements) {
        Fixture fixture(placement, 64, 100);
        RangeAllocator& allocator = fixture.allocator;
        ASSERT_TRUE(allocator.grow(64, false));
        EXPECT_EQ(allocator.take(65, 1), no_range);
        EXPECT_EQ(allocator.take_at(63, 2), no_range);
        const RangeId low = allocator.take_at(32, 32);
        ASSERT_NE(low, no_range);
        EXPECT_FALSE(allocator.resize(low, 64)) << fixture.policy->name();
        EXPECT_EQ(allocator.shrink(1000), 64U);
        EXPECT_EQ(allocator.totals().capacity, 64U);
        fixture.expect_sound();
        ASSERT_TRUE(allocator.grow(64, true));
        EXPECT_NE(allocator.take(64, 1), no_range) << "the fence is gone";
        fixture.expect_sound();
    }
}

TEST(RangeAllocator, GrowFromNothingAndShrinkToNothing) {
    Fixture fixture(Placement::tlsf, 100, 10);
    RangeAllocator& allocator = fixture.allocator;
    EXPECT_EQ(allocator.shrink(1000), 100U);
    EXPECT_EQ(allocator.totals().capacity, 0U);
    EXPECT_EQ(allocator.take(1, 1), no_range);
    EXPECT_EQ(allocator.covering(0), no_range);
    EXPECT_EQ(allocator.take_at(0, 1), no_range);
    fixture.expect_sound();
    ASSERT_TRUE(allocator.grow(50, false));
    EXPECT_NE(allocator.take(50, 1), no_range);
    fixture.expect_sound();
}

TEST(RangeAllocator, ResizeKeepsTheRequestedSize) {
    Fixture fixture(Placement::buddy, 1024, 100);
    RangeAllocator& allocator = fixture.allocator;
    const RangeId block = allocator.take(100, 1);
    EXPECT_EQ(allocator[block].size, 128U);
    EXPECT_EQ(allocator[block].asked, 100U);
    ASSERT_TRUE(allocator.resize(block, 120));
    EXPECT_EQ(allocator[block].asked, 120U);
    ASSERT_TRUE(allocator.resize(block, 10));
    EXPECT_EQ(allocator[block].size, 16U);
    ASSERT_TRUE(allocator.resize(block, 1000));
    EXPECT_EQ(allocator[block].size, 1024U);
    EXPECT_EQ(allocator.totals().peak, 1024U);
    fixture.expect_sound();
}

// A policy as a user writes it: the highest hole that fits, found by a walk
// along a list; nothing overridden that need not be.
class HighestFit final : public Policy {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "highest fit"; }
    void attach(Ranges ranges, void*, bool) noexcept override { ranges_ = ranges; }
    void insert(RangeId hole) noexcept override {
        ranges_[hole].link[0] = head_;
        head_ = hole;
    }
    void erase(RangeId hole) noexcept override {
        RangeId* at = &head_;
        while (*at != hole) at = &ranges_[*at].link[0];
        *at = ranges_[hole].link[0];
    }
    [[nodiscard]] RangeId find(Size size, Size alignment) noexcept override {
        RangeId best = no_range;
        for (RangeId at = head_; at != no_range; at = ranges_[at].link[0]) {
            if (fits(ranges_[at], size, alignment) &&
                (best == no_range || ranges_[at].start > ranges_[best].start))
                best = at;
        }
        return best;
    }
    [[nodiscard]] Size largest() const noexcept override {
        Size most = 0;
        for (RangeId at = head_; at != no_range; at = ranges_[at].link[0])
            most = std::max(most, ranges_[at].size);
        return most;
    }

  private:
    RangeId head_ = no_range;
};

TEST(Policy, HasNoShapesByDefault) {
    const HighestFit policy;
    const Range low{}, high{};
    EXPECT_FALSE(policy.shaped());
    EXPECT_EQ(policy.rounded(100, 64), 100U);
    EXPECT_EQ(policy.piece(64, 100), 100U);
    EXPECT_TRUE(policy.merges(low, high));
}

TEST(RangeAllocator, WorksWithACustomPolicy) {
    Fixture fixture(std::make_unique<HighestFit>(), 1000, 100);
    RangeAllocator& allocator = fixture.allocator;
    const RangeId a = allocator.take(100, 1);
    const RangeId b = allocator.take(100, 1);
    const RangeId c = allocator.take(100, 1);
    allocator.give(a);
    fixture.expect_sound();
    EXPECT_EQ(allocator[allocator.take(50, 1)].start, 300U);
    allocator.give(c);
    allocator.give(b);
    EXPECT_EQ(allocator.totals().holes, 2U);
    EXPECT_EQ(allocator[allocator.take(300, 64)].start, 384U);
    EXPECT_EQ(allocator[allocator.take(300, 1)].start, 684U);
    EXPECT_EQ(allocator[allocator.take(300, 1)].start, 0U);
    fixture.expect_sound();
}

TEST(Store, CreateGivesZeroBytesOrReportsARefusal) {
    const std::uint32_t* first = nullptr;
    manager::Store store;
    ASSERT_TRUE(store.create(
        [&](region::Carver& carver) { first = carver.array<std::uint32_t>(100'000); }));
    for (int i = 0; i < 100'000; ++i) ASSERT_EQ(first[i], 0U);
    manager::Store impossible;
    EXPECT_FALSE(impossible.create(
        [](region::Carver& carver) { carver.array<char>(std::size_t{1} << 60); }));
}

TEST(MakePolicy, NamesAreThoseInDumps) {
    const char* const names[] = {"tlsf",     "first fit", "next fit",
                                 "best fit", "worst fit", "ordered best fit",
                                 "buddy",    "linear",    "ring"};
    std::size_t at = 0;
    for (const Placement placement : placements)
        EXPECT_STREQ(make_policy(placement)->name(), names[at++]);
}

}  // namespace
