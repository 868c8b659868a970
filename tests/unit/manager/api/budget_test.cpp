// Requests that are about to fail, budgets, and counters.
#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <thread>
#include <vector>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

constexpr Size kWhole = Size{1} << 20;

class OnFailure : public testing::TestWithParam<make::Mode> {
  protected:
    // A full manager, whose callback frees a block if there is one left to
    // free.
    OnFailure() {
        options_ = make::options(0, GetParam());
        options_.on_failure = [this](Size size, Size alignment) {
            asked_.emplace_back(size, alignment);
            if (spare_.empty()) return false;
            manager_.deallocate(spare_.back());
            spare_.pop_back();
            return true;
        };
        manager_ = MemoryManager::without_memory(kWhole, options_);
    }
    ManagerOptions options_;
    MemoryManager manager_;
    std::vector<Offset> spare_;
    std::vector<std::pair<Size, Size>> asked_;
};
INSTANTIATE_TEST_SUITE_P(Threads, OnFailure, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(OnFailure, RequestIsTriedAgainAfterTheCallbackFreed) {
    std::vector<Offset> blocks;
    for (Size i = 0; i < 4; ++i) blocks.push_back(manager_.allocate(kWhole / 4).value());
    spare_ = {blocks[2]};
    EXPECT_EQ(manager_.allocate(kWhole / 4, 64), blocks[2]);
    EXPECT_EQ(asked_, (std::vector<std::pair<Size, Size>>{{kWhole / 4, 64}}));
    EXPECT_EQ(manager_.allocate(kWhole / 4), std::nullopt);
    EXPECT_EQ(asked_.size(), 2U);
    EXPECT_EQ(manager_.counters().failures, 1U);
    EXPECT_EQ(manager_.check(), 0U);
}

TEST_P(OnFailure, EveryKindOfRequestAsks) {
    const Offset whole = manager_.allocate(kWhole).value();
    spare_ = {whole};
    const std::optional<Handle> handle = manager_.allocate_movable(kWhole);
    ASSERT_TRUE(handle);
    EXPECT_EQ(manager_.allocate_root(1), std::nullopt);
    manager_.deallocate(*handle);
    spare_ = {manager_.allocate(kWhole).value()};
    EXPECT_TRUE(manager_.allocate_root(2000));
    EXPECT_EQ(asked_.size(), 3U);
}

// It may make small blocks free, which lie in slabs and caches.
TEST_P(OnFailure, SmallBlocksThatItFreesMakeRoomForLargeOnes) {
    bool freed = false;
    ManagerOptions options = make::options(0, GetParam());
    MemoryManager other;
    std::vector<Offset> blocks;
    options.on_failure = [&](Size, Size) {
        if (freed) return false;
        for (const Offset block : blocks) other.deallocate(block);
        return freed = true;
    };
    other = MemoryManager::without_memory(kWhole, options);
    for (int i = 0; i < 1000; ++i) blocks.push_back(other.allocate(100).value());
    EXPECT_EQ(other.allocate(kWhole), Offset{0});
    EXPECT_EQ(other.check(), 0U);
}

TEST_P(OnFailure, CallbackReturningFalseFailsTheRequest) {
    ASSERT_TRUE(manager_.allocate(kWhole - 5000));
    EXPECT_EQ(manager_.allocate(6000), std::nullopt);
    EXPECT_EQ(asked_.size(), 1U);
    Offset at = 0;
    EXPECT_EQ(manager_.try_allocate(6000, 1, at), Status::no_room);
    EXPECT_EQ(asked_.size(), 2U);
}

// Requests of the callback itself fail without another call of it.
TEST_P(OnFailure, RequestsOfTheCallbackDoNotCallIt) {
    unsigned calls = 0;
    MemoryManager manager;
    ManagerOptions options = make::options(0, GetParam());
    options.on_failure = [&](Size, Size) {
        ++calls;
        EXPECT_EQ(manager.allocate(2 * kWhole), std::nullopt);
        EXPECT_EQ(manager.allocate(kWhole), std::nullopt);
        EXPECT_THROW(manager.collect({}), ManagerError);
        return true;
    };
    manager = MemoryManager(kWhole, options);
    ASSERT_TRUE(manager.allocate(kWhole));
    EXPECT_EQ(manager.allocate(kWhole), std::nullopt);
    EXPECT_EQ(calls, 1U);
}

TEST_P(OnFailure, ExceptionsOfTheCallbackPassThrough) {
    ManagerOptions options = make::options(0, GetParam());
    options.on_failure = [](Size, Size) -> bool { throw 7; };
    MemoryManager manager(kWhole, options);
    ASSERT_TRUE(manager.allocate(kWhole));
    EXPECT_THROW(static_cast<void>(manager.allocate(2000)), int);
    manager.deallocate(0);
    EXPECT_TRUE(manager.allocate(kWhole)) << "the growth lock is free";
}

// What the buffer can grow to comes first.
TEST_P(OnFailure, CallbackComesAfterGrowth) {
    ManagerOptions options = make::options(2 * kWhole, GetParam());
    unsigned calls = 0;
    options.on_failure = [&calls](Size, Size) { return ++calls, false; };
    MemoryManager manager(kWhole, options);
    ASSERT_TRUE(manager.allocate(kWhole));
    ASSERT_TRUE(manager.allocate(kWhole));
    EXPECT_EQ(calls, 0U);
    EXPECT_EQ(manager.allocate(2000), std::nullopt);
    EXPECT_EQ(calls, 1U);
}

class Budget : public testing::TestWithParam<make::Mode> {
  protected:
    [[nodiscard]] MemoryManager make(Size budget) const {
        ManagerOptions options = make::options(4 * kWhole, GetParam());
        options.budget = budget;
        return MemoryManager::without_memory(kWhole, options);
    }
};
INSTANTIATE_TEST_SUITE_P(Threads, Budget, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(Budget, RequestsBeyondItFail) {
    MemoryManager manager = make(kWhole / 2);
    EXPECT_EQ(manager.budget().budget, kWhole / 2);
    const Offset block = manager.allocate(kWhole / 2 - 2000).value();
    EXPECT_EQ(manager.budget().left(), 2000U);
    EXPECT_EQ(manager.allocate(2001), std::nullopt);
    EXPECT_EQ(manager.allocate_movable(2001), std::nullopt);
    EXPECT_EQ(manager.allocate_root(2001), std::nullopt);
    EXPECT_TRUE(manager.allocate(2000));
    EXPECT_EQ(manager.allocate(1100), std::nullopt);
    EXPECT_EQ(manager.counters().failures, 4U);
    manager.deallocate(block);
    EXPECT_TRUE(manager.allocate(kWhole / 4));
    EXPECT_EQ(manager.capacity(), kWhole) << "the buffer does not grow for what the budget refuses";
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Budget, SmallBlocksStayWithinIt) {
    MemoryManager manager = make(kWhole / 2);
    std::vector<Offset> blocks;
    while (const std::optional<Offset> block = manager.allocate(100)) blocks.push_back(*block);
    EXPECT_GT(blocks.size() * 100, kWhole / 4);
    EXPECT_LE(manager.budget().used, kWhole / 2);
    EXPECT_LE(manager.counters().peak_used, kWhole / 2);
    EXPECT_EQ(manager.allocate(5000), std::nullopt);
    for (const Offset block : blocks) manager.deallocate(block);
    EXPECT_TRUE(manager.allocate(kWhole / 2)) << "empty slabs make room in the budget";
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Budget, ChangesAtRunTime) {
    MemoryManager manager = make(no_budget);
    EXPECT_EQ(manager.budget().budget, no_budget);
    const Offset block = manager.allocate(kWhole).value();
    manager.set_budget(kWhole / 2);
    EXPECT_EQ(manager.budget().left(), 0U);
    EXPECT_EQ(manager.allocate(1), std::nullopt);
    EXPECT_TRUE(manager.is_block(block)) << "what is there stays";
    manager.set_budget(kWhole + 5000);
    EXPECT_TRUE(manager.allocate(5000));
    manager.set_budget(no_budget);
    EXPECT_TRUE(manager.allocate(kWhole));
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Budget, OnFailureMayMakeRoomInIt) {
    MemoryManager manager;
    Offset first = 0;
    ManagerOptions options = make::options(0, GetParam());
    options.budget = kWhole / 2;
    options.on_failure = [&](Size, Size) { return manager.try_deallocate(first) == Status::ok; };
    manager = MemoryManager(kWhole, options);
    first = manager.allocate(kWhole / 2).value();
    EXPECT_TRUE(manager.allocate(kWhole / 4));
    EXPECT_EQ(manager.budget().used, kWhole / 4);
    first = kWhole;  // no block
    EXPECT_EQ(manager.allocate(kWhole / 2), std::nullopt);
}

TEST_P(Budget, AllocateAtAndResizeIgnoreIt) {
    MemoryManager manager = make(1000);
    EXPECT_TRUE(manager.allocate_at(0, 5000));
    EXPECT_TRUE(manager.resize(0, 10000));
    EXPECT_TRUE(manager.reserve_range(20000, 5000));
}

TEST(BudgetOfNoBuffer, IsNotShared) {
    MemoryManager none;
    none.set_budget(5);
    EXPECT_EQ(MemoryManager().budget().budget, no_budget);
}

class Counters : public testing::TestWithParam<make::Mode> {
  protected:
    Counters() {
        ManagerOptions options = make::options(2 * kWhole, GetParam());
        options.count_allocations = true;
        manager_ = MemoryManager(kWhole, options);
    }
    void expect(std::uint64_t allocations, std::uint64_t deallocations) const {
        EXPECT_EQ(manager_.counters().allocations, allocations);
        EXPECT_EQ(manager_.counters().deallocations, deallocations);
    }
    MemoryManager manager_;
};
INSTANTIATE_TEST_SUITE_P(Threads, Counters, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(Counters, CountEveryKindOfBlock) {
    const Offset small = manager_.allocate(16).value();
    const Offset large = manager_.allocate(5000).value();
    const Offset root = manager_.allocate_root(16).value();
    const Offset large_root = manager_.allocate_root(5000).value();
    const Handle handle = manager_.allocate_movable(100).value();
    ASSERT_TRUE(manager_.reserve_range(kWhole - 1000, 1000));
    Offset other = 0;
    ASSERT_EQ(manager_.try_allocate(100, 1, other), Status::ok);
    expect(7, 0);
    manager_.deallocate(handle);
    for (const Offset block : {small, large, root, large_root, other, kWhole - 1000})
        manager_.deallocate(block);
    EXPECT_THROW(manager_.deallocate(small), BadOffset);
    expect(7, 7);
}

TEST_P(Counters, ResetBeginsAnew) {
    const Offset kept = manager_.allocate(5000).value();
    const Offset gone = manager_.allocate(kWhole + 5000).value();
    EXPECT_EQ(manager_.allocate(2 * kWhole), std::nullopt);
    manager_.deallocate(gone);
    const ManagerCounters before = manager_.counters();
    EXPECT_EQ(before.failures, 1U);
    EXPECT_EQ(before.peak_used, kWhole + 10000);
    EXPECT_GT(before.peak_capacity, kWhole);
    manager_.trim();
    manager_.reset_counters();
    expect(0, 0);
    EXPECT_EQ(manager_.counters().failures, 0U);
    EXPECT_EQ(manager_.counters().peak_used, 5000U);
    EXPECT_EQ(manager_.counters().peak_capacity, kWhole);
    EXPECT_EQ(manager_.statistics().peak_used, 5000U);
    manager_.deallocate(kept);
    ASSERT_TRUE(manager_.allocate(100));
    expect(1, 1);
    manager_.clear();
    expect(1, 2);
    EXPECT_EQ(manager_.check(), 0U);
}

TEST_P(Counters, CollectedBlocksCountAsFreed) {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(manager_.allocate(i % 2 == 0 ? 16 : 5000));
    EXPECT_EQ(manager_.collect({}).freed_blocks, 10U);
    expect(10, 10);
}

TEST(CountersOff, OnlyFailuresAndPeaksAreCounted) {
    MemoryManager manager(kWhole, make::options());
    ASSERT_TRUE(manager.allocate(kWhole));
    EXPECT_EQ(manager.allocate(1), std::nullopt);
    EXPECT_EQ(manager.allocate(2 * kWhole), std::nullopt) << "more than the limit";
    const ManagerCounters counters = manager.counters();
    EXPECT_EQ(counters.allocations + counters.deallocations, 0U);
    EXPECT_EQ(counters.failures, 2U);
    EXPECT_EQ(counters.peak_used, kWhole);
}

TEST(CountersOfThreads, AreExact) {
    constexpr int kThreads = 4, kPairs = 5000;
    ManagerOptions options = make::options(0, Threads::many);
    options.count_allocations = true;
    MemoryManager manager(16 * kWhole, options);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&manager, t] {
            for (int i = 0; i < kPairs; ++i)
                manager.deallocate(
                    manager.allocate(static_cast<Size>(16 + (i + t) % 3 * 1000)).value());
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(manager.counters().allocations, std::uint64_t{kThreads} * kPairs);
    EXPECT_EQ(manager.counters().deallocations, std::uint64_t{kThreads} * kPairs);
}

}  // namespace
