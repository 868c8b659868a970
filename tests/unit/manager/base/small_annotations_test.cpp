// The table of small blocks' annotations, and which blocks of a manager use it.
#include "manager/base/small_annotations.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "unit/manager/inner.hpp"
#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using manager::SmallAnnotations;

constexpr std::size_t kBlocks = std::size_t{1} << 20;

TEST(SmallAnnotations, KeepsDataAndNamesApart) {
    SmallAnnotations table;
    table.layout(kBlocks);
    EXPECT_FALSE(table.any());
    EXPECT_EQ(table.user(5), 0U);
    EXPECT_FALSE(table.erase(5));
    ASSERT_TRUE(table.create());
    EXPECT_TRUE(table.any());
    for (const std::size_t block : {std::size_t{0}, std::size_t{63}, std::size_t{64}, kBlocks - 1})
        table.set_user(block, block + 1);
    table.set_named(64);
    table.set_named(65);
    EXPECT_EQ(table.user(63), 64U);
    EXPECT_EQ(table.user(65), 0U);
    EXPECT_FALSE(table.erase(63));
    EXPECT_EQ(table.user(63), 0U);
    EXPECT_TRUE(table.erase(64));
    EXPECT_FALSE(table.erase(64));
    EXPECT_EQ(table.user(64), 0U);
    EXPECT_TRUE(table.erase(65));
    EXPECT_EQ(table.user(kBlocks - 1), kBlocks);
}

TEST(SmallAnnotations, ClearErasesAll) {
    SmallAnnotations table;
    table.layout(kBlocks);
    table.clear();
    ASSERT_TRUE(table.create());
    for (std::size_t block = 0; block < kBlocks; block += 999) {
        table.set_user(block, 7);
        table.set_named(block);
    }
    table.clear();
    for (std::size_t block = 0; block < kBlocks; block += 999) {
        EXPECT_EQ(table.user(block), 0U);
        EXPECT_FALSE(table.erase(block));
    }
}

TEST(SmallAnnotations, ThreadsCreateOneTable) {
    for (unsigned round = 0; round < 50; ++round) {
        SmallAnnotations table;
        table.layout(kBlocks);
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < 4; ++i) {
            threads.emplace_back([&table, i] {
                ASSERT_TRUE(table.create());
                table.set_user(i, i + 1);
                table.set_named(i);
            });
        }
        for (std::thread& thread : threads) thread.join();
        for (std::size_t i = 0; i < 4; ++i) {
            EXPECT_EQ(table.user(i), i + 1);
            EXPECT_TRUE(table.erase(i));
        }
    }
}

TEST(SmallAnnotations, AreOfSmallBlocksOnly) {
    for (const make::Mode mode : {make::Mode::one_slabs, make::Mode::many}) {
        manager::Manager manager(manager::Buffer::own(Size{1} << 20), Size{1} << 20,
                                 make::options(0, mode));
        Offset large = 0, small = 0;
        Handle movable;
        ASSERT_EQ(inner::allocate(manager, 5000, 1, large), Status::ok);
        ASSERT_EQ(inner::allocate(manager, 64, 1, small), Status::ok);
        ASSERT_EQ(manager.allocate_movable(64, 1, movable), Status::ok);
        Offset at = 0;
        ASSERT_EQ(manager.moves().resolve(movable, at), Status::ok);
        for (const Offset block : {large, at}) {
            ASSERT_EQ(manager.set_name(block, "name"), Status::ok);
            ASSERT_EQ(manager.set_user(block, 1), Status::ok);
        }
        EXPECT_FALSE(manager.annotations().small().any())
            << "frees of small blocks would look for an annotation";
        ASSERT_EQ(manager.set_user(small, 1), Status::ok);
        EXPECT_TRUE(manager.annotations().small().any());
        EXPECT_EQ(inner::deallocate(manager, small), Status::ok);
        EXPECT_EQ(manager.annotations().small().user(manager.small().number_of(small)), 0U);
    }
}

}  // namespace
