// Small blocks in many threads. Each block's contents are an entry of a side
// array, written and read by plain accesses, so that ThreadSanitizer sees every
// hand-over that nothing orders.
#include <gtest/gtest.h>
#include <atomic>
#include <mutex>
#include <shared_mutex>

#include "small_fixture.hpp"
#include "support/random.hpp"
#include "support/together.hpp"

namespace {

using namespace small_fixture;

constexpr Size kMiB = Size{1} << 20;
constexpr unsigned kThreads = 8;
#ifdef __SANITIZE_THREAD__
constexpr int kScale = 1;
#else
constexpr int kScale = 4;
#endif

class SmallThreads : public testing::Test {
  protected:
    struct Block {
        Offset start = kNoOffset;
        Size size = 0;
        std::uint32_t seed = 0;
    };
    Block take(std::uint32_t thread, Size size, std::uint32_t seed) {
        const Offset start = fixture.take(thread, size);
        if (start != kNoOffset) write({start, size, seed});
        return {start, size, seed};
    }
    void give(std::uint32_t thread, Block& block) {
        verify(block);
        const Given given = fixture.give(thread, block.start);
        if (given != Given::given && given != Given::given_last) ++faults;
        block.start = kNoOffset;
    }
    void write(const Block& block) {
        for (Size i = 0; i < block.size; i += kGrain)
            contents[(block.start + i) / kGrain] = block.seed;
    }
    void verify(const Block& block) {
        for (Size i = 0; i < block.size; i += kGrain) {
            if (contents[(block.start + i) / kGrain] != block.seed) ++faults;
        }
        const Small::Found found = fixture->find(block.start + block.size - 1);
        if (found.kind != Kind::block || found.start != block.start || found.size != block.size)
            ++faults;
    }
    void expect_empty() {
        EXPECT_EQ(faults.load(), 0U);
        EXPECT_EQ(fixture->check(), 0U);
        EXPECT_EQ(fixture->totals().blocks, 0U);
        EXPECT_EQ(fixture->totals().bytes, 0U);
        fixture.reclaim(true);
        EXPECT_EQ(fixture->totals().held, 0U) << "every slab has become empty and goes back";
        EXPECT_EQ(fixture.places.free(), std::size_t{kLimit >> fixture.shape.shift});
        EXPECT_EQ(fixture.places.faults(), 0U);
        EXPECT_EQ(fixture->check(), 0U);
    }

    static constexpr Size kLimit = kMiB;
    Fixture fixture{kLimit};
    std::vector<std::uint32_t> contents = std::vector<std::uint32_t>(kLimit / kGrain);
    std::atomic<std::size_t> faults{0};
};

TEST_F(SmallThreads, ThreadsAllocateAndFreeTheirOwnBlocks) {
    together(kThreads, [this](unsigned thread) {
        Random random(thread);
        std::vector<Block> live(60);
        for (int step = 0; step < 8000 * kScale; ++step) {
            Block& block = live[random.below(live.size())];
            if (block.start != kNoOffset) give(thread, block);
            block = take(thread, 1 + random.below(256), random.below(~0U));
        }
        for (Block& block : live) {
            if (block.start != kNoOffset) give(thread, block);
        }
    });
    expect_empty();
}

// All threads through one shard and its neighbours, so that some find none and
// go to the slabs themselves.
TEST_F(SmallThreads, OneShardForAll) {
    together(kThreads, [this](unsigned thread) {
        Random random(thread);
        std::vector<Block> live(20);
        for (int step = 0; step < 6000 * kScale; ++step) {
            Block& block = live[random.below(live.size())];
            if (block.start != kNoOffset) give(0, block);
            block = take(0, 20 + random.below(10), random.below(~0U));
        }
        for (Block& block : live) {
            if (block.start != kNoOffset) give(0, block);
        }
    });
    expect_empty();
}

// Blocks change hands through a table of slots: who finds one frees it,
// wherever it came from. Slabs are created and retired all the time, and there
// is too little room for all.
TEST_F(SmallThreads, ThreadsFreeEachOthersBlocksWhenSlabsRunOut) {
    struct Slot {
        std::atomic<Block*> block{nullptr};
    };
    std::vector<Slot> slots(400);
    std::atomic<std::size_t> refused{0};
    fixture.places.keep_only(20);
    together(kThreads, [&](unsigned thread) {
        Random random(thread);
        for (int step = 0; step < 5000 * kScale; ++step) {
            const Size size = step / 500 % 2 == 0 ? 8 + random.below(8) : 100 + random.below(156);
            auto* mine = new Block(take(thread, size, random.below(~0U)));
            if (mine->start == kNoOffset) {
                delete mine;
                mine = nullptr;
                refused.fetch_add(1, std::memory_order_relaxed);
            }
            Block* old =
                slots[random.below(slots.size())].block.exchange(mine, std::memory_order_acq_rel);
            if (old != nullptr) give(thread, *old);
            delete old;
            if (step % 500 == 0) fixture.reclaim(true);
        }
    });
    for (Slot& slot : slots) {
        Block* left = slot.block.load(std::memory_order_relaxed);
        if (left != nullptr) give(0, *left);
        delete left;
    }
    EXPECT_EQ(faults.load(), 0U);
    EXPECT_EQ(fixture->check(), 0U);
    EXPECT_EQ(fixture->totals().blocks, 0U);
    fixture.reclaim(true);
    EXPECT_EQ(fixture->totals().held, 0U);
    EXPECT_EQ(fixture.places.free(), 20U);
}

// A double free in two threads at once: one of them is told.
TEST_F(SmallThreads, OneOfTwoConcurrentFreesFails) {
    constexpr int kRounds = 3000;
    Meeting meeting(2);
    std::atomic<Offset> block{0};
    std::atomic<int> told{0};
    together(2, [&](unsigned thread) {
        for (int round = 0; round < kRounds; ++round) {
            if (thread == 0) block.store(fixture.take(0, 33), std::memory_order_relaxed);
            meeting.arrive_and_wait();
            if (fixture.give(thread, block.load(std::memory_order_relaxed)) == Given::not_live) {
                told.fetch_add(1, std::memory_order_relaxed);
            }
            meeting.arrive_and_wait();
        }
    });
    EXPECT_EQ(told.load(), kRounds);
    expect_empty();
}

// A collector beside the threads: it frees what they drop out of a table of
// roots, and nothing else. They stop only for its look at the roots.
class SmallCycles : public SmallThreads {
  protected:
    static constexpr unsigned kMutators = 4;
    static constexpr std::size_t kRoots = 50;

    SmallCycles() {
        for (auto& root : roots) root.store(kNoOffset, std::memory_order_relaxed);
    }
    void cycle() {
        fixture->begin_cycle();
        {
            const std::lock_guard guard(fixture.places.lock);
            for (std::uint32_t at = 0; (at = fixture->whiten(at, 3)) != 0;) {
            }
        }
        {
            const std::unique_lock no_mutator(gate);
            for (auto& root : roots) {
                const Offset block = root.load(std::memory_order_relaxed);
                if (block != kNoOffset) fixture->mark(block);
            }
        }
        const std::lock_guard guard(fixture.places.lock);
        const auto visit = [](void* self, Offset, Size) noexcept {
            static_cast<std::atomic<std::size_t>*>(self)->fetch_add(1, std::memory_order_relaxed);
            return true;
        };
        for (std::uint32_t at = 0; (at = fixture->sweep(at, 3, visit, &freed)) != 0;) {
        }
        fixture->end_cycle();
        fixture->reclaim(false, fixture.places);
    }
    void change_a_root(unsigned thread, Random& random) {
        const std::shared_lock no_look_at_roots(gate);
        auto& root = roots[thread * kRoots + random.below(kRoots)];
        const Offset old = root.load(std::memory_order_relaxed);
        if (old != kNoOffset && fixture->find(old).kind != Kind::block) ++faults;
        root.store(fixture.take(thread, 8 + random.below(100)), std::memory_order_relaxed);
        // Old blocks are dropped, or freed by hand.
        if (old == kNoOffset || random.below(2) != 0) return;
        const Given given = fixture.give(thread, old);
        if (given != Given::given && given != Given::given_last) ++faults;
    }

    std::shared_mutex gate;
    std::vector<std::atomic<Offset>> roots = std::vector<std::atomic<Offset>>(kMutators * kRoots);
    std::atomic<std::size_t> freed{0};
};

TEST_F(SmallCycles, FreeExactlyTheDroppedBlocks) {
    std::atomic<unsigned> running{kMutators};
    together(kMutators + 1, [&](unsigned thread) {
        if (thread == kMutators) {
            while (running.load(std::memory_order_acquire) != 0) cycle();
            return;
        }
        Random random(thread);
        for (int step = 0; step < 4000 * kScale; ++step) change_a_root(thread, random);
        running.fetch_sub(1, std::memory_order_acq_rel);
    });
    for (auto& root : roots) root.store(kNoOffset, std::memory_order_relaxed);
    cycle();
    EXPECT_GT(freed.load(), 0U);
    expect_empty();
}

}  // namespace
