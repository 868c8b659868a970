// Calls between two slices of a cycle, each once, in one thread. Allowed calls
// have their usual effect, others are refused, and blocks that were reachable
// at the begin of the cycle are kept.
#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "graph.hpp"
#include "manager/engine/manager_inline.hpp"
#include "unit/manager/inner.hpp"
#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using manager::Collector;

constexpr Size kSize = 16U << 20;

class InCycle : public testing::TestWithParam<make::Mode> {
  protected:
    Offset allocate(Size size) {
        Offset at = kNull;
        EXPECT_EQ(inner::allocate(manager_, size, 8, at), Status::ok);
        std::vector<std::byte> ones(size, std::byte{0xff});
        EXPECT_EQ(manager_.write(at, ones), Status::ok);
        return at;
    }
    Handle allocate_movable(Size size) {
        Handle handle{};
        EXPECT_EQ(manager_.allocate_movable(size, 8, handle), Status::ok);
        Offset at = kNull;
        EXPECT_EQ(manager_.moves().resolve(handle, at), Status::ok);
        std::vector<std::byte> ones(size, std::byte{0xff});
        EXPECT_EQ(manager_.write(at, ones), Status::ok);
        return handle;
    }
    Offset place(Handle handle) {
        Offset at = kNull;
        EXPECT_EQ(manager_.moves().resolve(handle, at), Status::ok);
        return at;
    }
    void refer(Offset at, Offset to) {
        EXPECT_EQ(manager_.write(at, std::as_bytes(std::span(&to, 1))), Status::ok);
    }
    [[nodiscard]] Status write(Offset at, Size length) {
        return manager_.write(at, std::vector<std::byte>(length, std::byte{0xff}));
    }
    // act() once, when marks begin to spread, but from nothing yet.
    template <class Act>
    CollectionStatistics collect(std::vector<Offset> roots, Act act,
                                 const ReferenceVisitor* visitor = nullptr) {
        bool done = false;
        const std::function<void()> between = [&] {
            if (done || !manager_.collector().marking()) return;
            done = true;
            act();
        };
        const RootSource none;
        Collector::Cycle cycle;
        cycle.roots = roots;
        cycle.source = &none;
        cycle.budget = 1;
        cycle.between = &between;
        cycle.visitor = visitor;
        const CollectionStatistics statistics = manager_.collector().run(cycle);
        EXPECT_TRUE(done);
        EXPECT_EQ(manager_.check(nullptr), 0U);
        return statistics;
    }

    manager::Manager manager_{manager::Buffer::own(kSize), kSize, make::options(0, GetParam())};
};
INSTANTIATE_TEST_SUITE_P(Threads, InCycle, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(InCycle, MisuseIsRefused) {
    const Offset small = allocate(64), large = allocate(5000), no_small = allocate(64),
                 no_large = allocate(5000);
    const Offset end = allocate(5000);
    EXPECT_EQ(inner::deallocate(manager_, no_small), Status::ok);
    EXPECT_EQ(inner::deallocate(manager_, no_large), Status::ok);
    collect({small, large, end}, [&] {
        for (const Offset bad : {small + 1, no_small, large + 8, no_large, Offset{1} << 40}) {
            EXPECT_EQ(inner::deallocate(manager_, bad), Status::bad_offset) << bad;
            EXPECT_EQ(manager_.resize(bad, 10), Status::bad_offset) << bad;
        }
        for (const auto& [at, length] : {std::pair<Offset, Size>{no_small, 8},
                                         {small + 60, 8},
                                         {large + 4996, 8},
                                         {no_large, 8}}) {
            EXPECT_EQ(write(at, length), Status::outside_block) << at;
        }
        EXPECT_EQ(write(small, 0), Status::ok);
        for (const Size none : {Size{1} << 50, kSize, Size{5000}})
            EXPECT_EQ(manager_.resize(small, none), Status::no_room);
        for (const Size none : {Size{1} << 50, kSize})
            EXPECT_EQ(manager_.resize(large, none), Status::no_room);
        EXPECT_EQ(manager_.resize(small, 63), Status::ok);
        EXPECT_EQ(manager_.resize(large, 4000), Status::ok);
        EXPECT_EQ(manager_.resize(large, 4500), Status::ok);
    });
    EXPECT_EQ(manager_.size_of(small), 63U);
    EXPECT_EQ(manager_.size_of(large), 4500U);
}

TEST_P(InCycle, DeallocateFreesWholeSlabsAndTheirNames) {
    std::vector<Offset> blocks(5000);
    for (Offset& block : blocks) block = allocate(64);
    EXPECT_EQ(manager_.set_name(blocks[7], "seven"), Status::ok);
    collect({blocks[7]}, [&] {
        for (const Offset block : blocks) EXPECT_EQ(inner::deallocate(manager_, block), Status::ok);
        for (Offset& block : blocks) block = allocate(64);
    });
    std::string name;
    for (const Offset block : blocks) {
        EXPECT_EQ(manager_.name(block, name), Status::ok) << "born in the cycle, so kept";
        EXPECT_EQ(name, "");
    }
}

// Freed in parts, the lock released in between; its references count as when
// the cycle began.
TEST_P(InCycle, DeallocateMarksWhatALongBlockRefersTo) {
    const Offset root = allocate(16), target = allocate(16), other = allocate(16),
                 lost = allocate(16);
    const Offset block = allocate(200'000);
    const Handle movable = allocate_movable(200'000);
    refer(root, block);
    refer(block + 199'992, target);
    refer(place(movable) + 199'992, other);
    collect({root}, [&] {
        EXPECT_EQ(inner::deallocate(manager_, block), Status::ok);
        EXPECT_EQ(manager_.moves().deallocate(movable), Status::ok);
        refer(root, target);
    });
    EXPECT_EQ(manager_.size_of(target), 16U);
    EXPECT_EQ(manager_.size_of(other), 16U);
    EXPECT_EQ(manager_.size_of(lost), 0U);
}

TEST_P(InCycle, EndPassMarksWhatADroppedBlockRefersTo) {
    const Handle gone = allocate_movable(200'000), movable = allocate_movable(200'000);
    const Offset target = allocate(16), lost = allocate(16);
    EXPECT_EQ(manager_.moves().deallocate(gone), Status::ok);
    refer(place(movable) + 199'992, target);
    std::vector<Move> moves;
    EXPECT_EQ(manager_.moves().begin_pass({}, moves), Status::ok);
    ASSERT_EQ(moves.size(), 1U);
    collect({}, [&] {
        EXPECT_EQ(manager_.resize(moves[0].to, 100), Status::bad_offset) << "the pass's";
        EXPECT_EQ(manager_.resize(moves[0].from, 100), Status::no_room) << "in the pass";
        moves[0].outcome = Move::Outcome::dropped;
        DefragmentationStatistics done{};
        std::size_t wrong = 0;
        EXPECT_EQ(manager_.moves().end_pass(moves, done, wrong), Status::ok);
        EXPECT_EQ(done.dropped, 1U);
    });
    EXPECT_EQ(manager_.size_of(target), 16U);
    EXPECT_EQ(manager_.size_of(lost), 0U);
}

// While marks spread, and while what is white is swept: from above the sweep to
// below it, and so from what it has not seen.
TEST_P(InCycle, DefragmentKeepsMovedBlocksAndTheirReferences) {
    for (const bool marking : {true, false}) {
        const Handle gone = allocate_movable(5000), movable = allocate_movable(5000);
        const Offset target = allocate(16), lost = allocate(16);
        EXPECT_EQ(manager_.moves().deallocate(gone), Status::ok);
        refer(place(movable) + 4992, target);
        const Offset from = place(movable);
        const auto move = [&] {
            DefragmentationStatistics done{};
            EXPECT_EQ(manager_.moves().defragment({}, done), Status::ok);
            EXPECT_EQ(done.moves, 1U);
        };
        if (marking) {
            collect({}, move);
        } else {
            int marks = 0, moved = 0;
            const std::function<void()> between = [&] {
                if (manager_.collector().marking()) ++marks;
                if (marks != 0 && !manager_.collector().marking() && moved++ == 0) move();
            };
            Collector::Cycle cycle;
            cycle.budget = 1;
            cycle.between = &between;
            EXPECT_EQ(manager_.collector().run(cycle).allocated, 0U);
        }
        EXPECT_LT(place(movable), from);
        EXPECT_EQ(manager_.size_of(target), 16U);
        EXPECT_EQ(manager_.size_of(lost), 0U);
        EXPECT_EQ(manager_.moves().deallocate(movable), Status::ok);
        manager_.collector().run({});
        EXPECT_EQ(manager_.size_of(target), 0U) << "its mark is gone";
    }
}

// Once, between two slices, or from then on.
TEST_P(InCycle, AVisitorThatThrowsFreesNothing) {
    const Offset root = allocate(16), lost = allocate(16);
    for (const int most : {1, 1000}) {
        int throws = 0;
        const ReferenceVisitor visitor = [&](Offset, Size, const std::function<void(Offset)>&) {
            if (throws-- > 0) throw std::runtime_error("no");
        };
        const auto change = [&] {
            throws = most;
            refer(root, lost);
        };
        EXPECT_THROW(collect({root}, change, &visitor), std::runtime_error);
        EXPECT_EQ(manager_.size_of(lost), 16U);
        EXPECT_EQ(manager_.check(nullptr), 0U);
    }
}

// A slab of blocks that were all lost fills the stack; what they refer to is
// lost once more, below the walk and above it.
TEST_P(InCycle, RepeatedMarkStackOverflowLosesNoBlock) {
    constexpr std::size_t kStack = 4096;
    manager::Manager large(manager::Buffer::own(Size{256} << 20), Size{256} << 20,
                           make::options(0, GetParam()));
    const auto allocated = [&large](Size size) {
        Offset at = kNull;
        EXPECT_EQ(large.allocate(size, 8, at), Status::ok);
        const std::vector<std::byte> ones(size, std::byte{0xff});
        EXPECT_EQ(large.write(at, ones), Status::ok);
        return at;
    };
    const auto refers = [&large](Offset at, Offset to) {
        EXPECT_EQ(large.write(at, std::as_bytes(std::span(&to, 1))), Status::ok);
    };
    std::vector<Offset> low(kStack), slab(kStack), high(kStack), roots(2 * kStack);
    for (Offset& block : low) block = allocated(2000);
    for (Offset& block : slab) block = allocated(16);
    for (Offset& block : high) block = allocated(2000);
    for (Offset& block : roots) block = allocated(2000);
    for (std::size_t i = 0; i < kStack; ++i) {
        refers(slab[i] + 8 * (i % 2), high[i]);
        refers(slab[i] + 8 - 8 * (i % 2), low[i]);
        refers(high[i] + 8, allocated(2000));
        refers(low[i] + 8, allocated(2000));
    }
    roots.insert(roots.end(), slab.begin(), slab.end());
    const Offset unreached = allocated(2000);
    Collector::Cycle cycle;
    cycle.roots = roots;
    const CollectionStatistics done = large.collector().run(cycle);
    EXPECT_EQ(done.marked, roots.size() + 4 * kStack);
    EXPECT_EQ(done.freed_blocks, 1U);
    EXPECT_EQ(large.size_of(unreached), 0U);
}

TEST(InCycleWithoutMemory, WriteReturnsNoMemory) {
    manager::Manager none(manager::Buffer{}, kSize, {});
    bool done = false;
    const std::function<void()> between = [&] {
        if (done || !none.collector().marking()) return;
        done = true;
        Offset at = kNull;
        EXPECT_EQ(none.allocate(5000, 1, at), Status::ok);
        EXPECT_EQ(none.write(at, std::array<std::byte, 8>{}), Status::no_memory);
    };
    const ReferenceVisitor visitor = [](Offset, Size, const std::function<void(Offset)>&) {};
    Collector::Cycle cycle;
    cycle.between = &between;
    cycle.visitor = &visitor;
    none.collector().run(cycle);
    EXPECT_TRUE(done);
}

}  // namespace
