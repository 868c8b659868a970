// Callbacks for growth: what they may do, and when they are asked.
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::options;

TEST(Growth, CallbackMayThrow) {
    ManagerOptions own = options(1000);
    bool throws = true;
    own.grow_by = [&](Size, Size wanted) {
        if (throws) throw std::runtime_error("no");
        return wanted;
    };
    MemoryManager manager(100, std::move(own));
    ASSERT_TRUE(manager.allocate(90));
    EXPECT_THROW(static_cast<void>(manager.allocate(50)), std::runtime_error);
    EXPECT_EQ(manager.capacity(), 100U);
    EXPECT_EQ(manager.check(), 0U);
    throws = false;
    EXPECT_EQ(manager.allocate(50), Offset{90});
}

TEST(Growth, CallbackMayUseTheManager) {
    MemoryManager* self = nullptr;
    Offset first = 0;
    ManagerOptions own = options(1000, Threads::many);
    own.grow_by = [&](Size, Size wanted) {
        EXPECT_EQ(self->allocate(500), std::nullopt);  // would have to grow itself
        EXPECT_EQ(self->statistics().used, 90U);
        EXPECT_EQ(self->trim(), 0U);
        self->deallocate(first);
        return wanted;
    };
    MemoryManager manager(100, std::move(own));
    self = &manager;
    first = manager.allocate(90).value();
    EXPECT_TRUE(manager.allocate(95));
    EXPECT_EQ(manager.statistics().used, 95U);
    EXPECT_EQ(manager.check(), 0U);
}

TEST(Growth, CallbackMayMakeRoomInstead) {
    for (const Threads threads : {Threads::one, Threads::many}) {
        MemoryManager* self = nullptr;
        std::uint64_t moved = 0;
        ManagerOptions own = options(4000, threads);
        own.grow_by = [&](Size, Size) {
            moved += self->defragment().moves;
            return Size{0};
        };
        MemoryManager manager(2000, std::move(own));
        self = &manager;
        std::vector<ashlar::Handle> handles;
        for (unsigned i = 0; i < 4; ++i) handles.push_back(manager.allocate_movable(500).value());
        manager.deallocate(handles[0]);
        manager.deallocate(handles[2]);
        EXPECT_EQ(manager.allocate(1000), Offset{1000}) << "two holes of 500 bytes, moved together";
        EXPECT_EQ(moved, 2U);
        EXPECT_EQ(manager.capacity(), 2000U);
        EXPECT_EQ(manager.allocate(1), std::nullopt);
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST(Growth, CallbackMayFreeSmallBlocksInstead) {
    for (const make::Mode mode : make::modes) {
        MemoryManager* self = nullptr;
        std::vector<Offset> blocks;
        ManagerOptions own = options(Size{4} << 20, mode);
        own.grow_by = [&](Size, Size) {
            for (const Offset block : blocks) self->deallocate(block);
            return Size{0};
        };
        MemoryManager manager(Size{1} << 20, std::move(own));
        self = &manager;
        while (blocks.size() < 8000) blocks.push_back(manager.allocate(100).value());
        EXPECT_TRUE(manager.allocate(Size{1} << 20)) << make::name_of(mode);
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST(Growth, CallbackIsNotCalledBeyondTheLimit) {
    unsigned asked = 0;
    ManagerOptions own = options(2000, Threads::one);
    own.grow_by = [&](Size, Size) {
        ++asked;
        return Size{0};
    };
    MemoryManager manager(1500, std::move(own));
    EXPECT_EQ(manager.allocate(2000), std::nullopt);
    EXPECT_EQ(asked, 1U);
    EXPECT_EQ(manager.allocate(2001), std::nullopt);
    ASSERT_TRUE(manager.allocate(1500));
    EXPECT_EQ(manager.allocate(501), std::nullopt);
    EXPECT_EQ(asked, 1U);
}

}  // namespace
