// set_limit() and grow(): the size of a buffer, changed by the program.
#include <gtest/gtest.h>

#include <array>
#include <ashlar/memory_manager.hpp>
#include <thread>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::options;

ManagerOptions upto(Size limit, Size highest, make::Mode mode = make::Mode::one) {
    ManagerOptions made = options(limit, mode);
    made.highest_limit = highest;
    return made;
}

TEST(SetLimit, RaisesUpToTheHighest) {
    for (const make::Mode mode : make::modes) {
        MemoryManager manager(1000, upto(2000, 4 << 20, mode));
        EXPECT_EQ(manager.allocate(2001), std::nullopt);
        manager.set_limit(3000);
        EXPECT_EQ(manager.statistics().limit, 3000U);
        const Offset block = manager.allocate(3000).value();
        manager.write(block, make::pattern(3000, 1));
        manager.set_limit(4 << 20);
        const Offset next = manager.allocate((4 << 20) - 3000).value();
        manager.write(next, make::pattern((4 << 20) - 3000, 2));
        EXPECT_EQ(make::contents(manager, block, 3000), make::pattern(3000, 1));
        EXPECT_EQ(make::contents(manager, next, (4 << 20) - 3000),
                  make::pattern((4 << 20) - 3000, 2));
        EXPECT_THROW(manager.set_limit((4 << 20) + 1), BadSize);
        EXPECT_EQ(manager.try_set_limit(~Size{0}), Status::bad_size);
        EXPECT_EQ(manager.statistics().limit, Size{4 << 20});
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST(SetLimit, LowersDownToTheCapacity) {
    MemoryManager manager(1000, options(10'000));
    const Offset block = manager.allocate(1500).value();
    EXPECT_EQ(manager.capacity(), 2000U);
    EXPECT_EQ(manager.try_set_limit(1999), Status::bad_size);
    const std::string said = make::message<BadSize>([&] { manager.set_limit(1999); });
    EXPECT_NE(said.find("2000"), std::string::npos) << said;
    EXPECT_NE(said.find("10000"), std::string::npos) << said;
    EXPECT_EQ(manager.statistics().limit, 10'000U);
    manager.set_limit(2000);
    EXPECT_EQ(manager.allocate(1000), std::nullopt);
    EXPECT_FALSE(manager.resize(block, 2001));
    manager.set_limit(2500);
    EXPECT_TRUE(manager.resize(block, 2500));
    EXPECT_EQ(manager.capacity(), 2500U);
    manager.set_limit(10'000);  // it was that at first
    EXPECT_TRUE(manager.allocate(7500));
    EXPECT_EQ(manager.check(), 0U);
}

TEST(SetLimit, WorksUnderEveryPolicyWithoutMemory) {
    for (const Placement placement : make::placements) {
        ManagerOptions made = make::placed(placement);
        made.highest_limit = 1 << 16;
        MemoryManager manager = MemoryManager::without_memory(64, std::move(made));
        EXPECT_EQ(manager.allocate(65), std::nullopt);
        for (Size limit = 128; limit <= 1 << 16; limit *= 2) {
            manager.set_limit(limit);
            EXPECT_TRUE(manager.allocate(limit / 4)) << manager.policy_name();
            EXPECT_LE(manager.capacity(), limit);
            EXPECT_EQ(manager.check(), 0U) << manager.policy_name();
        }
    }
}

TEST(SetLimit, IsRoundedToTheGranularity) {
    ManagerOptions made = upto(0, 10'000);
    made.granularity = 64;
    MemoryManager manager(640, std::move(made));
    manager.set_limit(1000);
    EXPECT_EQ(manager.statistics().limit, 960U);
    EXPECT_EQ(manager.try_set_limit(639), Status::bad_size);
    EXPECT_EQ(manager.try_set_limit(700), Status::ok);
}

TEST(SetLimit, ConstructionRefusesAHighestLimitBeyondTheMaximum) {
    EXPECT_THROW(MemoryManager(1000, upto(0, max_buffer + 1)), BadSize);
    MemoryManager manager(1000, upto(5000, 10));  // less than the limit: without effect
    EXPECT_EQ(manager.try_set_limit(5001), Status::bad_size);
    MemoryManager moved(std::move(manager));
    EXPECT_EQ(manager.try_set_limit(1), Status::bad_size);
    EXPECT_EQ(manager.try_set_limit(0), Status::ok);
    EXPECT_EQ(manager.try_grow(1), Status::no_room);
}

// The bytes that a callback grants are cut to the limit that it sets.
TEST(SetLimit, MayBeCalledByTheCallback) {
    MemoryManager* self = nullptr;
    Size limit = 0;
    ManagerOptions made = options(10'000);
    made.grow_by = [&](Size, Size wanted) {
        self->set_limit(limit);
        EXPECT_FALSE(self->grow(10)) << "no growth within growth";
        return 2 * wanted;
    };
    MemoryManager manager(1000, std::move(made));
    self = &manager;
    limit = 1100;
    EXPECT_EQ(manager.allocate(1200), std::nullopt);
    limit = 10'000;
    manager.set_limit(3000);
    EXPECT_TRUE(manager.allocate(2500));
    EXPECT_EQ(manager.capacity(), 4000U);
    EXPECT_EQ(manager.check(), 0U);
}

TEST(Grow, AddsBytesAtOnce) {
    for (const make::Mode mode : make::modes) {
        ManagerOptions made = options(4 << 20, mode);
        made.grow_by = [](Size, Size) -> Size { throw 7; };
        MemoryManager manager(1000, std::move(made));
        EXPECT_TRUE(manager.grow(500));
        EXPECT_EQ(manager.capacity(), 1500U);
        EXPECT_EQ(manager.allocate(1500), Offset{0}) << "across the old end";
        EXPECT_TRUE(manager.grow(0));
        EXPECT_EQ(manager.capacity(), 1500U);
        EXPECT_FALSE(manager.grow((4 << 20) - 1499));
        EXPECT_FALSE(manager.grow(~Size{0}));
        EXPECT_EQ(manager.try_grow(~Size{0}), Status::no_room);
        EXPECT_EQ(manager.capacity(), 1500U);
        EXPECT_EQ(manager.try_grow((4 << 20) - 1500), Status::ok);
        EXPECT_EQ(manager.capacity(), Size{4 << 20});
        EXPECT_EQ(manager.trim(), (Size{4} << 20) - 1500) << "what no block uses goes again";
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST(Grow, RoundsUpToTheGranularity) {
    ManagerOptions made = options(10'000);
    made.granularity = 64;
    MemoryManager manager(640, std::move(made));
    EXPECT_TRUE(manager.grow(1));
    EXPECT_EQ(manager.capacity(), 704U);
}

TEST(Grow, TakesTheNextPart) {
    std::array<std::byte, 1000> first{}, second{};
    std::vector<Size> asked;
    std::vector<std::span<std::byte>> returned;
    ManagerOptions made = options(1800);
    made.next_part = [&](Size wanted) {
        asked.push_back(wanted);
        return std::span(second).first(asked.size() == 1 ? 99 : 700);
    };
    made.release_part = [&](std::span<std::byte> part) { returned.push_back(part); };
    MemoryManager manager(first, std::move(made));
    EXPECT_FALSE(manager.grow(100)) << "the part is too short";
    ASSERT_EQ(returned.size(), 1U);
    EXPECT_EQ(returned[0].size(), 99U);
    EXPECT_TRUE(manager.grow(600));
    EXPECT_EQ(manager.capacity(), 1700U) << "the whole part";
    EXPECT_EQ(asked, (std::vector<Size>{100, 600}));
    EXPECT_EQ(manager.data(manager.allocate_at(1000, 700).value()), second.data());
    EXPECT_FALSE(manager.grow(101)) << "beyond the limit nobody is asked";
    EXPECT_EQ(asked.size(), 2U);
    EXPECT_EQ(manager.check(), 0U);
}

TEST(Grow, WithoutRecordsChangesNothing) {
    std::array<std::byte, 100> first{}, second{};
    std::vector<std::span<std::byte>> returned;
    ManagerOptions made = options(1000);
    made.most_ranges = 2;
    made.next_part = [&](Size) { return std::span(second); };
    made.release_part = [&](std::span<std::byte> part) { returned.push_back(part); };
    MemoryManager manager(first, std::move(made));
    ASSERT_TRUE(manager.allocate(50));
    EXPECT_FALSE(manager.grow(100));
    EXPECT_EQ(returned.size(), 1U);
    EXPECT_EQ(manager.capacity(), 100U);
    EXPECT_EQ(manager.check(), 0U);
}

TEST(Grow, ThreadsGrowAndAllocateTogether) {
    MemoryManager manager(4096, upto(0, 32 << 20, make::Mode::many));
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) {
        threads.emplace_back([&manager, t] {
            for (unsigned i = 0; i < 300; ++i) {
                if (t == 0) {
                    static_cast<void>(manager.try_set_limit(Size{1 + i % 8} << 20));
                } else if (t == 1) {
                    static_cast<void>(manager.grow(100));
                    if (i % 16 == 0) manager.trim();
                } else if (const auto block = manager.allocate(3000 + i)) {
                    manager.write(*block, make::pattern(3000 + i, t));
                    EXPECT_EQ(make::contents(manager, *block, 3000 + i),
                              make::pattern(3000 + i, t));
                    manager.deallocate(*block);
                }
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(manager.capacity(), manager.statistics().limit);
    EXPECT_EQ(manager.statistics().used, 0U);
    EXPECT_EQ(manager.check(), 0U);
}

}  // namespace
