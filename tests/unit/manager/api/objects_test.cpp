// Objects in blocks, blocks and pins that end with a scope, and handles as
// keys.
#include <ashlar/manager_objects.hpp>

#include <gtest/gtest.h>

#include <unordered_set>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

struct Point {
    std::int32_t x;
    double y;
};

TEST(ReadObject, ReturnsWhatWriteObjectWrote) {
    MemoryManager manager(4096, make::options());
    static_cast<void>(manager.allocate(1).value());
    const Offset block = manager.allocate(sizeof(Point) + 1).value();
    write_object(manager, block + 1, Point{7, 2.5});
    const auto point = read_object<Point>(manager, block + 1);
    EXPECT_EQ(point.x, 7);
    EXPECT_EQ(point.y, 2.5);
    EXPECT_THROW(static_cast<void>(read_object<Point>(manager, block + 2)), OutsideBlock);
    EXPECT_THROW(write_object(manager, block + 2, Point{}), OutsideBlock);
}

TEST(ScopedBlock, FreesItsBlockAtTheEnd) {
    MemoryManager manager(4096, make::options());
    {
        const ScopedBlock block(manager, 100);
        ASSERT_TRUE(block);
        EXPECT_TRUE(manager.is_block(block.offset().value()));
    }
    EXPECT_EQ(manager.statistics().blocks, 0U);
    const ScopedBlock none(manager, 5000);
    EXPECT_FALSE(none);
    EXPECT_EQ(none.offset(), std::nullopt);
}

TEST(ScopedBlock, HandsItsBlockOver) {
    MemoryManager manager(4096, make::options());
    ScopedBlock first(manager, 100);
    const Offset offset = first.offset().value();
    ScopedBlock second(std::move(first));
    EXPECT_EQ(second.offset(), offset);
    ScopedBlock third(manager, 200);
    third = std::move(second);
    EXPECT_EQ(third.offset(), offset);
    EXPECT_EQ(manager.statistics().blocks, 1U) << "its old block is free";
    EXPECT_EQ(third.release(), offset);
    third.reset();
    EXPECT_TRUE(manager.is_block(offset));
    ScopedBlock empty;
    empty = ScopedBlock(manager, 8);
    EXPECT_TRUE(empty);
}

TEST(ScopedPin, KeepsABlockInPlace) {
    MemoryManager manager(4096, make::options());
    const Handle handle = manager.allocate_movable(100).value();
    {
        ScopedPin pin(manager, handle);
        EXPECT_EQ(pin.offset(), manager.resolve(handle));
        const ScopedPin other(std::move(pin));
        EXPECT_EQ(manager.try_deallocate(handle), Status::pinned);
    }
    EXPECT_EQ(manager.try_deallocate(handle), Status::ok);
    EXPECT_THROW(ScopedPin(manager, handle), BadHandle);
}

TEST(HandleOf, FindsMovableBlocksOnly) {
    MemoryManager manager(Size{1} << 20, make::options(0, make::Mode::many));
    const Offset small = manager.allocate(16).value();
    const Offset large = manager.allocate(5000).value();
    const Handle handle = manager.allocate_movable(100).value();
    const Offset at = manager.resolve(handle);
    EXPECT_EQ(manager.handle_of(at), handle);
    for (const Offset other : {small, large, at + 1, manager.capacity(), ~Offset{0}})
        EXPECT_EQ(manager.handle_of(other), std::nullopt);
    manager.deallocate(handle);
    EXPECT_EQ(manager.handle_of(at), std::nullopt);
}

TEST(HandleOf, KnowsTheSourceOfAMoveAndNotItsTarget) {
    MemoryManager manager = MemoryManager::without_memory(4096, make::options());
    const Offset below = manager.allocate(1000).value();
    const Handle handle = manager.allocate_movable(1000).value();
    manager.deallocate(below);
    const std::vector<Move> moves = manager.begin_pass();
    ASSERT_EQ(moves.size(), 1U);
    EXPECT_EQ(manager.handle_of(moves[0].from), handle);
    EXPECT_EQ(manager.handle_of(moves[0].to), std::nullopt);
    static_cast<void>(manager.end_pass(moves));
    EXPECT_EQ(manager.handle_of(moves[0].to), handle);
    EXPECT_EQ(manager.handle_of(moves[0].from), std::nullopt);
}

TEST(HashOfHandle, MakesHandlesKeys) {
    std::unordered_set<Handle> set;
    for (std::uint64_t i = 0; i < 1000; ++i) set.insert(Handle{i << 32 | (i + 1)});
    EXPECT_EQ(set.size(), 1000U);
    EXPECT_EQ(set.count(Handle{1}), 1U);
    EXPECT_EQ(set.count(Handle{1000}), 0U);
}

}  // namespace
