// The worker's side of the scripted operations. Each has a part that prepares
// it and a part that is stepped through. `kept` has the victim's blocks. A
// block leaves it before it is freed, because an audit after the victim's end
// frees the blocks in it.
#include "script.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include "actor.hpp"

namespace progress {

Kept kept[kept_slots];

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

void take(std::size_t slot, std::size_t size) noexcept { keep(slot, std::malloc(size), size); }
void take(std::size_t first, std::size_t count, std::size_t size) noexcept {
    for (std::size_t i = 0; i < count; ++i) take(first + i, size);
}
void give(std::size_t slot) noexcept {
    unsigned char* block = kept[slot].block.exchange(nullptr, std::memory_order_acq_rel);
    if (block != nullptr) std::free(block);
}
void give(std::size_t first, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) give(first + i);
}
void resize(std::size_t slot, std::size_t size) noexcept {
    unsigned char* block = kept[slot].block.exchange(nullptr, std::memory_order_acq_rel);
    keep(slot, std::realloc(block, size), size);
}
void align(std::size_t slot, std::size_t alignment, std::size_t size) noexcept {
    void* block = nullptr;
    if (posix_memalign(&block, alignment, size) == 0) keep(slot, block, size);
}
void rest(long milliseconds) noexcept {
    const timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&pause, nullptr);
}

void nothing() noexcept {}

void fill_bin() noexcept {
    take(0, 8, 64);
    give(0, 8);
}
void take_four() noexcept { take(0, 4, 64); }
void hold_eight() noexcept {
    take(0, 8, 64);
    give(4, 4);
}
void give_four() noexcept { give(0, 4); }

void take_small() noexcept { take(0, 300, 64); }
void give_many() noexcept { give(0, 300); }

void run_medium() noexcept {
    take(0, 20, 4 * kib);
    give(0, 20);
}
void run_slabs() noexcept {
    take(0, 30, 20 * kib);
    give(0, 30);
}
void run_runs() noexcept {
    take(0, 3, 256 * kib);
    give(0, 3);
}
void run_large() noexcept {
    take(0, 2, 3 * mib);
    give(0, 2);
}
void run_calloc() noexcept {
    constexpr std::size_t sizes[] = {100, 3000, 70 * kib};
    for (std::size_t i = 0; i < 3; ++i) keep(i, calloc(1, sizes[i]), sizes[i]);
    give(0, 3);
}
void run_realloc_small() noexcept {
    for (std::size_t size = 20; size <= 20 * kib; size *= 2) resize(0, size);
    resize(0, 1000);
    resize(0, 16);
    give(0);
}
void run_realloc_large() noexcept {
    for (const std::size_t size : {33 * kib, 66 * kib, 130 * kib, 1100 * kib, 300 * kib, 60 * kib})
        resize(0, size);
    give(0);
}
void run_aligned() noexcept {
    align(0, 64, 100);
    align(1, 4 * kib, 5000);
    align(2, 64 * kib, 100000);
    align(3, mib, 100);
    give(0, 4);
}
void run_batch() noexcept {
    constexpr std::size_t count = 200;
    void* blocks[count];
    const std::size_t got = malloc_batch(100, count, blocks);
    free_batch(blocks, got);
}
// Two ticks of a second each pass. A run of 3 MiB is too large for a cache.
void prepare_purge() noexcept {
    for (int i = 0; i < 3; ++i) {
        take(0, 6, 512 * kib);
        give(0, 6);
        take(0, 3 * mib);
        give(0);
        rest(1050);
    }
    take(0, 3 * mib);
}
void run_purge() noexcept { give(0); }

void prepare_trim() noexcept {
    take(0, 200, 64);
    take(200, 40, 4 * kib);
    take(240, 4, 256 * kib);
    give(0, 150);
    give(200, 44);
}
void run_trim() noexcept { (void)malloc_trim(0); }

void run_commit() noexcept { take(0, 24 * mib); }
void prepare_purge_long() noexcept { take(0, 17 * mib); }
void run_shed() noexcept {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0) std::abort();
    limit.rlim_cur = std::min(limit.rlim_max, rlim_t{1} << 46);
    if (setrlimit(RLIMIT_AS, &limit) != 0) std::abort();
}
void run_mapped() noexcept {
    take(0, 40 * mib);
    resize(0, 48 * mib);
    give(0);
}
void run_calloc_fresh() noexcept {
    constexpr std::size_t sizes[] = {8 * kib, 8 * kib, 8 * kib, 8 * kib, 300 * kib, 2 * mib};
    for (std::size_t i = 0; i < 6; ++i) keep(i, calloc(1, sizes[i]), sizes[i]);
    give(0, 6);
}

// Threads with a cache each that never end. They take all caches that ended
// threads have left.
std::atomic<std::uint32_t> crowded;
void* stand_by(void*) noexcept {
    std::free(std::malloc(64));
    (void)malloc_trim(0);
    crowded.fetch_add(1, std::memory_order_release);
    for (;;) rest(900);
}
void crowd(std::uint32_t more) noexcept {
    const std::uint32_t wanted = crowded.load(std::memory_order_acquire) + more;
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstacksize(&attributes, 64 * kib) != 0 ||
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) != 0) {
        std::abort();
    }
    for (std::uint32_t i = 0; i < more; ++i) {
        if (pthread_create(&thread, &attributes, stand_by, nullptr) != 0) std::abort();
    }
    while (crowded.load(std::memory_order_acquire) < wanted) sched_yield();
}
// Caches of the threads of a round, and of the last victim.
constexpr std::uint32_t idle_at_most = helpers + 1;
constexpr std::uint32_t resident = 64;  // caches that are never dropped

void run_thread_start() noexcept {
    take(0, 100);
    give(0);
}
void fill_bins() noexcept {
    take(0, 150, 64);
    take(150, 50, 500);
    take(200, 10, 4 * kib);
    take(210, 2, 256 * kib);
    give(20, 190);
    give(210, 2);
}
void run_after_exit() noexcept {
    take(0, 5, 64);
    take(5, 100 * kib);
    take(6, 3000);
    give(0, 7);
}

struct Script {
    void (*prepare)() noexcept;
    void (*run)() noexcept;
};
constexpr Script scripts[] = {
    {fill_bin, take_four},            // malloc-hot
    {hold_eight, give_four},          // free-hot
    {nothing, take_small},            // malloc-small
    {take_small, give_many},          // free-small
    {nothing, give_many},             // free-others: see prepare_elsewhere()
    {nothing, run_medium},            // medium
    {nothing, run_slabs},             // slabs
    {nothing, run_runs},              // runs
    {nothing, run_large},             // large
    {nothing, run_calloc},            // calloc
    {nothing, run_realloc_small},     // realloc-small
    {nothing, run_realloc_large},     // realloc-large
    {nothing, run_aligned},           // aligned
    {nothing, run_batch},             // batch
    {prepare_purge, run_purge},       // purge
    {prepare_trim, run_trim},         // trim
    {nothing, run_commit},            // commit
    {prepare_purge_long, run_purge},  // purge-long
    {nothing, run_shed},              // shed
    {nothing, run_mapped},            // mapped
    {nothing, run_calloc_fresh},      // calloc-fresh
    {nothing, run_thread_start},      // thread-start: see prepare_elsewhere()
    {fill_bins, nothing},             // thread-exit
    {fill_bins, nothing},             // thread-drop: see prepare_elsewhere()
    {fill_bin, run_after_exit},       // after-exit
};
static_assert(sizeof scripts / sizeof *scripts == operation_count);
bool is(std::uint32_t operation, const char* name) noexcept {
    return std::strcmp(operations[operation].name, name) == 0;
}

}  // namespace

void keep(std::size_t slot, void* block, std::size_t size) noexcept {
    if (block == nullptr) return;
    stamp(block, size, slot);
    kept[slot].size = size;
    kept[slot].block.store(static_cast<unsigned char*>(block), std::memory_order_release);
}

void give_kept() noexcept { give(0, kept_slots); }

void prepare_elsewhere(std::uint32_t operation) noexcept {
    if (is(operation, "free-others")) take(0, 300, 200);
    if (is(operation, "thread-start")) crowd(idle_at_most);
    if (is(operation, "thread-drop") && crowded.load(std::memory_order_relaxed) == 0)
        crowd(resident);
}
void prepare(std::uint32_t operation) noexcept { scripts[operation].prepare(); }
void run(std::uint32_t operation) noexcept { scripts[operation].run(); }
bool runs_after_exit(std::uint32_t operation) noexcept { return is(operation, "after-exit"); }

}  // namespace progress
