// Pages, mappings and address space: a Heap takes them from the system and
// gives them back.
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "heap_support.hpp"
#include "pattern.hpp"

namespace {

using ashlar::Heap;
using heap_support::is_mapped;
using heap_support::kib;
using heap_support::mib;
using heap_support::resident_pages;

std::size_t address_space() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    std::size_t pages = 0;
    if (file == nullptr || std::fscanf(file, "%zu", &pages) != 1) return 0;
    std::fclose(file);
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::vector<void*> dirty_blocks(Heap& heap, std::size_t size, std::size_t bytes) {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < bytes / size; ++i) {
        blocks.push_back(heap.allocate(size));
        if (blocks.back() == nullptr) return {};
        std::memset(blocks.back(), 0xa5, size);
    }
    return blocks;
}

std::size_t resident(const std::vector<void*>& blocks, std::size_t size) {
    std::size_t pages = 0;
    for (void* block : blocks) pages += resident_pages(block, size);
    return pages;
}

class Trim : public testing::TestWithParam<std::size_t> {};

TEST_P(Trim, ReturnsThePagesOfFreedBlocks) {
    const std::size_t size = GetParam();
    Heap heap;
    const std::vector<void*> blocks = dirty_blocks(heap, size, 32 * mib);
    ASSERT_FALSE(blocks.empty());
    const std::size_t before = resident(blocks, size);
    ASSERT_GT(before, 0u);
    for (void* block : blocks) heap.deallocate(block);
    EXPECT_TRUE(heap.trim());
    EXPECT_LE(resident(blocks, size), before / 20);
    EXPECT_EQ(heap.check(), 0u);
    // Returned pages can be used again.
    for (void* block : dirty_blocks(heap, size, 32 * mib)) heap.deallocate(block);
}

TEST_P(Trim, KeepsLiveBlocks) {
    const std::size_t size = GetParam();
    Heap heap;
    std::vector<void*> blocks = dirty_blocks(heap, size, 16 * mib);
    ASSERT_FALSE(blocks.empty());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i % 8 == 0) {
            fill(blocks[i], size, i);
        } else {
            heap.deallocate(blocks[i]);
        }
    }
    heap.trim();
    for (std::size_t i = 0; i < blocks.size(); i += 8) {
        EXPECT_TRUE(intact(blocks[i], size, i));
        heap.deallocate(blocks[i]);
    }
    EXPECT_EQ(heap.check(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Trim, testing::Values(4 * kib, 16 * kib, 100 * kib, mib, 8 * mib),
                         [](const auto& instance) {
                             return std::to_string(instance.param) + "Bytes";
                         });

TEST(HeapMemory, DestructionUnmapsLiveBlocks) {
    std::vector<void*> blocks;
    {
        Heap heap;
        for (std::size_t size : Sizes{16, 1000, 40 * kib, mib, 20 * mib}) {
            blocks.push_back(heap.allocate(size));
            ASSERT_NE(blocks.back(), nullptr);
            fill(blocks.back(), size, size);
            ASSERT_TRUE(is_mapped(blocks.back()));
        }
    }
    for (void* block : blocks) EXPECT_FALSE(is_mapped(block));
}

TEST(HeapMemory, ManyHeapsInARowLeakNoAddressSpace) {
    const auto live_and_die = [] {
        Heap heap;
        for (std::size_t size : Sizes{16, 500, 5 * kib, 100 * kib}) {
            for (int i = 0; i < 20; ++i) ASSERT_NE(heap.allocate(size), nullptr);
        }
    };
    for (int i = 0; i < 10; ++i) live_and_die();
    const std::size_t before = address_space();
    for (int i = 0; i < 300; ++i) live_and_die();
    EXPECT_LT(address_space(), before + 64 * mib) << "one forgotten heap would be 64 GiB";
}

TEST(HeapMemory, ManyHeapsAtOnceServe) {
    std::vector<std::unique_ptr<Heap>> heaps;
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < 100; ++i) {
        heaps.push_back(std::make_unique<Heap>(std::size_t{1} << 30));
        blocks.push_back(heaps.back()->allocate(1000));
        ASSERT_NE(blocks.back(), nullptr);
        fill(blocks.back(), 1000, i);
    }
    for (std::size_t i = 0; i < heaps.size(); ++i) {
        EXPECT_TRUE(intact(blocks[i], 1000, i));
        for (std::size_t j = 0; j < heaps.size(); ++j) EXPECT_EQ(heaps[j]->owns(blocks[i]), i == j);
    }
    for (std::size_t i = 0; i < heaps.size(); i += 2) heaps[i].reset();
    for (std::size_t i = 1; i < heaps.size(); i += 2) {
        EXPECT_TRUE(intact(blocks[i], 1000, i));
        ash_free(blocks[i]);
    }
}

TEST(HeapMemory, TrimOfTheProcessHeapReturnsPages) {
    constexpr std::size_t size = 3 * mib;  // less than one thread alone may keep
    void* block = ash_malloc(size);
    ASSERT_NE(block, nullptr);
    std::memset(block, 0xa5, size);
    const std::size_t before = resident_pages(block, size);
    ASSERT_GT(before, 0u);
    ash_free(block);
    EXPECT_EQ(ash_malloc_trim(0), 1);
    EXPECT_LE(resident_pages(block, size), before / 20);
}

}  // namespace
