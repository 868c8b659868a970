// Linear and ring placement, as a program for frames uses them.
#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "unit/manager/make.hpp"
#include "unit/manager/ranges/ranges_fixture.hpp"

namespace {

using namespace ashlar;
using ranges::RangeAllocator;

struct Buffer {
    explicit Buffer(Placement placement, Size size = 1000) : fixture(placement, size, 1000) {}
    Offset take(Size size, Strategy strategy = Strategy::by_policy) {
        const RangeId block = fixture.allocator.take_by(strategy, size, 1);
        return block == no_range ? none : fixture.allocator[block].start;
    }
    void give(Offset start) { fixture.allocator.give(fixture.allocator.at(start)); }
    static constexpr Offset none = ~Offset{0};
    Fixture fixture;
};

class Linear : public testing::TestWithParam<Placement> {};
INSTANTIATE_TEST_SUITE_P(Policies, Linear, testing::Values(Placement::linear, Placement::ring),
                         [](const auto& about) { return make::title_of(about.param); });

TEST_P(Linear, BlocksLieOneBehindTheOtherWhateverIsFreed) {
    Buffer buffer(GetParam());
    EXPECT_EQ(buffer.take(100), 0U);
    EXPECT_EQ(buffer.take(100), 100U);
    EXPECT_EQ(buffer.take(100), 200U);
    buffer.give(0);
    buffer.give(100);
    EXPECT_EQ(buffer.take(50), 300U) << "not into the holes";
    buffer.give(200);
    EXPECT_EQ(buffer.take(200), 350U);
    buffer.fixture.expect_sound();
}

TEST_P(Linear, StackReusesItsTopAtOnce) {
    Buffer buffer(GetParam());
    std::vector<Offset> stack;
    for (int i = 0; i < 9; ++i) stack.push_back(buffer.take(100));
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 4; ++i, stack.pop_back()) buffer.give(stack.back());
        EXPECT_EQ(buffer.take(30), 500U);
        EXPECT_EQ(buffer.take(370), 530U);
        buffer.give(530);
        buffer.give(500);
        for (int i = 0; i < 4; ++i) stack.push_back(buffer.take(100));
        EXPECT_EQ(stack.back(), 800U);
    }
    buffer.fixture.expect_sound();
}

TEST_P(Linear, FullStackReusesItsTop) {
    Buffer buffer(GetParam());
    for (Offset i = 0; i < 10; ++i) EXPECT_EQ(buffer.take(100), 100 * i);
    EXPECT_EQ(buffer.take(1), Buffer::none);
    buffer.give(900);
    buffer.give(300);
    EXPECT_EQ(buffer.take(60), 900U) << "not the hole that came last";
    buffer.fixture.expect_sound();
}

// The larger hole below keeps its record when the top merges with it.
TEST_P(Linear, StackFallsBackToAHoleBelow) {
    Buffer buffer(GetParam());
    EXPECT_EQ(buffer.take(500), 0U);
    EXPECT_EQ(buffer.take(100), 500U);
    EXPECT_EQ(buffer.take(10, Strategy::upper_end), 990U);
    EXPECT_EQ(buffer.take(30, Strategy::upper_end), 960U);
    EXPECT_EQ(buffer.take(10, Strategy::upper_end), 950U);
    buffer.give(960);
    buffer.give(0);
    EXPECT_EQ(buffer.take(10), 600U);
    buffer.give(600);
    buffer.give(500);
    EXPECT_EQ(buffer.take(20), 0U) << "not the hole of the upper stack that is just as long";
    buffer.fixture.expect_sound();
}

TEST_P(Linear, DoubleStackGrowsFromBothEnds) {
    Buffer buffer(GetParam());
    EXPECT_EQ(buffer.take(100), 0U);
    EXPECT_EQ(buffer.take(100, Strategy::upper_end), 900U);
    EXPECT_EQ(buffer.take(50, Strategy::upper_end), 850U);
    EXPECT_EQ(buffer.take(100), 100U);
    buffer.give(850);
    EXPECT_EQ(buffer.take(20, Strategy::upper_end), 880U);
    EXPECT_EQ(buffer.take(680), 200U) << "both stacks meet";
    EXPECT_EQ(buffer.take(1), Buffer::none);
    EXPECT_EQ(buffer.take(1, Strategy::upper_end), Buffer::none);
    buffer.give(200);
    EXPECT_EQ(buffer.take(680, Strategy::upper_end), 200U);
    buffer.give(200);
    EXPECT_EQ(buffer.take(680), 200U);
    buffer.give(880);
    EXPECT_EQ(buffer.take(10, Strategy::upper_end), 890U);
    buffer.fixture.expect_sound();
}

// The stacks stay stacks when a block is padded by its alignment, at either
// end.
TEST_P(Linear, DoubleStackWithAlignmentsMeetsInTheMiddle) {
    Buffer buffer(GetParam(), 1023);
    RangeAllocator& allocator = buffer.fixture.allocator;
    EXPECT_EQ(buffer.take(10), 0U);
    const RangeId upper = allocator.take_by(Strategy::upper_end, 100, 64);
    EXPECT_EQ(allocator[upper].start, 896U);
    const RangeId lower = allocator.take(100, 64);
    EXPECT_EQ(allocator[lower].start, 64U);
    EXPECT_EQ(buffer.take(10), 164U) << "not in the padding";
    EXPECT_EQ(buffer.take(10, Strategy::upper_end), 886U) << "likewise";
    buffer.give(886);
    EXPECT_EQ(buffer.take(722), 174U);
    buffer.fixture.expect_sound();
}

TEST_P(Linear, EmptyBufferBeginsAnew) {
    Buffer buffer(GetParam());
    for (int frame = 0; frame < 10; ++frame) {
        std::vector<Offset> blocks;
        for (Size size = 1; size < 40; ++size) blocks.push_back(buffer.take(size));
        EXPECT_EQ(blocks.front(), 0U);
        EXPECT_EQ(blocks.back(), 39U * 38 / 2);
        for (const Offset block : blocks) buffer.give(block);
    }
    buffer.fixture.expect_sound();
}

TEST_P(Linear, RequestIsNotRefusedWhileAHoleFits) {
    Buffer buffer(GetParam());
    std::vector<Offset> blocks;
    for (int i = 0; i < 10; ++i) blocks.push_back(buffer.take(100));
    for (const std::size_t i : {3U, 4U, 7U}) buffer.give(blocks[i]);
    EXPECT_EQ(buffer.take(200), 300U);
    EXPECT_EQ(buffer.take(100, Strategy::upper_end), 700U);
    EXPECT_EQ(buffer.take(1), Buffer::none);
}

TEST_P(Linear, ReservedBeginningIsSkipped) {
    Buffer buffer(GetParam());
    EXPECT_NE(buffer.fixture.allocator.take_at(0, 10), no_range);
    EXPECT_EQ(buffer.take(100), 10U);
    EXPECT_EQ(buffer.take(100), 110U);
    buffer.give(110);
    EXPECT_EQ(buffer.take(5), 110U);
}

TEST_P(Linear, StackGoesOnInAGrownBuffer) {
    Buffer buffer(GetParam());
    EXPECT_EQ(buffer.take(1000), 0U);
    ASSERT_TRUE(buffer.fixture.allocator.grow(500, true));
    EXPECT_EQ(buffer.take(100), 1000U);
    EXPECT_TRUE(buffer.fixture.allocator.resize(buffer.fixture.allocator.at(1000), 300));
    EXPECT_EQ(buffer.take(100), 1300U) << "behind what grew in place";
    buffer.fixture.expect_sound();
}

// Whatever does not fit behind the last block: linear placement comes back to
// its gap, a ring goes on at the beginning.
TEST(LinearPlacement, LeavesItsGapForOneBlockOnly) {
    Buffer buffer(Placement::linear);
    for (int i = 0; i < 9; ++i) static_cast<void>(buffer.take(100));
    for (const Offset block : {0U, 100U, 200U}) buffer.give(block);
    EXPECT_EQ(buffer.take(150), 0U);
    EXPECT_EQ(buffer.take(60), 900U);
    EXPECT_EQ(buffer.take(40), 960U);
}

TEST(RingPlacement, WrapsWhenTheOldestAreFree) {
    Buffer buffer(Placement::ring);
    for (int i = 0; i < 9; ++i) static_cast<void>(buffer.take(100));
    EXPECT_EQ(buffer.take(150), Buffer::none);
    for (const Offset block : {0U, 100U, 200U}) buffer.give(block);
    EXPECT_EQ(buffer.take(150), 0U);
    EXPECT_EQ(buffer.take(60), 150U) << "behind it, though the end of the buffer has room";
    EXPECT_EQ(buffer.take(90), 210U);
    for (const Offset block : {300U, 400U, 500U, 600U, 700U, 800U}) buffer.give(block);
    EXPECT_EQ(buffer.take(700), 300U) << "the ring's free part is one hole again";
    buffer.fixture.expect_sound();
}

// Blocks of many sizes, freed in their order: each begins where the last one
// ended, or at 0, and no more than the longest block is lost at the end of a
// turn.
TEST(RingPlacement, HoldsAllFramesInFlight) {
    constexpr Size size = 10'000, most = 300;
    Buffer buffer(Placement::ring, size);
    std::deque<std::pair<Offset, Size>> live;
    Size used = 0, turns = 0;
    for (Size i = 0; i < 20'000; ++i) {
        const Size wanted = 1 + i * 7919 % most;
        while (used + wanted + 2 * most > size) {
            used -= live.front().second;
            buffer.give(live.front().first);
            live.pop_front();
        }
        const Offset end = live.empty() ? 0 : live.back().first + live.back().second;
        const Offset at = buffer.take(wanted);
        ASSERT_NE(at, Buffer::none) << i;
        ASSERT_TRUE(at == end || at == 0) << i;
        turns += at == 0 ? 1 : 0;
        live.emplace_back(at, wanted);
        used += wanted;
        ASSERT_LE(buffer.fixture.allocator.totals().holes, 3U);
    }
    EXPECT_GT(turns, 250U);
    buffer.fixture.expect_sound();
}

}  // namespace
