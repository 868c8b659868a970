// The ring of recorded calls: the newest counts, old ones are forgotten, and a
// record that threads mixed up is none.
#include <atomic>
#include <thread>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

#include "malloc/process/recorded_stacks.hpp"

namespace {

using ashlar::cache::BlockCall;
using ashlar::cache::RecordedStacks;

void* block(std::uintptr_t n) { return reinterpret_cast<void*>(n << 4); }

TEST(RecordedStacks, IsOffWithoutRecords) {
    static constinit RecordedStacks ring{};
    EXPECT_FALSE(ring.on());
    ring.start(0);
    EXPECT_FALSE(ring.on());
    EXPECT_EQ(ring.find(BlockCall::free, block(1)).count, 0U);
}

TEST(RecordedStacks, FindsTheLatestCallOfAKind) {
    static constinit RecordedStacks ring{};
    ring.start(8);
    ASSERT_TRUE(ring.on());
    ring.add(BlockCall::allocation, block(1));
    ring.add(BlockCall::free, block(1));
    ring.add(BlockCall::allocation, block(2));
    ring.add(BlockCall::free, block(1));
    const RecordedStacks::Found found = ring.find(BlockCall::free, block(1));
    EXPECT_EQ(found.number, 4U);
    EXPECT_EQ(found.age, 0U);
    EXPECT_EQ(found.thread, static_cast<std::uint32_t>(gettid()));
    EXPECT_GT(found.count, 1U);
    EXPECT_NE(found.frames[0], 0U);
    EXPECT_EQ(ring.find(BlockCall::free, block(1), found.number).number, 2U);
    EXPECT_EQ(ring.find(BlockCall::free, block(1), 2).count, 0U);
    EXPECT_EQ(ring.find(BlockCall::allocation, block(1)).age, 3U);
    EXPECT_EQ(ring.find(BlockCall::free, block(2)).count, 0U);
}

TEST(RecordedStacks, ForgetsTheOldestCalls) {
    static constinit RecordedStacks ring{};
    ring.start(4);
    for (std::uintptr_t n = 1; n <= 10; ++n) ring.add(BlockCall::allocation, block(n));
    EXPECT_EQ(ring.find(BlockCall::allocation, block(6)).count, 0U);
    for (std::uintptr_t n = 7; n <= 10; ++n) {
        const RecordedStacks::Found found = ring.find(BlockCall::allocation, block(n));
        EXPECT_EQ(found.number, n);
        EXPECT_EQ(found.age, 10 - n);
    }
}

// Each thread's records have its number as their block, in a ring that is so
// small that writers overtake each other.
TEST(RecordedStacks, ARecordOfTwoCallsIsNotFound) {
    static constinit RecordedStacks ring{};
    ring.start(2);
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
            const auto own = static_cast<std::uintptr_t>(gettid());
            while (!stop) ring.add(BlockCall::allocation, block(own));
        });
    }
    threads.emplace_back([&] {
        for (int i = 0; i < 20000; ++i) {
            for (std::uintptr_t n = 1; n < 3; ++n)
                static_cast<void>(ring.find(BlockCall::free, block(n)));
        }
        stop = true;
    });
    const auto own = static_cast<std::uintptr_t>(gettid());
    while (!stop) {
        ring.add(BlockCall::allocation, block(own));
        const RecordedStacks::Found found = ring.find(BlockCall::allocation, block(own));
        if (found.count != 0) {
            EXPECT_EQ(found.thread, own);
        }
    }
    for (std::thread& thread : threads) thread.join();
}

}  // namespace
