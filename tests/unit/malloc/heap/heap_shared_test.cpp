// The shared caches serve threads without a cache of their own. One thread at a
// time uses each, and none waits.
#include <array>
#include <cstdlib>

#include "heap_fixture.hpp"
#include "support/private_member.hpp"
#include "support/together.hpp"

struct SharedTag {  // in the namespace of PrivateMember, for its friend functions
    using Type = ashlar::cache::Cache* ashlar::cache::Heap::*;
    friend Type member_of(SharedTag);
};
template struct PrivateMember<SharedTag, &ashlar::cache::Heap::shared_>;

namespace {

using namespace ashlar::base;

class SharedTest : public HeapOver {
  protected:
    static constexpr std::uint32_t shared = 16;

    SharedTest() : HeapOver(400) {
        caches_ = heap_.*member_of(SharedTag{});
        // As the first use commits them.
        if (!ashlar::region::commit_around(FakeSource::source, caches_, shared * sizeof(Cache)))
            std::abort();
    }
    // As if threads were using all of them, or had stopped there.
    void hold_all() {
        for (std::uint32_t i = 0; i < shared; ++i) ASSERT_EQ(caches_[i].busy.exchange(1, acq), 0U);
    }
    void leave_all() {
        for (std::uint32_t i = 0; i < shared; ++i) caches_[i].busy.store(0, rel);
    }
    [[nodiscard]] std::size_t attached() const {
        std::size_t n = 0;
        for (std::uint32_t i = 0; i < shared; ++i) n += caches_[i].attached() ? 1U : 0U;
        return n;
    }
    std::size_t cached_in_shared(Bin bin) {
        std::size_t n = 0;
        for (std::uint32_t i = 0; i < shared; ++i)
            n += caches_[i].attached() ? cached(caches_[i], bin) : 0;
        return n;
    }

    Cache* caches_;
};

TEST_F(SharedTest, TakeUsesOneSharedCache) {
    void* block = heap_.take(4);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(attached(), 1U);
    heap_.give(block, 4);
    EXPECT_EQ(heap_.take(4), block);
    EXPECT_EQ(attached(), 1U) << "a thread comes back to the same";
    heap_.give(block, 4);
    EXPECT_GT(cached_in_shared(4), 0U);
    expect_empty();
}

TEST_F(SharedTest, TakeWhileOneIsBusyUsesAnother) {
    void* first = heap_.take(4);
    for (std::uint32_t i = 0; i < shared; ++i) {
        if (caches_[i].attached()) caches_[i].busy.store(1, rlx);
    }
    void* second = heap_.take(4);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(attached(), 2U);
    EXPECT_NE(first, second);
    heap_.give(first, 4);
    heap_.give(second, 4);
    leave_all();
    expect_empty();
}

TEST_F(SharedTest, TakeWhileAllAreBusyUsesTheSlabs) {
    hold_all();
    Blocks blocks;
    for (const Bin bin : {Bin{4}, kClasses - 1, kClasses, kBins - 1}) {
        for (int i = 0; i < 3; ++i) {
            blocks.push_back(heap_.take(bin));
            ASSERT_NE(blocks.back(), nullptr);
            EXPECT_EQ(heap_.size_of(blocks.back()).bin, bin);
        }
    }
    EXPECT_TRUE(distinct(blocks));
    EXPECT_EQ(live().size(), blocks.size()) << "no cache has more of them";
    for (void* block : blocks) heap_.give(block, heap_.size_of(block).bin);
    EXPECT_TRUE(live().empty());
    leave_all();
    EXPECT_EQ(attached(), 0U);
    expect_empty();
}

TEST_F(SharedTest, TakeWhileAllAreBusyReturnsNullIfNothingIsFree) {
    hold_all();
    void* all = heap_.allocate_run({400 * kUnitSize, 1}).block;
    ASSERT_NE(all, nullptr);
    EXPECT_EQ(heap_.take(4), nullptr);
    EXPECT_EQ(heap_.take(kClasses), nullptr);
    heap_.give_run(all);
    void* block = heap_.take(4);
    EXPECT_NE(block, nullptr);
    heap_.give(block, 4);
    leave_all();
    expect_empty();
}

TEST_F(SharedTest, ReclaimSkipsBusyCaches) {
    void* block = heap_.take(4);
    heap_.give(block, 4);
    hold_all();
    heap_.reclaim();
    EXPECT_GT(cached_in_shared(4), 0U);
    leave_all();
    expect_empty();
}

TEST_F(SharedTest, AdoptForkReleasesBusyCaches) {
    heap_.give(heap_.take(4), 4);
    hold_all();
    heap_.adopt_fork(nullptr);
    for (std::uint32_t i = 0; i < shared; ++i) EXPECT_EQ(caches_[i].busy.load(rlx), 0U);
    expect_empty();
}

// More threads than caches that they hash to exchange blocks. [E11] orders the
// users of a cache.
TEST_F(SharedTest, TakeAndGiveByManyThreadsShareNoBlock) {
    constexpr unsigned threads = 6;
    std::array<Atomic<std::uint64_t*>, 32> places{};
    Atomic<std::uint32_t> faults{0};
    together(threads, [&](unsigned self) {
        for (std::uint64_t step = 0; step < 4000; ++step) {
            auto* words = static_cast<std::uint64_t*>(heap_.take(4));
            if (words == nullptr) {
                faults.fetch_add(1, rlx);
                continue;
            }
            words[0] = words[7] = self * 1'000'000 + step;
            words = places[(step * 7 + self) % places.size()].exchange(words, acq_rel);
            if (words == nullptr) continue;
            if (words[0] != words[7]) faults.fetch_add(1, rlx);
            words[0] = 0;
            heap_.give(words, 4);
        }
    });
    for (auto& place : places) {
        if (void* block = place.load(acq); block != nullptr) heap_.give(block, 4);
    }
    EXPECT_EQ(faults.load(rlx), 0U);
    expect_empty();
}

// Only [E11] orders these threads: each keeps its blocks, and the caches change
// hands.
TEST_F(SharedTest, HandOverOrdersTheUsersOfACache) {
    constexpr unsigned threads = shared + 6;  // some threads must share a cache
    Atomic<std::uint32_t> faults{0};
    together(threads, [&](unsigned self) {
        for (std::uint64_t step = 0; step < 300; ++step) {
            auto* words = static_cast<std::uint64_t*>(heap_.take(4));
            if (words == nullptr) {
                faults.fetch_add(1, rlx);
                return;
            }
            words[0] = words[7] = self;
            if (step % 16 == 0) std::this_thread::yield();
            if (words[0] != self || words[7] != self) faults.fetch_add(1, rlx);
            heap_.give(words, 4);
        }
    });
    EXPECT_EQ(faults.load(rlx), 0U);
    expect_empty();
}

}  // namespace
