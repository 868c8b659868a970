// Misuse: each exception with its message, each status, and that nothing has
// changed.
#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <new>
#include <sstream>
#include <string>

#include "manager/engine/manager_inline.hpp"
#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::message;
using make::options;

// [0, 10) and [20, 30) are live, the second one named; of a hundred bytes.
class Errors : public testing::Test {
  protected:
    Errors() {
        for (const Offset start : {0U, 20U}) EXPECT_TRUE(manager_.allocate_at(start, 10));
        manager_.set_name(20, "second");
        before_ = dump();
    }
    ~Errors() override {
        EXPECT_EQ(dump(), before_);
        EXPECT_EQ(manager_.check(), 0U);
    }
    [[nodiscard]] std::string dump() const {
        std::ostringstream out;
        manager_.write_json(out);
        return out.str();
    }

    MemoryManager manager_{100, options()};
    std::vector<std::byte> bytes_ = std::vector<std::byte>(4);
    std::string before_;
};

TEST_F(Errors, DeallocateThrowsBadOffset) {
    EXPECT_EQ(message<BadOffset>([&] { manager_.deallocate(5); }),
              "deallocate: 5 is not the offset of a live block: it lies inside the block [0, 10) "
              "of 10 bytes");
    EXPECT_EQ(message<BadOffset>([&] { manager_.deallocate(10); }),
              "deallocate: 10 is not the offset of a live block: no live block is there");
    EXPECT_EQ(message<BadOffset>([&] { manager_.deallocate(100); }),
              "deallocate: 100 is not the offset of a live block: the buffer has 100 bytes");
    EXPECT_EQ(message<BadOffset>([&] { manager_.deallocate(~Offset{0}); }),
              "deallocate: 18446744073709551615 is not the offset of a live block: the buffer has "
              "100 bytes");
    EXPECT_EQ(manager_.try_deallocate(5), Status::bad_offset);
    EXPECT_EQ(manager_.try_deallocate(~Offset{0}), Status::bad_offset);
}

TEST_F(Errors, SecondDeallocateThrowsBadOffset) {
    const Offset block = manager_.allocate(7).value();
    manager_.deallocate(block);
    EXPECT_EQ(message<BadOffset>([&] { manager_.deallocate(block); }),
              "deallocate: " + std::to_string(block) +
                  " is not the offset of a live block: no live block is there");
    before_ = dump();  // the peak went up
}

TEST_F(Errors, ReadAndWriteThrowOutsideBlock) {
    EXPECT_EQ(message<OutsideBlock>([&] { manager_.read(8, bytes_); }),
              "read: [8, 12) of 4 bytes does not lie in one live block: it lies inside the block "
              "[0, 10) of 10 bytes");
    EXPECT_EQ(message<OutsideBlock>([&] { manager_.write(20, std::vector<std::byte>(11)); }),
              "write: [20, 31) of 11 bytes does not lie in one live block: the block there is [20, "
              "30) of 10 bytes");
    EXPECT_EQ(message<OutsideBlock>([&] { manager_.read(10, bytes_); }),
              "read: [10, 14) of 4 bytes does not lie in one live block: no live block is there");
    EXPECT_EQ(message<OutsideBlock>([&] { manager_.write(98, bytes_); }),
              "write: [98, 102) of 4 bytes does not lie in one live block: no live block is there");
    EXPECT_EQ(message<OutsideBlock>([&] { manager_.read(~Offset{0}, bytes_); }),
              "read: [18446744073709551615, 2^64) of 4 bytes does not lie in one live block: the "
              "buffer has 100 bytes");
    for (const Offset start : {7U, 10U, 99U, 100U, 1000U}) {
        EXPECT_EQ(manager_.try_read(start, bytes_), Status::outside_block);
        EXPECT_EQ(manager_.try_write(start, bytes_), Status::outside_block);
    }
}

TEST_F(Errors, AllocateThrowsBadAlignment) {
    EXPECT_EQ(message<BadAlignment>([&] { static_cast<void>(manager_.allocate(8, 3)); }),
              "allocate: 8 bytes at a multiple of 3, which is not a power of two");
    EXPECT_EQ(message<BadAlignment>([&] { static_cast<void>(manager_.allocate(1, 0)); }),
              "allocate: 1 byte at a multiple of 0, which is not a power of two");
    Offset offset = 77;
    EXPECT_EQ(manager_.try_allocate(8, 3, offset), Status::bad_alignment);
    EXPECT_EQ(manager_.try_allocate(1000, 1, offset), Status::no_room);
    EXPECT_EQ(offset, 77U);
}

TEST_F(Errors, BlockQueriesThrowBadOffset) {
    const std::string about =
        ": 21 is not the offset of a live block: it lies inside the block [20, 30) of 10 bytes";
    EXPECT_EQ(message<BadOffset>([&] { static_cast<void>(manager_.size_of(21)); }),
              "size_of" + about);
    EXPECT_EQ(message<BadOffset>([&] { static_cast<void>(manager_.name(21)); }), "name" + about);
    EXPECT_EQ(message<BadOffset>([&] { manager_.set_name(21, "x"); }), "set_name" + about);
    EXPECT_EQ(message<BadOffset>([&] { static_cast<void>(manager_.user_data(21)); }),
              "user_data" + about);
    EXPECT_EQ(message<BadOffset>([&] { manager_.set_user_data(21, 1); }), "set_user_data" + about);
    EXPECT_EQ(message<BadOffset>([&] { static_cast<void>(manager_.data(21)); }), "data" + about);
    EXPECT_EQ(message<BadOffset>([&] { static_cast<void>(manager_.resize(21, 1)); }),
              "resize" + about);
    EXPECT_EQ(manager_.try_resize(21, 1), Status::bad_offset);
    EXPECT_FALSE(manager_.is_block(21));
}

TEST_F(Errors, AllocateAtAndReserveRangeThrowBadSize) {
    EXPECT_EQ(
        message<BadSize>([&] { static_cast<void>(manager_.allocate_at(50, 0)); }),
        "allocate_at: [50, 50) of 0 bytes: at least one byte, offset and size multiples of 1");
    EXPECT_EQ(
        message<BadSize>([&] { static_cast<void>(manager_.reserve_range(50, 0)); }),
        "reserve_range: [50, 50) of 0 bytes: at least one byte, offset and size multiples of 1");
    EXPECT_EQ(manager_.allocate_at(5, 10), std::nullopt);
    EXPECT_FALSE(manager_.reserve_range(95, 6));
}

TEST_F(Errors, ConstructorThrowsBadSizeAndBadAlignment) {
    EXPECT_EQ(message<BadSize>([] { const MemoryManager manager(Size{0}); }),
              "MemoryManager: a buffer of 0 bytes, a limit of 0: 1 to 2^48 are possible");
    EXPECT_EQ(message<BadSize>([] { const MemoryManager manager(std::span<std::byte>{}); }),
              "MemoryManager: a buffer of 0 bytes, a limit of 0: 1 to 2^48 are possible");
    EXPECT_EQ(
        message<BadSize>([] { static_cast<void>(MemoryManager::without_memory(max_buffer + 1)); }),
        "MemoryManager: a buffer of 281474976710657 bytes, a limit of 0: 1 to 2^48 are possible");
    EXPECT_EQ(
        message<BadSize>([] { const MemoryManager manager(1, options(max_buffer + 1)); }),
        "MemoryManager: a buffer of 1 bytes, a limit of 281474976710657: 1 to 2^48 are possible");
    ManagerOptions odd = options();
    odd.granularity = 3;
    EXPECT_EQ(message<BadAlignment>([&] { const MemoryManager manager(100, std::move(odd)); }),
              "MemoryManager: a granularity of 3 bytes, which is not a power of two up to 2^48");
    ManagerOptions huge = options();
    huge.granularity = max_buffer * 2;
    EXPECT_THROW(const MemoryManager manager(100, std::move(huge)), BadAlignment);
}

TEST_F(Errors, ConstructorThrowsBadAllocWithoutAddressSpace) {
    EXPECT_THROW(const MemoryManager manager{Size{max_buffer}}, std::bad_alloc);
}

// Each status has an exception, also those that no member with an offset
// returns.
TEST_F(Errors, EveryStatusHasAnException) {
    const manager::Manager inner(manager::Buffer{}, 100, options());
    EXPECT_EQ(message<Pinned>([&] { inner.refuse(Status::pinned, "call", 7, 1); }),
              "call: the block at 7 of 1 byte is pinned");
    EXPECT_EQ(message<ManagerError>([&] { inner.refuse(Status::no_room, "call", 7, 2); }),
              "call: 7, 2 bytes");
}

TEST_F(Errors, ReadAndWriteThrowNoMemory) {
    MemoryManager none = MemoryManager::without_memory(100, options());
    EXPECT_EQ(none.offset_of(&none), std::nullopt);
    const Offset block = none.allocate(10).value();
    EXPECT_EQ(message<NoMemory>([&] { none.read(block, bytes_); }),
              "read: [0, 4) of 4 bytes: the manager is without memory");
    EXPECT_EQ(message<NoMemory>([&] { none.write(block, bytes_); }),
              "write: [0, 4) of 4 bytes: the manager is without memory");
    EXPECT_EQ(none.try_read(block, bytes_), Status::no_memory);
    EXPECT_EQ(none.data(block), nullptr);
}

TEST_F(Errors, ManagerErrorHasTheStatus) {
    try {
        manager_.deallocate(1);
        FAIL();
    } catch (const ManagerError& error) {
        EXPECT_EQ(error.status(), Status::bad_offset);
    }
}

TEST(SmallBlockErrors, NameTheBlock) {
    MemoryManager manager(Size{1} << 20);
    const Offset block = manager.allocate(24).value();
    const std::string start = std::to_string(block), end = std::to_string(block + 24);
    std::vector<std::byte> bytes(25);
    EXPECT_EQ(message<BadOffset>([&] { manager.deallocate(block + 1); }),
              "deallocate: " + std::to_string(block + 1) +
                  " is not the offset of a live block: it lies inside the block [" + start + ", " +
                  end + ") of 24 bytes");
    EXPECT_EQ(message<OutsideBlock>([&] { manager.read(block, bytes); }),
              "read: [" + start + ", " + std::to_string(block + 25) +
                  ") of 25 bytes does not lie in one live block: the block there is [" + start +
                  ", " + end + ") of 24 bytes");
    EXPECT_EQ(manager.try_read(block + 23, std::span(bytes).first(1)), Status::ok);
    EXPECT_EQ(manager.try_read(block + 24, std::span(bytes).first(1)), Status::outside_block);
    manager.set_name(block, "small");
    EXPECT_EQ(manager.try_deallocate(block + 8), Status::bad_offset);
    EXPECT_EQ(manager.name(block), "small");
    manager.deallocate(block);
    EXPECT_EQ(
        message<BadOffset>([&] { manager.deallocate(block); }),
        "deallocate: " + start + " is not the offset of a live block: no live block is there");
}

}  // namespace
