// resize() of movable blocks: in place, with growth of the buffer, or in
// another place.
#include <gtest/gtest.h>

#include <array>
#include <ashlar/memory_manager.hpp>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::contents;
using make::pattern;

// A movable block with another block just behind it.
struct Walled {
    explicit Walled(MemoryManager& with, Size size = 1000, Size alignment = 1) : manager(with) {
        handle = manager.allocate_movable(size, alignment).value();
        at = manager.resolve(handle);
        EXPECT_TRUE(manager.allocate_at(at + size, 8));
        manager.write(at, pattern(size, 4));
        manager.set_name(at, "walled");
        manager.set_user_data(at, 77);
    }
    void expect_kept(Size size, Size bytes) const {
        const Offset now = manager.resolve(handle);
        EXPECT_EQ(manager.size_of(now), size);
        EXPECT_EQ(contents(manager, now, bytes), pattern(bytes, 4));
        EXPECT_EQ(manager.name(now), "walled");
        EXPECT_EQ(manager.user_data(now), 77U);
        EXPECT_EQ(manager.handle_of(now), handle);
        EXPECT_EQ(manager.check(), 0U);
    }
    MemoryManager& manager;
    Handle handle;
    Offset at = 0;
};

class ResizeHandle : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, ResizeHandle, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(ResizeHandle, StaysWhereItCan) {
    MemoryManager manager(1 << 20, make::options(0, GetParam()));
    Walled block(manager);
    EXPECT_TRUE(manager.resize(block.handle, 500));
    EXPECT_EQ(manager.resolve(block.handle), block.at);
    block.expect_kept(500, 500);
    EXPECT_TRUE(manager.resize(block.handle, 1000));
    EXPECT_EQ(manager.resolve(block.handle), block.at);
    EXPECT_TRUE(manager.resize(block.handle, 0));
    block.expect_kept(1, 1);
}

TEST_P(ResizeHandle, MovesWithBytesNameAndUserData) {
    MemoryManager manager(1 << 20, make::options(0, GetParam()));
    Walled block(manager, 1024, 256);
    EXPECT_EQ(manager.try_resize(block.handle, 100'000), Status::ok);
    EXPECT_NE(manager.resolve(block.handle), block.at);
    EXPECT_EQ(manager.resolve(block.handle) % 256, 0U);
    EXPECT_FALSE(manager.is_block(block.at));
    block.expect_kept(100'000, 1024);
    manager.deallocate(block.handle);
}

TEST_P(ResizeHandle, PinnedBlockStays) {
    MemoryManager manager(1 << 20, make::options(0, GetParam()));
    Walled block(manager);
    manager.pin(block.handle);
    EXPECT_THROW(static_cast<void>(manager.resize(block.handle, 1001)), Pinned);
    EXPECT_EQ(manager.try_resize(block.handle, 1001), Status::pinned);
    EXPECT_EQ(manager.resolve(block.handle), block.at);
    block.expect_kept(1000, 1000);
    EXPECT_TRUE(manager.resize(block.handle, 900));
    EXPECT_EQ(manager.resolve(block.handle), block.at);
    manager.unpin(block.handle);
    EXPECT_TRUE(manager.resize(block.handle, 1001));
    block.expect_kept(1001, 900);
}

TEST_P(ResizeHandle, BlockInAPassKeepsItsSize) {
    MemoryManager manager(1 << 20, make::options(0, GetParam()));
    const Handle gone = manager.allocate_movable(2000).value();
    const Handle block = manager.allocate_movable(2000).value();
    manager.deallocate(gone);
    const std::vector<Move> moves = manager.begin_pass();
    ASSERT_EQ(moves.size(), 1U);
    EXPECT_THROW(static_cast<void>(manager.resize(block, 1000)), Pinned);
    EXPECT_EQ(manager.try_resize(block, 3000), Status::pinned);
    EXPECT_EQ(manager.end_pass(moves).moves, 1U);
    EXPECT_TRUE(manager.resize(block, 3000));
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(ResizeHandle, RefusesBadHandlesAndImpossibleSizes) {
    MemoryManager manager(1 << 20, make::options(0, GetParam()));
    Walled block(manager);
    const Handle freed = manager.allocate_movable(10).value();
    manager.deallocate(freed);
    for (const Handle bad : {Handle{}, freed, Handle{~std::uint64_t{0}}}) {
        EXPECT_THROW(static_cast<void>(manager.resize(bad, 5)), BadHandle);
        EXPECT_EQ(manager.try_resize(bad, ~Size{0}), Status::bad_handle);
    }
    for (const Size size : {Size{1} << 20, (Size{1} << 20) + 1, ~Size{0}}) {
        EXPECT_FALSE(manager.resize(block.handle, size));
        EXPECT_EQ(manager.try_resize(block.handle, size), Status::no_room);
    }
    EXPECT_EQ(manager.resolve(block.handle), block.at);
    block.expect_kept(1000, 1000);
}

TEST_P(ResizeHandle, GrowsTheBuffer) {
    MemoryManager manager(1100, make::options(1 << 20, GetParam()));
    Walled block(manager);
    // Behind the other block, whose place it cannot have.
    EXPECT_TRUE(manager.resize(block.handle, 5000));
    const Offset moved = manager.resolve(block.handle);
    EXPECT_GT(moved, block.at);
    block.expect_kept(5000, 1000);
    manager.pin(block.handle);
    EXPECT_TRUE(manager.resize(block.handle, 50'000)) << "it is the last one";
    EXPECT_EQ(manager.resolve(block.handle), moved);
    block.expect_kept(50'000, 1000);
    EXPECT_EQ(manager.try_resize(block.handle, 1 << 20), Status::pinned) << "the limit is too low";
}

TEST_P(ResizeHandle, PinnedBlockBeforeAnotherDoesNotGrowTheBuffer) {
    MemoryManager manager(1100, make::options(1 << 20, GetParam()));
    Walled block(manager);
    manager.pin(block.handle);
    EXPECT_EQ(manager.try_resize(block.handle, 5000), Status::pinned);
    EXPECT_EQ(manager.capacity(), 1100U);
}

// Nobody could copy the bytes.
TEST_P(ResizeHandle, WithoutMemoryBlockStays) {
    MemoryManager manager = MemoryManager::without_memory(1 << 20, make::options(0, GetParam()));
    const Handle handle = manager.allocate_movable(1000).value();
    const Offset at = manager.resolve(handle);
    ASSERT_TRUE(manager.allocate_at(at + 1000, 8));
    EXPECT_FALSE(manager.resize(handle, 1001));
    EXPECT_TRUE(manager.resize(handle, 400));
    EXPECT_EQ(manager.resolve(handle), at);
    EXPECT_EQ(manager.size_of(at), 400U);
}

TEST_P(ResizeHandle, WorksUnderEveryPolicy) {
    for (const Placement placement : make::placements) {
        MemoryManager manager(1 << 20, make::placed(placement, GetParam()));
        std::array<Handle, 20> handles;
        std::array<Size, 20> sizes{};
        for (std::size_t i = 0; i < handles.size(); ++i) {
            sizes[i] = 100 + 10 * i;
            handles[i] = manager.allocate_movable(sizes[i], 16).value();
            manager.write(manager.resolve(handles[i]), pattern(sizes[i], static_cast<unsigned>(i)));
        }
        for (std::size_t round = 0; round < 200; ++round) {
            const std::size_t i = round * 7 % handles.size();
            const Size size = 1 + round * 37 % 3000;
            const Size kept = std::min(size, sizes[i]);
            ASSERT_TRUE(manager.resize(handles[i], size)) << manager.policy_name();
            EXPECT_EQ(contents(manager, manager.resolve(handles[i]), kept),
                      pattern(kept, static_cast<unsigned>(i)));
            manager.write(manager.resolve(handles[i]), pattern(size, static_cast<unsigned>(i)));
            sizes[i] = size;
            if (round % 50 == 0) {
                EXPECT_EQ(manager.check(), 0U) << manager.policy_name();
            }
        }
    }
}

}  // namespace
