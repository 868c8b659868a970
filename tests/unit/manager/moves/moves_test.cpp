// Movable blocks: handles and their misuse, passes with each outcome,
// defragment().
#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include <cstring>
#include <map>
#include <random>

#include "unit/manager/make.hpp"

namespace {

using ashlar::BadHandle;
using ashlar::Handle;
using ashlar::ManagerOptions;
using ashlar::MemoryManager;
using ashlar::Move;
using ashlar::Offset;
using ashlar::Placement;
using ashlar::Size;

ManagerOptions with(Placement placement) {
    ManagerOptions options;
    options.placement = placement;
    return options;
}

// Fills a block with bytes that only its own number makes, and looks whether
// they are still there.
std::byte pattern(std::uint64_t number, Size i) {
    return static_cast<std::byte>((number * 0x9e3779b97f4a7c15U + i * 31) >> 7);
}
void fill(MemoryManager& manager, Handle handle, std::uint64_t number, Size size) {
    std::byte* bytes = manager.data(manager.pin(handle));
    for (Size i = 0; i < size; ++i) bytes[i] = pattern(number, i);
    manager.unpin(handle);
}
bool holds(MemoryManager& manager, Handle handle, std::uint64_t number, Size size) {
    const std::byte* bytes = manager.data(manager.pin(handle));
    bool same = true;
    for (Size i = 0; i < size; ++i) same = same && bytes[i] == pattern(number, i);
    manager.unpin(handle);
    return same;
}

// Three blocks of 100 bytes, the first of which has gone.
struct Gap {
    MemoryManager manager{1000};
    Handle first = manager.allocate_movable(100).value();
    Handle second = manager.allocate_movable(100).value();
    Handle third = manager.allocate_movable(100).value();
    Gap() {
        fill(manager, second, 2, 100);
        fill(manager, third, 3, 100);
        manager.deallocate(first);
    }
};

TEST(Handles, ResolveAndPinReturnTheOffset) {
    MemoryManager manager(1000);
    const Handle handle = manager.allocate_movable(10, 16).value();
    EXPECT_TRUE(handle);
    EXPECT_EQ(manager.size_of(manager.resolve(handle)), 10U);
    EXPECT_EQ(manager.pin(handle), manager.resolve(handle));
    manager.unpin(handle);
    manager.deallocate(handle);
    EXPECT_EQ(manager.statistics().used, 0U);
    EXPECT_EQ(manager.check(), 0U);
}

TEST(Handles, StaleHandleThrowsBadHandle) {
    MemoryManager manager(1000);
    const Handle old = manager.allocate_movable(10).value();
    manager.deallocate(old);
    const Handle young = manager.allocate_movable(10).value();
    EXPECT_NE(old, young);
    EXPECT_THROW(static_cast<void>(manager.resolve(old)), BadHandle);
    EXPECT_THROW(manager.pin(old), BadHandle);
    EXPECT_THROW(manager.unpin(old), BadHandle);
    EXPECT_THROW(manager.deallocate(old), BadHandle);
    EXPECT_THROW(manager.deallocate(Handle{}), BadHandle);
    EXPECT_THROW(static_cast<void>(manager.resolve(Handle{12345})), BadHandle);
    EXPECT_EQ(manager.resolve(young), 0U);
}

TEST(Handles, CountPins) {
    MemoryManager manager(1000);
    const Handle handle = manager.allocate_movable(10).value();
    EXPECT_THROW(manager.unpin(handle), BadHandle);
    manager.pin(handle);
    manager.pin(handle);
    manager.unpin(handle);
    EXPECT_THROW(manager.deallocate(handle), ashlar::Pinned);
    manager.unpin(handle);
    EXPECT_THROW(manager.unpin(handle), BadHandle);
    manager.deallocate(handle);
}

// A movable block is freed by its handle only; its user data goes with it.
TEST(Handles, NotesFollowAMovedBlock) {
    Gap gap;
    const Offset at = gap.manager.resolve(gap.second);
    EXPECT_THROW(gap.manager.deallocate(at), ashlar::BadOffset);
    gap.manager.set_user_data(at, 42);
    gap.manager.set_name(at, "two");
    gap.manager.defragment();
    EXPECT_EQ(gap.manager.user_data(0), 42U);
    EXPECT_EQ(gap.manager.name(0), "two");
    EXPECT_EQ(gap.manager.user_data(100), 0U);
    gap.manager.deallocate(gap.second);
    EXPECT_EQ(gap.manager.allocate(100), Offset{0});
    EXPECT_EQ(gap.manager.name(0), "");
}

TEST(Passes, CopiedBlocksMove) {
    Gap gap;
    const std::vector<Move> moves = gap.manager.begin_pass();
    ASSERT_EQ(moves.size(), 1U);
    EXPECT_EQ(moves[0].handle, gap.third);
    EXPECT_EQ(moves[0].from, 200U);
    EXPECT_EQ(moves[0].to, 0U);
    EXPECT_EQ(moves[0].size, 100U);
    std::memcpy(gap.manager.data(0), gap.manager.data(200), 100);
    EXPECT_EQ(gap.manager.resolve(gap.third), 200U);  // until the pass ends
    const auto done = gap.manager.end_pass(moves);
    EXPECT_EQ(done.moves, 1U);
    EXPECT_EQ(done.bytes_moved, 100U);
    EXPECT_EQ(done.bytes_freed, 100U);
    EXPECT_GT(done.fragmentation_before, 0.1);
    EXPECT_EQ(done.fragmentation_after, 0.0);
    EXPECT_EQ(gap.manager.resolve(gap.third), 0U);
    EXPECT_TRUE(holds(gap.manager, gap.third, 3, 100));
    EXPECT_TRUE(gap.manager.begin_pass().empty());
    EXPECT_EQ(gap.manager.check(), 0U);
}

TEST(Passes, IgnoredBlocksStay) {
    Gap gap;
    std::vector<Move> moves = gap.manager.begin_pass();
    ASSERT_EQ(moves.size(), 1U);
    moves[0].outcome = Move::Outcome::ignored;
    const auto done = gap.manager.end_pass(moves);
    EXPECT_EQ(done.moves, 0U);
    EXPECT_EQ(done.ignored, 1U);
    EXPECT_EQ(gap.manager.resolve(gap.third), 200U);
    EXPECT_EQ(gap.manager.statistics().used, 200U);
    EXPECT_EQ(gap.manager.begin_pass().size(), 1U);
    EXPECT_EQ(gap.manager.end_pass({}).ignored, 1U);  // not among them: ignored
    EXPECT_EQ(gap.manager.statistics().used, 200U);
}

TEST(Passes, DroppedBlocksAreFreed) {
    Gap gap;
    std::vector<Move> moves = gap.manager.begin_pass();
    ASSERT_EQ(moves.size(), 1U);
    moves[0].outcome = Move::Outcome::dropped;
    EXPECT_EQ(gap.manager.end_pass(moves).dropped, 1U);
    EXPECT_THROW(static_cast<void>(gap.manager.resolve(gap.third)), BadHandle);
    EXPECT_EQ(gap.manager.statistics().used, 100U);
    EXPECT_EQ(gap.manager.check(), 0U);
}

TEST(Passes, SourcesAndTargetsStayTaken) {
    Gap gap;
    const std::vector<Move> moves = gap.manager.begin_pass();
    EXPECT_THROW(gap.manager.deallocate(gap.third), ashlar::Pinned);
    EXPECT_THROW(gap.manager.unpin(gap.third), BadHandle);
    EXPECT_THROW(gap.manager.deallocate(Offset{0}), ashlar::BadOffset);
    EXPECT_FALSE(gap.manager.resize(200, 50));
    EXPECT_NE(gap.manager.allocate(100), Offset{0});
    EXPECT_THROW(static_cast<void>(gap.manager.begin_pass()), ashlar::Pinned);
    EXPECT_THROW(gap.manager.defragment(), ashlar::Pinned);
    gap.manager.deallocate(gap.second);  // is not in it
    EXPECT_EQ(gap.manager.end_pass(moves).moves, 1U);
}

TEST(Passes, EndPassRefusesUnknownMoves) {
    Gap gap;
    std::vector<Move> moves = gap.manager.begin_pass();
    std::vector<Move> twice{moves[0], moves[0]};
    EXPECT_THROW(gap.manager.end_pass(twice), BadHandle);
    std::vector<Move> foreign = moves;
    foreign[0].handle = gap.second;
    EXPECT_THROW(gap.manager.end_pass(foreign), BadHandle);
    foreign = moves;
    foreign[0].to += 1;
    EXPECT_THROW(gap.manager.end_pass(foreign), BadHandle);
    EXPECT_EQ(gap.manager.end_pass(moves).moves, 1U);
    EXPECT_THROW(gap.manager.end_pass(moves), BadHandle);
}

TEST(Passes, BlockPinnedDuringThePassStays) {
    Gap gap;
    const std::vector<Move> moves = gap.manager.begin_pass();
    EXPECT_EQ(gap.manager.pin(gap.third), 200U);
    EXPECT_EQ(gap.manager.end_pass(moves).ignored, 1U);
    EXPECT_EQ(gap.manager.resolve(gap.third), 200U);
    EXPECT_TRUE(holds(gap.manager, gap.third, 3, 100));
}

TEST(Passes, PinnedAndOrdinaryBlocksStay) {
    MemoryManager manager(1000);
    const Handle gone = manager.allocate_movable(100).value();
    const Offset fixed = manager.allocate(100).value();
    const Handle pinned = manager.allocate_movable(100).value();
    manager.pin(pinned);
    manager.deallocate(gone);
    EXPECT_TRUE(manager.begin_pass().empty());
    EXPECT_EQ(manager.defragment().moves, 0U);
    EXPECT_TRUE(manager.is_block(fixed));
    manager.unpin(pinned);
    EXPECT_EQ(manager.begin_pass().size(), 1U);
}

TEST(Passes, LimitsAreKept) {
    MemoryManager manager(100'000);
    std::vector<Handle> handles;
    for (int i = 0; i < 100; ++i) handles.push_back(manager.allocate_movable(100).value());
    for (std::size_t i = 0; i < 50; ++i) manager.deallocate(handles[i]);
    ashlar::PassLimits limits;
    limits.moves = 7;
    std::vector<Move> moves = manager.begin_pass(limits);
    EXPECT_EQ(moves.size(), 7U);
    manager.end_pass(moves);
    limits.moves = 1000;
    limits.bytes = 950;
    moves = manager.begin_pass(limits);
    EXPECT_EQ(moves.size(), 9U);
    manager.end_pass(moves);
    limits = {};
    limits.moves = 3;
    EXPECT_EQ(manager.defragment(limits).moves, 3U);
    limits = {};
    limits.bytes = 500;
    EXPECT_EQ(manager.defragment(limits).bytes_moved, 500U);
    limits.bytes = 0;
    EXPECT_EQ(manager.defragment(limits).moves, 1U);
    limits.moves = 0;
    EXPECT_EQ(manager.defragment(limits).moves, 0U);
    EXPECT_TRUE(manager.begin_pass(limits).empty());
    EXPECT_EQ(manager.check(), 0U);
}

// Small passes go on where the last one ended, come to an end, and win as much
// as large ones.
TEST(Passes, RepeatedPassesRemoveFragmentation) {
    ManagerOptions options;
    options.threads = ashlar::Threads::one;
    MemoryManager manager = MemoryManager::without_memory(1'000'000, std::move(options));
    std::mt19937_64 random(1);
    std::vector<Handle> handles;
    while (const auto handle = manager.allocate_movable(100 * (1 + random() % 5)))
        handles.push_back(*handle);
    std::shuffle(handles.begin(), handles.end(), random);
    for (std::size_t i = 0; i < handles.size() / 2; ++i) manager.deallocate(handles[i]);
    const double before = manager.statistics().fragmentation();
    ashlar::PassLimits limits;
    limits.moves = 16;
    for (int passes = 0;; ++passes) {
        ASSERT_LT(passes, 10'000);
        const std::vector<Move> moves = manager.begin_pass(limits);
        if (moves.empty()) break;
        for (const Move& move : moves) EXPECT_LT(move.to, move.from);
        manager.end_pass(moves);
    }
    EXPECT_GT(before, 0.9);
    EXPECT_LT(manager.statistics().fragmentation(), 0.1);
    EXPECT_EQ(manager.check(), 0U);
}

class Defragment : public testing::TestWithParam<Placement> {};

// All blocks movable, at any alignment that they fit: the free memory ends as
// one hole, and every byte is where its handle says.
TEST_P(Defragment, LeavesOneHole) {
    for (unsigned seed = 0; seed < 8; ++seed) {
        std::mt19937_64 random(seed);
        MemoryManager manager(200'000, with(GetParam()));
        std::map<std::uint64_t, std::pair<Handle, Size>> blocks;
        for (std::uint64_t step = 0; step < 2000; ++step) {
            const Size size = 1 + random() % (random() % 8 == 0 ? 5000 : 300);
            if (random() % 5 < 3) {
                if (const auto handle = manager.allocate_movable(size)) {
                    blocks[step] = {*handle, size};
                    fill(manager, *handle, step, size);
                }
            } else if (!blocks.empty()) {
                const auto victim =
                    std::next(blocks.begin(), static_cast<long>(random() % blocks.size()));
                manager.deallocate(victim->second.first);
                blocks.erase(victim);
            }
            if (step % 700 == 699) manager.defragment();
        }
        const auto before = manager.statistics();
        const auto done = manager.defragment();
        const auto after = manager.statistics();
        EXPECT_EQ(after.used, before.used);
        EXPECT_EQ(manager.check(), 0U);
        if (GetParam() != Placement::buddy) {
            EXPECT_EQ(after.free_ranges, 1U) << "seed " << seed;
            EXPECT_EQ(done.fragmentation_after, 0.0);
        } else {
            EXPECT_LE(after.free_ranges, before.free_ranges);
        }
        if (GetParam() != Placement::buddy) {
            EXPECT_LE(done.fragmentation_after, done.fragmentation_before);
        }
        for (const auto& [number, block] : blocks)
            ASSERT_TRUE(holds(manager, block.first, number, block.second)) << number;
        EXPECT_EQ(manager.defragment().moves, 0U);
    }
}

std::string placement_name(const testing::TestParamInfo<Placement>& info) {
    static const char* const names[] = {"Tlsf",    "FirstFit", "NextFit",
                                        "BestFit", "WorstFit", "OrderedBestFit",
                                        "Buddy",   "Linear",   "Ring"};
    return names[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Policies, Defragment, testing::ValuesIn(make::placements), placement_name);

struct MixedBlock {
    Handle handle;
    Offset fixed;
    Size size, alignment;
};

// Aligned blocks stay aligned. Blocks that stay where they are do not keep
// others from moving; in the larger buffer slabs are among them.
class DefragmentMixed : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, DefragmentMixed, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });
TEST_P(DefragmentMixed, KeepsAlignmentsAndUnmovableBlocks) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937_64 random(seed);
        MemoryManager manager(
            seed % 2 == 0 && GetParam() != make::Mode::one_slabs ? 300'000 : Size{1} << 20,
            make::options(0, GetParam()));
        std::map<std::uint64_t, MixedBlock> blocks;
        for (std::uint64_t step = 0; step < 1000; ++step) {
            const Size size = 1 + random() % 1000;
            const Size alignment = Size{1} << random() % 9;
            if (random() % 4 == 0 && !blocks.empty()) {
                const auto victim =
                    std::next(blocks.begin(), static_cast<long>(random() % blocks.size()));
                if (victim->second.handle) {
                    manager.deallocate(victim->second.handle);
                } else {
                    manager.deallocate(victim->second.fixed);
                }
                blocks.erase(victim);
            } else if (random() % 10 == 0) {
                const Size fixed = step % 2 == 0 ? 2000 : 60;
                if (const auto at = manager.allocate(fixed)) blocks[step] = {{}, *at, fixed, 1};
            } else if (const auto handle = manager.allocate_movable(size, alignment)) {
                blocks[step] = {*handle, 0, size, alignment};
                fill(manager, *handle, step, size);
            }
        }
        std::map<std::uint64_t, Offset> places;
        for (const auto& [number, block] : blocks) {
            if (!block.handle) continue;
            places[number] = manager.resolve(block.handle);
            if (number % 7 == 0) manager.pin(block.handle);
        }
        EXPECT_GT(manager.defragment().moves, 0U);
        for (const auto& [number, block] : blocks) {
            if (!block.handle) {
                EXPECT_EQ(manager.size_of(block.fixed), block.size);
                continue;
            }
            const Offset at = manager.resolve(block.handle);
            EXPECT_LE(at, places[number]);
            EXPECT_EQ(at % block.alignment, 0U);
            EXPECT_TRUE(number % 7 != 0 || at == places[number]);
            EXPECT_TRUE(holds(manager, block.handle, number, block.size));
        }
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST_P(DefragmentMixed, MovesNothingWithoutMemory) {
    MemoryManager manager =
        MemoryManager::without_memory(Size{1} << 20, make::options(0, GetParam()));
    const Handle first = manager.allocate_movable(100).value();
    const Handle second = manager.allocate_movable(100).value();
    manager.deallocate(first);
    EXPECT_EQ(manager.defragment().moves, 0U);
    EXPECT_EQ(manager.resolve(second), 100U);
}

}  // namespace
