// Misuse of movable blocks: what the messages name; and the members with a
// status, each beside the one that throws.
#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::message;

constexpr std::uint64_t kLife = std::uint64_t{1} << 32;

TEST(Handles, ErrorsNameTheHandle) {
    MemoryManager manager(1000);
    try {
        manager.pin(Handle{77});
        FAIL();
    } catch (const BadHandle& error) {
        EXPECT_NE(std::string(error.what()).find("pin: handle 77"), std::string::npos);
        EXPECT_EQ(error.status(), ashlar::Status::bad_handle);
    }
    EXPECT_THROW(static_cast<void>(manager.allocate_movable(10, 3)), ashlar::BadAlignment);
    EXPECT_FALSE(manager.allocate_movable(1001));
}

// Handle 1 was freed, handle 2 is at [100, 150), handle 3 at [150, 160).
class HandleErrors : public testing::Test {
  protected:
    HandleErrors() {
        manager_.deallocate(freed_);
        EXPECT_EQ(freed_.value, 1U);
        EXPECT_EQ(live_.value, 2U);
    }
    ~HandleErrors() override { EXPECT_EQ(manager_.check(), 0U); }

    MemoryManager manager_{1000, make::options()};
    Handle freed_ = manager_.allocate_movable(100).value();
    Handle live_ = manager_.allocate_movable(50).value();
    Handle next_ = manager_.allocate_movable(10).value();
};

TEST_F(HandleErrors, BadHandleTellsFreedFromUnknown) {
    EXPECT_EQ(message<BadHandle>([&] { manager_.deallocate(freed_); }),
              "deallocate: handle 1 is not that of a live movable block: its block was freed");
    EXPECT_EQ(message<BadHandle>([&] { manager_.pin(Handle{}); }),
              "pin: handle 0 is not that of a live movable block: no block ever had it");
    EXPECT_EQ(message<BadHandle>([&] { static_cast<void>(manager_.resolve(Handle{4})); }),
              "resolve: handle 4 is not that of a live movable block: no block ever had it");
    EXPECT_EQ(message<BadHandle>([&] { manager_.unpin(Handle{kLife + 2}); }),
              "unpin: handle 4294967298 is not that of a live movable block: no block ever had it");
    const Handle second = manager_.allocate_movable(100).value();  // the place of the first
    EXPECT_EQ(second.value, kLife + 1);
    EXPECT_EQ(message<BadHandle>([&] { manager_.pin(freed_); }),
              "pin: handle 1 is not that of a live movable block: its block was freed");
    EXPECT_EQ(message<BadHandle>([&] { manager_.pin(Handle{2 * kLife + 1}); }),
              "pin: handle 8589934593 is not that of a live movable block: no block ever had it");
}

TEST_F(HandleErrors, PinnedNamesTheBlock) {
    EXPECT_EQ(message<BadHandle>([&] { manager_.unpin(live_); }),
              "unpin: handle 2 is of the block [100, 150) of 50 bytes, which is not pinned");
    manager_.pin(live_);
    EXPECT_EQ(message<Pinned>([&] { manager_.deallocate(live_); }),
              "deallocate: handle 2 is of the block [100, 150) of 50 bytes, which is pinned");
    manager_.unpin(live_);
    const std::vector<Move> moves = manager_.begin_pass();
    ASSERT_EQ(moves.size(), 2U);
    EXPECT_EQ(message<Pinned>([&] { manager_.deallocate(live_); }),
              "deallocate: handle 2 is of the block [100, 150) of 50 bytes, which a pass of "
              "defragmentation moves to " +
                  std::to_string(moves[1].to));
    manager_.end_pass(moves);
}

TEST_F(HandleErrors, EndPassNamesTheWrongMove) {
    std::vector<Move> moves = manager_.begin_pass();
    ASSERT_EQ(moves.size(), 2U);
    const Offset to = moves[1].to;
    moves[1].to = 777;
    EXPECT_EQ(message<BadHandle>([&] { manager_.end_pass(moves); }),
              "end_pass: the move of handle 2 from [100, 150) of 50 bytes to 777 is not one of "
              "this pass, or comes twice");
    moves[1].to = to;
    EXPECT_EQ(manager_.end_pass(moves).moves, 2U);
    EXPECT_EQ(message<BadHandle>([&] { manager_.end_pass(moves); }),
              "end_pass: the move of handle 3 from [150, 160) of 10 bytes to " +
                  std::to_string(moves[0].to) + " is not one of this pass, or comes twice");
}

TEST_F(HandleErrors, TryMembersOfHandlesReturnStatuses) {
    Offset at = 4711;
    EXPECT_EQ(manager_.try_deallocate(freed_), Status::bad_handle);
    EXPECT_EQ(manager_.try_resolve(freed_, at), Status::bad_handle);
    EXPECT_EQ(manager_.try_pin(freed_, at), Status::bad_handle);
    EXPECT_EQ(manager_.try_unpin(live_), Status::bad_handle);
    EXPECT_EQ(at, 4711U) << "nothing has changed";
    EXPECT_EQ(manager_.try_resolve(live_, at), Status::ok);
    EXPECT_EQ(at, 100U);
    EXPECT_EQ(manager_.try_pin(next_, at), Status::ok);
    EXPECT_EQ(at, 150U);
    EXPECT_EQ(manager_.try_deallocate(next_), Status::pinned);
    EXPECT_EQ(manager_.try_unpin(next_), Status::ok);
    EXPECT_EQ(manager_.try_deallocate(next_), Status::ok);
    Handle handle{5};
    EXPECT_EQ(manager_.try_allocate_movable(1001, 1, handle), Status::no_room);
    EXPECT_EQ(manager_.try_allocate_movable(10, 3, handle), Status::bad_alignment);
    EXPECT_EQ(handle.value, 5U);
    EXPECT_EQ(manager_.try_allocate_movable(10, 64, handle), Status::ok);
    EXPECT_EQ(manager_.resolve(handle) % 64, 0U);
}

TEST_F(HandleErrors, TryAllocateAtAndTryReserveRangeReturnStatuses) {
    EXPECT_EQ(manager_.try_allocate_at(100, 10), Status::no_room);
    EXPECT_EQ(manager_.try_allocate_at(300, 0), Status::bad_size);
    EXPECT_EQ(manager_.try_allocate_at(300, 10), Status::ok);
    EXPECT_TRUE(manager_.is_block(300));
    EXPECT_EQ(manager_.try_reserve_range(305, 10), Status::no_room);
    EXPECT_EQ(manager_.try_reserve_range(400, 0), Status::bad_size);
    EXPECT_EQ(manager_.try_reserve_range(400, 10), Status::ok);
    EXPECT_EQ(manager_.collect({}).freed_blocks, 1U) << "what is reserved stays";
    EXPECT_TRUE(manager_.is_block(400));
}

TEST_F(HandleErrors, TryMembersOfNotesReturnStatuses) {
    const Offset block = manager_.allocate(20).value();
    std::uint64_t user = 1;
    std::string name = "old";
    Size size = 2;
    EXPECT_EQ(manager_.try_set_user_data(block + 1, 7), Status::bad_offset);
    EXPECT_EQ(manager_.try_set_name(block + 1, "new"), Status::bad_offset);
    EXPECT_EQ(manager_.try_user_data(block + 1, user), Status::bad_offset);
    EXPECT_EQ(manager_.try_name(block + 1, name), Status::bad_offset);
    EXPECT_EQ(manager_.try_size_of(block + 1, size), Status::bad_offset);
    EXPECT_EQ(user, 1U);
    EXPECT_EQ(name, "old");
    EXPECT_EQ(size, 2U);
    EXPECT_EQ(manager_.try_set_user_data(block, 7), Status::ok);
    EXPECT_EQ(manager_.try_set_name(block, "new"), Status::ok);
    EXPECT_EQ(manager_.try_user_data(block, user), Status::ok);
    EXPECT_EQ(manager_.try_name(block, name), Status::ok);
    EXPECT_EQ(manager_.try_size_of(block, size), Status::ok);
    EXPECT_EQ(user, 7U);
    EXPECT_EQ(name, "new");
    EXPECT_EQ(size, 20U);
}

}  // namespace
