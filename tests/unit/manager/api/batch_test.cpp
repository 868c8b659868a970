// Many blocks in one call.
#include <gtest/gtest.h>

#include <array>
#include <ashlar/memory_manager.hpp>
#include <atomic>
#include <set>
#include <thread>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

class Batch : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, Batch, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

constexpr std::array<Size, 5> kSizes{0, 16, 700, 1500, 9000};

// As many blocks as were asked for, of which no two share a byte.
void expect_apart(const MemoryManager& manager, std::span<const Offset> blocks, Size size,
                  Size alignment) {
    const std::set<Offset> sorted(blocks.begin(), blocks.end());
    ASSERT_EQ(sorted.size(), blocks.size());
    Offset end = 0;
    for (const Offset block : sorted) {
        EXPECT_GE(block, end);
        EXPECT_EQ(block % alignment, 0U);
        EXPECT_EQ(manager.size_of(block), size);
        end = block + size;
    }
}

TEST_P(Batch, AllocatesAndFreesUnderEveryPolicy) {
    for (const Placement placement : make::placements) {
        MemoryManager manager(8 << 20, make::placed(placement, GetParam()));
        for (const Size size : kSizes) {
            for (const Size alignment : {Size{1}, Size{64}}) {
                std::vector<Offset> blocks(333);
                ASSERT_EQ(manager.allocate_batch(size, alignment, blocks), blocks.size());
                expect_apart(manager, blocks, size == 0 ? 1 : size, alignment);
                EXPECT_EQ(manager.statistics().blocks, blocks.size());
                EXPECT_EQ(manager.statistics().used, blocks.size() * (size == 0 ? 1 : size));
                EXPECT_EQ(manager.check(), 0U);
                manager.deallocate_batch(blocks);
                EXPECT_EQ(manager.statistics().used, 0U);
                EXPECT_EQ(manager.check(), 0U);
            }
        }
    }
}

TEST_P(Batch, EmptyBatchDoesNothing) {
    MemoryManager manager(1 << 20, make::options(0, GetParam()));
    std::size_t count = 9;
    EXPECT_EQ(manager.allocate_batch(8, 1, {}), 0U);
    EXPECT_EQ(manager.try_allocate_batch(~Size{0}, 1, {}, count), Status::ok);
    EXPECT_EQ(count, 0U);
    EXPECT_THROW(static_cast<void>(manager.allocate_batch(8, 3, {})), BadAlignment);
    manager.deallocate_batch({});
    EXPECT_EQ(manager.try_deallocate_batch({}, count), Status::ok);
}

TEST_P(Batch, StoresWhatFits) {
    for (const Size size : kSizes) {
        MemoryManager manager(1 << 20, make::options(0, GetParam()));
        std::vector<Offset> blocks((2 << 20) / std::max<Size>(size, 8));
        std::size_t count = 0;
        EXPECT_EQ(manager.try_allocate_batch(std::max<Size>(size, 8), 1, blocks, count),
                  Status::no_room);
        EXPECT_GT(count, blocks.size() / 4);
        EXPECT_LT(count, blocks.size());
        EXPECT_EQ(manager.statistics().blocks, count);
        EXPECT_EQ(manager.allocate(std::max<Size>(size, 8)), std::nullopt) << "all of it is taken";
        std::array<Offset, 3> more{};
        EXPECT_EQ(manager.allocate_batch(1 << 19, 1, more), 0U);
        EXPECT_EQ(manager.allocate_batch(~Size{0}, 1, more), 0U);
        std::size_t freed = 0;
        EXPECT_EQ(manager.try_deallocate_batch(std::span(blocks).first(count), freed), Status::ok);
        EXPECT_EQ(freed, count);
        EXPECT_EQ(manager.statistics().used, 0U);
        EXPECT_EQ(manager.check(), 0U);
    }
}

// Bad ones in each place of a batch, and of each kind.
TEST_P(Batch, StopsAtTheFirstBadOffset) {
    for (const Size size : {Size{40}, Size{3000}}) {
        for (const std::size_t where : {0U, 1U, 63U, 64U, 99U}) {
            MemoryManager manager(1 << 20, make::options(0, GetParam()));
            const Offset movable = manager.resolve(manager.allocate_movable(500).value());
            std::vector<Offset> blocks(100);
            ASSERT_EQ(manager.allocate_batch(size, 1, blocks), blocks.size());
            const Offset right = blocks[where];
            for (const Offset bad : {right + 1, ~Offset{0}, movable, blocks[0]}) {
                if (bad == right) continue;
                blocks[where] = bad;
                if (bad == blocks[0] && where == 0) continue;
                std::size_t freed = 999;
                EXPECT_EQ(manager.try_deallocate_batch(blocks, freed), Status::bad_offset);
                EXPECT_EQ(freed, where);
                for (std::size_t i = where + 1; i < blocks.size(); ++i)
                    EXPECT_TRUE(manager.is_block(blocks[i]));
                EXPECT_TRUE(manager.is_block(right));
                EXPECT_EQ(manager.statistics().blocks, 101 - where);
                const std::string said = make::message<BadOffset>(
                    [&] { manager.deallocate_batch(std::span(blocks).subspan(where)); });
                EXPECT_NE(said.find("number 0"), std::string::npos) << said;
                EXPECT_NE(said.find(std::to_string(bad)), std::string::npos) << said;
                ASSERT_EQ(manager.allocate_batch(size, 1, std::span(blocks).first(where)), where);
            }
            EXPECT_EQ(manager.check(), 0U);
        }
    }
}

TEST_P(Batch, FreesSmallLargeNamedAndReservedBlocks) {
    MemoryManager manager(1 << 20, make::options(0, GetParam()));
    std::vector<Offset> blocks;
    ASSERT_TRUE(manager.reserve_range(1 << 19, 64));
    blocks.push_back(1 << 19);
    for (Size i = 0; i < 200; ++i) {
        blocks.push_back(manager.allocate(i % 3 == 0 ? 2000 : 20 + i).value());
        if (i > 100 && i % 5 == 0) manager.set_name(blocks.back(), "old");
        if (i > 100 && i % 7 == 0) manager.set_user_data(blocks.back(), i);
    }
    blocks.push_back(manager.allocate_root(30).value());
    manager.deallocate_batch(blocks);
    EXPECT_EQ(manager.statistics().blocks, 0U);
    for (const Offset block : blocks) EXPECT_FALSE(manager.is_block(block));
    ASSERT_TRUE(manager.reserve_range(1 << 19, 64));  // so that the next blocks get the same places
    for (Size i = 0; i < 200; ++i) {
        const Offset block = manager.allocate(i % 3 == 0 ? 2000 : 20 + i).value();
        EXPECT_EQ(manager.name(block), "");
        EXPECT_EQ(manager.user_data(block), 0U);
    }
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Batch, GrowsTheBuffer) {
    for (const Size size : kSizes) {
        MemoryManager manager(4096, make::options(4 << 20, GetParam()));
        std::vector<Offset> blocks(300);
        EXPECT_EQ(manager.allocate_batch(size, 1, blocks), blocks.size());
        manager.deallocate_batch(blocks);
        manager.trim();
        EXPECT_EQ(manager.capacity(), 4096U);
    }
}

TEST_P(Batch, ExceptionOfACallbackFreesAll) {
    for (const Size size : kSizes) {
        unsigned calls = 0;
        ManagerOptions options = make::options(4 << 20, GetParam());
        options.grow_by = [&calls](Size, Size wanted) -> Size {
            if (++calls == 3) throw 7;
            return wanted;
        };
        MemoryManager manager(4096, std::move(options));
        const Offset kept = manager.allocate(100).value();
        std::vector<Offset> blocks((2 << 20) / std::max<Size>(size, 8));
        EXPECT_THROW(static_cast<void>(manager.allocate_batch(std::max<Size>(size, 8), 1, blocks)),
                     int);
        EXPECT_EQ(manager.statistics().blocks, 1U);
        EXPECT_TRUE(manager.is_block(kept));
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST_P(Batch, BlocksAreWiped) {
    ManagerOptions options = make::options(0, GetParam());
    options.wipe = Wipe::always;
    MemoryManager manager(1 << 20, std::move(options));
    for (const Size size : {Size{40}, Size{3000}}) {
        std::vector<Offset> blocks(20);
        ASSERT_EQ(manager.allocate_batch(size, 1, blocks), blocks.size());
        for (const Offset block : blocks) {
            EXPECT_EQ(make::contents(manager, block, size),
                      std::vector<std::byte>(size, std::byte{0xff}));
            manager.write(block, make::pattern(size, 1));
        }
        manager.deallocate_batch(blocks);
        ASSERT_EQ(manager.allocate_batch(size, 1, blocks), blocks.size());
        for (const Offset block : blocks) {
            EXPECT_EQ(make::contents(manager, block, size),
                      std::vector<std::byte>(size, std::byte{0xff}));
        }
    }
}

// Two threads free the same blocks: each is freed once. Others allocate and
// collect meanwhile.
TEST(BatchThreads, EachBlockIsFreedOnce) {
    MemoryManager manager(8 << 20);
    for (int round = 0; round < 40; ++round) {
        std::vector<Offset> blocks(400);
        ASSERT_EQ(manager.allocate_batch(round % 2 == 0 ? 48 : 1500, 8, blocks), blocks.size());
        std::atomic<std::size_t> freed{0};
        const auto free_all = [&] {
            for (std::span<const Offset> rest = blocks; !rest.empty();) {
                std::size_t count = 0;
                const Status status = manager.try_deallocate_batch(rest, count);
                freed += count;
                rest = rest.subspan(count + (status == Status::ok ? 0 : 1));
            }
        };
        std::thread other(free_all), collecting([&] { static_cast<void>(manager.find_leaks({})); });
        free_all();
        other.join();
        collecting.join();
        EXPECT_EQ(freed, blocks.size());
        EXPECT_EQ(manager.statistics().blocks, 0U);
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST(BatchThreads, ThreadsShareNoBlock) {
    MemoryManager manager(8 << 20);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) {
        threads.emplace_back([&manager, t] {
            for (unsigned round = 0; round < 60; ++round) {
                std::vector<Offset> blocks(1 + (round * 37 + t) % 150);
                const Size size = round % 2 == 0 ? 64 : 2000;
                ASSERT_EQ(manager.allocate_batch(size, 8, blocks), blocks.size());
                const std::vector<std::byte> mine(size, std::byte(t));
                for (const Offset block : blocks) manager.write(block, mine);
                for (const Offset block : blocks)
                    ASSERT_EQ(make::contents(manager, block, size), mine);
                manager.deallocate_batch(blocks);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(manager.statistics().blocks, 0U);
    EXPECT_EQ(manager.check(), 0U);
}

}  // namespace
