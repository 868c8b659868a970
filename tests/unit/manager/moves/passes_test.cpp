// Passes with blocks that are pinned while they are open, with what may be
// asked about their targets, and over many ranges without a block: parts of the
// caller's, with a fence before each.
#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include <array>
#include <vector>

#include "unit/manager/make.hpp"

namespace {

using ashlar::Handle;
using ashlar::MemoryManager;
using ashlar::Move;
using ashlar::Offset;

// [0, 100) is free, `block` lies behind another one, and a pass wants it at 0.
struct OpenPass {
    MemoryManager manager{1000};
    Handle gone = manager.allocate_movable(100).value();
    Handle other = manager.allocate_movable(100).value();
    Handle block = manager.allocate_movable(100).value();
    std::vector<Move> moves;
    OpenPass() {
        manager.deallocate(gone);
        moves = manager.begin_pass();
        EXPECT_EQ(moves.size(), 1U);
        EXPECT_EQ(moves.at(0).handle, block);
    }
    void expect_ignored() {
        const auto done = manager.end_pass(moves);
        EXPECT_EQ(done.ignored, 1U);
        EXPECT_EQ(done.moves, 0U);
        EXPECT_EQ(done.dropped, 0U);
        EXPECT_EQ(manager.resolve(block), 200U);
        EXPECT_EQ(manager.statistics().used, 200U);
        EXPECT_EQ(manager.check(), 0U);
    }
};

// The thread that had pinned it may have written to it after the caller copied.
TEST(PinnedInAPass, UnpinnedBlockIsStillIgnored) {
    OpenPass pass;
    pass.manager.pin(pass.block);
    pass.manager.unpin(pass.block);
    pass.expect_ignored();
    // A block that was pinned in the last pass may move in the next one.
    pass.moves = pass.manager.begin_pass();
    EXPECT_EQ(pass.manager.end_pass(pass.moves).moves, 1U);
    EXPECT_EQ(pass.manager.resolve(pass.block), 0U);
}

TEST(PinnedInAPass, BlockIsNotDropped) {
    OpenPass pass;
    pass.moves[0].outcome = Move::Outcome::dropped;
    pass.manager.pin(pass.block);
    pass.expect_ignored();
    pass.manager.unpin(pass.block);
    pass.manager.deallocate(pass.block);
}

TEST(PinnedInAPass, UnpinnedBlockIsStillNotDropped) {
    OpenPass pass;
    pass.moves[0].outcome = Move::Outcome::dropped;
    pass.manager.pin(pass.block);
    pass.manager.unpin(pass.block);
    pass.expect_ignored();
}

// Its source is a block like others; its target is the pass's room.
TEST(OpenPasses, TargetsAreNoBlocks) {
    OpenPass pass;
    EXPECT_FALSE(pass.manager.is_block(0));
    EXPECT_THROW(static_cast<void>(pass.manager.size_of(0)), ashlar::BadOffset);
    EXPECT_THROW(pass.manager.set_name(0, "nobody"), ashlar::BadOffset);
    EXPECT_THROW(pass.manager.set_user_data(0, 1), ashlar::BadOffset);
    EXPECT_THROW(static_cast<void>(pass.manager.name(0)), ashlar::BadOffset);
    EXPECT_THROW(static_cast<void>(pass.manager.user_data(0)), ashlar::BadOffset);
    EXPECT_EQ(pass.manager.data(0), pass.manager.data(200) - 200);  // for the copy
    pass.manager.set_name(200, "block");
    EXPECT_EQ(pass.manager.end_pass(pass.moves).moves, 1U);
    EXPECT_EQ(pass.manager.name(0), "block");
    EXPECT_EQ(pass.manager.user_data(0), 0U);
}

// Parts of the caller's: the first of 16 bytes, 300 of 8, one of 100, and one
// that `block` fills. All are empty but for what `low` says of the first.
struct EmptyParts {
    std::array<std::byte, 16> first{};
    std::vector<std::vector<std::byte>> parts;
    MemoryManager manager{first, growing()};
    Handle block{};

    explicit EmptyParts(bool low) {
        std::vector<Handle> gone{manager.allocate_movable(8).value()};
        const Offset upper = manager.allocate(8).value();
        for (int i = 0; i < 300; ++i) gone.push_back(manager.allocate_movable(8).value());
        gone.push_back(manager.allocate_movable(100).value());
        block = manager.allocate_movable(100).value();
        for (const Handle handle : gone) manager.deallocate(handle);
        if (!low) manager.deallocate(upper);
        EXPECT_EQ(manager.resolve(block), kFrom);
    }
    ashlar::ManagerOptions growing() {
        ashlar::ManagerOptions own = make::options(10'000);
        own.next_part = [this](ashlar::Size wanted) {
            return std::span<std::byte>(parts.emplace_back(wanted));
        };
        return own;
    }
    static constexpr Offset kTo = 16 + 300 * 8;
    static constexpr Offset kFrom = kTo + 100;
};

class BeyondManyHoles : public testing::TestWithParam<bool> {};

// With a limit, so that what goes on for ever fails.
ashlar::PassLimits generous() {
    ashlar::PassLimits limits;
    limits.time = std::chrono::seconds(5);
    return limits;
}

TEST_P(BeyondManyHoles, DefragmentMovesTheBlock) {
    EmptyParts empty(GetParam());
    EXPECT_EQ(empty.manager.defragment(generous()).moves, 1U);
    EXPECT_EQ(empty.manager.resolve(empty.block), EmptyParts::kTo);
    EXPECT_EQ(empty.manager.check(), 0U);
}

TEST_P(BeyondManyHoles, PassMovesTheBlock) {
    EmptyParts empty(GetParam());
    const std::vector<Move> moves = empty.manager.begin_pass(generous());
    ASSERT_EQ(moves.size(), 1U);
    EXPECT_EQ(moves[0].to, EmptyParts::kTo);
    EXPECT_EQ(empty.manager.end_pass(moves).moves, 1U);
    EXPECT_EQ(empty.manager.check(), 0U);
}

INSTANTIATE_TEST_SUITE_P(BlockBelow, BeyondManyHoles, testing::Bool());

// [0, 1000) is free, and below its end lie blocks that a pass wants there.
struct ManyMoves {
    MemoryManager manager{10'000};
    std::vector<Handle> blocks;
    explicit ManyMoves(std::size_t count) {
        const Handle gone = manager.allocate_movable(1000).value();
        for (std::size_t i = 0; i < count; ++i)
            blocks.push_back(manager.allocate_movable(10).value());
        manager.deallocate(gone);
    }
};

TEST(LimitedPass, ByteLimitIsUsedUpExactly) {
    ManyMoves many(5);
    ashlar::PassLimits limits;
    limits.bytes = 30;
    const std::vector<Move> moves = many.manager.begin_pass(limits);
    EXPECT_EQ(moves.size(), 3U);
    EXPECT_EQ(many.manager.end_pass(moves).bytes_moved, 30U);
}

TEST(LimitedPass, ZeroTimeEndsAfterOneSlice) {
    ManyMoves many(900);
    ashlar::PassLimits limits;
    limits.time = std::chrono::nanoseconds(0);
    const auto done = many.manager.defragment(limits);
    EXPECT_LT(done.moves, 900U);
    EXPECT_EQ(many.manager.check(), 0U);
}

TEST(LimitedPass, ZeroTimeOffersAMove) {
    ManyMoves many(900);
    ashlar::PassLimits limits;
    limits.time = std::chrono::nanoseconds(0);
    const std::vector<Move> moves = many.manager.begin_pass(limits);
    EXPECT_GE(moves.size(), 1U);
    EXPECT_LT(moves.size(), 900U);
    EXPECT_TRUE(many.manager.end_pass(moves).more);
}

// Each of them is smaller than a block, or over at once.
std::vector<ashlar::PassLimits> tight_limits() {
    std::vector<ashlar::PassLimits> all(5);
    all[0].bytes = 1;
    all[1].bytes = 300;
    all[2].time = std::chrono::nanoseconds(0);
    all[3].moves = 1;
    all[4].bytes = 700;
    all[4].time = std::chrono::nanoseconds(1);
    return all;
}

// 3000 blocks of up to 499 bytes, of which every other one is gone.
struct Scattered {
    MemoryManager manager{2'000'000};
    std::vector<Handle> blocks;
    Scattered() {
        for (std::size_t i = 0; i < 3000; ++i)
            blocks.push_back(manager.allocate_movable(1 + i * 7919 % 499).value());
        for (std::size_t i = 0; i < 3000; i += 2) manager.deallocate(blocks[i]);
    }
};

TEST(LimitedPass, IsEmptyOnlyWhereNothingCanBeWon) {
    for (const ashlar::PassLimits& limits : tight_limits()) {
        Scattered scattered;
        std::size_t passes = 0;
        for (std::vector<Move> moves; ++passes < 20'000;) {
            moves = scattered.manager.begin_pass(limits);
            if (moves.empty()) break;
            scattered.manager.end_pass(moves);
        }
        EXPECT_GT(passes, 1U);
        EXPECT_TRUE(scattered.manager.begin_pass().empty());
        EXPECT_EQ(scattered.manager.check(), 0U);
    }
}

TEST(LimitedDefragment, TellsOfMoreUntilNothingCanBeWon) {
    for (const ashlar::PassLimits& limits : tight_limits()) {
        Scattered scattered;
        std::size_t calls = 0;
        for (bool more = true; more && calls < 20'000; ++calls) {
            const auto done = scattered.manager.defragment(limits);
            EXPECT_TRUE(done.moves != 0 || !done.more);
            more = done.more;
        }
        EXPECT_GT(calls, 1U);
        EXPECT_LT(calls, 20'000U);
        const auto rest = scattered.manager.defragment();
        EXPECT_EQ(rest.moves, 0U);
        EXPECT_FALSE(rest.more);
        EXPECT_EQ(scattered.manager.statistics().free_ranges, 1U);
    }
}

TEST(LimitedDefragment, FindsHolesThatComeBehindIt) {
    MemoryManager manager{10'000};
    const Handle lowest = manager.allocate_movable(10).value();
    const Handle gone = manager.allocate_movable(1000).value();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(manager.allocate_movable(100).has_value());
    manager.deallocate(gone);
    ashlar::PassLimits limits;
    limits.moves = 12;
    EXPECT_TRUE(manager.defragment(limits).more);
    manager.deallocate(lowest);  // no block that is left to move fits there
    for (int calls = 0; manager.defragment(limits).more; ++calls) ASSERT_LT(calls, 100);
    EXPECT_EQ(manager.statistics().free_ranges, 1U);
    EXPECT_EQ(manager.defragment().moves, 0U);
}

TEST(EndPass, TellsOfMoreWhileAHoleLiesBelowABlock) {
    ManyMoves many(5);
    ashlar::PassLimits limits;
    limits.moves = 1;
    EXPECT_TRUE(many.manager.end_pass(many.manager.begin_pass(limits)).more);
    bool more = true;
    for (int passes = 0; more && passes < 100; ++passes) {
        const std::vector<Move> moves = many.manager.begin_pass();
        if (moves.empty()) break;
        more = many.manager.end_pass(moves).more;
    }
    EXPECT_FALSE(more);
}

TEST(EndPass, TakesMovesInAnyOrderAndIgnoresTheRest) {
    ManyMoves many(80);
    std::vector<Move> moves = many.manager.begin_pass();
    ASSERT_EQ(moves.size(), 80U);
    EXPECT_EQ(many.manager.end_pass({}).ignored, 80U);
    moves = many.manager.begin_pass();
    ASSERT_EQ(moves.size(), 80U);
    std::swap(moves[0], moves[79]);
    std::swap(moves[1], moves[40]);
    moves.resize(3);
    const auto done = many.manager.end_pass(moves);
    EXPECT_EQ(done.moves, 3U);
    EXPECT_EQ(done.ignored, 77U);
    EXPECT_EQ(many.manager.check(), 0U);
}

TEST(EndPass, ComparesSourceAndTarget) {
    ManyMoves many(1);
    std::vector<Move> moves = many.manager.begin_pass();
    for (Offset Move::*const end : {&Move::from, &Move::to}) {
        std::vector<Move> other = moves;
        other[0].*end += 1;
        EXPECT_THROW(many.manager.end_pass(other), ashlar::BadHandle);
    }
    EXPECT_EQ(many.manager.end_pass(moves).moves, 1U);
}

TEST(Movable, ResizeShrinksOutsideAPass) {
    ManyMoves many(2);
    EXPECT_TRUE(many.manager.resize(many.manager.resolve(many.blocks[0]), 5));
    EXPECT_EQ(many.manager.size_of(many.manager.resolve(many.blocks[0])), 5U);
}

}  // namespace
