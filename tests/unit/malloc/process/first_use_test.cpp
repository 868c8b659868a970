// [E13] [E18] The first use makes the heap, a heap of growth, and the key by
// which threads leave. Each round is a process of its own. The linker redirects
// the system's calls to this file: a call can stop in the middle, and
// ThreadSanitizer sees the order of the values of the key.
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "malloc/process/growth.hpp"
#include "malloc/process/injection.hpp"
#include "support/together.hpp"
#include "unit/malloc/process/hit_or_miss.hpp"

namespace {

using namespace ashlar::base;
using ashlar::cache::Cache;
using ashlar::cache::Heap;

constexpr unsigned kThreads = 4;
constexpr int kRounds = 60;
// No bound on a thread's time: a thread that is blocked is blocked for ever.
constexpr std::chrono::seconds kForEver{30};

bool known[PTHREAD_KEYS_MAX];  // plain: the thread that makes a key writes it, its users read it
Atomic<int> keys{0};           // made and not deleted
Atomic<int> wrong{0};
Atomic<int> refused{0};  // whether a thread's value is refused
Atomic<int> stops{0};    // the first to reserve memory stops there until the others are done
Atomic<unsigned> done{0};

Atomic<unsigned> refusals{0};  // so many calls for memory fail
Atomic<int> no_places{0};      // whether an address of the caller's choice is refused

void stop_until_the_others_are_done() {
    const auto start = std::chrono::steady_clock::now();
    while (done.load(acq) < kThreads - 1 && std::chrono::steady_clock::now() - start < kForEver)
        std::this_thread::yield();
    if (done.load(acq) < kThreads - 1) wrong.fetch_add(1, rlx);
}

thread_local bool hurries = false;

// Threads stop here while they make what only one of them publishes, until
// enough have arrived. A thread that hurries goes on. The accesses are relaxed,
// so that they add no edge between the threads.
class Crossing {
  public:
    void open(unsigned threads) { threads_.store(threads, rlx); }
    void pass() {
        arrived_.fetch_add(1, rlx);
        if (hurries) return;
        const auto start = std::chrono::steady_clock::now();
        while (arrived_.load(rlx) < threads_.load(rlx)) {
            if (std::chrono::steady_clock::now() - start > kForEver)
                return void(wrong.fetch_add(1, rlx));
            std::this_thread::yield();
        }
    }

  private:
    Atomic<unsigned> threads_{0}, arrived_{0};
};

Crossing at_the_heap, at_the_key;

}  // namespace

extern "C" {

void* __real_mmap(void*, std::size_t, int, int, int, off_t);
void* __wrap_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset) {
    if (stops.exchange(0, rlx) != 0) stop_until_the_others_are_done();
    const bool chosen = at != nullptr && no_places.load(rlx) != 0;
    const bool refuses = !chosen && bytes >= std::size_t{1} << 20 && refusals.load(rlx) > 0;
    if (refuses) refusals.fetch_sub(1, rlx);
    if (chosen || refuses) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    at_the_heap.pass();
    return __real_mmap(at, bytes, protection, flags, file, offset);
}

int __real_pthread_key_create(pthread_key_t*, void (*)(void*));
int __wrap_pthread_key_create(pthread_key_t* key, void (*destructor)(void*)) {
    const int result = __real_pthread_key_create(key, destructor);
    if (result != 0) return result;
    known[*key] = true;
    keys.fetch_add(1, rlx);
    at_the_key.pass();
    return 0;
}

int __real_pthread_key_delete(pthread_key_t);
int __wrap_pthread_key_delete(pthread_key_t key) {
    keys.fetch_sub(1, rlx);
    return __real_pthread_key_delete(key);
}

int __real_pthread_setspecific(pthread_key_t, const void*);
int __wrap_pthread_setspecific(pthread_key_t key, const void* value) {
    if (!known[key]) wrong.fetch_add(1, rlx);
    return refused.load(rlx) != 0 ? ENOMEM : __real_pthread_setspecific(key, value);
}

}  // extern "C"

namespace {

// Calls f in a process of its own, which ends by exit(): ThreadSanitizer
// changes the exit status after a race.
template <class F>
int status_of(F f) {
    const pid_t child = fork();
    if (child == 0) {
        f();
        std::exit(wrong.load(rlx) == 0 ? 0 : 1);
    }
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

void expect(bool holds) {
    if (!holds) wrong.fetch_add(1, rlx);
}

void* use(std::size_t size) {
    void* block = hit_or_miss({size});
    expect(block != nullptr);
    if (block != nullptr) std::memset(block, 'x', size);
    return block;
}

void meet() {
    std::array<Heap*, kThreads> heaps{};
    const int before = keys.load(rlx);  // GoogleTest has some
    // Two threads make a heap each. The third finds one, and makes the key
    // before the two do. The last finds everything made.
    static_assert(kThreads == 4);
    Atomic<unsigned> ready{0};
    at_the_heap.open(2);
    at_the_key.open(4);
    together(kThreads, [&heaps, &ready, before](unsigned self) {
        hurries = self >= 2;
        while (self == 2 && keys.load(rlx) == before) std::this_thread::yield();
        while (self == 3 && ready.load(rlx) == 0) std::this_thread::yield();
        void* block = use(100 + self);
        if (self == 2) at_the_key.pass();
        heaps[self] = ashlar::cache::owner_of(block);
        Cache* own = ashlar::cache::own_cache();
        expect(own != nullptr && own->heap == heaps[self]);
        ready.fetch_add(1, rlx);
        ashlar::cache::give(block);
    });
    for (const Heap* heap : heaps) expect(heap == ashlar::cache::existing_process());
    expect(keys.load(rlx) == before + 1);
}

TEST(FirstUse, ByManyThreadsMakesOneHeapAndOneKey) {
    for (int round = 0; round < kRounds; ++round)
        ASSERT_EQ(status_of(meet), 0) << "round " << round;
}

TEST(FirstUse, GrowthByManyThreadsMakesOneHeap) {
    const auto grow = [] {
        together(kThreads, [](unsigned) {
            void* block = ashlar::cache::allocate_grown({5000}).block;
            expect(block != nullptr);
            if (block == nullptr) return;
            std::memset(block, 'x', 5000);
            ashlar::cache::give(block);
        });
        unsigned grown = 0;
        ashlar::cache::each_grown([&grown](Heap&) noexcept { ++grown; });
        expect(grown == 1);
    };
    for (int round = 0; round < kRounds; ++round)
        ASSERT_EQ(status_of(grow), 0) << "round " << round;
}

TEST(FirstUse, WaitsForNoStoppedThread) {
    EXPECT_EQ(status_of([] {
                  stops.store(1, rlx);
                  together(kThreads, [](unsigned) {
                      ashlar::cache::give(use(100));
                      done.fetch_add(1, acq_rel);
                  });
              }),
              0);
}

TEST(FirstUse, RegionHasFourTiB) {
    EXPECT_EQ(status_of([] {
                  ashlar::cache::give(use(100));
                  const auto& region = ashlar::cache::process()->region();
                  // Without room for it, the system decides the size.
                  expect(!region.stepwise || region.end == (std::size_t{4} << 40) / kUnitSize);
              }),
              0);
}

TEST(FirstUse, UnderALimitKeepsHalfOfTheGrant) {
    // The requests start at 4 TiB. A grant of 64 MiB is given back for one of
    // 32; a grant of 4 MiB is kept.
    for (const auto& [granted, kept] : {std::array<std::size_t, 2>{64, 32}, {8, 4}, {4, 4}}) {
        EXPECT_EQ(status_of([granted = granted, kept = kept] {
                      no_places.store(1, rlx);
                      for (std::size_t mib = std::size_t{4} << 20; mib > granted; mib /= 2)
                          refusals.fetch_add(1, rlx);
                      ashlar::cache::give(use(100));
                      expect(ashlar::cache::process()->region().end == (kept << 20) / kUnitSize);
                  }),
                  0)
            << granted << " MiB";
    }
}

TEST(FirstUse, RefusedLeavesEveryQueryDefined) {
    EXPECT_EQ(status_of([] {
                  refusals.store(1000, rlx);
                  expect(hit_or_miss({100}) == nullptr);
                  expect(!ashlar::cache::trim());
                  expect(ashlar::cache::check() == 0);
                  expect(ashlar::cache::totals().reserved == 0);
                  expect(ashlar::cache::owner_of(&refusals) == nullptr);
                  ashlar::Heap& heap = ashlar::Heap::process();
                  expect(!heap.owns(&refusals));
                  heap.visit([](void*, std::size_t) {
                      expect(false);
                      return true;
                  });
                  refusals.store(0, rlx);
                  ashlar::cache::give(use(100));
              }),
              0);
}

TEST(FirstUse, InjectedFailuresIncludeLargeBlocks) {
    using ashlar::cache::Request;
    constexpr std::size_t mib = std::size_t{1} << 20;
    for (const Request kind :
         {Request{.size = 0, .zeroed = true}, Request{0}, Request{.size = 0, .movable = true}}) {
        const auto take = [kind](std::size_t bytes) {
            Request request = kind;
            request.size = bytes;
            return hit_or_miss(request);
        };
        for (const std::size_t bytes : {4 * mib, 40 * mib}) {
            EXPECT_EQ(status_of([take, bytes] {
                          ashlar::cache::injection.start({2, 0, mib}, -1);
                          expect(take(bytes) != nullptr);
                          expect(take(bytes) == nullptr);
                          expect(take(bytes) != nullptr);
                      }),
                      0);
        }
    }
}

TEST(FirstUse, ThreadWithoutAKeyValueGivesItsCacheBack) {
    Heap* heap = ashlar::cache::process();
    ASSERT_NE(heap, nullptr);
    Cache* lowest = heap->take_cache();
    heap->end_cache(lowest);
    refused.store(1, rlx);
    std::thread([] {
        EXPECT_EQ(ashlar::cache::own_cache(), nullptr);
        ashlar::cache::give(use(100));
    }).join();
    refused.store(0, rlx);
    EXPECT_EQ(heap->take_cache(), lowest);
    EXPECT_EQ(wrong.load(rlx), 0);
}

}  // namespace
