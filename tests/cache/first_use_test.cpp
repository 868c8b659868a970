// E13, E18: what threads make that find nothing there yet: the heap, what it grows by, the key by which threads leave. The
// first use of a process is only one: each round is a process of its own. The linker sends the system's calls by here, so that
// one can stop in the middle, and so that what libc knows of a key is plain data, whose order ThreadSanitizer sees.
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
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

#include "../base/together.hpp"
#include "cache/growth.hpp"
#include "cache/injection.hpp"
#include "cache/process.hpp"

namespace {

using namespace ashlar::base;
using ashlar::cache::Cache;
using ashlar::cache::Core;

constexpr unsigned kThreads = 4;
constexpr int kRounds = 60;
// No limit on how long a thread may take: who is blocked is blocked for ever.
constexpr std::chrono::seconds kForEver{30};

bool known[PTHREAD_KEYS_MAX];  // plain: written by who makes a key, read by who uses it
Atomic<int> keys{0};           // made and not deleted
Atomic<int> wrong{0};
Atomic<int> refused{0};  // whether a thread's value is refused
Atomic<int> stops{0};    // the first to reserve memory stops there until the others are done
Atomic<unsigned> done{0};

Atomic<unsigned> refusals{0};     // so many calls for memory fail
Atomic<std::size_t> asked{0};     // for, by the first such call
Atomic<unsigned long> memory{0};  // of the machine, in GiB; 0: as it is

void stop_until_the_others_are_done() {
    const auto start = std::chrono::steady_clock::now();
    while (done.load(acq) < kThreads - 1 && std::chrono::steady_clock::now() - start < kForEver) std::this_thread::yield();
    if (done.load(acq) < kThreads - 1) wrong.fetch_add(1, rlx);
}

thread_local bool hurries = false;

// Threads stop here in the middle of making what only one of them will publish, until so many have arrived; who hurries goes
// on. Relaxed, so that only what they find tells them of each other.
class Crossing {
  public:
    void open(unsigned threads) { threads_.store(threads, rlx); }
    void pass() {
        arrived_.fetch_add(1, rlx);
        if (hurries) return;
        const auto start = std::chrono::steady_clock::now();
        while (arrived_.load(rlx) < threads_.load(rlx)) {
            if (std::chrono::steady_clock::now() - start > kForEver) return void(wrong.fetch_add(1, rlx));
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
    std::size_t none = 0;
    asked.cas(none, bytes, rlx, rlx);
    if (refusals.load(rlx) > 0) {
        refusals.fetch_sub(1, rlx);
        errno = ENOMEM;
        return MAP_FAILED;
    }
    at_the_heap.pass();
    return __real_mmap(at, bytes, protection, flags, file, offset);
}

int __real_sysinfo(struct sysinfo*);
int __wrap_sysinfo(struct sysinfo* info) {
    const int result = __real_sysinfo(info);
    if (memory.load(rlx) != 0) {
        info->totalram = memory.load(rlx);
        info->mem_unit = 1U << 30;
    }
    return result;
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

// Calls f in a process of its own, which ends by exit(): with a race ThreadSanitizer makes its status another one.
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
    void* block = ashlar::cache::take(size, 16);
    expect(block != nullptr);
    if (block != nullptr) std::memset(block, 'x', size);
    return block;
}

void meet() {
    std::array<Core*, kThreads> cores{};
    const int before = keys.load(rlx);  // GoogleTest has some
    // Two make a heap each. The third one finds it, and makes the key before the two have one. The last one finds all made.
    static_assert(kThreads == 4);
    Atomic<unsigned> ready{0};
    at_the_heap.open(2);
    at_the_key.open(4);
    together(kThreads, [&cores, &ready, before](unsigned self) {
        hurries = self >= 2;
        while (self == 2 && keys.load(rlx) == before) std::this_thread::yield();
        while (self == 3 && ready.load(rlx) == 0) std::this_thread::yield();
        void* block = use(100 + self);
        if (self == 2) at_the_key.pass();
        cores[self] = ashlar::cache::owner_of(block);
        Cache* own = ashlar::cache::own_cache();
        expect(own != nullptr && own->core == cores[self]);
        ready.fetch_add(1, rlx);
        ashlar::cache::give(block);
    });
    for (const Core* core : cores) expect(core == ashlar::cache::existing_process());
    expect(keys.load(rlx) == before + 1);
}

TEST(FirstUse, ThreadsThatMeetNothingEndWithOneHeapAndOneKey) {
    for (int round = 0; round < kRounds; ++round) ASSERT_EQ(status_of(meet), 0) << "round " << round;
}

TEST(FirstUse, ThreadsThatGrowAtOnceShareWhatTheyGrowBy) {
    const auto grow = [] {
        together(kThreads, [](unsigned) {
            bool zero = false;
            void* block = ashlar::cache::take_grown(5000, 16, zero);
            expect(block != nullptr);
            if (block == nullptr) return;
            std::memset(block, 'x', 5000);
            ashlar::cache::give(block);
        });
        unsigned grown = 0;
        ashlar::cache::each_grown([&grown](Core&) noexcept { ++grown; });
        expect(grown == 1);
    };
    for (int round = 0; round < kRounds; ++round) ASSERT_EQ(status_of(grow), 0) << "round " << round;
}

TEST(FirstUse, WaitsForNoThreadThatStoppedInIt) {
    EXPECT_EQ(status_of([] {
                  stops.store(1, rlx);
                  together(kThreads, [](unsigned) {
                      ashlar::cache::give(use(100));
                      done.fetch_add(1, ar);
                  });
              }),
              0);
}

// What a process's first heap asks for, in processes of their own.
TEST(FirstUse, TheHeapIsFourTimesTheMachineWithinLimits) {
    for (const auto& [gib, tib] : {std::array<std::size_t, 2>{1, 1}, {1024, 4}, {std::size_t{1} << 20, 64}}) {
        EXPECT_EQ(status_of([gib = gib, tib = tib] {
                      memory.store(gib, rlx);
                      asked.store(0, rlx);
                      ashlar::cache::give(use(100));
                      // The records of a unit take less than a tenth of it.
                      expect(asked.load(rlx) >= tib << 40 && asked.load(rlx) < (tib << 40) + (tib << 40) / 10);
                  }),
                  0)
            << gib << " GiB";
    }
}

TEST(FirstUse, OfWhatALimitedSystemGrantsHalfIsLeftButOfTheLeast) {
    // From 1 TiB downwards: the grant of 64 MiB is given back for one of 32; that of 4 MiB is kept.
    for (const auto& [granted, kept] : {std::array<std::size_t, 2>{64, 32}, {8, 4}, {4, 4}}) {
        EXPECT_EQ(status_of([granted = granted, kept = kept] {
                      memory.store(1, rlx);
                      for (std::size_t mib = std::size_t{1} << 20; mib > granted; mib /= 2) refusals.fetch_add(1, rlx);
                      ashlar::cache::give(use(100));
                      expect(ashlar::cache::process()->region().end - 1 == (kept << 20) / kUnitSize);
                  }),
                  0)
            << granted << " MiB";
    }
}

TEST(FirstUse, WithoutAHeapEveryQuestionHasAnAnswer) {
    EXPECT_EQ(status_of([] {
                  refusals.store(1000, rlx);
                  expect(ashlar::cache::take(100, 16) == nullptr);
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

TEST(FirstUse, AFailureOnDemandIsALargeBlocksToo) {
    EXPECT_EQ(status_of([] {
                  bool zero = false;
                  ashlar::cache::injection.start({2, 0, std::size_t{1} << 20}, -1);
                  expect(ashlar::cache::take_large(std::size_t{2} << 20, 16, zero) != nullptr);
                  expect(ashlar::cache::take_large(std::size_t{2} << 20, 16, zero) == nullptr);
                  expect(ashlar::cache::take_large(std::size_t{2} << 20, 16, zero) != nullptr);
              }),
              0);
}

TEST(FirstUse, AThreadWhoseEndWouldNotBeSeenGivesItsCacheBack) {
    Core* core = ashlar::cache::process();
    ASSERT_NE(core, nullptr);
    Cache* lowest = core->take_cache();
    core->give_cache(lowest);
    refused.store(1, rlx);
    std::thread([] {
        EXPECT_EQ(ashlar::cache::own_cache(), nullptr);
        ashlar::cache::give(use(100));
    }).join();
    refused.store(0, rlx);
    EXPECT_EQ(core->take_cache(), lowest);
    EXPECT_EQ(wrong.load(rlx), 0);
}

}  // namespace
