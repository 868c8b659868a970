// False sharing, after Hoard's cache-thrash and cache-scratch (Berger et al.,
// "Hoard: a scalable memory allocator", 2000). Threads write to small blocks of
// their own over and over: slow where two threads' blocks share a cache line.
#include <atomic>
#include <new>

#include "blocks.hpp"
#include "measure.hpp"
#include "team.hpp"

namespace bench {
namespace {

constexpr std::uint32_t writes = 200;

/// Counts in the middle of the block, between the parts of its stamp.
/// Atomically, since the time of a plain load after a store depends on the
/// processor's predictions.
void scribble(void* block) noexcept {
    auto* count = new (static_cast<std::uint32_t*>(block) + 2) std::atomic<std::uint32_t>(0);
    for (std::uint32_t i = 0; i < writes; ++i) count->fetch_add(1, std::memory_order_relaxed);
    if (count->load(std::memory_order_relaxed) != writes) fail("another thread wrote into a block");
}

/// Active: the allocator gives one cache line to several threads. Passive: one
/// thread allocates the first blocks side by side, and the allocator lets each
/// thread reuse the block that it frees.
template <unsigned Threads, bool Passive>
void share(Measure& measure) {
    const std::uint64_t rounds = measure.scaled(600'000 / Threads);
    Table<void*> first(Threads);
    Random random(40);
    if (Passive) fill<Fixed<smallest_block>>(first, random);
    Table<std::uint64_t> sums(Threads * 16);
    measure_threads(measure, Threads, [&](unsigned self) {
        std::uint64_t sum = 0;
        if (Passive) {
            scribble(first[self]);
            sum += drop(first[self]);
        }
        for (std::uint64_t i = 0; i < rounds; ++i) {
            void* block = make(smallest_block);
            scribble(block);
            sum += drop(block);
        }
        sums[self * 16] = sum;
    });
    for (const std::uint64_t sum : sums) measure.add(0, sum);
    measure.add(rounds * Threads, 0);
}

constexpr char about_thrash[] =
    "16-byte blocks written 200 times each: active false sharing (Hoard's cache-thrash)";
constexpr char about_scratch[] =
    "the same with first blocks from one thread: passive false sharing (Hoard's cache-scratch)";

constexpr Workload workloads[] = {
    {"cache-thrash-1", "cache-thrash", 1, share<1, false>, about_thrash},
    {"cache-thrash-2", "cache-thrash", 2, share<2, false>, about_thrash},
    {"cache-thrash-4", "cache-thrash", 4, share<4, false>, about_thrash},
    {"cache-thrash-8", "cache-thrash", 8, share<8, false>, about_thrash},
    {"cache-scratch-1", "cache-scratch", 1, share<1, true>, about_scratch},
    {"cache-scratch-2", "cache-scratch", 2, share<2, true>, about_scratch},
    {"cache-scratch-4", "cache-scratch", 4, share<4, true>, about_scratch},
    {"cache-scratch-8", "cache-scratch", 8, share<8, true>, about_scratch},
};

}  // namespace

Theme sharing() noexcept { return theme(workloads); }

}  // namespace bench
