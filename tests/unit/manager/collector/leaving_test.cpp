// Large blocks that go while a cycle marks: the collector looks at them in
// pieces, and lets others in between.
#include <gtest/gtest.h>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "manager/engine/manager_inline.hpp"

namespace {

using namespace ashlar;
using manager::Collector;

constexpr Size kLarge = 4U << 20;
constexpr Size kPiece = 1U << 16;  // of the collector's

// A movable block whose first word is the only reference to another block;
// there is room below it for a pass to move it to.
struct Fixture {
    manager::Manager manager{manager::Buffer::own(16U << 20), 16U << 20, {}};
    Handle gap, large;
    Offset start = 0, child = 0;

    Fixture() {
        // The other block's slab has room as well.
        EXPECT_EQ(manager.allocate_movable(2 * kLarge, 8, gap), Status::ok);
        EXPECT_EQ(manager.allocate_movable(kLarge, 8, large), Status::ok);
        EXPECT_EQ(manager.moves().deallocate(gap), Status::ok);
        EXPECT_EQ(manager.moves().resolve(large, start), Status::ok);
        EXPECT_EQ(manager.allocate(64, 8, child), Status::ok);
        std::memset(manager.buffer().at(start), 0xff, kLarge);
        std::memcpy(manager.buffer().at(start), &child, sizeof child);
    }
    // Runs a cycle, and calls act() once as soon as it marks.
    template <class Act>
    CollectionStatistics collect(Act act) {
        bool done = false;
        const std::function<void()> between = [&] {
            if (done || !manager.collector().marking()) return;
            done = true;
            act();
        };
        Collector::Cycle cycle;
        cycle.between = &between;
        return manager.collector().run(cycle);
    }
    [[nodiscard]] bool alive() const { return manager.size_of(child) != 0; }
};

class FreedInCycle : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Ways, FreedInCycle, testing::Bool(), [](const auto& dropped) {
    return dropped.param ? "DroppedByAPass" : "Deallocated";
});

TEST_P(FreedInCycle, LargeBlockIsScannedInPieces) {
    Fixture fixture;
    std::vector<Move> moves;
    if (GetParam()) {
        ASSERT_EQ(fixture.manager.moves().begin_pass({}, moves), Status::ok);
        ASSERT_EQ(moves.size(), 1U);
        moves[0].outcome = Move::Outcome::dropped;
    }
    unsigned pauses = 0;
    fixture.manager.moves().call_between([&] {
        ++pauses;
        EXPECT_NE(fixture.manager.statistics().blocks, 0U) << "the lock is free";
    });
    fixture.collect([&] {
        DefragmentationStatistics done{};
        if (GetParam()) {
            std::size_t wrong = 0;
            EXPECT_EQ(fixture.manager.moves().end_pass(moves, done, wrong), Status::ok);
            EXPECT_EQ(done.dropped, 1U);
        } else {
            EXPECT_EQ(fixture.manager.moves().deallocate(fixture.large), Status::ok);
        }
    });
    EXPECT_GE(pauses, kLarge / kPiece - 1);
    Offset at = 0;
    EXPECT_EQ(fixture.manager.moves().resolve(fixture.large, at), Status::bad_handle);
    EXPECT_TRUE(fixture.alive()) << "could be reached when the cycle began";
    fixture.collect([] {});
    EXPECT_FALSE(fixture.alive());
    EXPECT_EQ(fixture.manager.check(nullptr), 0U);
}

// A block that is pinned between two pieces is kept.
TEST(FreedInPass, BlockPinnedDuringTheScanIsNotDropped) {
    Fixture fixture;
    std::vector<Move> moves;
    ASSERT_EQ(fixture.manager.moves().begin_pass({}, moves), Status::ok);
    moves.at(0).outcome = Move::Outcome::dropped;
    unsigned pauses = 0;
    fixture.manager.moves().call_between([&] {
        Offset at = 0;
        if (++pauses == 3) static_cast<void>(fixture.manager.moves().pin(fixture.large, at));
    });
    DefragmentationStatistics done{};
    std::size_t wrong = 0;
    fixture.collect(
        [&] { EXPECT_EQ(fixture.manager.moves().end_pass(moves, done, wrong), Status::ok); });
    EXPECT_EQ(done.ignored, 1U);
    EXPECT_EQ(done.dropped, 0U);
    EXPECT_EQ(fixture.manager.moves().unpin(fixture.large), Status::ok);
    EXPECT_TRUE(fixture.alive());
    EXPECT_EQ(fixture.manager.check(nullptr), 0U);
}

// Pieces that an earlier cycle has scanned are scanned again: the new cycle
// begins with the whole block.
TEST(FreedInTwoCycles, SecondCycleScansTheBlockAnew) {
    Fixture fixture;
    std::atomic<int> step{0};
    const auto reach = [&step](int to) {
        step = to;
        step.notify_all();
    };
    const auto wait = [&step](int until) {
        for (int now = step; now < until; now = step) step.wait(now);
    };
    std::thread collector([&] {
        fixture.collect([&] {
            reach(1);
            wait(2);  // the first piece has been looked at
        });
        fixture.collect([&] {
            reach(3);
            wait(4);  // the block has gone
        });
    });
    wait(1);
    fixture.manager.moves().call_between([&] {
        if (step == 1) {
            reach(2);
            wait(3);
        }
    });
    EXPECT_EQ(fixture.manager.moves().deallocate(fixture.large), Status::ok);
    reach(4);
    collector.join();
    EXPECT_TRUE(fixture.alive());
}

}  // namespace
