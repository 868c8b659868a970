// reallocate(): in place or to another place, with all that the block had. And
// resize() at the end of a buffer that may grow.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <ashlar/memory_manager.hpp>
#include <thread>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::contents;
using make::pattern;

constexpr Size kWhole = Size{1} << 20;

class Reallocate : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, Reallocate, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

// What statistics() says of a manager, for comparisons.
std::array<Size, 5> state(const MemoryManager& manager) {
    const ManagerStatistics now = manager.statistics();
    return {now.capacity, now.used, Size{now.blocks}, now.largest_free, Size{now.free_ranges}};
}

TEST_P(Reallocate, StaysWhereItCanBeResized) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    const Offset block = manager.allocate(2000).value();
    manager.write(block, pattern(2000, 1));
    EXPECT_EQ(manager.reallocate(block, 3000), block);
    EXPECT_EQ(manager.size_of(block), 3000U);
    EXPECT_EQ(manager.reallocate(block, 0), block);
    EXPECT_EQ(manager.size_of(block), 1U);
}

// Sizes of all kinds: blocks of slabs, of the policy, and such that are copied
// in several steps.
TEST_P(Reallocate, MovesBytesNameAndUserData) {
    constexpr std::array<Size, 6> sizes{8, 100, 600, 3000, 60'000, 200'000};
    for (const Placement placement : make::placements) {
        ManagerOptions options = make::placed(placement, GetParam());
        MemoryManager manager(4 * kWhole, std::move(options));
        for (const Size from : sizes) {
            for (const Size to : sizes) {
                const Offset block = manager.allocate(from).value();
                const auto wall = manager.allocate(1100).value();  // often just behind it
                manager.write(block, pattern(from, 7));
                manager.set_name(block, "the name");
                manager.set_user_data(block, 42);
                const Offset now = manager.reallocate(block, to).value();
                EXPECT_EQ(contents(manager, now, std::min(from, to)),
                          pattern(std::min(from, to), 7))
                    << from << ' ' << to;
                EXPECT_EQ(manager.size_of(now), to);
                EXPECT_EQ(manager.name(now), "the name") << from << ' ' << to;
                EXPECT_EQ(manager.user_data(now), 42U);
                if (now != block) {
                    EXPECT_FALSE(manager.is_block(block));
                }
                EXPECT_EQ(manager.statistics().blocks, 2U);
                EXPECT_EQ(manager.check(), 0U);
                manager.deallocate(now);
                manager.deallocate(wall);
                // At the same place, often: nothing was left there.
                const Offset next = manager.allocate(to).value();
                EXPECT_EQ(manager.name(next), "");
                EXPECT_EQ(manager.user_data(next), 0U);
                manager.deallocate(next);
            }
        }
        EXPECT_EQ(manager.statistics().used, 0U);
    }
}

TEST_P(Reallocate, MovesToAnAlignment) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    ASSERT_TRUE(manager.allocate(40));
    const Offset block = manager.allocate(40).value();
    ASSERT_NE(block % 4096, 0U);
    manager.write(block, pattern(40, 3));
    const Offset now = manager.reallocate(block, 40, 4096).value();
    EXPECT_EQ(now % 4096, 0U);
    EXPECT_EQ(contents(manager, now, 40), pattern(40, 3));
    EXPECT_EQ(manager.reallocate(now, 40, 4096), now);
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Reallocate, ChangesNothingWhenNothingFits) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    ASSERT_TRUE(manager.reserve_range(kWhole / 2, 8));
    for (const Size size : {Size{40}, Size{2000}, Size{100'000}}) {
        const Offset block = manager.allocate(size).value();
        manager.write(block, pattern(size, 5));
        manager.set_name(block, "stays");
        const auto before = state(manager);
        for (const Size wanted : {kWhole, kWhole + 1, ~Size{0}}) {
            EXPECT_EQ(manager.reallocate(block, wanted), std::nullopt);
            Offset result = 0;
            EXPECT_EQ(manager.try_reallocate(block, wanted, 1, result), Status::no_room);
        }
        EXPECT_EQ(state(manager), before);
        EXPECT_EQ(manager.size_of(block), size);
        EXPECT_EQ(manager.name(block), "stays");
        EXPECT_EQ(contents(manager, block, size), pattern(size, 5));
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST_P(Reallocate, RefusesWhatIsNoBlockOfTheCallers) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    const Offset block = manager.allocate(40).value();
    const Offset freed = manager.allocate(3000).value();
    const Handle handle = manager.allocate_movable(3000).value();
    manager.deallocate(freed);
    const auto before = state(manager);
    Offset result = 0;
    for (const Offset bad : {block + 1, freed, kWhole, ~Offset{0}, manager.resolve(handle)}) {
        for (const Size size : {Size{1}, Size{5000}, ~Size{0}}) {
            EXPECT_THROW(static_cast<void>(manager.reallocate(bad, size)), BadOffset) << bad;
            EXPECT_EQ(manager.try_reallocate(bad, size, 64, result), Status::bad_offset);
        }
    }
    EXPECT_THROW(static_cast<void>(manager.reallocate(block, 50, 3)), BadAlignment);
    EXPECT_EQ(manager.try_reallocate(freed, 50, 0, result), Status::bad_alignment);
    EXPECT_EQ(state(manager), before);
    MemoryManager gone(std::move(manager));
    EXPECT_THROW(static_cast<void>(manager.reallocate(block, 50)), BadOffset);
}

TEST_P(Reallocate, ReservedRangeStays) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    ASSERT_TRUE(manager.reserve_range(8192, 4096));
    EXPECT_EQ(manager.reallocate(8192, 8000), Offset{8192});
    ASSERT_TRUE(manager.allocate_at(8192 + 8192, 4096));
    EXPECT_EQ(manager.reallocate(8192, 10'000), std::nullopt);
    EXPECT_EQ(manager.size_of(8192), 8000U);
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Reallocate, GrowsTheBufferWithoutMemoryToo) {
    MemoryManager manager =
        MemoryManager::without_memory(10'000, make::options(2 * kWhole, GetParam()));
    const Offset block = manager.allocate(5000).value();
    ASSERT_TRUE(manager.allocate_at(block + 5000, 5000));
    manager.set_user_data(block, 9);
    const Offset now = manager.reallocate(block, kWhole).value();
    EXPECT_NE(now, block);
    EXPECT_GT(manager.capacity(), kWhole);
    EXPECT_EQ(manager.user_data(now), 9U);
    EXPECT_EQ(manager.statistics().blocks, 2U);
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Reallocate, ExceptionOfACallbackChangesNothing) {
    ManagerOptions options = make::options(2 * kWhole, GetParam());
    options.grow_by = [](Size, Size) -> Size { throw 7; };
    MemoryManager manager(kWhole, std::move(options));
    const Offset block = manager.allocate(5000).value();
    const auto before = state(manager);
    EXPECT_THROW(static_cast<void>(manager.reallocate(block, kWhole + 1)), int);
    EXPECT_THROW(static_cast<void>(manager.resize(block, kWhole + 1)), int);
    EXPECT_EQ(state(manager), before);
    EXPECT_EQ(manager.check(), 0U);
}

// The table of user data is only there once a small block has some.
TEST_P(Reallocate, LargeBlockWithUserDataBecomesSmall) {
    for (const Size size : {Size{3000}, Size{100'000}}) {
        MemoryManager manager(kWhole, make::options(0, GetParam()));
        const Offset odd = 500'001;
        ASSERT_TRUE(manager.allocate_at(odd, size));
        manager.set_user_data(odd, 5);
        manager.set_name(odd, "odd");
        const Offset now = manager.reallocate(odd, 40, 16).value();
        EXPECT_NE(now, odd);
        EXPECT_EQ(now % 16, 0U);
        EXPECT_EQ(manager.user_data(now), 5U);
        EXPECT_EQ(manager.name(now), "odd");
        EXPECT_EQ(manager.statistics().blocks, 1U);
        EXPECT_EQ(manager.check(), 0U);
    }
}

// Another thread frees blocks that this one is about to move: a fault of the
// program, after which the manager is whole.
TEST(ReallocateThreads, BlocksThatAnotherThreadFreesLeaveTheManagerWhole) {
    MemoryManager manager(8 << 20);
    for (const Size size : {Size{48}, Size{1500}, Size{20'000}, Size{80'000}}) {
        for (int round = 0; round < 20; ++round) {
            std::vector<Offset> blocks(32);
            ASSERT_EQ(manager.allocate_batch(size, 8, blocks), blocks.size());
            std::thread other([&] {
                for (const Offset block : blocks) static_cast<void>(manager.try_deallocate(block));
            });
            for (const Offset block : blocks) {
                Offset now = 0;
                const Status status = manager.try_reallocate(block, size * 3 / 2, 8, now);
                EXPECT_TRUE(status == Status::ok || status == Status::bad_offset ||
                            status == Status::no_room);
            }
            other.join();
            EXPECT_EQ(manager.check(), 0U);
            manager.clear();
        }
    }
}

TEST_P(Reallocate, RootStaysOne) {
    MemoryManager manager(4 * kWhole, make::options(0, GetParam()));
    Offset block = manager.allocate_root(40, 8).value();
    const Offset plain = manager.allocate(40, 8).value();
    for (const Size size : {Size{300}, Size{900}, Size{3000}, Size{200'000}}) {
        block = manager.reallocate(block, size, 8).value();
        manager.write(block, std::vector<std::byte>(size, std::byte{0xff}));
        manager.collect({});
        EXPECT_TRUE(manager.is_block(block)) << size;
        EXPECT_FALSE(manager.is_block(plain)) << size;
        EXPECT_EQ(manager.statistics().blocks, 1U);
    }
    const Offset other = manager.reallocate(manager.allocate(40, 8).value(), 600).value();
    manager.collect({});
    EXPECT_FALSE(manager.is_block(other)) << "it was none";
    EXPECT_EQ(manager.check(), 0U);
}

// ------------------------------------------------ resize() of the last block

TEST_P(Reallocate, ResizeGrowsTheBufferBehindItsLastBlock) {
    for (const Placement placement : make::placements) {
        ManagerOptions options = make::placed(placement, GetParam());
        options.limit = Size{1} << 20;
        MemoryManager manager(4096, std::move(options));
        const Offset block = manager.allocate(4000).value();
        manager.write(block, pattern(4000, 2));
        EXPECT_TRUE(manager.resize(block, 60'000)) << manager.policy_name();
        EXPECT_GE(manager.capacity(), 60'000U);
        EXPECT_EQ(manager.size_of(block), 60'000U);
        EXPECT_EQ(contents(manager, block, 4000), pattern(4000, 2));
        const Size capacity = manager.capacity();
        EXPECT_FALSE(manager.resize(block, (Size{1} << 20) + 1)) << "beyond the limit";
        EXPECT_EQ(manager.capacity(), capacity);
        EXPECT_TRUE(manager.resize(block, Size{1} << 20));
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST_P(Reallocate, ResizeDoesNotGrowForABlockBeforeAnother) {
    unsigned asked = 0;
    ManagerOptions options = make::options(Size{1} << 20, GetParam());
    options.grow_by = [&asked](Size, Size wanted) {
        ++asked;
        return wanted;
    };
    MemoryManager manager(4096, std::move(options));
    ASSERT_TRUE(manager.allocate_at(0, 2000));
    ASSERT_TRUE(manager.allocate_at(3000, 1000));
    EXPECT_FALSE(manager.resize(0, 5000));
    EXPECT_EQ(asked, 0U);
    EXPECT_TRUE(manager.resize(3000, 2000));
    EXPECT_EQ(asked, 1U);
    EXPECT_EQ(manager.capacity(), 5000U);
    EXPECT_TRUE(manager.resize(3000, 1900)) << "smaller";
    EXPECT_EQ(manager.capacity(), 5000U);
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Reallocate, ResizeDoesNotGrowByParts) {
    std::array<std::byte, 4096> first{};
    ManagerOptions options = make::options(Size{1} << 20, GetParam());
    unsigned asked = 0;
    options.next_part = [&asked](Size) {
        ++asked;
        return std::span<std::byte>{};
    };
    MemoryManager manager(first, std::move(options));
    const Offset block = manager.allocate(4096).value();
    EXPECT_FALSE(manager.resize(block, 5000));
    EXPECT_EQ(asked, 0U);
}

TEST_P(Reallocate, ResizeByGrowthWipesTheNewBytes) {
    ManagerOptions options = make::options(Size{1} << 20, GetParam());
    options.wipe = Wipe::always;
    MemoryManager manager(4096, std::move(options));
    const Offset block = manager.allocate(4096).value();
    manager.write(block, pattern(4096, 2));
    ASSERT_TRUE(manager.resize(block, 9000));
    EXPECT_EQ(contents(manager, block, 4096), pattern(4096, 2));
    EXPECT_EQ(contents(manager, block + 4096, 9000 - 4096),
              std::vector<std::byte>(9000 - 4096, std::byte{0xff}));
    const Handle handle = manager.allocate_movable(100).value();
    ASSERT_TRUE(manager.resize(handle, 700'000));
    const Offset end = manager.resolve(handle) + 700'000;
    EXPECT_EQ(contents(manager, end - 699'900, 699'900),
              std::vector<std::byte>(699'900, std::byte{0xff}));
}

// Bytes that the new block has beside those that were copied.
TEST_P(Reallocate, MovedBlockIsWipedBehindItsBytes) {
    for (const Size from : {Size{40}, Size{2000}, Size{70'000}}) {
        for (const Size to : {Size{500}, Size{5000}, Size{200'000}}) {
            if (to <= from) continue;
            ManagerOptions options = make::options(0, GetParam());
            options.wipe = Wipe::always;
            MemoryManager manager(kWhole, std::move(options));
            const Offset block = manager.allocate(from).value();
            ASSERT_TRUE(manager.allocate(1100));
            manager.write(block, pattern(from, 2));
            const Offset now = manager.reallocate(block, to).value();
            EXPECT_EQ(contents(manager, now, from), pattern(from, 2));
            EXPECT_EQ(contents(manager, now + from, to - from),
                      std::vector<std::byte>(to - from, std::byte{0xff}));
        }
    }
}

}  // namespace
