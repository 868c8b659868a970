// One heap of level full: what its hooks say of each block, and the bytes that
// they write and compare.
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "malloc/checks/pattern.hpp"
#include "malloc/heap/heap.hpp"
#include "support/fake_source.hpp"
#include "unit/malloc/checks/told.hpp"

namespace {

using namespace ashlar;
using base::Bin;
using cache::CheckLevel;
using cache::Heap;
using checks::kMostFilled;

class Full : public testing::Test {
  protected:
    Full()
        : heap_((FakeSource::reset(),
                 *Heap::create(FakeSource::source, 9000, 2, CheckLevel::full))) {}
    ~Full() override { Heap::destroy(&heap_); }
    Full(const Full&) = delete;
    Full& operator=(const Full&) = delete;

    Bin bin_at(const void* block) const {
        return static_cast<Bin>(heap_.spans.pages().bin_within(block));
    }
    unsigned char* take(std::size_t size, std::size_t alignment = 16) {
        const cache::Allocation found = heap_.allocate({size, alignment});
        if (found.block == nullptr) std::abort();
        heap_.checks.handed_out(found.block, bin_at(found.block), size, found.zero);
        return static_cast<unsigned char*>(found.block);
    }
    void give(void* block, std::size_t size = checks::Checks::kAnySize) {
        const Bin bin = bin_at(block);
        if (!heap_.checks.taken_back(block, bin, size)) heap_.report(block);
        heap_.give(block, bin);
    }
    std::size_t asked(const void* block) const { return heap_.checks.sizes(block).asked; }
    static std::string bytes(std::size_t n) { return std::to_string(n) + "-byte block"; }

    Heap& heap_;
};

// Sizes of every class, at its ends and inside, of runs, and of long runs.
std::vector<std::size_t> sizes() {
    std::vector<std::size_t> all = {0, 1, 8};
    for (Bin c = 1; c < base::kClasses; ++c) {
        const std::size_t size = base::kGeometry[c].size;
        for (std::size_t less : {0U, 1U, 7U, 15U}) all.push_back(size - less);
    }
    for (std::size_t units : {1U, 2U, 5U, 32U, 40U}) {
        for (std::size_t less : {0U, 1U, 30000U}) all.push_back(units * base::kUnitSize - less);
    }
    return all;
}

TEST_F(Full, KnowsTheSizeThatWasAskedFor) {
    for (std::size_t size : sizes()) {
        unsigned char* block = take(size);
        std::memset(block, 0x5a, size);
        EXPECT_EQ(asked(block), size);
        EXPECT_EQ(told([&] { give(block, size); }), "") << size;
    }
}

TEST_F(Full, KnowsSmallSizesAtLargeAlignments) {
    for (std::size_t alignment = 16; alignment <= (1U << 18); alignment *= 2) {
        unsigned char* block = take(3, alignment);
        EXPECT_EQ(asked(block), 3U) << alignment;
        EXPECT_EQ(told([&] { give(block, 3); }), "") << alignment;
    }
}

TEST_F(Full, TellsTheSecondOfTwoFrees) {
    for (std::size_t size : sizes()) {
        unsigned char* block = take(size);
        unsigned char* neighbour = take(size);
        const std::size_t room = heap_.checks.sizes(block).usable;
        give(block);
        const std::string said = told([&] { give(block); });
        const bool gone = bin_at(block) == 0;
        EXPECT_EQ(said, line("double free", block, gone ? "no block there any more" : bytes(room)))
            << size;
        EXPECT_EQ(asked(block), 0U);
        give(neighbour);
    }
}

TEST_F(Full, TellsPointersIntoBlocks) {
    for (std::size_t size : sizes()) {
        unsigned char* block = take(size);
        const std::size_t room = heap_.checks.sizes(block).usable;
        for (std::size_t offset : {std::size_t{1}, std::size_t{8}, room / 2, room - 1}) {
            EXPECT_EQ(told([&] { give(block + offset); }),
                      line("invalid free", block + offset, "inside a " + bytes(room)))
                << size << ' ' << offset;
        }
        EXPECT_EQ(told([&] { give(block); }), "") << size;
    }
}

TEST_F(Full, TellsEachWrongSize) {
    for (std::size_t size : sizes()) {
        for (std::size_t wrong : {size + 1, size + 100, size / 2 - 1}) {
            unsigned char* block = take(size);
            const std::string detail =
                bytes(size) + ", freed as " + std::to_string(wrong) + " bytes";
            if (wrong == checks::Checks::kAnySize) continue;
            EXPECT_EQ(told([&] { give(block, wrong); }), line("wrong size in free", block, detail));
        }
    }
}

// Every byte that has a canary, for every number of bytes behind a block.
TEST_F(Full, TellsAWriteToAnyByteOfTheCanary) {
    for (std::size_t room : {16U, 64U, 160U, 4096U}) {
        for (std::size_t slack = 1; slack <= 20 && slack <= room; ++slack) {
            for (std::size_t at = 0; at < slack && at < 16; ++at) {
                unsigned char* block = take(room - slack, room == 16 ? 16 : 32);
                const std::size_t size = asked(block);
                ASSERT_EQ(size, room - slack);
                std::memset(block, 0xdf, size);
                block[size + at] = static_cast<unsigned char>(~block[size + at]);
                EXPECT_EQ(told([&] { give(block); }),
                          line("overflow", block,
                               bytes(size) + ", written " + std::to_string(at) +
                                   " bytes behind its end"));
            }
        }
    }
}

TEST_F(Full, CanariesOfBlocksDiffer) {
    unsigned char* first = take(40);
    unsigned char* second = take(40);
    EXPECT_NE(std::memcmp(first + 40, second + 40, 8), 0);
    std::memcpy(second, first, 48);
    EXPECT_NE(told([&] { give(second); }), "");
}

TEST_F(Full, TellsAWriteToAnyFilledByteOfAFreeBlock) {
    for (std::size_t size : {16U, 48U, 128U, 160U, 1000U, 4096U, 65536U}) {
        const std::size_t filled = size < kMostFilled ? size : kMostFilled;
        for (std::size_t at = 0; at<filled; at += size> 200 ? 7 : 1) {
            unsigned char* block = take(size);
            const std::size_t room = heap_.checks.sizes(block).usable;
            give(block);
            block[at] = 0;
            unsigned char* again = nullptr;
            EXPECT_EQ(told([&] { again = take(size); }),
                      line("write after free", block,
                           "at offset " + std::to_string(at) + " of a " + bytes(room)))
                << size;
            EXPECT_EQ(again, nullptr);
        }
    }
}

TEST_F(Full, ResizesInPlaceWithSizeAndCanary) {
    for (std::size_t size : {10U, 100U, 2000U, 100000U}) {
        unsigned char* block = take(size);
        const std::size_t room = heap_.checks.sizes(block).usable;
        for (std::size_t to : {room, room - 1, size, room - 15}) {
            EXPECT_TRUE(heap_.checks.resized(block, to));
            EXPECT_EQ(asked(block), to);
            std::memset(block, 0x77, to);
        }
        EXPECT_FALSE(heap_.checks.resized(block, room + 1));
        give(block, room - 15);
        EXPECT_EQ(told([&] { static_cast<void>(heap_.checks.resized(block, size)); }),
                  line("double free", block, bytes(room)));
    }
}

// Slabs and runs are reused by other classes, whose entries lie elsewhere.
TEST_F(Full, StatesOfUnitsThatChangeTheirUseAreForgotten) {
    for (int round = 0; round < 3; ++round) {
        for (std::size_t size : {16U, 1024U, 80U, 65536U, 20000U, 262144U, 48U, 3000000U}) {
            std::vector<unsigned char*> blocks;
            const std::size_t n = size > 40000 ? 4 : 300000 / size;
            for (std::size_t i = 0; i < n; ++i) {
                blocks.push_back(take(size));
                std::memset(blocks.back(), 0x33, size);
            }
            for (unsigned char* block : blocks) give(block, size);
            heap_.reclaim();
            heap_.arena.retire_reclaimable();
        }
    }
    EXPECT_EQ(heap_.check(), 0U);
}

TEST_F(Full, PurgedBlocksAreNotCompared) {
    std::vector<unsigned char*> blocks;
    for (int i = 0; i < 64; ++i) blocks.push_back(take(4096));
    for (int i = 0; i < 64; i += 2) give(blocks[static_cast<std::size_t>(i)]);
    heap_.trim();
    EXPECT_EQ(told([&] {
                  for (int i = 0; i < 64; ++i) static_cast<void>(take(4096));
              }),
              "");
}

TEST_F(Full, TellsAWriteToPagesThatAreKnownToBeZero) {
    auto* block = static_cast<unsigned char*>(heap_.allocate({8192}).block);
    std::memset(block, 0, 8192);
    block[100] = 1;
    EXPECT_EQ(told([&] { heap_.checks.handed_out(block, bin_at(block), 8192, true); }),
              line("write after free", block, "at offset 100 of a " + bytes(8192)));
}

// All blocks at once, as at the exit of a program.
TEST_F(Full, ComparesTheCanariesOfAllLiveBlocks) {
    const auto compare = [&] { heap_.checks.compare_all(); };
    std::vector<unsigned char*> blocks;
    for (std::size_t size : sizes()) blocks.push_back(take(size));
    EXPECT_EQ(told(compare), "");
    for (unsigned char* block : blocks) {
        const checks::Checks::Sizes found = heap_.checks.sizes(block);
        if (found.asked == found.usable) continue;
        block[found.asked] ^= 1U;
        EXPECT_EQ(told(compare),
                  line("overflow", block, bytes(found.asked) + ", written 0 bytes behind its end"));
        block[found.asked] ^= 1U;
    }
}

TEST_F(Full, ComparesTheFreeBlocksThatItKnows) {
    const auto compare = [&] { heap_.checks.compare_all(); };
    for (std::size_t size : {16U, 128U, 144U, 3000U, 32768U}) {
        static_cast<void>(take(size));  // keeps the slab
        unsigned char* block = take(size);
        give(block);
        EXPECT_EQ(told(compare), "");
        block[9] ^= 1U;
        EXPECT_EQ(told(compare).find("ashlar: write after free of "), 0U) << size;
        block[9] ^= 1U;
    }
}

TEST(ChecksLevel, ADefaultHeapHasNoStates) {
    FakeSource::reset();
    Heap* heap = Heap::create(FakeSource::source, 100, 2);
    EXPECT_EQ(heap->checks.level(), CheckLevel::standard);
    EXPECT_FALSE(heap->checks.on());
    EXPECT_FALSE(heap->arena.states().on());
    Heap::destroy(heap);
}

}  // namespace
