// One Heap, several threads. They allocate blocks, leave them in a table of
// slots, and check and free the blocks that they find there.
#include <array>
#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "heap_support.hpp"
#include "pattern.hpp"

namespace {

using ashlar::Heap;
using heap_support::visited;

constexpr std::size_t thread_count = 4;

// The head of each block determines its other bytes.
struct Head {
    std::size_t size;
    std::uint64_t seed;
};

bool is_whole(const Head* head) { return intact(head + 1, head->size - sizeof(Head), head->seed); }

Head* make(Heap& heap, std::size_t size, std::uint64_t seed) {
    auto* head = static_cast<Head*>(heap.allocate(size));
    if (head == nullptr) return nullptr;
    *head = {size, seed};
    fill(head + 1, size - sizeof(Head), seed);
    return head;
}

class Exchange {
  public:
    explicit Exchange(Heap& heap) : heap_(heap) {}

    void run(std::uint64_t seed) {
        Random random(seed);
        for (int step = 0; step < 10'000; ++step) {
            Head* head = make(heap_, sizeof(Head) + random.size(random.below(100) == 0 ? 18 : 11),
                              random.next());
            if (head == nullptr) {
                ++faults_;
                continue;
            }
            head = slots_[random.below(slots_.size())].exchange(head, std::memory_order_acq_rel);
            if (head != nullptr) release(head, random.below(2) == 0);
        }
    }

    std::size_t in_slots() {
        std::size_t count = 0;
        for (auto& slot : slots_) count += slot.load() != nullptr ? 1u : 0u;
        return count;
    }

    void empty_slots() {
        for (auto& slot : slots_) {
            if (Head* head = slot.exchange(nullptr)) release(head, false);
        }
    }

    [[nodiscard]] std::size_t faults() const { return faults_; }

  private:
    void release(Head* head, bool without_heap) {
        if (!is_whole(head)) ++faults_;
        if (without_heap) {
            ash_free(head);
        } else {
            heap_.deallocate(head);
        }
    }

    Heap& heap_;
    std::array<std::atomic<Head*>, 256> slots_{};
    std::atomic<std::size_t> faults_{0};
};

TEST(HeapThreads, ExchangedBlocksAreNeverSharedOrLost) {
    Heap heap;
    Exchange exchange(heap);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < thread_count; ++i)
        threads.emplace_back([&, i] { exchange.run(i + 41); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(exchange.faults(), 0u);
    EXPECT_EQ(visited(heap).size(), exchange.in_slots());
    EXPECT_EQ(heap.check(), 0u);
    exchange.empty_slots();
    EXPECT_EQ(exchange.faults(), 0u);
    EXPECT_TRUE(visited(heap).empty());
}

TEST(HeapThreads, HeapOfEachThreadHasItsOwnBlocks) {
    std::atomic<std::size_t> faults{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < thread_count; ++i) {
        threads.emplace_back([&, i] {
            for (std::uint64_t round = 0; round < 20; ++round) {
                Heap heap;
                for (std::uint64_t n = 0; n < 200; ++n) {
                    const Head* head = make(heap, sizeof(Head) + 10 * static_cast<std::size_t>(n),
                                            n * thread_count + i);
                    if (head == nullptr || !is_whole(head)) ++faults;
                }
                if (visited(heap).size() != 200) ++faults;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(faults, 0u);
}

TEST(HeapThreads, SmallHeapIsSharedUntilItIsFull) {
    Heap heap(std::size_t{8} << 20);
    std::atomic<std::size_t> faults{0};
    std::array<std::vector<Head*>, thread_count> taken;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < thread_count; ++i) {
        threads.emplace_back([&, i] {
            for (std::uint64_t n = 0; Head* head = make(heap, 1024, n * thread_count + i); ++n)
                taken[i].push_back(head);
        });
    }
    for (std::thread& thread : threads) thread.join();
    std::size_t count = 0;
    for (const auto& heads : taken) {
        count += heads.size();
        for (Head* head : heads) faults += is_whole(head) ? 0u : 1u;
    }
    EXPECT_EQ(faults, 0u);
    EXPECT_EQ(visited(heap).size(), count);
    EXPECT_GE(count * 1024, std::size_t{6} << 20);
    for (const auto& heads : taken) {
        for (Head* head : heads) heap.deallocate(head);
    }
    EXPECT_TRUE(visited(heap).empty());
    EXPECT_EQ(heap.check(), 0u);
}

}  // namespace
