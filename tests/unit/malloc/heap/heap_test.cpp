// A whole heap: creation, destruction, caches, large blocks, exhaustion and
// faults.
#include <csignal>
#include <cstring>

#include "heap_fixture.hpp"

namespace {

using namespace ashlar::base;

class HeapTest : public HeapOver {
  protected:
    HeapTest() : HeapOver(200, 4) {}
};

TEST(HeapCreate, ReturnsNullIfTheSourceRefuses) {
    FakeSource::reset();
    FakeSource::refuse_reserve = true;
    EXPECT_EQ(ashlar::cache::Heap::create(FakeSource::source, 100, 4), nullptr);
    EXPECT_EQ(FakeSource::reserved, 0U);
}

TEST(HeapCreate, TakesOneMappingThatHoldsItsUnits) {
    FakeSource::reset();
    for (const UnitId units : {1U, 16U, 1000U, 100'000U}) {
        auto* heap = ashlar::cache::Heap::create(FakeSource::source, units, 2);
        ASSERT_NE(heap, nullptr);
        EXPECT_EQ(heap->mapped(), FakeSource::reserved);
        EXPECT_EQ(heap->region().base % kUnitSize, 0U);
        const auto start = reinterpret_cast<std::uintptr_t>(heap);
        EXPECT_GT(heap->region().address(1), start);
        EXPECT_LE(heap->region().address(units) + kUnitSize, start + heap->mapped());
        const auto [block, zero] = heap->allocate_run({units * kUnitSize, 1});
        auto* all = static_cast<char*>(block);
        ASSERT_NE(all, nullptr) << "every unit can be taken";
        EXPECT_TRUE(zero);
        all[0] = all[units * kUnitSize - 1] = 'x';
        ashlar::cache::Heap::destroy(heap);
        EXPECT_EQ(FakeSource::reserved, 0U);
    }
}

// As the process heap is made. Some address spaces have no room for it.
TEST(HeapCreate, InStepsReservesOnlyUsedAddressesAndReleasesThem) {
    FakeSource::reset();
    FakeSource::stepwise = true;
    constexpr std::uint32_t most = 200;
    auto* heap = ashlar::cache::Heap::create(FakeSource::source, 1U << 20, most);
    ASSERT_NE(heap, nullptr);
    if (!heap->region().stepwise)
        GTEST_SKIP() << "this address space has no room for such a region";
    EXPECT_LT(FakeSource::reserved, std::size_t{32} << 20) << "of 64 GiB";
    for (std::uint32_t i = 0; i < most; ++i) ASSERT_NE(heap->take_cache(), nullptr) << i;
    EXPECT_EQ(heap->take_cache(), nullptr);
    auto* large = static_cast<char*>(heap->allocate_run({3000 * kUnitSize, 1}).block);
    ASSERT_NE(large, nullptr);
    large[0] = large[3000 * kUnitSize - 1] = 'x';
    EXPECT_LT(FakeSource::reserved, std::size_t{300} << 20);
    EXPECT_EQ(heap->mapped(), FakeSource::reserved);
    ashlar::cache::Heap::destroy(heap);
    EXPECT_EQ(FakeSource::reserved, 0U);
}

TEST(HeapCreate, InStepsRefusesACacheWithoutAddresses) {
    FakeSource::reset();
    FakeSource::stepwise = true;
    auto* heap = ashlar::cache::Heap::create(FakeSource::source, 1U << 20, 200);
    ASSERT_NE(heap, nullptr);
    if (!heap->region().stepwise)
        GTEST_SKIP() << "this address space has no room for such a region";
    FakeSource::refuse_reserve_at = true;
    EXPECT_EQ(heap->take_cache(), nullptr);
    FakeSource::refuse_reserve_at = false;
    EXPECT_NE(heap->take_cache(), nullptr);
    ashlar::cache::Heap::destroy(heap);
    EXPECT_EQ(FakeSource::reserved, 0U);
}

// While another thread holds the lock, or the system refuses, the caches that
// are reserved already must do.
TEST(HeapCreate, InStepsReservesCachesBeforeTheLastOneIsTaken) {
    FakeSource::reset();
    FakeSource::stepwise = true;
    auto* heap = ashlar::cache::Heap::create(FakeSource::source, 1U << 20, 200);
    ASSERT_NE(heap, nullptr);
    if (!heap->region().stepwise)
        GTEST_SKIP() << "this address space has no room for such a region";
    heap->reserve_caches_ahead();
    const auto take = [heap](int n) {
        for (; n != 0 && heap->take_cache() != nullptr; --n) {
        }
        return n;
    };
    FakeSource::refuse_reserve_at = true;
    EXPECT_EQ(take(40), 0) << "of the first 64";
    FakeSource::refuse_reserve_at = false;
    EXPECT_EQ(take(20), 0);
    FakeSource::refuse_reserve_at = true;
    EXPECT_EQ(take(20), 0) << "of the next 64, reserved when 16 were left";
    FakeSource::refuse_reserve_at = false;
    ashlar::cache::Heap::destroy(heap);
    EXPECT_EQ(FakeSource::reserved, 0U);
}

TEST_F(HeapTest, TakeCacheReturnsNullAfterTheLastUntilAGive) {
    std::set<Cache*> caches;
    for (int i = 0; i < 4; ++i) {
        Cache* cache = heap_.take_cache();
        ASSERT_NE(cache, nullptr);
        EXPECT_TRUE(cache->attached());
        EXPECT_TRUE(caches.insert(cache).second);
    }
    EXPECT_EQ(heap_.take_cache(), nullptr);
    Cache* const back = *std::next(caches.begin(), 2);
    heap_.end_cache(back);
    EXPECT_EQ(heap_.take_cache(), back);
    EXPECT_EQ(heap_.take_cache(), nullptr);
}

TEST_F(HeapTest, TrimDropsTheCachesOfEndedThreads) {
    Cache* first = heap_.take_cache();
    Cache* second = heap_.take_cache();
    heap_.end_cache(first);
    static_cast<void>(heap_.trim());
    EXPECT_FALSE(first->attached()) << "its pages are gone";
    EXPECT_TRUE(second->attached());
    EXPECT_EQ(heap_.take_cache(), first) << "and it serves the next thread";
}

TEST_F(HeapTest, SecondCacheEndsTheTimeOfOneThreadAlone) {
    heap_.spans.set_alone(true);
    Cache* first = heap_.take_cache();
    EXPECT_TRUE(heap_.spans.alone());
    heap_.end_cache(first);
    ASSERT_EQ(heap_.take_cache(), first);
    EXPECT_TRUE(heap_.spans.alone()) << "one thread after another";
    static_cast<void>(heap_.take_cache());
    EXPECT_FALSE(heap_.spans.alone());
}

TEST_F(HeapTest, TakeLargeReturnsTheSizeAndAlignment) {
    for (const std::size_t bytes : {std::size_t{1}, kMaxRun + 1, 3 * kMaxRun}) {
        for (const std::size_t alignment :
             {std::size_t{16}, kUnitSize, 4 * kUnitSize, 16 * kUnitSize}) {
            void* block = heap_.allocate_run({bytes, alignment}).block;
            ASSERT_NE(block, nullptr);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0U);
            EXPECT_EQ(heap_.size_of(block).bytes, round_up(bytes, kUnitSize));
            heap_.give_run(block);
            EXPECT_EQ(heap_.size_of(block).bytes, 0U);
        }
    }
    EXPECT_EQ(heap_.allocate_run({SIZE_MAX, 1}).block, nullptr);
    EXPECT_EQ(heap_.allocate_run({1, std::size_t{1} << 62}).block, nullptr);
    EXPECT_EQ(heap_.allocate_run({201 * kUnitSize, 1}).block, nullptr);
    expect_empty();
}

TEST_F(HeapTest, ResizeNeedsFreeUnitsBehindTheBlock) {
    void* block = heap_.allocate_run({20 * kUnitSize, 1}).block;
    EXPECT_TRUE(heap_.resize(block, 20 * kUnitSize, 20 * kUnitSize - 5)) << "the same units";
    EXPECT_TRUE(heap_.resize(block, 20 * kUnitSize, 30 * kUnitSize));
    EXPECT_EQ(heap_.size_of(block).bytes, 30 * kUnitSize);
    void* wall = heap_.allocate_run({17 * kUnitSize, 1}).block;
    EXPECT_FALSE(heap_.resize(block, 30 * kUnitSize, 31 * kUnitSize));
    EXPECT_FALSE(heap_.resize(block, 30 * kUnitSize, SIZE_MAX));
    EXPECT_TRUE(heap_.resize(block, 30 * kUnitSize, kUnitSize));
    heap_.give_run(block);
    heap_.give_run(wall);
    expect_empty();
}

TEST_F(HeapTest, SizeOfIsZeroForPointersThatAreNoBlock) {
    Cache& cache = *heap_.take_cache();
    auto* block = static_cast<char*>(cache.take(10));
    EXPECT_EQ(heap_.size_of(block).bytes, kGeometry[10].size);
    EXPECT_EQ(heap_.size_of(block).bin, 10U);
    EXPECT_EQ(heap_.size_of(block + 16).bytes, 0U);
    EXPECT_EQ(heap_.size_of(&cache).bytes, 0U);
    auto* run = static_cast<char*>(cache.take(bin_of_run(3)));
    EXPECT_EQ(heap_.size_of(run).bytes, 3 * kUnitSize);
    EXPECT_EQ(heap_.size_of(run + kUnitSize).bytes, 0U);
    EXPECT_EQ(heap_.size_of(run + 16).bytes, 0U);
    EXPECT_EQ(heap_.size_of(nullptr).bytes, 0U);
    cache.give(block, 10);
    cache.flush();
    EXPECT_EQ(heap_.size_of(block).bytes, 0U) << "free";
}

TEST_F(HeapTest, TakeFromAFullHeapReturnsNullUntilReclaim) {
    Cache& cache = *heap_.take_cache();
    const Blocks blocks = take(cache, 36, 100'000);
    EXPECT_LT(blocks.size(), 100'000U);
    EXPECT_EQ(cache.take(1), nullptr);
    EXPECT_EQ(heap_.take(1), nullptr);
    EXPECT_EQ(heap_.take(kClasses), nullptr);
    void* out[3] = {};
    EXPECT_EQ(cache.take_batch(2, out, 3), 0U);
    EXPECT_EQ(heap_.allocate_run({1, 1}).block, nullptr);
    EXPECT_EQ(heap_.check(), 0U);
    give(cache, 36, blocks);
    cache.flush();
    heap_.reclaim();
    EXPECT_EQ(take(cache, 1, 1000).size(), 1000U);
}

TEST_F(HeapTest, ReclaimEmptiesTheDepot) {
    Cache& cache = *heap_.take_cache();
    give(cache, 4, take(cache, 4, 2000));
    cache.flush();
    EXPECT_GT(in_depot(4), 0U);
    heap_.reclaim();
    EXPECT_EQ(in_depot(4), 0U);
    expect_empty();
}

TEST_F(HeapTest, TrimReturnsFreePages) {
    Cache& cache = *heap_.take_cache();
    Blocks blocks = take(cache, 30, 300);
    for (void* block : blocks) std::memset(block, 'x', kGeometry[30].size);
    EXPECT_FALSE(heap_.trim()) << "every page is in use or was never touched";
    void* const kept = blocks.back();
    blocks.pop_back();
    give(cache, 30, blocks);
    cache.flush();
    EXPECT_TRUE(heap_.trim());
    EXPECT_EQ(heap_.spans.counts().dirty, 0U);
    for (std::size_t i = 0; i < kGeometry[30].size; ++i)
        ASSERT_EQ(static_cast<char*>(kept)[i], 'x');
    EXPECT_EQ(live(), std::set<void*>{kept});
}

TEST_F(HeapTest, VisitSkipsCachedBlocks) {
    Cache& cache = *heap_.take_cache();
    std::set<void*> expected;
    for (const Bin bin : {Bin{4}, kClasses - 1, kClasses, kClasses + 2}) {
        const Blocks blocks = take(cache, bin, 8);
        give(cache, bin, {blocks.begin() + 1, blocks.begin() + 4});
        for (std::size_t i = 4; i < 7; ++i) heap_.give(blocks[i], bin);
        expected.insert({blocks[0], blocks[7]});
    }
    Cache& other = *heap_.take_cache();
    give(other, 5, take(other, 5, 1000));
    EXPECT_GT(in_depot(5), 0U);
    expected.insert(heap_.allocate_run({40 * kUnitSize, 1}).block);
    EXPECT_EQ(live(), expected);
}

using HeapDeathTest = HeapTest;

#define EXPECT_REPORT(pointer, line) \
    EXPECT_EXIT(heap_.give_run(pointer), testing::KilledBySignal(SIGABRT), "^ashlar: " line "\n$")

TEST_F(HeapDeathTest, GiveLargeReportsPointersThatAreNoBlock) {
    Cache& cache = *heap_.take_cache();
    auto* large = static_cast<char*>(heap_.allocate_run({3 * kMaxRun, 1}).block);
    EXPECT_REPORT(large + kUnitSize,
                  "invalid free of 0x[0-9a-f]+ \\(inside a 6291456-byte block\\)");
    EXPECT_REPORT(large + 5, "invalid free of 0x[0-9a-f]+ \\(inside a 6291456-byte block\\)");
    heap_.give_run(large);
    EXPECT_REPORT(large, "double free of 0x[0-9a-f]+ \\(no block there any more\\)");
    int local = 0;
    EXPECT_REPORT(&local, "invalid free of 0x[0-9a-f]+ \\(not from this heap\\)");
    EXPECT_REPORT(&heap_, "invalid free of 0x[0-9a-f]+ \\(not from this heap\\)");
    auto* block = static_cast<char*>(cache.take(10));
    EXPECT_REPORT(block + 8, "invalid free of 0x[0-9a-f]+ \\(inside a 192-byte block\\)");
    EXPECT_REPORT(block, "double free of 0x[0-9a-f]+ \\(192-byte block\\)");
}

class SmallHeap : public HeapOver {
  protected:
    SmallHeap() : HeapOver(28) {}
};

// Before a take fails it uses magazines that other threads reserve. The heap is
// so small that no idle flush happens before.
TEST_F(SmallHeap, TakeUsesReservedMagazinesBeforeItFails) {
    Cache& other = *heap_.take_cache();
    Cache& cache = *heap_.take_cache();
    give(other, 4, take(other, 4, 20 * ashlar::depot::batch_of_class(4)));
    const std::size_t kept = in_depot(4);
    ASSERT_GT(kept, 0U);
    const Blocks rest = take(cache, 4, 28 * 1024);
    EXPECT_EQ(cache.take(4), nullptr);
    EXPECT_EQ(in_depot(4), 0U);
    EXPECT_TRUE(distinct(rest));
    give(cache, 4, rest);
    cache.flush();
    other.flush();
    expect_empty();
}

class LargeHeap : public HeapOver {
  protected:
    LargeHeap() : HeapOver(2000) {}
};

TEST_F(LargeHeap, DepotBudgetIsAnEighthOfTheHeap) {
    constexpr std::size_t least = std::size_t{8} << 20;
    EXPECT_EQ(heap_.depot_budget(), least);
    void* block = heap_.allocate_run({1600 * kUnitSize, 1}).block;
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(heap_.depot_budget(), 200 * kUnitSize);
    heap_.give_run(block);
    expect_empty();
}

}  // namespace
