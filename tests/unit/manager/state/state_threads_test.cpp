// save_state() beside threads that allocate and free: what it saves is of one
// moment.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <span>
#include <thread>

#include "unit/manager/state/crowd.hpp"

namespace {

using namespace ashlar;

// The number of records, as the header of a state says it.
std::uint64_t records(const std::string& state) {
    std::uint64_t count = 0;
    for (std::size_t i = 88; i-- != 80;) count = count << 8 | static_cast<unsigned char>(state[i]);
    return count;
}

// A thread goes to and fro between a low place and a high one: it has one block
// or two at any time. The blocks between take time to copy. Slabs stay.
template <class Low, class High>
void save_beside_thread(MemoryManager& manager, Low low, High high) {
    const std::uint64_t others = records(crowd::saved(manager, {.bytes = false}));
    std::atomic<bool> done = false;
    std::atomic<unsigned> turns = 0;
    std::thread thread([&] {
        for (Offset at = low(); !done; ++turns) {
            const Offset other = high();
            manager.deallocate(at);
            at = low();
            manager.deallocate(other);
        }
    });
    while (turns == 0) std::this_thread::yield();
    for (unsigned i = 0; i < 300 && !testing::Test::HasFailure(); ++i) {
        const std::string state = crowd::saved(manager, {.bytes = false});
        EXPECT_GE(records(state), others + 1);
        EXPECT_LE(records(state), others + 2);
        if (i % 30 != 0) continue;
        EXPECT_EQ(crowd::loaded(state).check(&std::cerr), 0U);
    }
    done = true;
    thread.join();
    EXPECT_EQ(manager.check(), 0U);
}

TEST(StateThreads, SaveShowsOneMomentOfSmallBlocks) {
    MemoryManager manager(4 * crowd::kWhole);
    const Offset first = manager.allocate(32).value();
    for (unsigned i = 0; i < 50'000; ++i) static_cast<void>(manager.allocate(16));
    ASSERT_GT(manager.allocate(64).value(), first + crowd::kWhole / 2);
    save_beside_thread(
        manager, [&] { return manager.allocate(32).value(); },
        [&] { return manager.allocate(64).value(); });
}

TEST(StateThreads, SaveShowsOneMomentOfLargeBlocks) {
    MemoryManager manager(64 * crowd::kWhole);
    std::vector<Offset> blocks;
    for (unsigned i = 0; i < 20'002; ++i) blocks.push_back(manager.allocate(2000).value());
    manager.deallocate(blocks.front());
    manager.deallocate(blocks.back());
    save_beside_thread(
        manager, [&] { return manager.allocate_at(blocks.front(), 2000).value(); },
        [&] { return manager.allocate_at(blocks.back(), 2000).value(); });
}

// A visitor runs under the manager's lock.
TEST(StateThreads, SaveWaitsForTheLock) {
    MemoryManager manager(crowd::kWhole);
    const Offset block = manager.allocate(4000).value();
    std::atomic<bool> inside = false, go_on = false, saved = false;
    std::thread holder([&] {
        static_cast<void>(manager.collect(std::span(&block, 1),
                                          [&](Offset, Size, const std::function<void(Offset)>&) {
                                              for (inside = true; !go_on;)
                                                  std::this_thread::yield();
                                          }));
    });
    while (!inside) std::this_thread::yield();
    std::thread saver([&] {
        static_cast<void>(crowd::saved(manager, {.bytes = false}));
        saved = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_FALSE(saved);
    go_on = true;
    holder.join();
    saver.join();
    EXPECT_TRUE(saved);
}

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
