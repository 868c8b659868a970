// clear(): every block goes at once, with its handle, names and data, and what
// is cached.
#include <gtest/gtest.h>

#include <array>
#include <ashlar/memory_manager.hpp>
#include <atomic>
#include <optional>
#include <set>
#include <thread>

#include "unit/manager/make.hpp"
#include "unit/manager/set_policy.hpp"

namespace {

using namespace ashlar;

constexpr Size kWhole = Size{1} << 20;

class Clear : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, Clear, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

// Blocks of all kinds and sizes, with holes between them.
std::vector<Handle> crowd(MemoryManager& manager) {
    std::vector<Handle> handles;
    std::vector<Offset> freed;
    EXPECT_TRUE(manager.reserve_range(kWhole - 4096, 4096));
    for (Size i = 0; i < 300; ++i) {
        const Offset small = manager.allocate(1 + i % 200).value();
        const Offset large = manager.allocate(1100 + i).value();
        if (i % 3 == 0) freed.insert(freed.end(), {small, large});
        if (i % 7 == 0) manager.set_name(i % 2 == 0 ? small : large, "old");
        if (i % 5 == 0) manager.set_user_data(i % 2 == 0 ? small : large, i + 1);
        if (i % 4 == 0) handles.push_back(manager.allocate_movable(500 + i).value());
    }
    for (const Offset offset : freed) manager.deallocate(offset);
    manager.deallocate(handles[1]);
    return handles;
}

TEST_P(Clear, FreesEveryBlockUnderEveryPolicy) {
    for (const Placement placement : make::placements) {
        MemoryManager manager(kWhole, make::placed(placement, GetParam()));
        for (unsigned round = 0; round < 3; ++round) {
            const std::vector<Handle> handles = crowd(manager);
            const Size peak = manager.statistics().peak_used;
            manager.clear();
            EXPECT_EQ(manager.check(), 0U) << manager.policy_name();
            const ManagerStatistics after = manager.statistics();
            EXPECT_EQ(after.blocks, 0U);
            EXPECT_EQ(after.used + after.overhead, 0U);
            EXPECT_EQ(after.free_ranges, 1U);
            EXPECT_EQ(after.largest_free, kWhole);
            EXPECT_EQ(after.peak_used, peak);
            for (const Handle handle : handles)
                EXPECT_THROW(static_cast<void>(manager.resolve(handle)), BadHandle);
        }
    }
}

TEST_P(Clear, LeavesNoCachedBlock) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    for (unsigned round = 0; round < 2; ++round) {
        std::thread([&] { manager.deallocate(manager.allocate(48).value()); }).join();
        static_cast<void>(manager.allocate(48).value());
        manager.clear();
        ASSERT_EQ(manager.allocate(kWhole), Offset{0});
        EXPECT_EQ(manager.allocate(48), std::nullopt) << "a block that lies in another one";
        EXPECT_EQ(manager.check(), 0U);
        manager.clear();
    }
}

TEST_P(Clear, EndsNamesAndUserData) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    const std::vector<Handle> handles = crowd(manager);
    manager.clear();
    for (Size i = 0; i < 300; ++i) {
        for (const Size size : {1 + i % 200, 1100 + i}) {
            const Offset block = manager.allocate(size).value();
            EXPECT_EQ(manager.name(block), "");
            EXPECT_EQ(manager.user_data(block), 0U);
        }
    }
    const Handle fresh = manager.allocate_movable(500).value();
    for (const Handle handle : handles) EXPECT_NE(handle, fresh);
    EXPECT_EQ(manager.name(manager.resolve(fresh)), "");
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Clear, EndsRoots) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    for (const Size size : {16U, 3000U}) {
        manager.clear();
        const Offset root = manager.allocate_root(size).value();
        manager.clear();
        ASSERT_EQ(manager.allocate(size), root);
        EXPECT_EQ(manager.collect({}).freed_blocks, 1U) << size;
    }
}

// Pages of unused records that trim() gave back stay unused, and are used
// again.
TEST_P(Clear, LosesNoRecordAfterTrim) {
    MemoryManager manager(Size{64} << 20, make::options(0, GetParam()));
    for (unsigned round = 0; round < 3; ++round) {
        std::vector<Offset> blocks;
        for (unsigned i = 0; i < 10'000; ++i) blocks.push_back(manager.allocate(2000).value());
        for (unsigned i = 0; i < 10'000; ++i) {
            if (i % 1000 != round) manager.deallocate(blocks[i]);
        }
        manager.trim();
        EXPECT_EQ(manager.check(), 0U);
        manager.clear();
        EXPECT_EQ(manager.check(), 0U);
        EXPECT_EQ(manager.statistics().free_ranges, 1U);
    }
}

TEST_P(Clear, RefusesWhileABlockIsPinned) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    const Offset small = manager.allocate(20).value();
    const Handle other = manager.allocate_movable(3000).value();
    const Handle pinned = manager.allocate_movable(3000).value();
    manager.pin(pinned);
    EXPECT_THROW(manager.clear(), Pinned);
    EXPECT_EQ(manager.try_clear(), Status::pinned);
    EXPECT_TRUE(manager.is_block(small));
    EXPECT_TRUE(manager.is_block(manager.resolve(other)));
    manager.unpin(pinned);
    EXPECT_EQ(manager.try_clear(), Status::ok);
    EXPECT_FALSE(manager.is_block(small));
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Clear, RefusesInAPass) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    const Offset below = manager.allocate(3000).value();
    static_cast<void>(manager.allocate_movable(3000).value());
    manager.deallocate(below);
    const std::vector<Move> moves = manager.begin_pass();
    ASSERT_EQ(moves.size(), 1U);
    EXPECT_EQ(manager.try_clear(), Status::pinned);
    EXPECT_EQ(manager.end_pass(moves).moves, 1U);
    manager.clear();
    EXPECT_EQ(manager.statistics().largest_free, kWhole);
    EXPECT_TRUE(manager.begin_pass().empty());
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Clear, KeepsThePartsOfTheCallerApart) {
    std::vector<std::byte> first(3000), others(9000);
    std::size_t given = 0;
    ManagerOptions options = make::options(Size{1} << 20, GetParam());
    options.next_part = [&](Size) {
        return std::span<std::byte>(others).subspan(given++ * 3000, 3000);
    };
    std::size_t released = 0;
    options.release_part = [&](std::span<std::byte>) { ++released; };
    MemoryManager manager(std::span<std::byte>(first), std::move(options));
    for (unsigned i = 0; i < 4; ++i) static_cast<void>(manager.allocate(2000).value());
    ASSERT_EQ(given, 3U);
    manager.clear();
    EXPECT_EQ(manager.check(), 0U);
    EXPECT_EQ(manager.capacity(), 12'000U);
    EXPECT_EQ(manager.statistics().free_ranges, 4U);
    std::set<Offset> starts;
    for (unsigned i = 0; i < 4; ++i) starts.insert(manager.allocate(3000).value());
    EXPECT_EQ(starts, (std::set<Offset>{0, 3000, 6000, 9000})) << "none lies across two parts";
    manager.clear();
    EXPECT_EQ(manager.trim(), 9000U);
    EXPECT_EQ(released, 3U);
}

TEST_P(Clear, IsRefusedInCallbacks) {
    MemoryManager* inside = nullptr;
    unsigned refused = 0;
    const auto refuse = [&] {
        if (inside->try_clear() == Status::in_callback) ++refused;
        EXPECT_THROW(inside->clear(), ManagerError);
    };
    ManagerOptions options = make::options(2 * kWhole, GetParam());
    options.grow_by = [&](Size, Size wanted) {
        refuse();
        return wanted;
    };
    MemoryManager manager(kWhole, std::move(options));
    inside = &manager;
    const Offset kept = manager.allocate(kWhole).value();
    static_cast<void>(manager.allocate(kWhole / 2).value());
    EXPECT_EQ(refused, 1U);
    const std::array roots{kept};
    static_cast<void>(manager.collect(roots, [&](Offset, Size, const auto&) { refuse(); }));
    EXPECT_EQ(refused, 2U);
    EXPECT_TRUE(manager.is_block(kept));
    manager.clear();
    EXPECT_EQ(manager.statistics().largest_free, kWhole + kWhole / 2);
}

TEST(ClearBesideACollector, WaitsForTheEndOfACycle) {
    MemoryManager manager(kWhole, make::options(0, make::Mode::many));
    const Offset root = manager.allocate(100).value();
    std::atomic<bool> looking{false}, go_on{false}, cleared{false};
    CollectorOptions options;
    options.period = std::chrono::milliseconds(0);
    options.roots = [&] {  // called without the lock
        looking = true;
        while (!go_on) std::this_thread::yield();
        return std::vector<Offset>{root};
    };
    manager.start_collector(std::move(options));
    while (!looking) std::this_thread::yield();
    std::thread clearing([&] {
        manager.clear();
        cleared = true;
    });
    // Time for a clear() that waits for nothing.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(cleared);
    go_on = true;
    clearing.join();
    EXPECT_FALSE(manager.is_block(root));
    const std::uint64_t cycles = manager.last_collection().cycles;
    while (manager.last_collection().cycles < cycles + 2) std::this_thread::yield();
    manager.stop_collector();
    EXPECT_EQ(manager.check(), 0U);
}

class Counting final : public SetPolicy {
  public:
    Counting(unsigned& finds, unsigned& erases) : finds_(finds), erases_(erases) {}
    void erase(RangeId hole) noexcept override {
        ++erases_;
        SetPolicy::erase(hole);
    }
    RangeId find(Size size, Size alignment) noexcept override {
        ++finds_;
        return SetPolicy::find(size, alignment);
    }

  private:
    unsigned &finds_, &erases_;
};

TEST(ClearUnderAPolicyOfTheProgram, ErasesEachHoleOnce) {
    unsigned finds = 0, erases = 0;
    ManagerOptions options = make::options();
    options.policy = [&] { return std::make_unique<Counting>(finds, erases); };
    MemoryManager manager = MemoryManager::without_memory(kWhole, std::move(options));
    std::vector<Offset> blocks;
    for (unsigned i = 0; i < 1000; ++i) blocks.push_back(manager.allocate(100).value());
    for (unsigned i = 0; i < 1000; i += 2) manager.deallocate(blocks[i]);
    const std::uint64_t holes = manager.statistics().free_ranges;
    finds = erases = 0;
    manager.clear();
    EXPECT_EQ(erases, holes);
    EXPECT_EQ(finds, 0U);
    EXPECT_EQ(manager.check(), 0U);
    EXPECT_EQ(manager.allocate(kWhole), Offset{0});
}

}  // namespace
