// The block at an address of a heap, with its neighbours, and what a damaged
// heap makes of it.
#include <cstdint>
#include <cstring>

#include <gtest/gtest.h>

#include "base/peek.hpp"
#include "malloc/heap/heap.hpp"
#include "malloc/inspect/block_lookup.hpp"

namespace {

using namespace ashlar;
using inspect::BlockState;
using inspect::FoundPlace;
using inspect::Within;

class BlockLookupTest : public testing::Test {
  protected:
    BlockLookupTest() : heap_(cache::Heap::create(region::kSystem, 256, 1)) {}
    ~BlockLookupTest() override { cache::Heap::destroy(heap_); }
    BlockLookupTest(const BlockLookupTest&) = delete;
    BlockLookupTest& operator=(const BlockLookupTest&) = delete;

    [[nodiscard]] char* take(std::size_t size) {
        return static_cast<char*>(heap_->allocate({.size = size}).block);
    }
    void give(void* block) { heap_->give(block, heap_->spans.pages().bin_of(block)); }

    // With the description in `layout_`, which a test may damage.
    FoundPlace look(const void* address) {
        FoundPlace found;
        inspect::BlockLookup lookup;
        lookup.look(memory_, layout_, reinterpret_cast<std::uintptr_t>(address), found);
        return found;
    }
    // Where the nearest live block begins; 0: there is none.
    std::uintptr_t nearest(const void* address) {
        const auto at = reinterpret_cast<std::uintptr_t>(address);
        FoundPlace found;
        inspect::BlockLookup lookup;
        lookup.look(memory_, layout_, at, found);
        inspect::FoundBlock near;
        return lookup.nearest(at, near) ? near.start : 0;
    }
    void read_layout() {
        const auto at = reinterpret_cast<std::uintptr_t>(&heap_->description());
        ASSERT_TRUE(inspect::read_layout(memory_, at, layout_));
    }

    cache::Heap* heap_;
    base::Peek peek_;
    inspect::HeapLayout layout_{};
    inspect::Memory memory_{
        [](const void* peek, std::uint64_t address, void* to, std::size_t bytes) noexcept {
            return static_cast<base::Peek*>(const_cast<void*>(peek))->copy(address, to, bytes);
        },
        &peek_, true};
};

TEST_F(BlockLookupTest, FindsABlockAndItsNeighbours) {
    char* const block = take(100);
    read_layout();
    const std::size_t size = heap_->size_of(block).bytes;
    const FoundPlace found = look(block + size - 1);
    EXPECT_EQ(found.within, Within::slab);
    ASSERT_TRUE(found.has_block);
    EXPECT_EQ(found.block.start, reinterpret_cast<std::uintptr_t>(block));
    EXPECT_EQ(found.block.bytes, size);
    EXPECT_EQ(found.block.state, BlockState::live);
    EXPECT_EQ(base::size_of_bin(found.bin), size);
    EXPECT_GT(found.in_use, 0U);
    EXPECT_LE(found.in_use, found.blocks);
    ASSERT_TRUE(found.has_before || found.has_after);
    if (found.has_before) {
        EXPECT_EQ(found.before.start + size, found.block.start);
    }
    if (found.has_after) {
        EXPECT_EQ(found.after.start, found.block.start + size);
    }
}

TEST_F(BlockLookupTest, TellsFreeBlocks) {
    char* const block = take(100);
    char* const other = take(100);
    read_layout();
    give(block);
    EXPECT_EQ(look(block).block.state, BlockState::in_shared);
    heap_->reclaim();
    EXPECT_EQ(look(block).block.state, BlockState::in_slab);
    EXPECT_EQ(look(other).block.state, BlockState::live);
}

TEST_F(BlockLookupTest, FindsTheEndsOfASlab) {
    char* const block = take(100);
    read_layout();
    const FoundPlace found = look(block);
    const base::ClassGeometry& g = base::kGeometry[found.bin];
    auto* const slab = reinterpret_cast<char*>(found.start);
    const FoundPlace first = look(slab);
    EXPECT_FALSE(first.has_before);
    EXPECT_TRUE(first.has_after);
    const FoundPlace last = look(slab + (g.blocks - 1) * g.size);
    EXPECT_TRUE(last.has_before);
    EXPECT_FALSE(last.has_after);
    ASSERT_LT(g.blocks * g.size, found.units * base::kUnitSize);
    const FoundPlace end = look(slab + g.blocks * g.size);
    EXPECT_EQ(end.within, Within::slab_end);
    EXPECT_FALSE(end.has_block);
    EXPECT_EQ(end.before.start, last.block.start);
}

TEST_F(BlockLookupTest, FindsRunsAndFreeUnits) {
    char* const run = take(200000);
    read_layout();
    const FoundPlace found = look(run + 150000);
    EXPECT_EQ(found.within, Within::run);
    EXPECT_EQ(found.block.start, reinterpret_cast<std::uintptr_t>(run));
    EXPECT_EQ(found.block.bytes, 4 * base::kUnitSize);
    EXPECT_EQ(found.block.state, BlockState::live);
    give(run);
    heap_->reclaim();
    EXPECT_FALSE(look(run).has_block);
    EXPECT_EQ(look(&heap_->description()).within, Within::metadata);
    const auto end = inspect::end_of(layout_);
    EXPECT_EQ(look(reinterpret_cast<void*>(end - 1)).within, Within::unused);
}

TEST(FoundBlock, DistanceIsThatToTheNearerEnd) {
    constexpr inspect::FoundBlock kBlock{1000, 50, BlockState::live};
    EXPECT_EQ(inspect::distance(kBlock, 990), 10U);
    EXPECT_EQ(inspect::distance(kBlock, 1000), 0U);
    EXPECT_EQ(inspect::distance(kBlock, 1049), 0U);
    EXPECT_EQ(inspect::distance(kBlock, 1050), 0U);
    EXPECT_EQ(inspect::distance(kBlock, 1060), 10U);
}

TEST_F(BlockLookupTest, NearestFindsTheNearerOfTwoRuns) {
    char* first = take(200000);
    char* middle = take(16 * base::kUnitSize);
    char* last = take(200000);
    read_layout();
    ASSERT_EQ(last - middle, 16 * static_cast<std::ptrdiff_t>(base::kUnitSize));
    ASSERT_EQ(middle - first, 4 * static_cast<std::ptrdiff_t>(base::kUnitSize));
    give(middle);
    heap_->reclaim();
    EXPECT_EQ(nearest(middle + 10), reinterpret_cast<std::uintptr_t>(first));
    EXPECT_EQ(nearest(last - 10), reinterpret_cast<std::uintptr_t>(last));
    give(first);
    heap_->reclaim();
    EXPECT_EQ(nearest(middle + 10), reinterpret_cast<std::uintptr_t>(last));
    give(last);
    heap_->reclaim();
    EXPECT_EQ(nearest(middle + 10), 0U);
}

TEST_F(BlockLookupTest, NearestPassesFreeBlocksOfASlab) {
    char* const block = take(100);
    read_layout();
    const FoundPlace found = look(block);
    const base::ClassGeometry& g = base::kGeometry[found.bin];
    auto* const end = reinterpret_cast<char*>(found.start) + g.blocks * g.size;
    heap_->reclaim();
    EXPECT_EQ(nearest(end), reinterpret_cast<std::uintptr_t>(block));
    // Far away there may be any; here there is none.
    EXPECT_EQ(nearest(end + 40 * base::kUnitSize), 0U);
}

TEST_F(BlockLookupTest, SaysThatTablesAreDamaged) {
    char* const block = take(100);
    read_layout();
    const inspect::HeapLayout whole = layout_;
    layout_.unit.state = 0x10;
    EXPECT_EQ(look(block).within, Within::damaged);
    layout_ = whole;
    layout_.unit.bits = std::uint64_t{1} << 63;
    EXPECT_EQ(look(block).within, Within::damaged);
    layout_ = whole;
    layout_.unit.frontier = 0x10;
    EXPECT_EQ(look(block).within, Within::unused);
    // A class that there is not.
    layout_ = whole;
    const std::uint32_t states[] = {0, base::kClasses << 2 | 1, base::kClasses << 2 | 1};
    layout_.unit.state = reinterpret_cast<std::uintptr_t>(states);
    layout_.base =
        (reinterpret_cast<std::uintptr_t>(block) & ~(base::kUnitSize - 1)) - base::kUnitSize;
    EXPECT_EQ(look(block).within, Within::damaged);
}

TEST_F(BlockLookupTest, TakesAnyTables) {
    char* const block = take(100);
    read_layout();
    const inspect::HeapLayout whole = layout_;
    auto* const words = reinterpret_cast<std::uint64_t*>(&layout_.unit);
    for (std::size_t i = 0; i < sizeof layout_.unit / sizeof *words; ++i) {
        for (const std::uint64_t wrong : {std::uint64_t{0}, ~std::uint64_t{0}, whole.self}) {
            layout_ = whole;
            words[i] = wrong;
            look(block);
            nearest(block);
            nearest(block + base::kUnitSize);
        }
    }
}

}  // namespace
