// The level paranoid: zero in free blocks, guards, the quarantine,
// and blocks of size 0.
#include <cstring>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/peek.hpp"
#include "malloc/cache/quarantine_inline.hpp"
#include "malloc/checks/clear.hpp"
#include "malloc/heap/heap.hpp"
#include "malloc/process/zero_blocks.hpp"
#include "unit/malloc/checks/told.hpp"

namespace {

using namespace ashlar;
using base::Bin;
using base::kUnitSize;
using cache::CheckLevel;
using cache::Heap;

bool readable(const void* at) {
    char byte;
    return base::Peek().copy(reinterpret_cast<std::uintptr_t>(at), &byte, 1);
}

class Paranoid : public testing::Test {
  protected:
    Paranoid() : heap_(*Heap::create(region::kSystem, 2000, 2, CheckLevel::paranoid)) {}
    ~Paranoid() override { Heap::destroy(&heap_); }
    Paranoid(const Paranoid&) = delete;
    Paranoid& operator=(const Paranoid&) = delete;

    Bin bin_at(const void* block) const {
        return static_cast<Bin>(heap_.spans.pages().bin_within(block));
    }
    unsigned char* take(std::size_t size) {
        const cache::Allocation found = heap_.allocate({checks::with_room(size)});
        if (found.block == nullptr) std::abort();
        heap_.checks.handed_out(found.block, bin_at(found.block), size, found.zero);
        return static_cast<unsigned char*>(found.block);
    }
    void give(void* block) {
        const Bin bin = bin_at(block);
        if (!heap_.checks.taken_back(block, bin)) heap_.report(block);
        heap_.give(block, bin);
    }

    Heap& heap_;
};

TEST_F(Paranoid, FreeBlocksAreZero) {
    for (const std::size_t size : {1U, 100U, 1000U, 5000U, 32760U}) {
        unsigned char* block = take(size);
        std::memset(block, 0xaa, size);
        // Another block keeps the slab.
        static_cast<void>(take(size));
        give(block);
        EXPECT_EQ(checks::first_used(block, 0, size + 8), size + 8) << size;
    }
}

TEST_F(Paranoid, TellsAWriteToAnyByteOfAFreeBlock) {
    for (const std::size_t at : {0U, 15U, 16U, 700U, 1007U, 1023U}) {
        unsigned char* block = take(1000);
        give(block);
        block[at] = 1;
        EXPECT_NE(told([&] { EXPECT_EQ(take(1000), block); }), "") << at;
        block[at] = 0;
    }
}

TEST_F(Paranoid, TellsAWriteFarBehindTheEnd) {
    unsigned char* block = take(900);
    for (const std::size_t at : {900U, 915U, 916U, 930U, 1023U}) {
        block[at] = static_cast<unsigned char>(block[at] ^ 1);
        const std::string detail =
            "900-byte block, written " + std::to_string(at - 900) + " bytes behind its end";
        EXPECT_EQ(told([&] { static_cast<void>(heap_.checks.resized(block, 900)); }),
                  line("overflow", block, detail));
        block[at] = static_cast<unsigned char>(block[at] ^ 1);
    }
    EXPECT_EQ(told([&] { give(block); }), "");
}

TEST_F(Paranoid, WhatAResizeGivesUpIsZero) {
    unsigned char* block = take(1000);
    std::memset(block, 0xaa, 1000);
    ASSERT_TRUE(heap_.checks.resized(block, 600));
    ASSERT_TRUE(heap_.checks.resized(block, 1000));
    EXPECT_EQ(block[599], 0xaa);
    EXPECT_EQ(checks::first_used(block, 600, 1000), 1000U);
}

// All blocks at once, as at the exit of a program.
TEST_F(Paranoid, ComparesBlocksThatWereNeverHandedOut) {
    const auto compare = [&] { heap_.checks.compare_all(); };
    unsigned char* block = take(1000);
    const auto within = reinterpret_cast<std::uintptr_t>(block) % kUnitSize;
    unsigned char* never_used = within == 0 ? block + 1024 : block - 1024;
    EXPECT_EQ(told(compare), "");
    never_used[1023] = 1;
    EXPECT_EQ(told(compare),
              line("write after free", never_used, "at offset 1023 of a 1024-byte block"));
    never_used[1023] = 0;
}

TEST_F(Paranoid, ComparesWhatLiesBehindTheCanaries) {
    const auto compare = [&] { heap_.checks.compare_all(); };
    unsigned char* block = take(1000);
    ASSERT_TRUE(heap_.checks.resized(block, 900));
    EXPECT_EQ(told(compare), "");
    block[1000] = 1;
    EXPECT_EQ(told(compare),
              line("overflow", block, "900-byte block, written 100 bytes behind its end"));
    block[1000] = 0;
}

TEST_F(Paranoid, ComparesNoRunThatIsInACache) {
    unsigned char* run = take(2 * kUnitSize);
    ASSERT_TRUE(heap_.checks.taken_back(run, bin_at(run)));
    region::forbid(run, 2 * kUnitSize);
    EXPECT_EQ(told([&] { heap_.checks.compare_all(); }), "");
}

TEST_F(Paranoid, RunsHaveGuardsAndFreeUnitsAreClosed) {
    std::vector<unsigned char*> runs;
    for (const std::size_t units : {1U, 3U, 40U}) {
        unsigned char* run = take(units * kUnitSize);
        std::memset(run, 0xaa, units * kUnitSize);
        EXPECT_FALSE(readable(run - 1)) << units;
        EXPECT_FALSE(readable(run + units * kUnitSize)) << units;
        EXPECT_FALSE(readable(run + (units + 1) * kUnitSize - 1)) << units;
        runs.push_back(run);
    }
    for (unsigned char* run : runs) {
        give(run);
        EXPECT_FALSE(readable(run));
    }
    unsigned char* again = take(3 * kUnitSize);
    EXPECT_EQ(checks::first_used(again, 0, 3 * kUnitSize), 3 * kUnitSize);
    EXPECT_FALSE(readable(again + 3 * kUnitSize));
}

TEST_F(Paranoid, TheGuardFollowsTheEndOfARun) {
    unsigned char* run = take(40 * kUnitSize);
    std::memset(run, 0xaa, 40 * kUnitSize);
    ASSERT_TRUE(heap_.resize(run, 40 * kUnitSize, 35 * kUnitSize));
    EXPECT_TRUE(readable(run + 35 * kUnitSize - 1));
    EXPECT_FALSE(readable(run + 35 * kUnitSize));
    EXPECT_FALSE(readable(run + 40 * kUnitSize));
    ASSERT_TRUE(heap_.resize(run, 35 * kUnitSize, 38 * kUnitSize));
    EXPECT_EQ(run[35 * kUnitSize - 1], 0xaa);
    EXPECT_EQ(checks::first_used(run, 35 * kUnitSize, 38 * kUnitSize), 38 * kUnitSize);
    EXPECT_FALSE(readable(run + 38 * kUnitSize));
}

TEST_F(Paranoid, SlabsHaveGuards) {
    unsigned char* block = take(40);
    const auto unit = reinterpret_cast<std::uintptr_t>(block) / kUnitSize * kUnitSize;
    EXPECT_TRUE(readable(reinterpret_cast<void*>(unit + kUnitSize - 1)));
    EXPECT_FALSE(readable(reinterpret_cast<void*>(unit + kUnitSize)));
    EXPECT_FALSE(readable(reinterpret_cast<void*>(unit - 1)));
}

// The cache of a thread of the heap.
class ParanoidCache : public Paranoid {
  protected:
    ~ParanoidCache() override { heap_.end_cache(&cache_); }
    void put(void* block) {
        const Bin bin = bin_at(block);
        if (!heap_.checks.taken_back(block, bin)) heap_.report(block);
        const cache::OwnerScope scope(&cache_);
        cache_.put_in_quarantine(block, bin, [](const void*, Bin) noexcept {});
    }
    using Collected = cache::Cache::Collected;
    cache::Cache& cache_ = *heap_.take_cache();
};

TEST_F(ParanoidCache, AThreadThatOnlyFreesIsNotIdle) {
    void* const first = take(100);
    void* const second = take(100);
    put(first);
    EXPECT_EQ(cache_.collect(true), Collected::nothing);
    put(second);
    EXPECT_EQ(cache_.collect(true), Collected::nothing) << "it has freed a block since";
    EXPECT_FALSE(cache_.quarantine->is_empty());
    EXPECT_EQ(cache_.collect(true), Collected::blocks);
    EXPECT_TRUE(cache_.quarantine->is_empty());
}

TEST_F(ParanoidCache, BlocksOfABatchHaveRandomPlaces) {
    constexpr Bin kClass = base::class_of_size(64);
    void* blocks[200];
    const cache::OwnerScope scope(&cache_);
    ASSERT_EQ(cache_.take_batch(kClass, blocks, 200), 200U);
    int neighbours = 0;
    for (int i = 1; i < 200; ++i) {
        const auto apart = static_cast<char*>(blocks[i]) - static_cast<char*>(blocks[i - 1]);
        neighbours += apart == 64 || apart == -64 ? 1 : 0;
    }
    EXPECT_LT(neighbours, 50);
    for (void* block : blocks) cache_.give(block, kClass);
}

// Also those of a heap so small that tables would share pages.
TEST(ParanoidHeap, TablesLieBetweenGaps) {
    Heap* heap = Heap::create(region::kSystem, 60, 2, CheckLevel::paranoid);
    ASSERT_NE(heap, nullptr);
    const auto* map = reinterpret_cast<const unsigned char*>(heap->spans.page_map());
    EXPECT_TRUE(readable(map));
    const std::size_t page = region::page_size();
    const auto first = reinterpret_cast<std::uintptr_t>(map) / page * page;
    EXPECT_FALSE(readable(reinterpret_cast<void*>(first - 1)));
    EXPECT_FALSE(readable(reinterpret_cast<void*>(first + page)));
    Heap::destroy(heap);
}

TEST(QuarantineTest, KeepsBlocksUpToItsBoundAndEachOnce) {
    static cache::Quarantine quarantine{};
    std::set<std::uintptr_t> inside;
    const auto address = [](void* block) { return reinterpret_cast<std::uintptr_t>(block); };
    for (std::uintptr_t i = 1; i <= 10000; ++i) {
        inside.insert(i * 16);
        quarantine.put(reinterpret_cast<void*>(i * 16), 1024, [&](void* block) noexcept {
            EXPECT_EQ(inside.erase(address(block)), 1U);
            return std::size_t{1024};
        });
        if (i <= 1000) continue;
        EXPECT_LE(inside.size(), 257U);
        EXPECT_GE(inside.size(), 255U);
    }
    quarantine.drain([&](void* block) { EXPECT_EQ(inside.erase(address(block)), 1U); });
    EXPECT_TRUE(inside.empty());
    EXPECT_TRUE(quarantine.is_empty());
}

TEST(QuarantineTest, BlocksLeaveInAnotherOrder) {
    static cache::Quarantine quarantine{};
    std::uintptr_t last = 0;
    int in_order = 0;
    for (std::uintptr_t i = 1; i <= 10000; ++i) {
        quarantine.put(reinterpret_cast<void*>(i * 16), 1024, [&](void* block) noexcept {
            const auto at = reinterpret_cast<std::uintptr_t>(block);
            in_order += at == last + 16 ? 1 : 0;
            last = at;
            return std::size_t{1024};
        });
    }
    EXPECT_LT(in_order, 1000);
}

TEST(ZeroBlocksTest, HaveAddressesOfTheirOwnThatCannotBeTouched) {
    std::set<void*> taken;
    for (int i = 0; i < 100000; ++i) {
        void* block = cache::zero_blocks.take();
        ASSERT_NE(block, nullptr);
        ASSERT_TRUE(taken.insert(block).second);
        ASSERT_TRUE(cache::zero_blocks.is_live(block));
    }
    EXPECT_FALSE(readable(*taken.begin()));
    EXPECT_FALSE(readable(*taken.rbegin()));
    for (void* block : taken) cache::zero_blocks.give(block);
    EXPECT_FALSE(cache::zero_blocks.is_live(*taken.begin()));
}

TEST(ZeroBlocksTest, TellTheSecondOfTwoFreesAndPointersInside) {
    void* block = cache::zero_blocks.take();
    EXPECT_NE(told([&] { cache::zero_blocks.give(static_cast<char*>(block) + 1); }), "");
    EXPECT_EQ(told([&] { cache::zero_blocks.give(block); }), "");
    EXPECT_EQ(told([&] { cache::zero_blocks.give(block); }).find("ashlar: double free of "), 0U);
}

TEST(ZeroBlocksTest, AreUsedUpAndComeBack) {
    std::vector<void*> all;
    for (void* block; (block = cache::zero_blocks.take()) != nullptr;) all.push_back(block);
    EXPECT_EQ(all.size(), (std::size_t{4} << 20) / 16);
    for (void* block : all) cache::zero_blocks.give(block);
    void* block = cache::zero_blocks.take();
    EXPECT_NE(block, nullptr);
    cache::zero_blocks.give(block);
}

}  // namespace
