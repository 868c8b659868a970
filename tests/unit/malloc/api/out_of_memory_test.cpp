// A full address space: every path returns NULL with ENOMEM, nothing is lost,
// and the heap works again after frees.
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/ashlar.h>

#include "api.hpp"
#include "chain.hpp"
#include "pattern.hpp"

namespace {

class Exhaustion : public testing::TestWithParam<std::size_t> {};

TEST_P(Exhaustion, GivesEnomemAndFreesRestoreTheAmount) {
    const std::size_t size = GetParam();
    Chain chain;
    int error = 0;
    const std::size_t first = chain.exhaust(size, &error);
    chain.free_all();
    EXPECT_EQ(error, ENOMEM);
    EXPECT_GE(first * size, 64 * mib) << "of 390 MiB of address space";
    for (int round = 0; round < 2; ++round) {
        const std::size_t again = chain.exhaust(size, &error);
        chain.free_all();
        EXPECT_EQ(error, ENOMEM);
        EXPECT_GE(again, first - first / 10) << "round " << round;
    }
    EXPECT_EQ(ash_check(), 0u);
}

TEST_P(Exhaustion, FreesServeOtherSizes) {
    Chain chain;
    chain.exhaust(GetParam());
    chain.free_all();
    for (std::size_t size : Sizes{64, 4 * kib, 100 * kib, 4 * mib, 32 * mib}) {
        void* block = api.malloc(size);
        ASSERT_NE(block, nullptr) << size;
        fill(block, size, 1);
        EXPECT_TRUE(intact(block, size, 1));
        api.free(block);
    }
}

// Blocks of one size in the depots of all heaps become memory for another size.
TEST_P(Exhaustion, FreesOfOneSizeServeAnotherInFull) {
    Chain chain;
    const std::size_t first = chain.exhaust(2000);
    chain.free_all();
    chain.exhaust(GetParam());
    chain.free_all();
    const std::size_t again = chain.exhaust(2000);
    chain.free_all();
    EXPECT_GE(again, first - first / 200);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Exhaustion,
                         testing::Values(64, 1000, 20 * kib, 40 * kib, mib, 16 * mib),
                         [](const auto& instance) {
                             return std::to_string(instance.param) + "Bytes";
                         });

TEST(OutOfMemory, EveryEntryPointFailsCleanly) {
    Chain chain;
    void* kept = api.malloc(1000);
    fill(kept, 1000, 2);
    chain.exhaust_all();
    constexpr std::size_t size = 8 * mib;
    int errors[6] = {};
    void* blocks[6] = {};
    const auto attempt = [&](int i, auto allocate) {
        errno = 0;
        blocks[i] = allocate();
        errors[i] = errno;
    };
    attempt(0, [] { return api.malloc(size); });
    attempt(1, [] { return api.calloc(1, size); });
    attempt(2, [&] { return api.realloc(kept, size); });
    attempt(3, [] { return api.aligned_alloc(4096, size); });
    attempt(4, [] { return api.memalign(mib, size); });
    attempt(5, [] { return api.valloc(size); });
    void* out = nullptr;
    const int result = api.posix_memalign(&out, 64, size);
    chain.free_all();
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(blocks[i], nullptr) << i;
        EXPECT_EQ(errors[i], ENOMEM) << i;
    }
    EXPECT_EQ(result, ENOMEM);
    EXPECT_EQ(out, nullptr);
    EXPECT_TRUE(intact(kept, 1000, 2));
    api.free(kept);
    EXPECT_EQ(ash_check(), 0u);
}

TEST(OutOfMemory, BatchReturnsTheBlocksThatFit) {
    constexpr std::size_t size = mib;
    std::vector<void*> blocks(2000);
    errno = 0;
    const std::size_t count = ash_malloc_batch(size, blocks.size(), blocks.data());
    const int error = errno;
    EXPECT_LT(count, blocks.size());
    EXPECT_GE(count * size, 64 * mib);
    EXPECT_EQ(error, ENOMEM);
    for (std::size_t i = 0; i < count; ++i) fill(blocks[i], 100, i);
    for (std::size_t i = 0; i < count; ++i) EXPECT_TRUE(intact(blocks[i], 100, i));
    ash_free_batch(blocks.data(), count);
    EXPECT_EQ(ash_check(), 0u);
}

TEST(OutOfMemory, OneFreeServesOneAllocation) {
    Chain chain;
    chain.exhaust(mib);
    int failures = 0;
    for (int i = 0; i < 1000; ++i) {
        chain.free_one();
        if (!chain.grow(mib)) ++failures;
    }
    chain.free_all();
    EXPECT_EQ(failures, 0);
}

// These threads exist before memory is exhausted but have not allocated, so
// they cannot get a cache.
TEST(OutOfMemory, ThreadsWithoutACacheFreeAndFailCleanly) {
    constexpr std::size_t count = 4;
    constexpr std::size_t each = 2000;
    std::atomic<bool> exhausted{false};
    std::atomic<std::size_t> done{0};
    std::atomic<bool> released{false};
    std::atomic<std::size_t> faults{0};
    std::vector<void*> given(count * each);
    for (void*& block : given) block = api.malloc(100);
    std::vector<std::thread> threads;
    for (std::size_t id = 0; id < count; ++id) {
        threads.emplace_back([&, id] {
            while (!exhausted) std::this_thread::yield();
            errno = 0;
            if (api.malloc(16 * mib) != nullptr || errno != ENOMEM) ++faults;
            for (std::size_t i = 0; i < each; ++i) api.free(given[id * each + i]);
            void* block = api.malloc(100);
            if (block != nullptr) fill(block, 100, id);
            ++done;
            while (!released) std::this_thread::yield();
            if (block != nullptr && !intact(block, 100, id)) ++faults;
            api.free(block);
            block = api.malloc(mib);
            if (block == nullptr) ++faults;
            api.free(block);
        });
    }
    Chain chain;
    chain.exhaust_all();
    exhausted = true;
    while (done < count) std::this_thread::yield();
    chain.free_all();
    released = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(faults, 0u);
    EXPECT_EQ(ash_check(), 0u);
}

void* allocate_once(void*) {
    void* block = api.malloc(1000);
    api.free(block);
    return nullptr;
}

TEST(OutOfMemory, ThreadsStartOrFailCleanly) {
    Chain chain;
    chain.exhaust_all();
    pthread_t thread;
    const int result = pthread_create(&thread, nullptr, allocate_once, nullptr);
    if (result == 0) pthread_join(thread, nullptr);
    chain.free_all();
    EXPECT_TRUE(result == 0 || result == EAGAIN || result == ENOMEM) << result;
    ASSERT_EQ(pthread_create(&thread, nullptr, allocate_once, nullptr), 0);
    pthread_join(thread, nullptr);
    EXPECT_EQ(ash_check(), 0u);
}

}  // namespace
