// save_state() and load_state(): each block is where it was, and work goes on.
#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>

#include "unit/manager/state/crowd.hpp"

namespace {

using namespace ashlar;
using crowd::blocks;
using crowd::kWhole;
using crowd::loaded;
using crowd::saved;

class State : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, State, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

// Frees all blocks, each of them once.
void free_all(MemoryManager& manager) {
    for (const auto& [offset, seen] : blocks(manager)) {
        const Handle handle{std::get<4>(seen)};
        ASSERT_EQ(handle ? manager.try_deallocate(handle) : manager.try_deallocate(offset),
                  Status::ok);
        ASSERT_EQ(handle ? manager.try_deallocate(handle) : manager.try_deallocate(offset),
                  handle ? Status::bad_handle : Status::bad_offset);
    }
    EXPECT_EQ(manager.check(), 0U);
    EXPECT_EQ(manager.statistics().blocks, 0U);
    EXPECT_EQ(manager.statistics().used + manager.statistics().overhead, 0U);
    EXPECT_EQ(manager.statistics().largest_free, manager.capacity());
}

TEST_P(State, ComesBackUnderEveryPolicy) {
    for (const Placement placement : make::placements) {
        MemoryManager manager(kWhole, make::placed(placement, GetParam()));
        crowd::fill(manager, 150);
        const std::string state = saved(manager);
        MemoryManager again = loaded(state, make::placed(placement, GetParam()));
        EXPECT_EQ(again.check(&std::cerr), 0U) << again.policy_name();
        EXPECT_EQ(blocks(again), blocks(manager)) << again.policy_name();
        EXPECT_EQ(again.capacity(), manager.capacity());
        EXPECT_EQ(again.statistics().used, manager.statistics().used);
        EXPECT_EQ(again.statistics().blocks, manager.statistics().blocks);
        EXPECT_TRUE(saved(again) == state) << again.policy_name();
        free_all(again);
    }
}

TEST_P(State, SuitsAnotherPolicyAndOtherThreads) {
    for (const Placement placement : make::placements) {
        MemoryManager manager(kWhole, make::placed(placement, GetParam()));
        crowd::fill(manager, 100);
        for (const make::Mode mode : make::modes) {
            const bool buddy = placement == Placement::buddy;
            MemoryManager again = loaded(
                saved(manager), make::placed(buddy ? Placement::tlsf : Placement::buddy, mode));
            EXPECT_EQ(again.check(&std::cerr), 0U) << manager.policy_name();
            EXPECT_EQ(blocks(again), blocks(manager)) << manager.policy_name();
            free_all(again);
        }
    }
}

TEST_P(State, KeepsBytesOfItsOwnMemory) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    crowd::fill(manager, 100);
    unsigned seed = 0;
    for (const auto& [offset, seen] : blocks(manager))
        manager.write(offset, make::pattern(std::get<0>(seen), ++seed));
    const MemoryManager with = loaded(saved(manager));
    const MemoryManager without = loaded(saved(manager, {.bytes = false}));
    for (const auto& [offset, seen] : blocks(manager)) {
        const Size size = std::get<0>(seen);
        ASSERT_EQ(make::contents(with, offset, size), make::contents(manager, offset, size));
        ASSERT_EQ(make::contents(without, offset, size), std::vector<std::byte>(size));
    }
}

TEST_P(State, GoesOnWithTheSameHandlesAndNeverReusesOne) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    const crowd::Handles handles = crowd::fill(manager, 150);
    // Its place is free when the state is saved.
    const Handle last = manager.allocate_movable(10).value();
    manager.deallocate(last);
    MemoryManager again = loaded(saved(manager));
    std::set<std::uint64_t> known{last.value};
    for (const Handle handle : handles.live) {
        EXPECT_EQ(again.resolve(handle), manager.resolve(handle));
        known.insert(handle.value);
    }
    for (const Handle handle : handles.freed) {
        EXPECT_EQ(again.try_deallocate(handle), Status::bad_handle);
        known.insert(handle.value);
    }
    for (unsigned i = 0; i < 100; ++i)
        EXPECT_TRUE(known.insert(again.allocate_movable(8).value().value).second);
    static_cast<void>(again.defragment());
    EXPECT_EQ(again.check(), 0U);
    for (const Handle handle : handles.live) EXPECT_EQ(again.try_deallocate(handle), Status::ok);
}

TEST(State, MovesBlocksOnlyToTheirAlignment) {
    MemoryManager manager(kWhole, make::options());
    const Offset low = manager.allocate(100).value();
    std::vector<Handle> handles;
    for (unsigned i = 0; i < 20; ++i) handles.push_back(manager.allocate_movable(70, 256).value());
    manager.deallocate(low);
    MemoryManager again = loaded(saved(manager));
    EXPECT_GT(again.defragment().moves, 0U);
    for (const Handle handle : handles) EXPECT_EQ(again.resolve(handle) % 256, 0U);
}

TEST(State, KeepsABlockWithTheLargestAlignment) {
    MemoryManager manager(kWhole, make::options());
    const Handle handle = manager.allocate_movable(70, Size{1} << 63).value();
    EXPECT_EQ(loaded(saved(manager)).resolve(handle), 0U);
}

TEST(State, KeepsSlabsSoThatSmallBlocksStaySmall) {
    MemoryManager manager(kWhole, make::options(0, make::Mode::one_slabs));
    std::vector<Offset> offsets;
    for (unsigned i = 0; i < 512; ++i) offsets.push_back(manager.allocate(32).value());
    for (unsigned i = 0; i < 512; i += 2) manager.deallocate(offsets[i]);
    MemoryManager again = loaded(saved(manager));
    const std::uint64_t holes = again.statistics().free_ranges;
    // 512 blocks fill four slabs. The free blocks of the slabs are used first.
    for (unsigned i = 0; i < 256; ++i) {
        const Offset offset = again.allocate(32).value();
        EXPECT_TRUE(std::find(offsets.begin(), offsets.end(), offset) != offsets.end()) << i;
    }
    EXPECT_EQ(again.statistics().free_ranges, holes);
    EXPECT_THROW(again.deallocate(offsets[1] + 8), BadOffset);
    EXPECT_TRUE(again.resize(offsets[1], 25));
    EXPECT_EQ(again.size_of(offsets[1]), 25U);
    EXPECT_EQ(again.check(), 0U);
}

TEST(State, GivesSmallBlocksToThePolicyWhereSlabsHaveAnotherSize) {
    MemoryManager manager(kWhole, make::options(0, make::Mode::many));
    crowd::fill(manager, 100);
    MemoryManager again = loaded(saved(manager), make::options(kWhole * 64, make::Mode::many));
    EXPECT_EQ(again.check(&std::cerr), 0U);
    EXPECT_EQ(blocks(again), blocks(manager, true));
    EXPECT_EQ(again.statistics().limit, kWhole * 64);
    const Offset fresh = again.allocate(32).value();
    EXPECT_EQ(again.check(), 0U);
    again.deallocate(fresh);
    free_all(again);
    // Neither has a manager slabs that is told to have none.
    ManagerOptions none = make::options(0, make::Mode::many);
    none.small_limit = 0;
    EXPECT_EQ(blocks(loaded(saved(manager), std::move(none))), blocks(manager, true));
}

TEST(State, LiesOverTheCallersBytes) {
    std::vector<std::byte> bytes(kWhole), longer(2 * kWhole);
    std::string state;
    std::map<Offset, crowd::Seen> before;
    {
        MemoryManager manager(bytes);
        crowd::fill(manager, 50);
        for (const auto& [offset, seen] : blocks(manager))
            manager.write(offset, make::pattern(std::get<0>(seen), 3));
        state = saved(manager);
        before = blocks(manager);
    }
    std::copy(bytes.begin(), bytes.end(), longer.begin());
    std::istringstream in(state), in_again(state), too_small(state);
    const MemoryManager again = load_state(in, bytes);
    EXPECT_EQ(blocks(again), before);
    for (const auto& [offset, seen] : before) {
        EXPECT_EQ(make::contents(again, offset, std::get<0>(seen)),
                  make::pattern(std::get<0>(seen), 3));
    }
    MemoryManager more = load_state(in_again, longer);
    EXPECT_EQ(more.capacity(), 2 * kWhole);
    EXPECT_EQ(more.check(), 0U);
    EXPECT_EQ(blocks(more, true).size(), before.size());
    EXPECT_TRUE(more.allocate(kWhole - 4096));
    EXPECT_THROW(static_cast<void>(load_state(too_small, std::span(bytes).first(kWhole - 1))),
                 BadSize);
}

TEST(State, MovesBytesFromOwnMemoryIntoTheCallers) {
    MemoryManager manager(kWhole);
    const Offset offset = manager.allocate(5000).value();
    manager.write(offset, make::pattern(5000, 9));
    std::vector<std::byte> bytes(kWhole);
    std::istringstream in(saved(manager)), offsets(saved(manager));
    EXPECT_EQ(make::contents(load_state(in, bytes), offset, 5000), make::pattern(5000, 9));
    const MemoryManager bare = load_state_without_memory(offsets);
    EXPECT_EQ(blocks(bare), blocks(manager));
    EXPECT_THROW(static_cast<void>(make::contents(bare, offset, 1)), NoMemory);
}

TEST(State, WithoutMemoryHasOffsetsOnly) {
    MemoryManager manager = MemoryManager::without_memory(Size{1} << 40);
    const Offset offset = manager.allocate(Size{1} << 39).value();
    std::istringstream in(saved(manager));
    MemoryManager again = load_state_without_memory(in);
    EXPECT_EQ(again.capacity(), Size{1} << 40);
    EXPECT_EQ(again.size_of(offset), Size{1} << 39);
    again.deallocate(offset);
    EXPECT_EQ(again.check(), 0U);
}

TEST(State, LeavesOutThePassAndThePins) {
    MemoryManager manager(kWhole);
    const Offset hole = manager.allocate(3000).value();
    const Handle handle = manager.allocate_movable(3000).value();
    const Handle pinned = manager.allocate_movable(3000).value();
    const Offset at = manager.pin(pinned);
    manager.deallocate(hole);
    const Offset from = manager.resolve(handle);
    const std::vector<Move> moves = manager.begin_pass();
    ASSERT_EQ(moves.size(), 1U);
    MemoryManager again = loaded(saved(manager));
    EXPECT_EQ(again.check(), 0U);
    EXPECT_EQ(again.resolve(handle), from);
    EXPECT_EQ(again.resolve(pinned), at);
    EXPECT_EQ(again.statistics().blocks, 2U);
    EXPECT_THROW(static_cast<void>(again.end_pass(moves)), BadHandle);
    EXPECT_THROW(again.unpin(pinned), BadHandle);
    again.deallocate(handle);
    again.deallocate(pinned);
    static_cast<void>(manager.end_pass(moves));
}

TEST_P(State, KeepsRootsForTheCollector) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    static_cast<void>(manager.allocate(40));  // the block at 0: all zeros refer to it
    const Offset small = manager.allocate_root(40).value(),
                 large = manager.allocate_root(4000).value();
    static_cast<void>(manager.allocate(40));
    static_cast<void>(manager.allocate(4000));
    ASSERT_TRUE(manager.reserve_range(kWhole / 2, 64));
    MemoryManager again = loaded(saved(manager));
    EXPECT_EQ(again.collect({}).freed_blocks, 2U);
    EXPECT_TRUE(again.is_block(small) && again.is_block(large) && again.is_block(kWhole / 2));
    again.deallocate(small);
    EXPECT_EQ(again.check(), 0U);
}

TEST_P(State, GrowsToTheSavedLimitAndShrinksToTheInitialSize) {
    MemoryManager manager(kWhole, make::options(8 * kWhole, GetParam()));
    const Offset low = manager.allocate(kWhole - 100).value(),
                 high = manager.allocate(kWhole).value();
    const Size grown = manager.capacity();
    EXPECT_GT(grown, kWhole);
    MemoryManager again = loaded(saved(manager), make::options(0, GetParam()));
    EXPECT_EQ(again.capacity(), grown);
    EXPECT_EQ(again.statistics().limit, 8 * kWhole);
    EXPECT_TRUE(again.allocate(5 * kWhole));
    again.clear();
    EXPECT_FALSE(again.is_block(low) || again.is_block(high));
    static_cast<void>(again.trim());
    EXPECT_EQ(again.capacity(), kWhole);
}

TEST_P(State, KeepsTheHighestLimitAndItsSlabs) {
    ManagerOptions options = make::options(2 * kWhole, GetParam());
    options.highest_limit = 32 * kWhole;
    MemoryManager manager(kWhole, std::move(options));
    manager.set_limit(4 * kWhole);
    for (unsigned i = 0; i < 1000; ++i) static_cast<void>(manager.allocate(1 + i % 300));
    MemoryManager again = loaded(saved(manager));
    EXPECT_EQ(again.statistics().limit, 4 * kWhole);
    EXPECT_EQ(blocks(again), blocks(manager));
    again.set_limit(32 * kWhole);
    EXPECT_THROW(again.set_limit(32 * kWhole + 1), BadSize);
    free_all(again);
}

TEST(State, OfAnEmptyManagerIsAnEmptyManager) {
    const MemoryManager manager(kWhole);
    MemoryManager again = loaded(saved(manager));
    EXPECT_EQ(again.statistics().largest_free, kWhole);
    EXPECT_EQ(again.check(), 0U);
    EXPECT_TRUE(again.allocate(kWhole));
}

TEST(State, KeepsTheGranularityAndRefusesAnother) {
    const MemoryManager manager(kWhole, {.granularity = 64});
    MemoryManager again = loaded(saved(manager));
    EXPECT_EQ(again.size_of(again.allocate(1).value()), 64U);
    EXPECT_NO_THROW(static_cast<void>(loaded(saved(manager), {.granularity = 64})));
    try {
        static_cast<void>(loaded(saved(manager), {.granularity = 16}));
        ADD_FAILURE();
    } catch (const ManagerError& error) {
        EXPECT_EQ(error.status(), Status::bad_options);
    }
}

TEST(State, RefusesOptionsWithTooFewRanges) {
    for (const bool movable : {false, true}) {
        MemoryManager manager(kWhole, make::options());
        for (unsigned i = 0; i < 20; ++i) {
            if (movable) static_cast<void>(manager.allocate_movable(100));
            if (!movable) static_cast<void>(manager.allocate(100));
        }
        EXPECT_NO_THROW(static_cast<void>(loaded(saved(manager), {.most_ranges = 21})));
        for (const std::uint32_t most : {2U, 10U, 20U}) {
            try {
                static_cast<void>(loaded(saved(manager), {.most_ranges = most}));
                ADD_FAILURE() << most;
            } catch (const ManagerError& error) {
                EXPECT_EQ(error.status(), Status::bad_options);
            }
        }
    }
}

TEST(State, RefusesOptionsWithTooFewRangesForSlabs) {
    MemoryManager manager(kWhole, make::options(0, make::Mode::one_slabs));
    for (unsigned i = 0; i < 5000; ++i) static_cast<void>(manager.allocate(32));
    try {
        static_cast<void>(loaded(saved(manager), {.most_ranges = 10}));
        ADD_FAILURE();
    } catch (const ManagerError& error) {
        EXPECT_EQ(error.status(), Status::bad_options);
    }
}

TEST(State, RefusesOptionsWithTooFewPlacesForHandles) {
    MemoryManager manager(kWhole, make::options());
    std::vector<Handle> handles;
    for (unsigned i = 0; i < 4000; ++i) handles.push_back(manager.allocate_movable(8).value());
    for (const Handle handle : handles) manager.deallocate(handle);
    // Places of freed handles serve again: a handle ends in its place.
    MemoryManager again = loaded(saved(manager), {.most_ranges = 4000});
    EXPECT_LE(again.allocate_movable(8).value().value & 0xffffffff, 4000U);
    try {
        static_cast<void>(loaded(saved(manager), {.most_ranges = 3999}));
        ADD_FAILURE();
    } catch (const ManagerError& error) {
        EXPECT_EQ(error.status(), Status::bad_options);
    }
}

TEST(State, IsReadFromAStreamThatHoldsSeveral) {
    MemoryManager one(kWhole), two(kWhole);
    const Offset in_one = one.allocate(5000).value();
    const Offset in_two = two.allocate(9000).value();
    std::stringstream stream;
    save_state(one, stream);
    save_state(two, stream, {.bytes = false});
    stream << "more";
    EXPECT_EQ(load_state(stream).size_of(in_one), 5000U);
    EXPECT_EQ(load_state(stream).size_of(in_two), 9000U);
    std::string rest;
    stream >> rest;
    EXPECT_EQ(rest, "more");
}

TEST(State, IsRefusedOfAManagerThatWasMovedFrom) {
    MemoryManager manager(kWhole);
    const MemoryManager other = std::move(manager);
    std::ostringstream out;
    EXPECT_THROW(save_state(manager, out), BadSize);
    EXPECT_TRUE(out.str().empty());
}

TEST(State, TellsThatTheStreamFails) {
    const MemoryManager manager(kWhole);
    std::ostringstream out;
    out.setstate(std::ios::badbit);
    EXPECT_THROW(save_state(manager, out), std::ios_base::failure);
}

TEST(StateFile, IsReplacedAsAWhole) {
    const std::string path = testing::TempDir() + "/ashlar_state_" + std::to_string(getpid());
    MemoryManager manager(kWhole);
    const Offset first = manager.allocate(3000).value();
    save_state(manager, path);
    const Offset second = manager.allocate(4000).value();
    save_state(manager, path);
    EXPECT_FALSE(std::filesystem::exists(path + ".new"));
    std::ifstream in(path, std::ios::binary);
    const auto again = load_state(in);
    EXPECT_EQ(again.size_of(first), 3000U);
    EXPECT_EQ(again.size_of(second), 4000U);
    std::filesystem::remove(path);
    EXPECT_THROW(save_state(manager, path + "/none/file"), std::system_error);
    // The name is taken by a folder: what was begun goes.
    std::filesystem::create_directories(path + "/folder");
    EXPECT_THROW(save_state(manager, path), std::system_error);
    EXPECT_FALSE(std::filesystem::exists(path + ".new"));
    std::filesystem::remove_all(path);
}

}  // namespace
