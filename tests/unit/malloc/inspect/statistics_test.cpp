// Statistics of the process heap: exact while it is quiet, consistent always.
// The test's own memory comes from the system's malloc.
#include <ashlar/ashlar.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ashlar/heap.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include "base/size_class.hpp"
#include "malloc/process/growth.hpp"
#include "malloc/process/process.hpp"

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

std::size_t sum_of(const ash_stats& s) { return s.live + s.cached + s.depot + s.slabs + s.kept; }

ash_class_stats class_of(std::size_t size) {
    std::vector<ash_class_stats> all(80);
    all.resize(ash_class_statistics(all.data(), all.size()));
    for (const ash_class_stats& each : all) {
        if (each.size == size) return each;
    }
    return {};
}

TEST(Statistics, CountLiveBlocksExactly) {
    const ash_stats before = ash_statistics();
    std::vector<void*> blocks;
    std::size_t usable = 0;
    for (const std::size_t size : {std::size_t{16}, std::size_t{100}, std::size_t{5000},
                                   std::size_t{40'000}, std::size_t{700'000}, 5 * mib, 40 * mib}) {
        for (int i = 0; i < 37; ++i) {
            if (size > 4 * mib && i > 2) break;
            blocks.push_back(ash_malloc(size));
            ASSERT_NE(blocks.back(), nullptr);
            usable += ash_malloc_usable_size(blocks.back());
        }
    }
    const ash_stats during = ash_statistics();
    EXPECT_EQ(during.live - before.live, usable);
    EXPECT_EQ(during.blocks - before.blocks, blocks.size());
    EXPECT_EQ(during.mapped - before.mapped, 3 * 40 * mib);
    EXPECT_EQ(sum_of(during), during.held);
    EXPECT_GT(during.asked, before.asked);
    EXPECT_LE(during.asked, during.live);
    for (void* block : blocks) ash_free(block);
    const ash_stats after = ash_statistics();
    EXPECT_EQ(after.live, before.live);
    EXPECT_EQ(after.blocks, before.blocks);
    EXPECT_GT(after.cached, before.cached);
    EXPECT_EQ(sum_of(after), after.held);
}

TEST(Statistics, CountEachClassExactly) {
    constexpr std::size_t size = 320;
    constexpr std::size_t count = 5000;
    const ash_class_stats before = class_of(size);
    std::vector<void*> blocks(count);
    for (void*& block : blocks) block = ash_malloc(size);
    const ash_class_stats during = class_of(size);
    EXPECT_EQ(during.live - before.live, count);
    const std::size_t per_slab = ashlar::base::kGeometry[ashlar::base::class_of_size(size)].blocks;
    EXPECT_EQ(during.slabs * per_slab, during.live + during.cached + during.depot + during.free);
    for (std::size_t i = 0; i < count; i += 2) ash_free(blocks[i]);
    const ash_class_stats half = class_of(size);
    EXPECT_EQ(half.live - before.live, count / 2);
    EXPECT_GT(half.cached + half.depot + half.free, during.cached + during.depot + during.free);
    for (std::size_t i = 1; i < count; i += 2) ash_free(blocks[i]);
    EXPECT_EQ(class_of(size).live, before.live);
}

// The blocks in the cache of another thread are not live.
TEST(Statistics, CountTheCachesOfOtherThreads) {
    const ash_stats before = ash_statistics();
    std::atomic<int> stage{0};
    std::thread other([&] {
        std::vector<void*> blocks(100);
        for (void*& block : blocks) block = ash_malloc(600);
        for (void* block : blocks) ash_free(block);
        stage = 1;
        while (stage != 2) std::this_thread::yield();
    });
    while (stage != 1) std::this_thread::yield();
    const ash_stats during = ash_statistics();
    stage = 2;
    other.join();
    EXPECT_EQ(during.live, before.live);
    EXPECT_GE(during.cached, before.cached + 600);
    EXPECT_EQ(sum_of(during), during.held);
    EXPECT_EQ(ash_statistics().cached, before.cached) << "the thread has given its blocks back";
}

TEST(Statistics, CountBlocksInTheDepot) {
    std::vector<void*> blocks(20'000);
    for (void*& block : blocks) block = ash_malloc(64);
    const ash_stats before = ash_statistics();
    for (void* block : blocks) ash_free(block);
    const ash_stats after = ash_statistics();
    EXPECT_GT(after.depot, before.depot + blocks.size() * 64 / 4);
    EXPECT_EQ(before.live - after.live, blocks.size() * 64);
    EXPECT_GT(after.depot_gives, before.depot_gives);
    EXPECT_GT(after.overflows, before.overflows);
}

TEST(Statistics, CountMissesAndSystemCalls) {
    const ash_stats before = ash_statistics();
    std::vector<void*> blocks(3000);
    for (void*& block : blocks) block = ash_malloc(2000);
    void* large = ash_malloc(64 * mib);
    ash_free(large);
    for (void* block : blocks) ash_free(block);
    static_cast<void>(ash_malloc_trim(0));
    const ash_stats after = ash_statistics();
    EXPECT_GE(after.refills, before.refills + blocks.size() / 64);
    EXPECT_GT(after.lock_taken, before.lock_taken);
    EXPECT_GT(after.maps, before.maps);
    EXPECT_GT(after.unmaps, before.unmaps);
    EXPECT_GT(after.purges, before.purges);
    EXPECT_EQ(after.depot, 0U) << "trimmed";
}

// A thread's counts outlive it.
TEST(Statistics, KeepTheCountsOfThreadsThatEnded) {
    const ash_stats before = ash_statistics();
    std::thread([] {
        for (int i = 0; i < 100; ++i) {
            void* block = ash_malloc(100 * 1024);
            ash_free(block);
        }
        for (std::size_t size = 100; size <= 500; size += 100) ash_free(ash_malloc(size));
    }).join();
    EXPECT_GE(ash_statistics().refills, before.refills + 6);
}

// Calls `test` in a child, with a limit of 0 that is lifted afterwards. Returns
// whether it returned true.
bool with_limit(decltype(RLIMIT_AS) limit, bool (*test)(const ash_stats& before)) {
    const ash_stats before = ash_statistics();
    const pid_t child = fork();
    if (child == 0) {
        rlimit old{};
        getrlimit(limit, &old);
        const rlimit none{0, old.rlim_max};
        setrlimit(limit, &none);
        const bool done = test(before);
        setrlimit(limit, &old);
        _exit(done ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status == 0;
}

// Without /proc, as in a sandbox, blocks in caches count as live.
TEST(Statistics, CountWithoutFiles) {
    void* kept = ash_malloc(600);
    ash_free(ash_malloc(600));
    EXPECT_TRUE(with_limit(RLIMIT_NOFILE, [](const ash_stats& before) {
        const ash_stats now = ash_statistics();
        return now.live == before.live + before.cached && now.held == before.held &&
               now.depot == before.depot && sum_of(now) == now.held;
    }));
    ash_free(kept);
}

TEST(Report, IsWrittenWithoutFiles) {
    EXPECT_TRUE(with_limit(RLIMIT_NOFILE, [](const ash_stats&) {
        return ash_report(STDERR_FILENO) == 0 && ash_report_json(STDERR_FILENO) == 0;
    }));
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST(Statistics, CountRoughlyWithoutMemory) {
    void* kept = ash_malloc(6000);
    EXPECT_TRUE(with_limit(RLIMIT_AS, [](const ash_stats& before) {
        const ash_stats now = ash_statistics();
        return now.live >= before.live && now.held == before.held && sum_of(now) == now.held &&
               now.peak >= now.held && ashlar::Heap::process().statistics().held == now.held &&
               class_of(6144).size == 0 && ash_report(STDERR_FILENO) == -1;
    }));
    ash_free(kept);
}
#endif

TEST(Statistics, CountHeapsThatTheProcessGrewBy) {
    ash_free(ash_malloc(100));  // the process has a heap
    const ash_stats before = ash_statistics();
    void* block = ashlar::cache::allocate_grown({3 * mib, 16}).block;
    ASSERT_NE(block, nullptr);
    const ash_stats during = ash_statistics();
    EXPECT_EQ(during.live - before.live, 3 * mib);
    EXPECT_GE(during.reserved, before.reserved + 64 * mib);
    ash_free(block);
    EXPECT_EQ(ash_statistics().live, before.live);
}

TEST(Statistics, OfAPrivateHeapCountOnlyItsOwn) {
    ashlar::Heap heap(64 * mib);
    const ash_stats process = ash_statistics();
    void* block = heap.allocate(5000);
    const ash_stats during = heap.statistics();
    EXPECT_EQ(during.live, heap.usable_size(block));
    EXPECT_EQ(during.blocks, 1U);
    EXPECT_EQ(sum_of(during), during.held);
    EXPECT_EQ(during.refills, 1U);
    EXPECT_EQ(ash_statistics().live, process.live);
    heap.deallocate(block);
    EXPECT_EQ(heap.statistics().live, 0U);
}

TEST(Statistics, LeaveErrnoAlone) {
    errno = 77;
    static_cast<void>(ash_statistics());
    EXPECT_EQ(errno, 77);
}

// Threads work while the statistics are read: no part is larger than the whole.
TEST(Statistics, AreConsistentWhileThreadsWork) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) {
        threads.emplace_back([&stop, t] {
            std::vector<void*> blocks(500);
            for (unsigned n = t; !stop; n = n * 1103515245 + 12345) {
                void*& block = blocks[(n >> 8) % blocks.size()];
                ash_free(block);
                block = ash_malloc((n >> 12) % ((n & 255) == 0 ? 300'000 : 3000));
            }
            for (void* block : blocks) ash_free(block);
        });
    }
    for (int i = 0; i < 300; ++i) {
        const ash_stats s = ash_statistics();
        ASSERT_EQ(sum_of(s), s.held);
        ASSERT_LE(s.asked, s.live);
        ASSERT_LE(s.mapped, s.live);
        ASSERT_LE(s.dirty, s.free);
        ASSERT_LE(s.held, s.peak);
        ASSERT_LE(s.held + s.free, s.reserved);
        ASSERT_LT(s.held, std::size_t{1} << 30) << "no sum has wrapped around";
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(ash_check(), 0U);
}

}  // namespace
