// Passes with blocks that are pinned while they are open, with what may be asked about their targets, and over many ranges
// without a block: parts of the caller's, with a fence before each.
#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include <array>
#include <vector>

#include "make.hpp"

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

// Who had it pinned may have written to it after the caller copied.
TEST(PinnedInAPass, IsIgnoredAlsoWhenItIsPinnedNoLonger) {
    OpenPass pass;
    pass.manager.pin(pass.block);
    pass.manager.unpin(pass.block);
    pass.expect_ignored();
    pass.moves = pass.manager.begin_pass();  // what was pinned in the last pass may move in the next one
    EXPECT_EQ(pass.manager.end_pass(pass.moves).moves, 1U);
    EXPECT_EQ(pass.manager.resolve(pass.block), 0U);
}

TEST(PinnedInAPass, IsNotDropped) {
    OpenPass pass;
    pass.moves[0].outcome = Move::Outcome::dropped;
    pass.manager.pin(pass.block);
    pass.expect_ignored();
    pass.manager.unpin(pass.block);
    pass.manager.deallocate(pass.block);
}

TEST(PinnedInAPass, IsNotDroppedWhenItIsPinnedNoLonger) {
    OpenPass pass;
    pass.moves[0].outcome = Move::Outcome::dropped;
    pass.manager.pin(pass.block);
    pass.manager.unpin(pass.block);
    pass.expect_ignored();
}

}  // namespace
