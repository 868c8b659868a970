// The manager of a shared buffer: every access is checked.
#include <ashlar/manager_objects.hpp>
#include <ashlar/shared_memory_manager.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <vector>

#include "support/together.hpp"
#include "unit/shared/names/heap_fixture.hpp"

namespace {

using ashlar::BadAlignment;
using ashlar::BadOffset;
using ashlar::Offset;
using ashlar::OutsideBlock;
using ashlar::SharedHeap;
using ashlar::SharedMemoryManager;

class SharedManager : public HeapFixture {
  protected:
    [[nodiscard]] std::vector<std::byte> read(Offset start, std::size_t size) const {
        std::vector<std::byte> out(size);
        manager_.read(start, out);
        return out;
    }
    SharedMemoryManager manager_{heap_};
};

std::vector<std::byte> filled(std::size_t size, int value) {
    return std::vector<std::byte>(size, std::byte(value));
}

TEST_F(SharedManager, ReadsWhatWasWritten) {
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{33}, std::size_t{5000}, std::size_t{1'000'000}}) {
        const Offset block = manager_.allocate(size).value();
        EXPECT_EQ(manager_.size_of(block), size);
        manager_.write(block, filled(size, 5));
        manager_.write(block + size - 1, filled(1, 6));
        EXPECT_EQ(read(block, size - 1), filled(size - 1, 5));
        EXPECT_EQ(read(block + size - 1, 1), filled(1, 6));
        manager_.deallocate(block);
    }
    EXPECT_EQ(blocks(), 0u);
}

TEST_F(SharedManager, WorksThroughTheInterface) {
    ashlar::MemoryManagerInterface& manager = manager_;
    const Offset block = manager.allocate(sizeof(double), 64).value();
    EXPECT_EQ(block % 64, 0u);
    ashlar::write_object(manager, block, 2.5);
    EXPECT_EQ(ashlar::read_object<double>(manager, block), 2.5);
    manager.deallocate(block);
}

TEST_F(SharedManager, RefusesAccessesThatLeaveTheirBlock) {
    for (const std::size_t size : {std::size_t{40}, std::size_t{3000}, std::size_t{200'000}}) {
        const Offset block = manager_.allocate(size).value();
        const Offset next = manager_.allocate(size).value();
        EXPECT_THROW(static_cast<void>(read(block, size + 1)), OutsideBlock);
        EXPECT_THROW(static_cast<void>(read(block + size, 1)), OutsideBlock)
            << "rounding is not the program's";
        EXPECT_THROW(static_cast<void>(read(block + size + 1, 1)), OutsideBlock);
        EXPECT_THROW(static_cast<void>(read(std::min(block, next),
                                            std::max(block, next) - std::min(block, next) + 1)),
                     OutsideBlock);
        EXPECT_THROW(manager_.write(block + 1, filled(size, 0)), OutsideBlock);
        EXPECT_THROW(manager_.write(block + size - 1, filled(2, 0)), OutsideBlock);
        EXPECT_NO_THROW(static_cast<void>(read(block + size - 1, 1)));
    }
}

TEST_F(SharedManager, RefusesOffsetsWithoutABlock) {
    const Offset block = manager_.allocate(100).value();
    manager_.deallocate(block);
    for (const Offset wrong : {block, Offset{0}, Offset{4096}, Offset{1} << 40, ~Offset{0}}) {
        EXPECT_THROW(static_cast<void>(read(wrong, 1)), OutsideBlock) << wrong;
        EXPECT_THROW(manager_.write(wrong, filled(1, 0)), OutsideBlock) << wrong;
        EXPECT_THROW(manager_.deallocate(wrong), BadOffset) << wrong;
        EXPECT_THROW(static_cast<void>(manager_.size_of(wrong)), BadOffset) << wrong;
        EXPECT_NO_THROW(static_cast<void>(read(wrong, 0))) << "an empty range may be anywhere";
        EXPECT_NO_THROW(manager_.write(wrong, {}));
    }
}

TEST_F(SharedManager, RefusesTheSizeOfAPlaceInsideABlock) {
    const Offset block = manager_.allocate(100).value();
    EXPECT_EQ(manager_.size_of(block), 100U);
    EXPECT_THROW(static_cast<void>(manager_.size_of(block + 16)), BadOffset);
}

TEST_F(SharedManager, RefusesDoubleAndInteriorFrees) {
    for (const std::size_t size : {std::size_t{100}, std::size_t{200'000}}) {
        const Offset block = manager_.allocate(size).value();
        EXPECT_THROW(manager_.deallocate(block + 16), BadOffset);
        EXPECT_THROW(static_cast<void>(manager_.size_of(block + 16)), BadOffset);
        manager_.deallocate(block);
        try {
            manager_.deallocate(block);
            ADD_FAILURE();
        } catch (const BadOffset& error) {
            EXPECT_EQ(error.status(), ashlar::Status::bad_offset);
            EXPECT_NE(std::strstr(error.what(), "no live block is there"), nullptr) << error.what();
        }
    }
    EXPECT_EQ(blocks(), 0u);
    EXPECT_EQ(heap_.check(), 0u);
}

TEST_F(SharedManager, ChecksTheAlignment) {
    for (const std::size_t wrong : {std::size_t{0}, std::size_t{3}, std::size_t{65'537}}) {
        EXPECT_THROW(static_cast<void>(manager_.allocate(8, wrong)), BadAlignment);
    }
    EXPECT_EQ(manager_.allocate(8, 131'072), std::nullopt);
    EXPECT_EQ(manager_.allocate(8, 65'536).value() % 65'536, 0u);
}

TEST_F(SharedManager, UsesTheMemoryOfTheDead) {
    die_with(4000);
    EXPECT_NE(manager_.allocate(std::size_t{200} << 16), std::nullopt);
}

TEST_F(SharedManager, CountsSizeZeroAsOne) {
    const Offset block = manager_.allocate(0).value();
    EXPECT_EQ(manager_.size_of(block), 1u);
    EXPECT_NE(manager_.allocate(0).value(), block);
}

TEST_F(SharedManager, ReturnsNothingWithoutRoom) {
    EXPECT_EQ(manager_.allocate(std::size_t{1} << 45), std::nullopt);
}

TEST_F(SharedManager, FreesOnceOfManyConcurrentCalls) {
    constexpr unsigned threads = 4;
    constexpr unsigned rounds = 2000;
    std::vector<Offset> list(rounds);
    for (Offset& block : list)
        block = manager_.allocate(&block - list.data() < 1000 ? 50 : 70'000).value();
    std::atomic<unsigned> freed{0};
    together(threads, [&](unsigned) {
        for (const Offset block : list) {
            try {
                manager_.deallocate(block);
                ++freed;
            } catch (const BadOffset&) {
            }
        }
    });
    EXPECT_EQ(freed, rounds);
    EXPECT_EQ(blocks(), 0u);
}

TEST_F(SharedManager, SharesItsBlocksWithOtherProcesses) {
    const Offset block = manager_.allocate(1000).value();
    manager_.write(block, filled(1000, 3));
    EXPECT_EQ(end(start([&] {
                  const SharedHeap again = open_again();
                  SharedMemoryManager theirs(again);
                  std::vector<std::byte> out(1000);
                  theirs.read(block, out);
                  const bool right = out == filled(1000, 3);
                  theirs.write(block, filled(500, 4));
                  theirs.deallocate(theirs.allocate(10).value());
                  return right ? 0 : 1;
              })),
              0);
    EXPECT_EQ(read(block + 499, 1), filled(1, 4));
    EXPECT_EQ(read(block + 500, 1), filled(1, 3));
    EXPECT_EQ(end(start([&] {
                  SharedMemoryManager(heap_).deallocate(block);
                  return 0;
              })),
              0);
    EXPECT_THROW(manager_.deallocate(block), BadOffset) << "another process was first";
}

}  // namespace
