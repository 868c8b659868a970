// One cache: misses, overflows, flushes, and the blocks and pages that it
// returns when idle.
#include <csignal>

#include "unit/malloc/heap/heap_fixture.hpp"

namespace {

using namespace ashlar::base;
using ashlar::cache::capacity_of_bin;
using ashlar::depot::batch_of_class;

class CacheTest : public HeapOver {
  protected:
    CacheTest() : HeapOver(1500) {}
    [[nodiscard]] std::size_t room(Bin bin) const {
        return static_cast<std::size_t>(cache_.limit[bin] - cache_.top[bin]);
    }

    // Misses in the class of the largest blocks until `done` returns true.
    // Returns the number of rounds.
    template <class Done>
    std::size_t miss_until(Done done) {
        // More than the bin holds, so at least one miss.
        const std::uint32_t more = capacity_of_bin(kClasses - 1) + 1;
        std::size_t rounds = 0;
        for (; rounds < 2000 && !done(); ++rounds)
            give(cache_, kClasses - 1, take(cache_, kClasses - 1, more));
        return rounds;
    }

    Cache& cache_ = *heap_.take_cache();
};

class CacheBin : public CacheTest, public testing::WithParamInterface<Bin> {
  protected:
    const Bin bin_ = GetParam();
};

TEST(Bins, LieInARowWithANullUnderEach) {
    using namespace ashlar::cache;
    EXPECT_EQ(capacity_of_bin(0), 0U) << "always full";
    std::set<std::uint32_t> used;  // slots
    const auto use = [&used](std::uint32_t bottom, std::uint32_t slots) {
        ASSERT_GE(bottom, 1U);
        for (std::uint32_t slot = bottom - 1; slot < bottom + slots; ++slot)
            ASSERT_TRUE(used.insert(slot).second) << slot;
    };
    for (Bin bin = 0; bin < kBins; ++bin) {
        use(kSlots.few[bin], few_slots(bin));
        if (few_slots(bin) == capacity_of_bin(bin)) {
            EXPECT_EQ(kSlots.many[bin], kSlots.few[bin]);
        } else {
            use(kSlots.many[bin], capacity_of_bin(bin));
        }
    }
    EXPECT_EQ(used.size(), kSlots.all) << "none lies idle";
    EXPECT_EQ(*used.rbegin() + 1, kSlots.all);
    for (Bin bin = 1; bin < kBins; ++bin) {
        EXPECT_GE(capacity_of_bin(bin), 1U);
        if (!is_run(bin)) {
            EXPECT_GE(capacity_of_bin(bin), 2 * batch_of_class(bin))
                << "an overflow moves a batch and keeps one";
        }
    }
}

// Classes whose bins can hold more.
TEST_F(CacheTest, RefillOfANewBinUsesFewSlots) {
    for (const Bin bin : {Bin{1}, Bin{4}, Bin{12}}) {
        void** const few = cache_.top[bin];
        void* const block = cache_.take(bin);
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(cache_.top[bin], few + ashlar::cache::few_slots(bin) - 1);
        EXPECT_EQ(cache_.limit[bin], few + ashlar::cache::few_slots(bin));
        cache_.give(block, bin);
    }
}

TEST_F(CacheTest, OverflowOfFewSlotsMovesTheBinWithItsBlocks) {
    constexpr Bin bin = 4;
    const Blocks blocks = take(cache_, bin, ashlar::cache::kFewSlots);
    void* const one_more = heap_.take(bin);
    void** const few = cache_.top[bin];
    give(cache_, bin, blocks);
    ASSERT_EQ(cache_.top[bin], few + ashlar::cache::kFewSlots) << "full, and not moved yet";
    cache_.give(one_more, bin);
    EXPECT_FALSE(cache_.top[bin] >= few && cache_.top[bin] <= few + ashlar::cache::kFewSlots + 1);
    std::set<void*> expected(blocks.begin(), blocks.end());
    expected.insert(one_more);
    std::set<void*> found;
    cache_.visit(bin, [&found](void* block) { found.insert(block); });
    EXPECT_EQ(found, expected);
    EXPECT_EQ(cache_.limit[bin] - cache_.top[bin], ashlar::cache::kFewSlots - 1)
        << "twice the room";
}

TEST(Bins, TablesAgreeWithTheSizeClasses) {
    using namespace ashlar::cache;
    for (std::size_t size = 0; size <= kMaxInline; ++size)
        ASSERT_EQ(kBinOfSize[size], class_of_size(size)) << size;
    for (std::size_t size = kMaxInline + 1; size <= kMaxSmall; ++size) {
        ASSERT_EQ(kBinOfQuarters[(size + 255) / 256], class_of_size(size)) << size;
    }
    for (Bin bin = 1; bin < kBins; ++bin) EXPECT_EQ(kSizeOfBin[bin], size_of_bin(bin));
}

TEST_P(CacheBin, TakeReturnsDistinctBlocksThatGiveTakesBack) {
    const std::size_t n = is_run(bin_) ? 30 : 500;
    Blocks blocks = take(cache_, bin_, n);
    ASSERT_EQ(blocks.size(), n);
    EXPECT_TRUE(distinct(blocks));
    cache_.see_committed();
    for (void* block : blocks) {
        const auto size = heap_.size_of(block);
        ASSERT_EQ(size.bin, bin_);
        ASSERT_EQ(size.bytes, size_of_bin(bin_));
        ASSERT_EQ(cache_.pages.bin_of(block), bin_);
    }
    give(cache_, bin_, blocks);
    EXPECT_LE(cached(cache_, bin_), capacity_of_bin(bin_));
    EXPECT_TRUE(live().empty());
    cache_.flush();
    EXPECT_EQ(cached(cache_, bin_), 0U);
    expect_empty();
}

TEST_P(CacheBin, TakeReturnsTheLastGivenBlock) {
    const Blocks blocks = take(cache_, bin_, 2);
    ASSERT_EQ(blocks.size(), 2U);
    cache_.give(blocks[0], bin_);
    EXPECT_EQ(cache_.take(bin_), blocks[0]);
    cache_.give(blocks[1], bin_);
    EXPECT_EQ(cache_.take(bin_), blocks[1]);
}

TEST_P(CacheBin, TakeAndGiveInSwingsLoseAndDuplicateNoBlock) {
    Blocks held;
    std::size_t most = is_run(bin_) ? 20 : 400;
    for (std::size_t swing = 1; swing < most; swing = swing * 2 + 1) {
        const Blocks more = take(cache_, bin_, swing);
        held.insert(held.end(), more.begin(), more.end());
        ASSERT_TRUE(distinct(held));
        ASSERT_EQ(live(), std::set<void*>(held.begin(), held.end()));
        const Blocks back(held.begin(),
                          held.begin() + static_cast<std::ptrdiff_t>(held.size() / 2));
        held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(held.size() / 2));
        give(cache_, bin_, back);
        ASSERT_EQ(live(), std::set<void*>(held.begin(), held.end()));
    }
    give(cache_, bin_, held);
    cache_.flush();
    expect_empty();
}

// Passive false sharing: a thread reuses a block in another thread's cache line
// because it freed that block.
TEST_P(CacheBin, TakeAvoidsCacheLinesOfOtherThreadsBeforeItsFirstMiss) {
    const bool shares = size_of_bin(bin_) <= kCacheLine;
    const bool closed = shares || is_run(bin_);
    Cache& other = *heap_.take_cache();
    const Blocks blocks = take(cache_, bin_, 3);
    other.give(blocks[1], bin_);
    EXPECT_EQ(cached(other, bin_), closed ? 0U : 1U);
    void* const own = other.take(bin_);
    EXPECT_EQ(own == blocks[1], !shares)
        << "larger blocks fill their cache lines and are reused while warm";
    for (void* block : {blocks[0], blocks[2]}) {
        EXPECT_NE(reinterpret_cast<std::uintptr_t>(own) / kCacheLine,
                  reinterpret_cast<std::uintptr_t>(block) / kCacheLine);
    }
    other.give(own, bin_);
    EXPECT_EQ(other.take(bin_), own) << "it may reuse its own block";
}

TEST_P(CacheBin, GiveOfManyBlocksOfAnotherThreadCachesThem) {
    Cache& other = *heap_.take_cache();
    give(other, bin_, take(cache_, bin_, 40));
    if (is_run(bin_)) {
        EXPECT_EQ(cached(other, bin_), 0U) << "runs are cached only by threads that take them";
    } else {
        EXPECT_GT(cached(other, bin_), 7U);
    }
}

TEST_F(CacheTest, TakeCacheResetsAUsedCache) {
    constexpr Bin bin = 4;
    Cache& other = *heap_.take_cache();
    const std::size_t at_first = room(bin);
    give(cache_, bin, take(cache_, bin, 1000));
    heap_.end_cache(&cache_);
    ASSERT_EQ(heap_.take_cache(), &cache_);
    EXPECT_EQ(room(bin), at_first);
    cache_.give(other.take(bin), bin);
    EXPECT_EQ(cached(cache_, bin), 0U);
}

INSTANTIATE_TEST_SUITE_P(Some, CacheBin,
                         testing::Values(Bin{1}, Bin{4}, Bin{9}, Bin{20}, Bin{21}, Bin{28},
                                         kClasses - 1, kClasses, kClasses + 1, kClasses + 7,
                                         kBins - 1));

TEST_F(CacheTest, LimitOfABinGrowsUpToItsCapacity) {
    constexpr Bin bin = 5;
    const std::size_t at_first = room(bin);
    EXPECT_LT(at_first, capacity_of_bin(bin));
    const Blocks blocks = take(cache_, bin, 1000);
    give(cache_, bin, blocks);
    EXPECT_EQ(room(bin) + cached(cache_, bin), capacity_of_bin(bin));
}

TEST_F(CacheTest, OverflowMovesTheNewestBlocksToTheDepot) {
    constexpr Bin bin = 4;
    Cache& other = *heap_.take_cache();
    Blocks blocks = take(cache_, bin, 1000);
    cache_.flush();
    give(cache_, bin, {blocks.begin(), blocks.begin() + capacity_of_bin(bin)});
    EXPECT_EQ(in_depot(bin), 0U);
    cache_.give(blocks[capacity_of_bin(bin)], bin);
    EXPECT_EQ(in_depot(bin), batch_of_class(bin));
    const Blocks got = take(other, bin, batch_of_class(bin));
    const auto end = blocks.begin() + capacity_of_bin(bin);
    EXPECT_EQ(std::set<void*>(got.begin(), got.end()),
              std::set<void*>(end - batch_of_class(bin), end))
        << "the newest";
    EXPECT_EQ(in_depot(bin), 0U);
}

// 256 bytes: 4 MiB are 16,384 blocks, 16 MiB the most before a drain.
TEST_F(CacheTest, OverflowDrainsBinAndDepotAfterMuchWasFreedByAThreadAlone) {
    const Bin bin = class_of_size(256);
    constexpr std::size_t kMany = 20000;
    const auto burst = [&](Cache& cache) {
        const Blocks blocks = take(cache, bin, kMany);
        ASSERT_EQ(blocks.size(), kMany);
        give(cache, bin, blocks);
    };
    heap_.spans.set_alone(true);
    burst(cache_);
    EXPECT_EQ(in_depot(bin), 0U);
    EXPECT_LE(cached(cache_, bin), 16U);
    burst(cache_);
    EXPECT_GT(in_depot(bin), 0U) << "the thread has refilled soon, so that more must be freed";
    cache_.flush();
    heap_.flush_cached();
    Cache& other = *heap_.take_cache();
    heap_.spans.set_alone(false);
    burst(other);
    EXPECT_GT(in_depot(bin), 0U) << "a background thread returns the rest";
}

TEST_F(CacheTest, GiveOfTheTopBlockIsReportedAtOnce) {
    for (const Bin bin : {Bin{4}, kClasses}) {
        void* const block = cache_.take(bin);
        cache_.give(block, bin);
        EXPECT_FALSE(cache_.push(block)) << "the hit path sends it to the slow path";
        EXPECT_EXIT(cache_.give(block, bin), testing::KilledBySignal(SIGABRT),
                    "^ashlar: double free of 0x[0-9a-f]+ \\([0-9]+-byte block\\)\n$");
    }
}

TEST_F(CacheTest, FlushReportsABlockFreedTwice) {
    const Blocks blocks = take(cache_, 4, 2);
    give(cache_, 4, {blocks[0], blocks[1], blocks[0]});
    EXPECT_EXIT(cache_.flush(), testing::KilledBySignal(SIGABRT),
                "^ashlar: double free of 0x[0-9a-f]+ \\([0-9]+-byte block\\)\n$");
}

TEST_F(CacheTest, GiveOfARunReportsThatTheBinHasIt) {
    const Blocks runs = take(cache_, kClasses, 3);
    give(cache_, kClasses, {runs[0], runs[1], runs[2]});
    for (void* run : runs) {
        EXPECT_EXIT(cache_.give(run, kClasses), testing::KilledBySignal(SIGABRT),
                    "^ashlar: double free of 0x[0-9a-f]+ \\(65536-byte block\\)\n$");
    }
}

TEST_F(CacheTest, GiveOfAPointerIntoARunIsReported) {
    const Blocks runs = take(cache_, kClasses, 1);
    EXPECT_EXIT(cache_.give(static_cast<char*>(runs[0]) + 16, kClasses),
                testing::KilledBySignal(SIGABRT),
                "^ashlar: invalid free of 0x[0-9a-f]+ .*65536-byte block.*\n$");
    give(cache_, kClasses, runs);
}

TEST_F(CacheTest, PushRefusesEveryRun) {
    const Blocks runs = take(cache_, kClasses, 2);
    EXPECT_FALSE(cache_.push(runs[0])) << "the bin is empty, open, and takes it by give() only";
    cache_.give(runs[0], kClasses);
    EXPECT_FALSE(cache_.push(runs[1]));
    cache_.give(runs[1], kClasses);
    EXPECT_EQ(cache_.pop_run(kClasses), runs[1]);
    EXPECT_FALSE(cache_.push(runs[1]));
    cache_.give(runs[1], kClasses);
}

TEST_F(CacheTest, PushOfAPointerWithoutABinIsRefused) {
    int local = 0;
    EXPECT_FALSE(cache_.push(nullptr));
    EXPECT_FALSE(cache_.push(&local));
    EXPECT_FALSE(cache_.push(reinterpret_cast<void*>(heap_.region().address(1400))))
        << "a unit without a holder";
    EXPECT_FALSE(cache_.push(reinterpret_cast<void*>(UINTPTR_MAX)));
    EXPECT_FALSE(cache_.push(heap_.allocate_run({2 * kMaxRun, 1}).block)) << "too large for a bin";
    EXPECT_EQ(cache_.pages.bin_of(&local), 0U);
}

TEST(ConstantCaches, PopAndPushAreRefused) {
    using namespace ashlar::cache;
    int local = 0;
    for (ConstantCache* none : {&kNoCache, &kPastCache}) {
        for (Bin bin = 0; bin < kBins; ++bin) ASSERT_EQ(none->pop(bin), nullptr);
        EXPECT_FALSE(none->push(nullptr));
        EXPECT_FALSE(none->push(&local));
        EXPECT_EQ(none->heap, nullptr);
    }
}

TEST_F(CacheTest, TakeBatchUsesTheBinTheDepotAndTheSlabs) {
    for (const Bin bin : {Bin{4}, Bin{21}, kClasses - 1}) {
        Blocks held = take(cache_, bin, 200);
        give(cache_, bin, {held.begin(), held.begin() + 150});
        held.erase(held.begin(), held.begin() + 150);
        Blocks out(300);
        ASSERT_EQ(cache_.take_batch(bin, out.data(), out.size()), out.size());
        held.insert(held.end(), out.begin(), out.end());
        EXPECT_TRUE(distinct(held));
        EXPECT_EQ(cached(cache_, bin), 0U);
        give(cache_, bin, held);
    }
    Blocks none;
    EXPECT_EQ(cache_.take_batch(4, none.data(), 0), 0U);
    cache_.flush();
    expect_empty();
}

TEST_F(CacheTest, MissesFlushAnIdleBin) {
    give(cache_, 30, take(cache_, 30, 3));
    EXPECT_GT(cached(cache_, 30), 0U);
    EXPECT_GT(miss_until([this] { return cached(cache_, 30) == 0; }), 10U)
        << "not after a few misses";
    EXPECT_EQ(cached(cache_, 30), 0U);
}

TEST_F(CacheTest, MissesFlushTheMagazinesOfAnIdleClass) {
    give(cache_, 4, take(cache_, 4, 1000));
    const std::size_t magazines = in_depot(4);
    ASSERT_GT(magazines, 0U);
    EXPECT_GT(miss_until([&, this] { return in_depot(4) < magazines; }), 10U);
    EXPECT_EQ(in_depot(4), 0U);
}

TEST_F(CacheTest, MissesKeepTheMagazinesOfAClassInUse) {
    constexpr Bin bin = 5;  // blocks too large for reservations
    Cache& other = *heap_.take_cache();
    give(cache_, bin, take(cache_, bin, 60 * batch_of_class(bin)));
    Blocks held;
    miss_until([&, rounds = 0]() mutable {
        if (++rounds % 4 == 0) {  // another thread goes on taking from the depot
            const Blocks more = take(other, bin, batch_of_class(bin));
            held.insert(held.end(), more.begin(), more.end());
        }
        return rounds == 200;
    });
    EXPECT_GT(in_depot(bin), 0U);
    give(other, bin, held);
    other.flush();
}

TEST_F(CacheTest, MissesFlushMagazinesReservedByAnIdleThread) {
    Cache& other = *heap_.take_cache();
    give(other, 4, take(other, 4, 20 * batch_of_class(4)));
    const std::size_t kept = in_depot(4);
    ASSERT_GT(kept, 0U);
    Blocks held = take(cache_, 4, batch_of_class(4));
    EXPECT_EQ(in_depot(4), kept);
    miss_until([&] { return in_depot(4) == 0; });
    EXPECT_EQ(in_depot(4), 0U);
    give(cache_, 4, held);
    other.flush();
}

TEST_F(CacheTest, MissesOfSmallBlocksPurgeFreePages) {
    constexpr Bin large = kClasses + 15;  // runs of 1 MiB
    give(cache_, large, take(cache_, large, 20));
    cache_.flush();
    heap_.spans.give_recent();
    const std::size_t purged = FakeSource::purged;
    for (int tick = 0; tick < 4; ++tick) {
        fake_now_ms += 1100;
        miss_until([rounds = 0]() mutable { return ++rounds == 100; });
    }
    EXPECT_GE(FakeSource::purged - purged, std::size_t{10} << 20);
}

}  // namespace
