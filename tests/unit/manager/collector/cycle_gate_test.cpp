// The gate between a collector and those who change blocks: whom close() waits
// for, and for whom not.
#include <gtest/gtest.h>
#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "manager/collector/cycle_gate.hpp"
#include "support/together.hpp"

namespace {

using namespace ashlar;
using manager::CycleGate;

// The gate's: threads whose numbers differ by so many meet in one.
constexpr std::uint32_t kSlots = 64;

class CycleGateTest : public testing::Test {
  protected:
    CycleGateTest() {
        region::Carver measure(0);
        gate.layout(measure, true);
        bytes_ = measure.used();
        memory_ = region::map_uncharged(bytes_);
        region::Carver carver(reinterpret_cast<std::uintptr_t>(memory_));
        gate.layout(carver, true);
    }
    ~CycleGateTest() override {
        for (const std::uint32_t number : spare_) manager::give_thread_number(number);
        region::unmap(memory_, bytes_);
    }
    // The next thread to ask for its number gets one that leads to the slot of
    // `number`.
    void lead_to_slot_of(std::uint32_t number) {
        do {
            spare_.push_back(manager::take_thread_number());
        } while (spare_.back() <= number || (spare_.back() + 1) % kSlots != number % kSlots);
    }

    CycleGate gate;

  private:
    std::vector<std::uint32_t> spare_;
    void* memory_;
    std::size_t bytes_;
};

TEST_F(CycleGateTest, TellsWhetherACycleRuns) {
    EXPECT_FALSE(CycleGate::MutatorScope(gate).cycle());
    gate.close();
    EXPECT_TRUE(CycleGate::MutatorScope(gate).cycle());
    gate.open();
    EXPECT_FALSE(CycleGate::MutatorScope(gate).cycle());
}

// Two guests of one slot, of whom one is inside at every moment.
TEST_F(CycleGateTest, CloseEndsAlthoughAThreadIsAlwaysInside) {
    constexpr unsigned kMost = 1'000'000;
    { const CycleGate::MutatorScope owner(gate); }
    const std::uint32_t own = manager::thread_number();
    std::atomic<unsigned> step{0};
    std::atomic<bool> closed{false};
    const auto relay = [&](unsigned parity) {
        for (unsigned mine = parity; mine < kMost && !closed; mine += 2) {
            const CycleGate::MutatorScope pass(gate);
            step = mine + 1;  // the other one may leave
            while (step <= mine + 1 && !closed) std::this_thread::yield();
        }
        step = kMost + 2;
    };
    std::vector<std::thread> guests;
    for (unsigned parity = 0; parity < 2; ++parity) {
        lead_to_slot_of(own);
        std::atomic<bool> numbered{false};
        guests.emplace_back([&, parity] {
            EXPECT_EQ(manager::thread_number() % kSlots, own % kSlots);
            numbered = true;
            while (step < parity) std::this_thread::yield();
            relay(parity);
        });
        while (!numbered) std::this_thread::yield();
    }
    while (step < 2) std::this_thread::yield();
    gate.close();
    const unsigned at = step;
    closed = true;
    for (std::thread& guest : guests) guest.join();
    EXPECT_LT(at, kMost);
    gate.open();
}

// close() waits for each thread that is inside, owner of a slot or guest. It
// does not wait for threads that enter again; these see the cycle.
TEST_F(CycleGateTest, CloseWaitsForThreadsThatEnteredBefore) {
    for (unsigned guests = 0; guests < 2; ++guests) {
        if (guests != 0) {
            { const CycleGate::MutatorScope owner(gate); }
            lead_to_slot_of(manager::thread_number());
        }
        const std::uint32_t own = manager::thread_number();
        std::atomic<bool> entered{false}, leave{false}, closed{false};
        std::thread inside([&] {
            EXPECT_EQ(manager::thread_number() % kSlots == own % kSlots, guests != 0);
            auto pass = std::make_unique<CycleGate::MutatorScope>(gate);
            entered = true;
            while (!leave) std::this_thread::yield();
            EXPECT_FALSE(closed);
            EXPECT_FALSE(pass->cycle());
            pass.reset();
            while (!closed) EXPECT_TRUE(CycleGate::MutatorScope(gate).cycle());
        });
        while (!entered) std::this_thread::yield();
        std::thread closer([&] {
            gate.close();
            closed = true;
        });
        while (!CycleGate::MutatorScope(gate).cycle()) std::this_thread::yield();
        for (int i = 0; i < 1000; ++i) std::this_thread::yield();
        leave = true;
        inside.join();
        closer.join();
        gate.open();
    }
}

TEST(ThreadNumbers, NumbersOfEndedThreadsAreReused) {
    std::uint32_t most = manager::thread_number();
    const std::uint32_t few = most + 2;
    for (int i = 0; i < 1000; ++i) {
        std::thread([&] { most = std::max(most, manager::thread_number()); }).join();
    }
    EXPECT_LE(most, few);
}

TEST(ThreadNumbers, NumbersOfLiveThreadsDiffer) {
    constexpr unsigned kThreads = 16;
    for (int round = 0; round < 20; ++round) {
        std::mutex mutex;
        std::set<std::uint32_t> numbers;
        std::latch all(kThreads);
        together(kThreads, [&](unsigned) {
            const std::uint32_t number = manager::thread_number();
            {
                const std::lock_guard guard(mutex);
                numbers.insert(number);
            }
            all.arrive_and_wait();
            EXPECT_EQ(manager::thread_number(), number);
        });
        EXPECT_EQ(numbers.size(), kThreads);
        EXPECT_FALSE(numbers.contains(0));
    }
}

// Beyond the table each number is given out once.
TEST(ThreadNumbers, NumbersBeyondTheTableAreUnique) {
    std::vector<std::uint32_t> numbers;
    while (numbers.empty() || numbers.back() <= manager::kMostNumbers + 1)
        numbers.push_back(manager::take_thread_number());
    EXPECT_EQ(std::set(numbers.begin(), numbers.end()).size(), numbers.size());
    for (const std::uint32_t number : numbers) manager::give_thread_number(number);
    EXPECT_LE(manager::take_thread_number(), numbers.front());
    manager::give_thread_number(numbers.front());
}

}  // namespace
