// The whole process at level full: malloc's family by its names ash_, private
// heaps, and frees of one block by many threads.
#include <ashlar/ashlar.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "malloc/guards/guarded_blocks.hpp"
#include "malloc/process/process.hpp"
#include "support/random.hpp"
#include "support/together.hpp"
#include "unit/malloc/checks/told.hpp"

// The level of this program. Beside the library's declaration it is weak too,
// and the only definition.
ashlar::settings::CheckLevel ashlar::cache::start_level() noexcept {
    return ashlar::settings::CheckLevel::full;
}

namespace {

using ashlar::CheckLevel;
using ashlar::Heap;
using ashlar::guards::guarded_blocks;

std::string double_free(const void* block, std::size_t bytes) {
    return line("double free", block, std::to_string(bytes) + "-byte block");
}
std::string wrong(const void* block, std::size_t asked, std::size_t named) {
    return line(
        "wrong size in free", block,
        std::to_string(asked) + "-byte block, freed as " + std::to_string(named) + " bytes");
}

TEST(ProcessChecks, TheThreadsCacheIsHidden) {
    ash_free(ash_malloc(100));
    EXPECT_EQ(ashlar::cache::tls_cache->heap, nullptr);
    EXPECT_NE(ashlar::cache::checked_cache, nullptr);
    EXPECT_EQ(ashlar::cache::own_cache(), ashlar::cache::checked_cache);
}

TEST(ProcessChecks, UsableSizeIsWhatWasAskedFor) {
    for (std::size_t size : {0UL, 1UL, 100UL, 5000UL, 70000UL, 3000000UL, 40000001UL}) {
        void* block = ash_malloc(size);
        EXPECT_EQ(ash_malloc_usable_size(block), size);
        block = ash_realloc(block, size + 3);
        EXPECT_EQ(ash_malloc_usable_size(block), size + 3);
        ash_free_sized(block, size + 3);
        block = ash_calloc(1, size);
        EXPECT_EQ(ash_malloc_usable_size(block), size);
        for (std::size_t i = 0; i < size; i += size / 50 + 1)
            EXPECT_EQ(static_cast<char*>(block)[i], 0);
        ash_free(block);
        block = ash_aligned_alloc(256, size);
        EXPECT_EQ(ash_malloc_usable_size(block), size);
        ash_free_aligned_sized(block, 256, size);
    }
}

TEST(ProcessChecks, SizedFreesAreExact) {
    for (std::size_t size : {1UL, 100UL, 5000UL, 70000UL, 3000000UL, 40000000UL}) {
        void* block = ash_malloc(size);
        EXPECT_EQ(told([&] { ash_free_sized(block, size - 1); }), wrong(block, size, size - 1));
        block = ash_aligned_alloc(64, size);
        EXPECT_EQ(told([&] { ash_free_aligned_sized(block, 64, size + 1); }),
                  wrong(block, size, size + 1));
    }
}

TEST(ProcessChecks, BatchesAreChecked) {
    void* blocks[50];
    ASSERT_EQ(ash_malloc_batch(24, 50, blocks), 50U);
    for (void* block : blocks) EXPECT_EQ(ash_malloc_usable_size(block), 24U);
    ash_free_batch(blocks, 50);
    EXPECT_EQ(told([&] { ash_free_batch(blocks, 1); }), double_free(blocks[0], 32));
}

TEST(ProcessChecks, ReallocOfAFreedBlockIsTold) {
    void* block = ash_malloc(100);
    ash_free(block);
    EXPECT_EQ(told([&] { block = ash_realloc(block, 101); }), double_free(block, 112));
}

TEST(ProcessChecks, AReallocThatFailsLeavesTheBlock) {
    for (std::size_t size : {100UL, 70000UL, 3000001UL, 40000001UL}) {
        auto* block = static_cast<char*>(ash_malloc(size));
        std::memset(block, 0x11, size);
        EXPECT_EQ(ash_realloc(block, std::size_t{1} << 60), nullptr);
        EXPECT_EQ(ash_malloc_usable_size(block), size);
        if (size < 40000000) {
            block[size] = 1;
            EXPECT_NE(told([&] { ash_free(block); }), "");
        } else {
            ash_free_sized(block, size);
        }
    }
}

// In a child: samples and limits stay for the life of a process.
TEST(ProcessChecks, ReallocOfAGuardedBlockToLessNeverFails) {
    EXPECT_EXIT(
        {
            ash_free(ash_malloc(100));
            if (!guarded_blocks.start(1U << 30)) _exit(1);
            void* block = guarded_blocks.take(4000, 16);
            ash_set_limit(0, 1);
            while (ash_malloc(1500) != nullptr) {
            }
            if (ash_realloc(block, 1500) != block) _exit(2);
            _exit(told([&] { ash_free_sized(block, 1500); }).empty() ? 0 : 3);
        },
        testing::ExitedWithCode(0), "");
}

// A free block goes to another thread's magazines, to its slab, or stays.
TEST(ProcessChecks, FreesByTwoThreadsAreTold) {
    std::vector<void*> blocks;
    for (int i = 0; i < 2000; ++i) blocks.push_back(ash_malloc(48));
    std::thread([&] {
        for (void* block : blocks) ash_free(block);
    }).join();
    for (void* block : blocks) EXPECT_EQ(told([&] { ash_free(block); }), double_free(block, 48));
}

// Frees a block of this size by all threads at once, so many times. Returns how
// many frees were told.
unsigned reports_of(unsigned threads, int rounds, std::size_t size) {
    void* block = nullptr;
    std::atomic<unsigned> reports{0};
    Meeting meeting(threads);
    together(threads, [&](unsigned thread) {
        for (int i = 0; i < rounds; ++i) {
            if (thread == 0) block = ash_malloc(size);
            meeting.arrive_and_wait();
            const std::string said = told([&] { ash_free(block); });
            if (!said.empty()) {
                reports.fetch_add(1, std::memory_order_relaxed);
                EXPECT_EQ(said.compare(0, 20, "ashlar: double free "), 0) << said;
            }
            meeting.arrive_and_wait();
        }
    });
    return reports.load();
}

TEST(ProcessChecks, OfFreesAtOnceExactlyOneSucceeds) {
    constexpr unsigned kThreads = 4;
    constexpr unsigned kRounds = 200;
    for (std::size_t size : {16UL, 100UL, 3000UL, 70000UL})
        EXPECT_EQ(reports_of(kThreads, kRounds, size), (kThreads - 1) * kRounds) << size;
}

TEST(ProcessChecks, ThreadsThatExchangeBlocksAreNotTold) {
    constexpr unsigned kThreads = 3;
    constexpr std::size_t kSlots = 64;
    std::atomic<void*> slots[kSlots] = {};
    together(kThreads, [&](unsigned thread) {
        Random random(thread + 1);
        for (int i = 0; i < 4000; ++i) {
            const std::size_t size = random.below(random.below(20) == 0 ? 100000 : 300) + 8;
            auto* block = static_cast<unsigned char*>(ash_malloc(size));
            std::memset(block, 0xab, size);
            void* old = slots[random.below(kSlots)].exchange(block, std::memory_order_acq_rel);
            if (old != nullptr) ash_free_sized(old, ash_malloc_usable_size(old));
        }
    });
    for (std::atomic<void*>& slot : slots) ash_free(slot.load());
    EXPECT_EQ(ash_check(), 0U);
}

TEST(HeapLevels, AHeapHasTheLevelOfTheProcessOrItsOwn) {
    Heap same;
    void* block = same.allocate(100);
    EXPECT_EQ(same.usable_size(block), 100U);
    Heap lower(1 << 20, CheckLevel::standard);
    block = lower.allocate(100);
    EXPECT_EQ(lower.usable_size(block), 112U);
    ash_free(block);
}

TEST(HeapLevels, AHeapTellsMisuseAtTheCall) {
    Heap heap(1 << 24, CheckLevel::full);
    Heap other(1 << 24, CheckLevel::full);
    auto* block = static_cast<char*>(heap.allocate(100));
    EXPECT_EQ(told([&] { heap.deallocate(block + 16); }),
              line("invalid free", block + 16, "inside a 112-byte block"));
    EXPECT_EQ(told([&] { other.deallocate(block); }),
              line("invalid free", block, "not from this heap"));
    EXPECT_EQ(told([&] { ash_free_sized(block, 99); }), wrong(block, 100, 99));
    block = static_cast<char*>(heap.reallocate(heap.allocate(100), 110));
    EXPECT_EQ(heap.usable_size(block), 110U);
    block[110] = 1;
    EXPECT_NE(told([&] { heap.deallocate(block); }), "");
    block = static_cast<char*>(heap.allocate(100));
    void* kept = heap.allocate(100);
    heap.deallocate(block);
    heap.deallocate(kept);
    EXPECT_EQ(told([&] { heap.deallocate(block); }), double_free(block, 112));
    EXPECT_EQ(told([&] { static_cast<void>(heap.usable_size(block)); }), double_free(block, 112));
    EXPECT_EQ(told([&] { static_cast<void>(heap.reallocate(block, 111)); }),
              double_free(block, 112));
}

}  // namespace
