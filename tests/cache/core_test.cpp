// A heap as a whole: made and unmade, its caches, large blocks, exhaustion, faults.
#include <csignal>
#include <cstring>

#include "core_fixture.hpp"

namespace {

using namespace ashlar::base;

class CoreTest : public CoreOver {
  protected:
    CoreTest() : CoreOver(200, 4) {}
    bool zero_ = false;
};

TEST(CoreCreate, IsNullWhereTheSourceRefuses) {
    FakeSource::reset();
    FakeSource::refuse_reserve = true;
    EXPECT_EQ(ashlar::cache::Core::create(FakeSource::source, 100, 4), nullptr);
    EXPECT_EQ(FakeSource::reserved, 0U);
}

TEST(CoreCreate, TakesOneMappingThatHoldsItsUnits) {
    FakeSource::reset();
    for (const UnitId units : {1U, 16U, 1000U, 100'000U}) {
        auto* core = ashlar::cache::Core::create(FakeSource::source, units, 2);
        ASSERT_NE(core, nullptr);
        EXPECT_EQ(core->mapped(), FakeSource::reserved);
        EXPECT_EQ(core->region().base % kUnitSize, 0U);
        const auto start = reinterpret_cast<std::uintptr_t>(core);
        EXPECT_GT(core->region().address(1), start);
        EXPECT_LE(core->region().address(units) + kUnitSize, start + core->mapped());
        bool zero = false;
        auto* all = static_cast<char*>(core->take_large(units * kUnitSize, 1, zero));
        ASSERT_NE(all, nullptr) << "every unit can be had";
        EXPECT_TRUE(zero);
        all[0] = all[units * kUnitSize - 1] = 'x';
        ashlar::cache::Core::destroy(core);
        EXPECT_EQ(FakeSource::reserved, 0U);
    }
}

TEST_F(CoreTest, CachesRunOutAndAreUsedAgain) {
    std::set<Cache*> caches;
    for (int i = 0; i < 4; ++i) {
        Cache* cache = core_.take_cache();
        ASSERT_NE(cache, nullptr);
        EXPECT_TRUE(cache->attached());
        EXPECT_TRUE(caches.insert(cache).second);
    }
    EXPECT_EQ(core_.take_cache(), nullptr);
    Cache* const back = *std::next(caches.begin(), 2);
    core_.give_cache(back);
    EXPECT_EQ(core_.take_cache(), back);
    EXPECT_EQ(core_.take_cache(), nullptr);
}

TEST_F(CoreTest, LargeBlocksHaveTheirSizeAndAlignment) {
    for (const std::size_t bytes : {std::size_t{1}, kMaxRun + 1, 3 * kMaxRun}) {
        for (const std::size_t alignment : {std::size_t{16}, kUnitSize, 4 * kUnitSize, 16 * kUnitSize}) {
            void* block = core_.take_large(bytes, alignment, zero_);
            ASSERT_NE(block, nullptr);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0U);
            EXPECT_EQ(core_.size_of(block).bytes, round_up(bytes, kUnitSize));
            core_.give_large(block);
            EXPECT_EQ(core_.size_of(block).bytes, 0U);
        }
    }
    EXPECT_EQ(core_.take_large(SIZE_MAX, 1, zero_), nullptr);
    EXPECT_EQ(core_.take_large(1, std::size_t{1} << 62, zero_), nullptr);
    EXPECT_EQ(core_.take_large(201 * kUnitSize, 1, zero_), nullptr);
    expect_empty();
}

TEST_F(CoreTest, ResizeInPlace) {
    void* block = core_.take_large(20 * kUnitSize, 1, zero_);
    EXPECT_TRUE(core_.resize(block, 20 * kUnitSize, 20 * kUnitSize - 5)) << "the same units";
    EXPECT_TRUE(core_.resize(block, 20 * kUnitSize, 30 * kUnitSize));
    EXPECT_EQ(core_.size_of(block).bytes, 30 * kUnitSize);
    void* wall = core_.take_large(17 * kUnitSize, 1, zero_);
    EXPECT_FALSE(core_.resize(block, 30 * kUnitSize, 31 * kUnitSize));
    EXPECT_FALSE(core_.resize(block, 30 * kUnitSize, SIZE_MAX));
    EXPECT_TRUE(core_.resize(block, 30 * kUnitSize, kUnitSize));
    core_.give_large(block);
    core_.give_large(wall);
    expect_empty();
}

TEST_F(CoreTest, SizeOfKnowsBlocksFromOtherPointers) {
    Cache& cache = *core_.take_cache();
    auto* block = static_cast<char*>(cache.take(10));
    EXPECT_EQ(core_.size_of(block).bytes, kGeometry[10].size);
    EXPECT_EQ(core_.size_of(block).bin, 10U);
    EXPECT_EQ(core_.size_of(block + 16).bytes, 0U);
    EXPECT_EQ(core_.size_of(&cache).bytes, 0U);
    auto* run = static_cast<char*>(cache.take(bin_of_run(3)));
    EXPECT_EQ(core_.size_of(run).bytes, 3 * kUnitSize);
    EXPECT_EQ(core_.size_of(run + kUnitSize).bytes, 0U);
    EXPECT_EQ(core_.size_of(run + 16).bytes, 0U);
    EXPECT_EQ(core_.size_of(nullptr).bytes, 0U);
    cache.give(block, 10);
    cache.flush();
    EXPECT_EQ(core_.size_of(block).bytes, 0U) << "free";
}

TEST_F(CoreTest, OutOfMemoryIsNullAndPasses) {
    Cache& cache = *core_.take_cache();
    const Blocks blocks = take(cache, 36, 100'000);
    EXPECT_LT(blocks.size(), 100'000U);
    EXPECT_EQ(cache.take(1), nullptr);
    EXPECT_EQ(core_.take(1), nullptr);
    EXPECT_EQ(core_.take(kClasses), nullptr);
    void* out[3] = {};
    EXPECT_EQ(cache.take_batch(2, out, 3), 0U);
    EXPECT_EQ(core_.take_large(1, 1, zero_), nullptr);
    EXPECT_EQ(core_.check(), 0U);
    give(cache, 36, blocks);
    cache.flush();
    core_.reclaim();
    EXPECT_EQ(take(cache, 1, 1000).size(), 1000U);
}

TEST_F(CoreTest, ReclaimBringsTheDepotBack) {
    Cache& cache = *core_.take_cache();
    give(cache, 4, take(cache, 4, 2000));
    cache.flush();
    EXPECT_GT(in_depot(4), 0U);
    core_.reclaim();
    EXPECT_EQ(in_depot(4), 0U);
    expect_empty();
}

TEST_F(CoreTest, TrimGivesFreePagesToTheSystem) {
    Cache& cache = *core_.take_cache();
    Blocks blocks = take(cache, 30, 300);
    for (void* block : blocks) std::memset(block, 'x', kGeometry[30].size);
    EXPECT_FALSE(core_.trim()) << "all of it is in use, or was never touched";
    void* const kept = blocks.back();
    blocks.pop_back();
    give(cache, 30, blocks);
    cache.flush();
    EXPECT_TRUE(core_.trim());
    EXPECT_EQ(core_.spans.counts().dirty, 0U);
    for (std::size_t i = 0; i < kGeometry[30].size; ++i) ASSERT_EQ(static_cast<char*>(kept)[i], 'x');
    EXPECT_EQ(live(), std::set<void*>{kept});
}

TEST_F(CoreTest, VisitHidesWhatIsCachedAnywhere) {
    Cache& cache = *core_.take_cache();
    std::set<void*> expected;
    for (const Bin bin : {Bin{4}, kClasses - 1, kClasses, kClasses + 2}) {
        const Blocks blocks = take(cache, bin, 8);
        give(cache, bin, {blocks.begin() + 1, blocks.begin() + 4});
        for (std::size_t i = 4; i < 7; ++i) core_.give(blocks[i], bin);
        expected.insert({blocks[0], blocks[7]});
    }
    Cache& other = *core_.take_cache();
    give(other, 5, take(other, 5, 1000));
    EXPECT_GT(in_depot(5), 0U);
    bool zero;
    expected.insert(core_.take_large(40 * kUnitSize, 1, zero));
    EXPECT_EQ(live(), expected);
}

using CoreDeathTest = CoreTest;

#define EXPECT_REPORT(pointer, line) \
    EXPECT_EXIT(core_.give_large(pointer), testing::KilledBySignal(SIGABRT), "^ashlar: " line "\n$")

TEST_F(CoreDeathTest, EveryPointerThatIsNoBlockIsNamed) {
    Cache& cache = *core_.take_cache();
    auto* large = static_cast<char*>(core_.take_large(3 * kMaxRun, 1, zero_));
    EXPECT_REPORT(large + kUnitSize, "invalid free of 0x[0-9a-f]+ \\(inside a 3145728-byte block\\)");
    EXPECT_REPORT(large + 5, "invalid free of 0x[0-9a-f]+ \\(inside a 3145728-byte block\\)");
    core_.give_large(large);
    EXPECT_REPORT(large, "double free of 0x[0-9a-f]+ \\(no block there any more\\)");
    int local = 0;
    EXPECT_REPORT(&local, "invalid free of 0x[0-9a-f]+ \\(not from this heap\\)");
    EXPECT_REPORT(&core_, "invalid free of 0x[0-9a-f]+ \\(not from this heap\\)");
    auto* block = static_cast<char*>(cache.take(10));
    EXPECT_REPORT(block + 8, "invalid free of 0x[0-9a-f]+ \\(inside a 192-byte block\\)");
    EXPECT_REPORT(block, "double free of 0x[0-9a-f]+ \\(192-byte block\\)");
}

class SmallCore : public CoreOver {
  protected:
    SmallCore() : CoreOver(28) {}
};

// Before memory is said to be out, also what is kept for others is taken. So small a heap that nobody tidies before.
TEST_F(SmallCore, MagazinesKeptForAnotherAreFoundWhenNothingElseIs) {
    Cache& other = *core_.take_cache();
    Cache& cache = *core_.take_cache();
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

class LargeCore : public CoreOver {
  protected:
    LargeCore() : CoreOver(2000) {}
};

TEST_F(LargeCore, TheDepotMayKeepAnEighth) {
    constexpr std::size_t least = std::size_t{8} << 20;
    EXPECT_EQ(core_.depot_budget(), least);
    bool zero = false;
    void* block = core_.take_large(1600 * kUnitSize, 1, zero);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(core_.depot_budget(), 200 * kUnitSize);
    core_.give_large(block);
    expect_empty();
}

class GrownCore : public CoreOver {
  protected:
    GrownCore() : CoreOver(500) {}
};

TEST_F(GrownCore, PagesComeAtOnceForWhoeverUsesUpSlabs) {
    constexpr std::size_t grown = std::size_t{8} << 20;
    Cache& cache = *core_.take_cache();
    Blocks blocks = take(cache, 16, grown / 2 / size_of_bin(16));
    EXPECT_EQ(FakeSource::populated, 0U) << "a small heap touches its pages one by one";
    const Blocks more = take(cache, 16, 2 * grown / size_of_bin(16));
    blocks.insert(blocks.end(), more.begin(), more.end());
    const std::size_t populated = FakeSource::populated;
    EXPECT_GE(populated, grown);
    EXPECT_LE(populated, 2 * grown);
    const Blocks few = take(cache, 17, 3);
    EXPECT_EQ(FakeSource::populated, populated) << "the first slab of a class";
    give(cache, 17, few);
    give(cache, 16, blocks);
    cache.flush();
    core_.reclaim();
    static_cast<void>(take(cache, 16, 2 * grown / size_of_bin(16)));
    EXPECT_EQ(FakeSource::populated, populated) << "pages that are there already";
    cache.flush();
}

}  // namespace
