// The life of a thread's cache in the process heap.
#include <array>
#include <thread>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/together.hpp"
#include "unit/malloc/process/hit_or_miss.hpp"

namespace {

using namespace ashlar::cache;
using namespace ashlar::base;

// By value: gcc's undefined-behaviour check mistakes a reference to this
// thread-local word for null.
ThreadCache* front() { return tls_cache; }

TEST(ThreadCache, IsMadeByTheFirstMissAndUsedAfterwards) {
    std::thread([] {
        EXPECT_EQ(front(), &kNoCache);
        void* block = hit_or_miss({100, 16});
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(front(), own_cache());
        EXPECT_NE(front(), &kNoCache);
        give(block);
        EXPECT_EQ(front()->pop(class_of_size(100)), block);
    }).join();
}

TEST(ThreadCache, OfAnEndedThreadGoesEmptyToTheNextThread) {
    std::array<Cache*, 20> caches{};
    std::size_t held = 0;
    for (std::size_t i = 0; i < caches.size(); ++i) {
        std::thread([&caches, i] {
            caches[i] = own_cache();
            std::size_t cached = 0;
            for (Bin bin = 1; bin < kBins; ++bin)
                caches[i]->visit(bin, [&cached](void*) { ++cached; });
            EXPECT_EQ(cached, 0U);
            void* blocks[100];
            for (void*& block : blocks) block = hit_or_miss({3000, 16});
            for (void* block : blocks) give(block);
        }).join();
        EXPECT_EQ(caches[i], caches[0]);
        process()->reclaim();
        if (i == 0) held = process()->spans.held();
    }
    EXPECT_EQ(process()->spans.held(), held) << "ended threads leave their memory to the next";
    EXPECT_EQ(check(), 0U);
}

TEST(ThreadCache, IsDifferentForEachThread) {
    constexpr unsigned threads = 8;
    std::array<Atomic<Cache*>, threads> caches{};
    Atomic<std::uint32_t> ready{0};
    together(threads, [&](unsigned self) {
        caches[self].store(own_cache(), rel);
        ready.fetch_add(1, acq_rel);
        while (ready.load(acq) < threads) std::this_thread::yield();
    });
    for (unsigned i = 0; i < threads; ++i) {
        ASSERT_NE(caches[i].load(acq), nullptr);
        for (unsigned j = 0; j < i; ++j) EXPECT_NE(caches[i].load(acq), caches[j].load(acq));
    }
}

// ThreadSanitizer removes its state of a thread in the last round of
// destructors. Instrumented code cannot run after that.
#if defined(__SANITIZE_THREAD__)
constexpr unsigned kRounds = 3;
#else
constexpr unsigned kRounds = 4;
#endif

// A destructor that allocates and frees in every round, also after the cache is
// gone.
pthread_key_t late_key;
// Atomic: ThreadSanitizer does not order a thread's last destructors before its
// join.
Atomic<unsigned> late_rounds{0};

void late(void*) {
    const unsigned round = late_rounds.fetch_add(1, rlx) + 1;
    void* block = hit_or_miss({200, 16});
    EXPECT_NE(block, nullptr);
    give(block);
    if (round < kRounds) pthread_setspecific(late_key, &late_rounds);
}

TEST(ThreadCache, AfterItsEndTakeAndGiveUseTheSharedCaches) {
    ASSERT_EQ(pthread_key_create(&late_key, late), 0);
    std::thread([] {
        pthread_setspecific(late_key, &late_rounds);
        give(hit_or_miss({100, 16}));
    }).join();
    EXPECT_EQ(late_rounds.load(rlx), kRounds);
    std::thread([] {
        tls_cache = &kPastCache;  // as after the thread's end
        EXPECT_EQ(own_cache(), nullptr);
        void* block = hit_or_miss({100, 16});
        ASSERT_NE(block, nullptr);
        give(block);
        static_cast<void>(trim());
        EXPECT_EQ(front(), &kPastCache) << "it gets no cache";
    }).join();
    pthread_key_delete(late_key);
    EXPECT_EQ(check(), 0U);
}

TEST(ThreadCache, IsKeptInTheChildOfAFork) {
    void* block = hit_or_miss({100, 16});
    ASSERT_NE(block, nullptr);
    const pid_t child = fork();
    if (child == 0) {
        give(block);
        _exit(hit_or_miss({100, 16}) == block && check() == 0 ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    give(block);
}

TEST(Process, IsTheSameHeapForAllThreads) {
    std::array<Atomic<Heap*>, 6> seen{};
    together(6, [&](unsigned self) { seen[self].store(process(), rel); });
    for (auto& heap : seen) EXPECT_EQ(heap.load(acq), process());
    EXPECT_NE(process(), nullptr);
}

}  // namespace
