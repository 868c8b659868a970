// Limits: what counts, where allocations fail, and when memory goes back.
#include <atomic>
#include <initializer_list>
#include <vector>

#include <gtest/gtest.h>

#include "malloc/process/limits.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "support/fake_clock.hpp"
#include "support/random.hpp"
#include "support/together.hpp"
#include "unit/malloc/process/hit_or_miss.hpp"

namespace {

using namespace ashlar::cache;

constexpr std::size_t mib = std::size_t{1} << 20;

void* take(std::size_t size) { return hit_or_miss({.size = size}); }

class LimitsTest : public testing::Test {
  protected:
    void SetUp() override {
        give(take(100));                    // the heap is there
        process()->spans.set_alone(false);  // tests of limits keep free memory
        static_cast<void>(trim());
        before_ = limits.used();
    }
    void TearDown() override {
        limits.set({});
        for (void* block : blocks_) give(block);
        EXPECT_EQ(check(), 0U);
    }
    void take_until_refused(std::size_t size) {
        for (void* block = take(size); block != nullptr; block = take(size)) {
            static_cast<char*>(block)[0] = 'x';
            blocks_.push_back(block);
        }
    }
    void give_all() {
        for (void* block : blocks_) give(block);
        blocks_.clear();
    }

    std::size_t before_ = 0;
    std::vector<void*> blocks_;
};

TEST_F(LimitsTest, SetLowersASoftLimitToTheHardOne) {
    limits.set({5 * mib, 3 * mib});
    EXPECT_EQ(limits.get().soft, 3 * mib);
    EXPECT_EQ(limits.get().hard, 3 * mib);
    limits.set({5 * mib, 0});
    EXPECT_EQ(limits.get().soft, 5 * mib);
    EXPECT_EQ(limits.get().hard, 0U);
}

TEST_F(LimitsTest, UsedCountsUnitsRunsAndMappedBlocks) {
    blocks_ = {take(100'000), take(3 * mib), take(40 * mib)};
    EXPECT_GE(limits.used() - before_, 43 * mib + 100'000);
    EXPECT_LE(limits.used() - before_, 44 * mib);
    give_all();
    static_cast<void>(trim());
    EXPECT_EQ(limits.used(), before_);
}

TEST_F(LimitsTest, AllocationsOfEverySizeFailAtTheHardLimitAndGoOnBelowIt) {
    constexpr std::size_t room = 100 * mib;
    for (const std::size_t size :
         {std::size_t{1000}, std::size_t{20'000}, std::size_t{100'000}, mib, 3 * mib, 40 * mib}) {
        limits.set({0, before_ + room});
        take_until_refused(size);
        EXPECT_LE(limits.used(), before_ + room) << size;
        ASSERT_FALSE(blocks_.empty());
        EXPECT_GE((blocks_.size() + 1) * size_of(blocks_[0]), room - 2 * mib) << size;
        EXPECT_EQ(check(), 0U);
        const std::size_t frontier = process()->spans.frontier();
        for (int i = 0; i < 20; ++i) EXPECT_EQ(take(size), nullptr);
        EXPECT_LE(process()->spans.frontier(), frontier + 2 * (size / 65536 + 6)) << size;
        give(blocks_.back());
        blocks_.back() = take(size);
        EXPECT_NE(blocks_.back(), nullptr) << size;
        give_all();
        limits.set({});
        static_cast<void>(trim());
    }
    EXPECT_EQ(limits.used(), before_);
    unsigned grown = 0;
    registry.each([&grown](Heap&) { ++grown; });
    EXPECT_EQ(grown, 0U);  // a refusal is no reason for a further heap
}

TEST_F(LimitsTest, ResizeKeepsToTheHardLimit) {
    limits.set({0, before_ + 100 * mib});
    void* mapped = take(40 * mib);
    void* run = take(3 * mib);
    ASSERT_NE(mapped, nullptr);
    ASSERT_NE(run, nullptr);
    EXPECT_EQ(resize_large(mapped, size_of(mapped), 120 * mib), nullptr);
    EXPECT_EQ(resize_large(run, size_of(run), 80 * mib), nullptr);
    EXPECT_EQ(size_of(mapped), 40 * mib);
    EXPECT_EQ(size_of(run), 3 * mib);
    mapped = resize_large(mapped, size_of(mapped), 60 * mib);
    EXPECT_NE(mapped, nullptr);
    EXPECT_NE(resize_large(run, size_of(run), 5 * mib), nullptr);
    blocks_ = {mapped, run};
}

// Holes of free units that hold memory, and then blocks that do not fit into
// them.
TEST_F(LimitsTest, FreeMemoryGoesBackAtOnceAboveTheSoftLimit) {
    for (int i = 0; i < 200; ++i) blocks_.push_back(take(100'000));
    for (std::size_t i = 0; i < blocks_.size(); i += 2) {
        give(blocks_[i]);
        blocks_[i] = nullptr;
    }
    const std::size_t full = limits.used();
    limits.set({full + mib, 0});
    for (int i = 0; i < 3; ++i) blocks_.push_back(take(mib));
    blocks_.push_back(take(4 * mib));  // the next miss: the process is relieved first
    EXPECT_LE(limits.used(), full);
    EXPECT_GT(limits.used(), full - 100 * 131'072);
}

TEST_F(LimitsTest, FreeMemoryGoesBackBeforeAnAllocationFails) {
    for (int i = 0; i < 200; ++i) blocks_.push_back(take(100'000));
    for (std::size_t i = 0; i < blocks_.size(); i += 2) {
        give(blocks_[i]);
        blocks_[i] = nullptr;
    }
    limits.set({0, limits.used() + mib});
    for (const std::size_t size : {4 * mib, 2 * mib}) {
        blocks_.push_back(take(size));
        EXPECT_NE(blocks_.back(), nullptr) << size;
    }
}

TEST_F(LimitsTest, MappedBlocksAboveTheSoftLimitRelieveTheProcess) {
    for (int i = 0; i < 100; ++i) blocks_.push_back(take(100'000));
    give_all();
    const std::size_t full = limits.used();
    ASSERT_GT(full, before_ + 5 * mib);
    limits.set({full, 0});
    blocks_.push_back(take(40 * mib));
    EXPECT_LE(limits.used(), before_ + 41 * mib);
}

TEST_F(LimitsTest, ThreadsTogetherKeepToTheHardLimit) {
    const std::size_t hard = before_ + 200 * mib;
    limits.set({hard - 20 * mib, hard});
    std::atomic<std::size_t> refused{0};
    std::atomic<std::size_t> most{0};
    together(4, [&](unsigned number) {
        Random random(number);
        std::vector<void*> own(600);
        for (int i = 0; i < 20'000; ++i) {
            void*& block = own[random.below(own.size())];
            give(block);
            block = take(random.below(8) == 0 ? random.below(4 * mib) : random.below(200'000));
            refused += block == nullptr ? 1 : 0;
            if (const std::size_t held =
                    mapped_blocks.held() + process()->spans.counts().held * 65536;
                held > most)
                most = held;
        }
        for (void* block : own) give(block);
    });
    EXPECT_GT(refused.load(), 0U);
    EXPECT_LE(limits.used(), hard);
    EXPECT_EQ(check(), 0U);
    EXPECT_LE(most.load(), hard + 4 * 4 * mib);  // each thread may be trying a block
}

}  // namespace
