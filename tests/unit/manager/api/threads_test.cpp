// Many threads over one manager: blocks of all sizes, each filled with its
// owner's pattern and verified before it is freed, by the owner or by another
// thread; names, growth, trimming and looking at it all the while.
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <atomic>
#include <deque>
#include <iostream>
#include <mutex>
#include <sstream>

#include "support/random.hpp"
#include "support/together.hpp"
#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::contents;
using make::pattern;

struct Owned {
    Offset offset;
    Size size;
    unsigned seed;
};

// Blocks that one thread made and another one frees.
class Exchange {
  public:
    void give(const Owned& block) {
        const std::lock_guard guard(mutex_);
        blocks_.push_back(block);
    }
    std::optional<Owned> take() {
        const std::lock_guard guard(mutex_);
        if (blocks_.empty()) return std::nullopt;
        const Owned block = blocks_.front();
        blocks_.pop_front();
        return block;
    }

  private:
    std::mutex mutex_;
    std::deque<Owned> blocks_;
};

void verify_and_free(MemoryManager& manager, const Owned& block) {
    EXPECT_EQ(contents(manager, block.offset, block.size), pattern(block.size, block.seed));
    manager.deallocate(block.offset);
}

void work(MemoryManager& manager, Exchange& exchange, unsigned thread, unsigned steps) {
    Random random(thread);
    std::vector<Owned> mine;
    for (unsigned i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
        const bool large = random.below(8) == 0;
        const Size size = random.below(large ? 20000 : 600) + 1;
        if (const auto offset = manager.allocate(size, Size{1} << random.below(7))) {
            mine.push_back({*offset, size, thread * 100000 + i});
            manager.write(*offset, pattern(size, mine.back().seed));
            if (i % 64 == 0) manager.set_name(*offset, "of thread " + std::to_string(thread));
        }
        while (mine.size() > 40 || (!mine.empty() && random.below(3) == 0)) {
            const std::size_t at = random.below(mine.size());
            if (random.below(4) == 0) {
                exchange.give(mine[at]);
            } else {
                verify_and_free(manager, mine[at]);
            }
            mine[at] = mine.back();
            mine.pop_back();
        }
        if (const auto other = exchange.take()) verify_and_free(manager, *other);
    }
    for (const Owned& block : mine) verify_and_free(manager, block);
}

void run(MemoryManager& manager, unsigned threads, unsigned steps) {
    Exchange exchange;
    together(threads, [&](unsigned thread) {
        if (thread == 0) {
            for (unsigned i = 0; i < steps / 50; ++i) {
                std::ostringstream out;
                manager.write_json(out);
                static_cast<void>(manager.histograms());
                static_cast<void>(manager.statistics());
                manager.trim();
            }
        }
        work(manager, exchange, thread, steps);
    });
    while (const auto block = exchange.take()) verify_and_free(manager, *block);
    EXPECT_EQ(manager.statistics().used, 0U);
    EXPECT_EQ(manager.statistics().blocks, 0U);
    EXPECT_EQ(manager.check(), 0U);
}

TEST(Threads, OwnBuffer) {
    MemoryManager manager(Size{4} << 20);
    run(manager, 8, 1500);
    EXPECT_EQ(manager.allocate(Size{4} << 20), Offset{0});
}

TEST(Threads, AlwaysFullBuffer) {
    MemoryManager manager(Size{1} << 20);
    run(manager, 8, 1000);
}

TEST(Threads, GrowingBuffer) {
    ManagerOptions growing;
    growing.limit = Size{16} << 20;
    growing.grow_by = grow_fixed(1 << 16);
    MemoryManager manager(1000, std::move(growing));
    run(manager, 8, 1000);
    manager.trim();
    EXPECT_EQ(manager.capacity(), 1000U);
}

TEST(Threads, BufferGrowingByParts) {
    std::deque<std::vector<std::byte>> parts;  // growth is one thread's work at a time
    ManagerOptions growing;
    growing.limit = Size{64} << 20;
    growing.next_part = [&](Size wanted) {
        return std::span<std::byte>(parts.emplace_back(wanted + 30000));
    };
    std::array<std::byte, 1000> first{};
    MemoryManager manager(first, std::move(growing));
    run(manager, 8, 800);
    manager.trim();
    EXPECT_EQ(manager.capacity(), 1000U);
}

TEST(Threads, NonDefaultPolicy) {
    for (const Placement placement : {Placement::first_fit, Placement::buddy}) {
        MemoryManager manager(Size{2} << 20, make::placed(placement, ashlar::Threads::many));
        run(manager, 4, 600);
    }
}

// Operations in progress are no fault, and no total is outside its possible
// range.
TEST(Threads, CheckAndStatisticsHoldMeanwhile) {
    MemoryManager manager(Size{1} << 20);
    Exchange exchange;
    std::atomic<unsigned> working{4};
    together(5, [&](unsigned thread) {
        if (thread == 4) {
            // Not for ever: under a sanitizer checks leave the others no time.
            for (int left = 300; left > 0 && working.load(std::memory_order_relaxed) != 0; --left) {
                EXPECT_EQ(manager.check(), 0U);
                const ManagerStatistics totals = manager.statistics();
                EXPECT_LE(totals.blocks, totals.capacity);
                EXPECT_LE(totals.used + totals.overhead, totals.capacity);
            }
            return;
        }
        for (unsigned i = 0; i < 20000; ++i) {
            if (const auto block = manager.allocate(i % 200 + 1)) exchange.give({*block, 0, 0});
            if (const auto other = exchange.take()) manager.deallocate(other->offset);
        }
        working.fetch_sub(1, std::memory_order_relaxed);
    });
    EXPECT_EQ(manager.statistics().blocks, 0U);
    EXPECT_EQ(manager.check(), 0U);
}

// Of two threads that free the same block one is told so.
TEST(Threads, OneOfTwoConcurrentFreesFails) {
    MemoryManager manager(Size{1} << 20);
    for (const Size size : {50U, 5000U}) {
        for (int round = 0; round < 200; ++round) {
            const Offset block = manager.allocate(size).value();
            std::array<Status, 2> told{};
            together(2, [&](unsigned thread) { told[thread] = manager.try_deallocate(block); });
            EXPECT_NE(told[0], told[1]);
            EXPECT_TRUE(told[0] == Status::ok || told[1] == Status::ok);
        }
    }
    EXPECT_EQ(manager.check(), 0U);
}

// Stops the thread that gets it inside whatever it does, for longer than a
// check takes.
std::atomic<int> stopped{0}, resumed{0};
void stop_for_a_while(int) {
    ++stopped;
    const timespec time{.tv_sec = 0, .tv_nsec = 60'000'000};
    nanosleep(&time, nullptr);
    ++resumed;
}

TEST(ManagerCheck, TellsOfNoFaultWhileAThreadStarvesInACall) {
    MemoryManager manager(Size{16} << 20);
    struct sigaction action {};
    action.sa_handler = stop_for_a_while;
    sigaction(SIGUSR1, &action, nullptr);
    std::atomic<bool> stop{false};
    std::thread worker([&] {
        while (!stop) manager.deallocate(manager.allocate(64).value());
    });
    for (int round = 0; round < 25; ++round) {
        pthread_kill(worker.native_handle(), SIGUSR1);
        while (stopped == round) std::this_thread::yield();
        EXPECT_EQ(manager.check(&std::cerr), 0U);
        while (resumed == round) std::this_thread::yield();
    }
    stop = true;
    worker.join();
}

}  // namespace
