// The heap's behaviour where it does not depend on the policy, call by call, at its limits, and with a policy of a user's own.
#include <algorithm>

#include <gtest/gtest.h>

#include "ground.hpp"
#include "ranges/store.hpp"

namespace {

using namespace ashlar;
using ranges::Heap;

constexpr Placement placements[] = {Placement::tlsf,      Placement::first_fit,        Placement::next_fit, Placement::best_fit,
                                    Placement::worst_fit, Placement::ordered_best_fit, Placement::buddy};

TEST(Heap, CutsFromTheBottomAndMergesBothNeighbours) {
    Ground ground(Placement::first_fit, 1000, 100);
    Heap& heap = ground.heap;
    const RangeId a = heap.take(100, 1);
    const RangeId b = heap.take(200, 1);
    const RangeId c = heap.take(300, 1);
    EXPECT_EQ(heap[a].start, 0U);
    EXPECT_EQ(heap[b].start, 100U);
    EXPECT_EQ(heap[c].start, 300U);
    EXPECT_EQ(heap.totals().used, 600U);
    heap.give(a);
    heap.give(c);
    EXPECT_EQ(heap.totals().holes, 2U);
    EXPECT_EQ(heap.largest(), 700U);
    ground.expect_sound();
    heap.give(b);
    EXPECT_EQ(heap.totals().holes, 1U);
    EXPECT_EQ(heap.largest(), 1000U);
    EXPECT_EQ(heap.totals().peak, 600U);
    ground.expect_sound();
}

TEST(Heap, OneByteIsABufferForOneBlock) {
    for (const Placement placement : placements) {
        Ground ground(placement, 1, 10);
        EXPECT_EQ(ground.heap.take(2, 1), no_range);
        const RangeId block = ground.heap.take(1, 1);
        ASSERT_NE(block, no_range) << ground.policy->name();
        EXPECT_EQ(ground.heap.take(1, 1), no_range);
        EXPECT_EQ(ground.heap.largest(), 0U);
        ground.heap.give(block);
        const RangeId aligned = ground.heap.take(1, Size{1} << 63);  // 0 is a multiple of everything
        EXPECT_NE(aligned, no_range) << ground.policy->name();
        ground.expect_sound();
    }
}

TEST(Heap, TheLargestBufferIsOneBlockOrMany) {
    constexpr Size all = Size{1} << 48;
    for (const Placement placement : placements) {
        Ground ground(placement, all, 1000);
        Heap& heap = ground.heap;
        EXPECT_EQ(heap.largest(), all);
        EXPECT_FALSE(heap.grow(1, true)) << "over the limit";
        EXPECT_EQ(heap.take(all + 1, 1), no_range);
        for (const Size size : {~Size{0}, Size{1} << 63, (Size{1} << 63) - 1, (Size{1} << 62) + 1}) {
            EXPECT_EQ(heap.take(size, 1), no_range) << size;
            EXPECT_EQ(heap.take(size, Size{1} << 63), no_range) << size;
            EXPECT_EQ(heap.take_at(1, size), no_range) << size;
        }
        const RangeId block = heap.take(all, 1);
        ASSERT_NE(block, no_range) << ground.policy->name();
        heap.give(block);
        const RangeId top = heap.take_at(all - 1, 1);
        ASSERT_NE(top, no_range);
        const RangeId half = heap.take(all / 2, all / 2);
        ASSERT_NE(half, no_range);
        EXPECT_EQ(heap[half].start % (all / 2), 0U);
        EXPECT_EQ(heap.take(all / 2, 1), no_range);
        EXPECT_FALSE(heap.resize(half, ~Size{0}));
        ground.expect_sound();
        heap.give(top);
        heap.give(half);
        EXPECT_EQ(heap.totals().holes, 1U) << ground.policy->name();
        ground.expect_sound();
    }
}

TEST(Heap, WithoutRecordsOnlyExactFitsAreTakenAndGivingStillWorks) {
    for (const Placement placement : placements) {
        Ground ground(placement, 1024, 12);
        Heap& heap = ground.heap;
        std::vector<RangeId> blocks;
        for (RangeId block = heap.take(16, 1); block != no_range; block = heap.take(16, 1)) blocks.push_back(block);
        EXPECT_LT(heap.totals().used, 1024U);
        EXPECT_GE(blocks.size(), 5U) << ground.policy->name();
        ground.expect_sound();
        const Heap::Totals before = heap.totals();
        EXPECT_EQ(heap.take(1, 1), no_range);
        EXPECT_EQ(heap.take(1, 64), no_range);
        EXPECT_EQ(heap.take_at(1000, 1), no_range);
        EXPECT_FALSE(heap.resize(blocks[0], 1));
        EXPECT_EQ(before.used, heap.totals().used);
        for (const RangeId block : blocks) heap.give(block);
        EXPECT_EQ(heap.totals().holes, 1U);
        ground.expect_sound();
    }
}

// What take_at() cuts out of buddies must be given back in pieces, for which the records are kept.
TEST(Heap, AnUnevenBlockOfBuddiesIsGivenWithoutSpareRecords) {
    Ground ground(Placement::buddy, 1024, 40);
    Heap& heap = ground.heap;
    const RangeId uneven = heap.take_at(3, 900);
    ASSERT_NE(uneven, no_range);
    std::vector<RangeId> blocks;
    for (RangeId block = heap.take(1, 1); block != no_range; block = heap.take(1, 1)) blocks.push_back(block);
    ground.expect_sound();
    heap.give(uneven);
    ground.expect_sound();
    for (const RangeId block : blocks) heap.give(block);
    EXPECT_EQ(heap.totals().holes, 1U);
    EXPECT_EQ(heap.spare(), 39U);
    ground.expect_sound();
}

TEST(Heap, BlocksDoNotLieAcrossFences) {
    for (const Placement placement : placements) {
        Ground ground(placement, 64, 100);
        Heap& heap = ground.heap;
        ASSERT_TRUE(heap.grow(64, false));
        EXPECT_EQ(heap.take(65, 1), no_range);
        EXPECT_EQ(heap.take_at(63, 2), no_range);
        const RangeId low = heap.take_at(32, 32);
        ASSERT_NE(low, no_range);
        EXPECT_FALSE(heap.resize(low, 64)) << ground.policy->name();
        EXPECT_EQ(heap.shrink(1000), 64U);
        EXPECT_EQ(heap.totals().capacity, 64U);
        ground.expect_sound();
        ASSERT_TRUE(heap.grow(64, true));
        EXPECT_NE(heap.take(64, 1), no_range) << "the fence is gone";
        ground.expect_sound();
    }
}

TEST(Heap, AnEmptyHeapGrowsFromNothingAndShrinksToIt) {
    Ground ground(Placement::tlsf, 100, 10);
    Heap& heap = ground.heap;
    EXPECT_EQ(heap.shrink(1000), 100U);
    EXPECT_EQ(heap.totals().capacity, 0U);
    EXPECT_EQ(heap.take(1, 1), no_range);
    EXPECT_EQ(heap.covering(0), no_range);
    EXPECT_EQ(heap.take_at(0, 1), no_range);
    ground.expect_sound();
    ASSERT_TRUE(heap.grow(50, false));
    EXPECT_NE(heap.take(50, 1), no_range);
    ground.expect_sound();
}

TEST(Heap, ResizingRemembersWhatWasAskedFor) {
    Ground ground(Placement::buddy, 1024, 100);
    Heap& heap = ground.heap;
    const RangeId block = heap.take(100, 1);
    EXPECT_EQ(heap[block].size, 128U);
    EXPECT_EQ(heap[block].asked, 100U);
    ASSERT_TRUE(heap.resize(block, 120));
    EXPECT_EQ(heap[block].asked, 120U);
    ASSERT_TRUE(heap.resize(block, 10));
    EXPECT_EQ(heap[block].size, 16U);
    ASSERT_TRUE(heap.resize(block, 1000));
    EXPECT_EQ(heap[block].size, 1024U);
    EXPECT_EQ(heap.totals().peak, 1024U);
    ground.expect_sound();
}

// A policy as a user writes it: the highest hole that fits, found by a walk along a list; nothing overridden that need not be.
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
            if (fits(ranges_[at], size, alignment) && (best == no_range || ranges_[at].start > ranges_[best].start)) best = at;
        }
        return best;
    }
    [[nodiscard]] Size largest() const noexcept override {
        Size most = 0;
        for (RangeId at = head_; at != no_range; at = ranges_[at].link[0]) most = std::max(most, ranges_[at].size);
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

TEST(Heap, WorksWithAPolicyOfTheUsersOwn) {
    Ground ground(std::make_unique<HighestFit>(), 1000, 100);
    Heap& heap = ground.heap;
    const RangeId a = heap.take(100, 1);
    const RangeId b = heap.take(100, 1);
    const RangeId c = heap.take(100, 1);
    heap.give(a);
    ground.expect_sound();
    EXPECT_EQ(heap[heap.take(50, 1)].start, 300U);
    heap.give(c);
    heap.give(b);
    EXPECT_EQ(heap.totals().holes, 2U);
    EXPECT_EQ(heap[heap.take(300, 64)].start, 384U);
    EXPECT_EQ(heap[heap.take(300, 1)].start, 684U);
    EXPECT_EQ(heap[heap.take(300, 1)].start, 0U);
    ground.expect_sound();
}

TEST(Store, IsZeroAndSaysSoWhenTheSystemRefuses) {
    const std::uint32_t* first = nullptr;
    ranges::Store store;
    ASSERT_TRUE(store.create([&](region::Carver& carver) { first = carver.array<std::uint32_t>(100'000); }));
    for (int i = 0; i < 100'000; ++i) ASSERT_EQ(first[i], 0U);
    ranges::Store impossible;
    EXPECT_FALSE(impossible.create([](region::Carver& carver) { carver.array<char>(std::size_t{1} << 60); }));
}

TEST(MakePolicy, NamesAreThoseOfTheDumps) {
    const char* const names[] = {"tlsf", "first fit", "next fit", "best fit", "worst fit", "ordered best fit", "buddy"};
    std::size_t at = 0;
    for (const Placement placement : placements) EXPECT_STREQ(make_policy(placement)->name(), names[at++]);
}

}  // namespace
