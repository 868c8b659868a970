// The calls of SharedHeap that allocate, free and ask about blocks.
#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "shared/api/mapping.hpp"
#include "support/random.hpp"
#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;

constexpr std::size_t kUnit = std::size_t{64} << 10;

struct SharedHeapBlocks : ::testing::Test {
    TemporaryName name;
    SharedHeap heap = make_heap(name);
    SharedHeap other = make_heap(name);
    ~SharedHeapBlocks() override { EXPECT_EQ(heap.check(), 0U); }
    [[nodiscard]] std::uint64_t& word(std::uint64_t offset) const {
        return *static_cast<std::uint64_t*>(heap.to_address(offset));
    }
};

TEST_F(SharedHeapBlocks, AllocateGivesBytesThatEveryMappingReads) {
    for (const std::size_t size : {1U, 100U, 5000U, 40000U, 3000000U}) {
        auto* const block = static_cast<char*>(heap.allocate(size));
        ASSERT_NE(block, nullptr);
        std::memset(block, 7, size);
        auto* const seen = static_cast<char*>(other.to_address(heap.to_offset(block)));
        EXPECT_NE(seen, block);
        EXPECT_EQ(seen[0], 7);
        EXPECT_EQ(seen[size - 1], 7);
        EXPECT_EQ(other.usable_size(seen), size);
        other.deallocate(seen);
        EXPECT_EQ(heap.block_at(heap.to_offset(block)).start, 0U);
    }
}

TEST_F(SharedHeapBlocks, AllocateOfSize0GivesDistinctBlocks) {
    void* const first = heap.allocate(0);
    void* const second = heap.allocate(0);
    EXPECT_NE(first, nullptr);
    EXPECT_NE(first, second);
    EXPECT_EQ(heap.usable_size(first), 0U);
    heap.deallocate(first);
    heap.deallocate(second);
    heap.deallocate(nullptr);
}

TEST_F(SharedHeapBlocks, AllocateAligns) {
    for (std::size_t alignment = 1; alignment <= kUnit; alignment *= 2) {
        for (const std::size_t size :
             {std::size_t{1}, alignment, alignment + 1, std::size_t{70000}}) {
            void* const block = heap.allocate(size, alignment);
            ASSERT_NE(block, nullptr);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0U) << size;
            EXPECT_EQ(heap.usable_size(block), size) << alignment;
            heap.deallocate(block);
        }
    }
}

TEST_F(SharedHeapBlocks, AllocateRefusesWrongAlignmentsAndSizes) {
    EXPECT_EQ(heap.allocate(8, 0), nullptr);
    EXPECT_EQ(heap.allocate(8, 24), nullptr);
    EXPECT_EQ(heap.allocate(8, 2 * kUnit), nullptr);
    EXPECT_EQ(heap.allocate(~std::size_t{0}), nullptr);
    EXPECT_EQ(heap.allocate(small_heap().limit + 1), nullptr);
}

TEST_F(SharedHeapBlocks, AllocateUsesTheWholeLimit) {
    void* const all = heap.allocate(small_heap().limit);
    ASSERT_NE(all, nullptr);
    EXPECT_EQ(heap.allocate(1), nullptr);
    heap.deallocate(all);
    void* const one = heap.allocate(1);
    EXPECT_NE(one, nullptr);
    heap.deallocate(one);
}

TEST_F(SharedHeapBlocks, ReallocateKeepsTheContent) {
    auto* block = static_cast<unsigned char*>(heap.reallocate(nullptr, 10));
    std::size_t before = 10;
    std::memset(block, 10, before);
    for (const std::size_t size : {20U, 24U, 1000U, 33000U, 200000U, 400000U, 100000U, 3000U, 1U}) {
        block = static_cast<unsigned char*>(heap.reallocate(block, size));
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(heap.usable_size(block), size);
        for (std::size_t i = 0; i < std::min(before, size); ++i)
            ASSERT_EQ(block[i], before % 251) << i << " of " << size;
        std::memset(block, static_cast<int>(size % 251), size);
        before = size;
    }
    heap.deallocate(block);
}

TEST_F(SharedHeapBlocks, ReallocateWithoutRoomKeepsTheBlock) {
    auto* const block = static_cast<char*>(heap.allocate(100));
    block[99] = 5;
    EXPECT_EQ(heap.reallocate(block, small_heap().limit), nullptr);
    EXPECT_EQ(block[99], 5);
    EXPECT_EQ(heap.usable_size(block), 100U);
    heap.deallocate(block);
}

TEST_F(SharedHeapBlocks, AllocateToStoresTheOffset) {
    auto* const place = static_cast<std::uint64_t*>(heap.allocate(16));
    for (const std::size_t size : {24U, 100000U}) {
        void* const block = heap.allocate_to(place, size);
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(*place, heap.to_offset(block));
        EXPECT_EQ(heap.usable_size(block), size);
        EXPECT_TRUE(other.deallocate_from(
            static_cast<std::uint64_t*>(other.to_address(heap.to_offset(place)))));
        EXPECT_EQ(*place, 0U);
        EXPECT_FALSE(heap.deallocate_from(place));
    }
    EXPECT_EQ(heap.allocate_to(place, small_heap().limit), nullptr);
    EXPECT_EQ(heap.allocate_to(place, 8, 3), nullptr);
    EXPECT_EQ(*place, 0U);
    heap.deallocate(place);
}

TEST_F(SharedHeapBlocks, OffsetsAndAddressesMapToEachOther) {
    auto* const block = static_cast<char*>(heap.allocate(100));
    const std::uint64_t offset = heap.to_offset(block);
    EXPECT_EQ(heap.to_address(offset), block);
    EXPECT_EQ(heap.to_address(offset + 5), block + 5);
    EXPECT_EQ(heap.to_offset(nullptr), 0U);
    EXPECT_EQ(heap.to_address(0), nullptr);
    EXPECT_EQ(heap.to_address(std::uint64_t{1} << 50), nullptr);
    const std::size_t end = heap.mapping()->view().bytes();
    EXPECT_NE(heap.to_address(end - 1), nullptr);
    EXPECT_EQ(heap.to_address(end), nullptr);
    EXPECT_TRUE(heap.owns(block));
    EXPECT_FALSE(heap.owns(other.to_address(offset)));
    EXPECT_FALSE(heap.owns(&name));
    EXPECT_FALSE(heap.owns(nullptr));
    heap.deallocate(block);
}

TEST_F(SharedHeapBlocks, BlockAtFindsTheBlockAroundAByte) {
    for (const std::size_t size : {100U, 100000U}) {
        void* const block = heap.allocate(size);
        const std::uint64_t offset = heap.to_offset(block);
        EXPECT_EQ(heap.block_at(offset + 70).start, offset);
        EXPECT_EQ(heap.block_at(offset + 70).size, size);
        heap.deallocate(block);
        EXPECT_EQ(heap.block_at(offset + 70).start, 0U);
    }
    EXPECT_EQ(heap.block_at(8).start, 0U);
    EXPECT_EQ(heap.block_at(~std::uint64_t{0}).start, 0U);
}

// Compares the heap with a map of what should be live.
TEST_F(SharedHeapBlocks, RandomCallsAgreeWithAModel) {
    Random random(17);
    std::map<std::uint64_t, std::size_t> live;
    for (int i = 0; i < 20000; ++i) {
        SharedHeap& one = random.below(2) == 0 ? heap : other;
        if (live.size() < 300 && random.below(2) == 0) {
            const std::size_t size =
                random.below(10) == 0 ? random.below(200000) : random.below(2000);
            void* const block = one.allocate(size);
            if (block == nullptr) continue;
            ASSERT_TRUE(live.emplace(one.to_offset(block), size).second);
        } else if (!live.empty()) {
            const auto victim = std::next(live.begin(), random.below(live.size()));
            void* block = one.to_address(victim->first);
            ASSERT_EQ(one.usable_size(block), victim->second);
            live.erase(victim);
            const std::size_t size = random.below(3000);
            if (random.below(3) == 0 && (block = one.reallocate(block, size)) != nullptr) {
                live.emplace(one.to_offset(block), size);
            } else {
                one.deallocate(block);
            }
        }
    }
    std::map<std::uint64_t, std::size_t> seen;
    heap.visit(
        [&](SharedHeap::Block block) { return seen.emplace(block.start, block.size).second; });
    EXPECT_EQ(seen, live);
    EXPECT_EQ(heap.check(), 0U);
    for (const auto& [offset, size] : live) heap.deallocate(heap.to_address(offset));
}

TEST_F(SharedHeapBlocks, MovesToAnotherObject) {
    void* const block = heap.allocate(10);
    SharedHeap moved(std::move(heap));
    EXPECT_EQ(moved.usable_size(block), 10U);
    moved.deallocate(block);
    heap = std::move(moved);
    EXPECT_TRUE(heap.owns(block));
}

}  // namespace
