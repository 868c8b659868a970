// The ring of recorded calls: the newest counts, old ones are forgotten, and a
// record that threads mixed up is none.
#include <atomic>
#include <thread>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

#include "malloc/process/recorded_stacks.hpp"

// The words of the first record: number, block, call and thread, check, frames.
// An explicit instantiation may name private members.
using RecordWord = ashlar::base::Atomic<std::uint64_t>;
RecordWord* words_of(const ashlar::cache::RecordedStacks& ring);
template <auto member>
struct OpenRecords {
    friend RecordWord* words_of(const ashlar::cache::RecordedStacks& ring) {
        return reinterpret_cast<RecordWord*>((ring.*member).load(ashlar::base::rlx));
    }
};
template struct OpenRecords<&ashlar::cache::RecordedStacks::records_>;

namespace {

using ashlar::base::rlx;
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

TEST(RecordedStacks, ARecordOfTwoCallsIsNotFound) {
    static constinit RecordedStacks ring{};
    ring.start(1);
    ring.add(BlockCall::allocation, block(1));
    const auto is_found = [] { return ring.find(BlockCall::allocation, block(1)).count != 0; };
    ASSERT_TRUE(is_found());
    RecordWord* const words = words_of(ring);
    for (const unsigned i : {0U, 2U, 3U, 4U, 5U, 19U}) {
        const std::uint64_t own = words[i].load(rlx);
        words[i].store(own ^ 2, rlx);
        EXPECT_FALSE(is_found()) << "word " << i << " is another call's";
        words[i].store(own, rlx);
    }
    EXPECT_TRUE(is_found());
}

// Each thread's records have its number as their block, in a ring that is so
// small that writers overtake each other.
TEST(RecordedStacks, ThreadsFindNoRecordsOfOthers) {
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
