// Collecting from the cache of another thread, step by step: what comes back,
// what its owner finds afterwards, and what happens at its end.
#include <functional>

#include "base/barrier.hpp"
#include "unit/malloc/heap/heap_fixture.hpp"

namespace {

using namespace ashlar::base;
using ashlar::cache::OwnerScope;

constexpr Bin kClass = class_of_size(256);
constexpr Bin kRunBin = bin_of_run(2);

std::function<void()> in_the_barrier;  // called once, at the next barrier
unsigned barriers = 0;

}  // namespace

// Stands for the system's barrier. Here nothing runs beside the test.
extern "C" long __wrap_syscall(long number, ...) noexcept;
extern "C" long __wrap_syscall(long, ...) noexcept {
    ++barriers;
    if (in_the_barrier) {
        const auto call = std::move(in_the_barrier);
        in_the_barrier = nullptr;
        call();
    }
    return 0;
}

namespace {

class CacheCollect : public HeapOver {
  protected:
    CacheCollect() : HeapOver(300, 24) {}
    using Collected = Cache::Collected;

    // Calls f at barrier `n` from now, the first being 0.
    static void at_barrier(unsigned n, std::function<void()> f) {
        if (n == 0) {
            in_the_barrier = std::move(f);
        } else {
            in_the_barrier = [n, f] { at_barrier(n - 1, f); };
        }
    }
    void fill(Bin bin, std::size_t n) { give(cache_, bin, take(cache_, bin, n)); }
    std::size_t live_bytes() { return heap_.arena.live_bytes(); }
    Cache& cache_ = *heap_.take_cache();
};

TEST_F(CacheCollect, LeavesTheNewestBlockOfAClass) {
    fill(kClass, 8);
    const std::size_t before = cached(cache_, kClass);
    ASSERT_GT(before, 4U);
    EXPECT_EQ(cache_.collect(false), Collected::blocks);
    EXPECT_EQ(cached(cache_, kClass), 1U);
    EXPECT_EQ(live_bytes(), 256U) << "all but one went back to their slabs";
}

TEST_F(CacheCollect, TakesAllRuns) {
    fill(kRunBin, 2);
    ASSERT_EQ(cached(cache_, kRunBin), 2U);
    EXPECT_EQ(cache_.collect(false), Collected::blocks);
    EXPECT_EQ(cached(cache_, kRunBin), 0U);
    EXPECT_EQ(live_bytes(), 0U);
}

TEST_F(CacheCollect, OnlyIdleNeedsTwoCallsWithoutAMoveBetween) {
    fill(kClass, 8);
    EXPECT_EQ(cache_.collect(true), Collected::nothing);
    void* block = cache_.pop(kClass);
    EXPECT_EQ(cache_.collect(true), Collected::nothing) << "a bin has moved";
    EXPECT_EQ(cache_.collect(true), Collected::blocks);
    EXPECT_EQ(cached(cache_, kClass), 1U);
    cache_.give(block, kClass);
}

TEST_F(CacheCollect, OwnerInsideIsLeftAlone) {
    fill(kClass, 8);
    const std::size_t before = cached(cache_, kClass);
    const OwnerScope scope(&cache_);
    ASSERT_EQ(scope.cache(), &cache_);
    EXPECT_EQ(cache_.collect(false), Collected::nothing);
    EXPECT_EQ(cached(cache_, kClass), before);
}

TEST_F(CacheCollect, OwnerThatComesMeanwhileHasNoCacheAndNoWait) {
    fill(kClass, 8);
    bool refused = false;
    at_barrier(1, [&] {
        const OwnerScope scope(&cache_);
        refused = scope.cache() == nullptr;
        void* block = heap_.take(kClass);
        EXPECT_NE(block, nullptr);
        heap_.give(block, kClass);
    });
    EXPECT_EQ(cache_.collect(false), Collected::blocks);
    EXPECT_TRUE(refused);
    const OwnerScope later(&cache_);
    EXPECT_EQ(later.cache(), &cache_);
}

// The owner's hits at each barrier: down to the mark, below it, and up again.
TEST_F(CacheCollect, HitsAtEachBarrierLoseNothingAndDoubleNothing) {
    for (unsigned barrier = 0; barrier < 3; ++barrier) {
        for (std::size_t pops = 0; pops <= 4; ++pops) {
            for (std::size_t pushes = 0; pushes <= pops; ++pushes) {
                fill(kClass, 8);
                Blocks held;
                at_barrier(barrier, [&] {
                    for (std::size_t i = 0; i < pops; ++i) {
                        void* block = cache_.pop(kClass);
                        if (block != nullptr) held.push_back(block);
                    }
                    for (std::size_t i = 0; i < pushes && !held.empty(); ++i) {
                        if (!cache_.push(held.back(), kClass)) break;
                        held.pop_back();
                    }
                });
                EXPECT_EQ(cache_.collect(false), Collected::blocks);
                const OwnerScope scope(&cache_);
                ASSERT_EQ(scope.cache(), &cache_);
                std::set<void*> seen(held.begin(), held.end());
                EXPECT_EQ(seen.size(), held.size());
                cache_.visit(kClass, [&](void* block) { EXPECT_TRUE(seen.insert(block).second); });
                give(cache_, kClass, held);
                cache_.flush();
                heap_.reclaim();
                EXPECT_EQ(live_bytes(), 0U) << barrier << ' ' << pops << ' ' << pushes;
            }
        }
    }
}

TEST_F(CacheCollect, SecondCollectionTakesWhatCameSince) {
    fill(kClass, 8);
    Blocks more = {cache_.pop(kClass), cache_.pop(kClass), cache_.pop(kClass)};
    EXPECT_EQ(cache_.collect(false), Collected::blocks);
    for (void* block : more) ASSERT_TRUE(cache_.push(block, kClass));
    EXPECT_EQ(cache_.collect(true), Collected::nothing) << "collected already, by its state";
    EXPECT_EQ(cache_.collect(false), Collected::blocks);
    EXPECT_EQ(cached(cache_, kClass), 1U);
    EXPECT_EQ(cache_.take(kClass), more.back());
    cache_.give(more.back(), kClass);
}

TEST_F(CacheCollect, OwnerThatEndsMeanwhileLeavesTheCacheToTheCollector) {
    fill(kClass, 8);
    at_barrier(1, [&] { heap_.end_cache(&cache_); });
    heap_.collect_caches(false);
    EXPECT_EQ(live_bytes(), 0U);
    EXPECT_EQ(heap_.take_cache(), &cache_) << "it serves the next thread";
}

TEST_F(CacheCollect, EndedCacheIsNotCollected) {
    heap_.end_cache(&cache_);
    EXPECT_EQ(cache_.collect(false), Collected::nothing);
}

TEST_F(CacheCollect, WithoutTheSystemsBarriersNothingIsCollected) {
    fill(kClass, 8);
    const std::size_t before = cached(cache_, kClass);
    forbid_barriers();
    EXPECT_EQ(cache_.collect(false), Collected::nothing);
    EXPECT_EQ(cached(cache_, kClass), before);
    allow_barriers();
    EXPECT_EQ(cache_.collect(false), Collected::blocks);
}

TEST_F(CacheCollect, EightCachesShareThreeBarriers) {
    std::vector<Cache*> caches = {&cache_};
    while (caches.size() < 20) caches.push_back(heap_.take_cache());
    for (Cache* cache : caches) {
        give(*cache, kClass, take(*cache, kClass, 8));
        give(*cache, kRunBin, take(*cache, kRunBin, 1));
    }
    barriers = 0;
    heap_.collect_caches(false);
    EXPECT_EQ(barriers, 9U);
    for (Cache* cache : caches) {
        EXPECT_EQ(cached(*cache, kClass), 1U);
        EXPECT_EQ(cached(*cache, kRunBin), 0U);
    }
    EXPECT_EQ(live_bytes(), 20 * 256U);
}

// Each cache of a group is as if it were alone.
TEST_F(CacheCollect, CachesOfAGroupAreCollectedApart) {
    Cache& inside = *heap_.take_cache();
    Cache& ends = *heap_.take_cache();
    Cache& pops = *heap_.take_cache();
    for (Cache* cache : {&cache_, &inside, &ends, &pops})
        give(*cache, kClass, take(*cache, kClass, 8));
    const std::size_t before = cached(inside, kClass);
    void* held[2] = {};
    const OwnerScope scope(&inside);
    at_barrier(1, [&] {
        heap_.end_cache(&ends);
        for (void*& block : held) block = pops.pop(kClass);
    });
    heap_.collect_caches(false);
    EXPECT_EQ(cached(inside, kClass), before);
    EXPECT_EQ(cached(cache_, kClass), 1U);
    EXPECT_NE(held[0], nullptr);
    EXPECT_EQ(held[1], nullptr) << "the mark lies below the newest block";
    EXPECT_EQ(heap_.take_cache(), &ends);
    give(pops, kClass, {held[0]});
    const OwnerScope later(&pops);
    EXPECT_EQ(cached(pops, kClass), before) << "the block of the mark was in doubt";
}

TEST_F(CacheCollect, TrimTakesFromTheCachesOfAllThreads) {
    Cache& other = *heap_.take_cache();
    give(other, kClass, take(other, kClass, 8));
    fill(kClass, 8);
    static_cast<void>(heap_.trim());
    EXPECT_EQ(cached(cache_, kClass) + cached(other, kClass), 2U);
    EXPECT_EQ(live_bytes(), 512U);
}

TEST_F(CacheCollect, ReturnIdleTakesWhatNoThreadHasMovedForAPeriod) {
    fill(kClass, 8);
    heap_.return_idle();
    EXPECT_GT(cached(cache_, kClass), 1U);
    heap_.return_idle();
    EXPECT_EQ(cached(cache_, kClass), 1U);
}

}  // namespace
