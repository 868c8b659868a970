// Tests the counters.
#include <thread>

#include <gtest/gtest.h>

#include <ashlar/ashlar.h>

#include "base/atomic.hpp"
#include "base/bits.hpp"
#include "count.hpp"

namespace {

using namespace ashlar::base;
using bench::Counts;

template <class F>
Counts counted(F f) {
    const Counts before = bench::own_counts();
    f();
    return bench::own_counts() - before;
}

void expect(const Counts& counts, std::uint64_t change, std::uint64_t vain,
            std::uint64_t cas_failed) {
    EXPECT_EQ(counts[Event::change], change);
    EXPECT_EQ(counts[Event::vain], vain);
    EXPECT_EQ(counts[Event::cas_failed], cas_failed);
}

TEST(Count, SeparatesLoadsStoresAndReadModifyWrites) {
    Atomic<Word> word{1};
    const Counts counts = counted([&word] {
        word.store(word.load(rlx) + word.load(rlx), rlx);
        word.fetch_add(1, rlx);
        word.fetch_sub(1, rlx);
        word.exchange(7, rlx);
    });
    EXPECT_EQ(counts[Event::load], 2U);
    EXPECT_EQ(counts[Event::store], 1U);
    expect(counts, 3, 0, 0);
}

TEST(Count, CountsReadModifyWritesInVain) {
    Atomic<Word> word{0b0110};
    expect(counted([&word] { word.fetch_or(0b0100, rlx); }), 0, 1, 0);
    expect(counted([&word] { word.fetch_or(0b1100, rlx); }), 1, 0, 0);
    expect(counted([&word] { word.fetch_and(~Word{0b0001}, rlx); }), 0, 1, 0);
    expect(counted([&word] { word.fetch_and(~Word{0b0011}, rlx); }), 1, 0, 0);
    expect(counted([&word] { word.exchange(0b1100, rlx); }), 0, 1, 0);
    Word expected = 1;
    expect(counted([&] { EXPECT_FALSE(word.cas(expected, 2, seq_cst, rlx)); }), 0, 1, 1);
    expect(counted([&] { EXPECT_TRUE(word.cas(expected, 2, seq_cst, rlx)); }), 1, 0, 0);
}

TEST(Count, CountsLocksTakenAndRefused) {
    TryLock lock{};
    const Counts counts = counted([&lock] {
        EXPECT_TRUE(lock.try_lock());
        EXPECT_FALSE(lock.try_lock());
        lock.unlock();
    });
    EXPECT_EQ(counts[Event::lock_had], 1U);
    EXPECT_EQ(counts[Event::lock_refused], 1U);
    expect(counts, 2, 1, 0);
}

TEST(Count, IsKeptForEachThreadAndSummedForAll) {
    Atomic<Word> word{0};
    const Counts all = bench::all_counts();
    const Counts own =
        counted([&word] { std::thread([&word] { word.fetch_add(1, rlx); }).join(); });
    expect(own, 0, 0, 0);
    expect(bench::all_counts() - all, 1, 0, 0);
}

TEST(Count, IncludesTheAllocatorsSources) {
    constexpr std::size_t n = 1'000;
    void* blocks[n];
    const Counts counts = counted([&] { EXPECT_EQ(ash_malloc_batch(64, n, blocks), n); });
    EXPECT_GT(counts.read_modify_writes(), n / 64);
    ash_free_batch(blocks, n);
}

struct alignas(64) Line {
    Atomic<Word> word;
};

// Core 1 and core 2 in turn.
void on_core(unsigned core, void (*f)(Line&), Line& line) {
    std::thread([core, f, &line] {
        bench::sit_on_core(core);
        f(line);
    }).join();
}

TEST(Lines, MissAfterAWriteByAnotherCore) {
    static Line line{};
    const auto write = [](Line& at) { at.word.fetch_add(1, rlx); };
    const auto read = [](Line& at) { static_cast<void>(at.word.load(rlx)); };
    bench::follow_lines(true);
    const auto misses = [] { return bench::lines().misses; };
    on_core(1, write, line);
    on_core(1, read, line);
    EXPECT_EQ(misses(), 0U) << "the first touch, and a load of an own line";
    on_core(2, read, line);
    EXPECT_EQ(misses(), 1U);
    on_core(2, read, line);
    on_core(1, read, line);
    EXPECT_EQ(misses(), 1U) << "both have a copy";
    on_core(1, write, line);
    EXPECT_EQ(misses(), 2U) << "the other copy goes";
    on_core(1, write, line);
    EXPECT_EQ(misses(), 2U);
    on_core(2, write, line);
    EXPECT_EQ(misses(), 3U);
    EXPECT_EQ(bench::lines().worst.address, &line);
    EXPECT_EQ(bench::lines().worst.misses, 3U);
    bench::follow_lines(false);
}

}  // namespace
