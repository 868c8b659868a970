// The life of a thread's cache in the process heap.
#include <array>
#include <thread>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "../base/together.hpp"
#include "cache/process.hpp"

namespace {

using namespace ashlar::cache;
using namespace ashlar::base;

// By value: gcc's undefined-behaviour check takes a reference to this thread-local word for null.
Front* front() { return tls_cache; }

TEST(ThreadCache, IsMadeByTheFirstMissAndUsedFromThenOn) {
    std::thread([] {
        EXPECT_EQ(front(), &kNoCache);
        void* block = take(100, 16);
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(front(), own_cache());
        EXPECT_NE(front(), &kNoCache);
        give(block);
        EXPECT_EQ(front()->pop(class_of_size(100)), block);
    }).join();
}

TEST(ThreadCache, OfAThreadThatIsGoneGoesToTheNextOneEmpty) {
    std::array<Cache*, 20> caches{};
    std::size_t held = 0;
    for (std::size_t i = 0; i < caches.size(); ++i) {
        std::thread([&caches, i] {
            caches[i] = own_cache();
            std::size_t cached = 0;
            for (Bin bin = 1; bin < kBins; ++bin) caches[i]->visit(bin, [&cached](void*) { ++cached; });
            EXPECT_EQ(cached, 0U);
            void* blocks[100];
            for (void*& block : blocks) block = take(3000, 16);
            for (void* block : blocks) give(block);
        }).join();
        EXPECT_EQ(caches[i], caches[0]);
        process()->reclaim();
        if (i == 0) held = process()->spans.held();
    }
    EXPECT_EQ(process()->spans.held(), held) << "turnover of threads takes no memory";
    EXPECT_EQ(check(), 0U);
}

TEST(ThreadCache, ThreadsHaveOneEach) {
    constexpr unsigned threads = 8;
    std::array<Atomic<Cache*>, threads> caches{};
    Atomic<std::uint32_t> ready{0};
    together(threads, [&](unsigned self) {
        caches[self].store(own_cache(), rel);
        ready.fetch_add(1, ar);
        while (ready.load(acq) < threads) std::this_thread::yield();
    });
    for (unsigned i = 0; i < threads; ++i) {
        ASSERT_NE(caches[i].load(acq), nullptr);
        for (unsigned j = 0; j < i; ++j) EXPECT_NE(caches[i].load(acq), caches[j].load(acq));
    }
}

// ThreadSanitizer takes a thread down in the last round of its destructors; what it instruments can't run there.
#if defined(__SANITIZE_THREAD__)
constexpr unsigned kRounds = 3;
#else
constexpr unsigned kRounds = 4;
#endif

// A destructor that runs in every round, the last one included, allocates and frees: also after the cache is gone.
pthread_key_t late_key;
Atomic<unsigned> late_rounds{0};  // atomic: ThreadSanitizer does not order a thread's last destructors before its join

void late(void*) {
    const unsigned round = late_rounds.fetch_add(1, rlx) + 1;
    void* block = take(200, 16);
    EXPECT_NE(block, nullptr);
    give(block);
    if (round < kRounds) pthread_setspecific(late_key, &late_rounds);
}

TEST(ThreadCache, FreesAfterItsEndGoThroughTheSharedCaches) {
    ASSERT_EQ(pthread_key_create(&late_key, late), 0);
    std::thread([] {
        pthread_setspecific(late_key, &late_rounds);
        give(take(100, 16));
    }).join();
    EXPECT_EQ(late_rounds.load(rlx), kRounds);
    std::thread([] {
        tls_cache = &kPastCache;  // as it is then
        EXPECT_EQ(own_cache(), nullptr);
        void* block = take(100, 16);
        ASSERT_NE(block, nullptr);
        give(block);
        static_cast<void>(trim());
        EXPECT_EQ(front(), &kPastCache) << "none is made for it";
    }).join();
    pthread_key_delete(late_key);
    EXPECT_EQ(check(), 0U);
}

TEST(ThreadCache, TheChildOfAForkGoesOnWithItsOwn) {
    void* block = take(100, 16);
    ASSERT_NE(block, nullptr);
    const pid_t child = fork();
    if (child == 0) {
        give(block);
        _exit(take(100, 16) == block && check() == 0 ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    give(block);
}

TEST(Process, IsOneForAllThreads) {
    std::array<Atomic<Core*>, 6> seen{};
    together(6, [&](unsigned self) { seen[self].store(process(), rel); });
    for (auto& core : seen) EXPECT_EQ(core.load(acq), process());
    EXPECT_NE(process(), nullptr);
}

}  // namespace
