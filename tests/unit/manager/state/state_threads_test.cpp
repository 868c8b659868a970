// save_state() beside threads that allocate and free: what it saves is of one
// moment.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "unit/manager/state/crowd.hpp"

namespace {

using namespace ashlar;

constexpr unsigned kThreads = 3;

// Every thread has one block or two at any time, and says whose they are.
void replace(MemoryManager& manager, const std::atomic<bool>& done, std::atomic<unsigned>& ready, Size size) {
    Offset old = manager.allocate(size).value();
    ++ready;
    while (!done) {
        const Offset next = manager.allocate(size).value();
        manager.deallocate(old);
        old = next;
    }
    manager.deallocate(old);
}

void save_beside_threads(Size size) {
    MemoryManager manager(crowd::kWhole);
    std::atomic<bool> done = false;
    std::atomic<unsigned> ready = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back([&] { replace(manager, done, ready, size); });
    while (ready != kThreads) std::this_thread::yield();
    for (unsigned i = 0; i < 200 && !testing::Test::HasFailure(); ++i) {
        const MemoryManager again = crowd::loaded(crowd::saved(manager, {.bytes = false}));
        EXPECT_EQ(again.check(&std::cerr), 0U);
        const std::uint64_t blocks = again.statistics().blocks;
        EXPECT_GE(blocks, kThreads);
        EXPECT_LE(blocks, 2 * kThreads);
    }
    done = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(manager.check(), 0U);
    EXPECT_EQ(manager.statistics().blocks, 0U);
}

// A thread goes to and fro between a block of the lowest slab and one of the
// highest: it has one of them at any time. The slabs between take time to copy.
TEST(StateThreads, SaveShowsOneMomentOfSmallBlocks) {
    constexpr Size low = 32, high = 64;
    MemoryManager manager(4 * crowd::kWhole);
    const Offset first = manager.allocate(low).value();
    for (unsigned i = 0; i < 100'000; ++i) static_cast<void>(manager.allocate(16));
    ASSERT_GT(manager.allocate(high).value(), first + crowd::kWhole);
    std::atomic<bool> done = false;
    std::atomic<unsigned> turns = 0;
    std::thread thread([&] {
        for (Offset at = manager.allocate(low).value(); !done; ++turns) {
            const Offset other = manager.allocate(high).value();
            manager.deallocate(at);
            at = manager.allocate(low).value();
            manager.deallocate(other);
        }
    });
    while (turns == 0) std::this_thread::yield();
    for (unsigned i = 0; i < 100 && !testing::Test::HasFailure(); ++i) {
        const MemoryManager again = crowd::loaded(crowd::saved(manager, {.bytes = false}));
        EXPECT_EQ(again.check(&std::cerr), 0U);
        EXPECT_GE(again.statistics().blocks, 100'003U);
        EXPECT_LE(again.statistics().blocks, 100'004U);
    }
    done = true;
    thread.join();
}

TEST(StateThreads, SaveShowsOneMomentOfLargeBlocks) { save_beside_threads(4000); }

TEST(StateThreads, SaveGoesOnBesideNamesAndMoves) {
    MemoryManager manager(crowd::kWhole);
    std::vector<Handle> handles;
    for (unsigned i = 0; i < 60; ++i) handles.push_back(manager.allocate_movable(1000 + i).value());
    std::atomic<bool> done = false;
    std::thread mover([&] {
        for (unsigned i = 0; !done; ++i) {
            manager.deallocate(handles[i % 60]);
            handles[i % 60] = manager.allocate_movable(1000 + i % 60).value();
            manager.set_name(manager.resolve(handles[i % 60]), "moved " + std::to_string(i));
            static_cast<void>(manager.defragment({.moves = 4}));
        }
    });
    for (unsigned i = 0; i < 200 && !testing::Test::HasFailure(); ++i) {
        const MemoryManager again = crowd::loaded(crowd::saved(manager, {.bytes = false}));
        EXPECT_EQ(again.check(&std::cerr), 0U);
        EXPECT_GE(again.statistics().blocks, 59U);
    }
    done = true;
    mover.join();
}

}  // namespace
