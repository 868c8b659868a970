// A thread's cache by itself: hits, misses that refill and overflow, batches,
// and the caches that threads without one share.
#include <benchmark/benchmark.h>

#include <vector>

#include "malloc/heap/heap.hpp"
#include "tally.hpp"

namespace {

using namespace ashlar;
using base::Bin;
using bench::Tally;
using cache::Cache;

cache::Heap& heap() {
    static cache::Heap& made = *cache::Heap::create(region::kSystem, 1 << 16, 64);
    return made;
}

/// The calling thread's cache.
class OwnCache {
  public:
    OwnCache() noexcept : cache_(heap().take_cache()) {}
    ~OwnCache() {
        cache_->flush();
        heap().give_cache(cache_);
    }
    OwnCache(const OwnCache&) = delete;
    OwnCache& operator=(const OwnCache&) = delete;
    Cache* operator->() const noexcept { return cache_; }

  private:
    Cache* cache_;
};

Bin bin_of(const benchmark::State& state) {
    return base::bin_of_size(static_cast<std::size_t>(state.range(0)));
}

void cache_hit(benchmark::State& state) {
    const OwnCache own;
    const Bin bin = bin_of(state);
    own->give(own->take(bin), bin);
    Tally tally(state);
    for (auto _ : state) {
        void* block = own->take(bin);
        benchmark::DoNotOptimize(block);
        own->give(block, bin);
    }
    tally.done();
}

/// More blocks than any cache holds: every batch is a miss. `takes`: the clock
/// runs while blocks are taken, else while they are given.
template <bool takes>
void cache_miss(benchmark::State& state) {
    const OwnCache own;
    const Bin bin = bin_of(state);
    std::vector<void*> blocks(base::is_run(bin) ? 64 : 4096);
    bench::in_batches(state, blocks.size(), [&](Tally& tally) {
        if (!takes) tally.pause();
        for (void*& block : blocks) block = own->take(bin);
        if (!takes) tally.resume();
        if (takes) tally.pause();
        for (void* block : blocks) own->give(block, bin);
        if (takes) tally.resume();
    });
}

void cache_take_batch(benchmark::State& state) {
    const OwnCache own;
    const Bin bin = bin_of(state);
    std::vector<void*> blocks(4096);
    bench::in_batches(state, blocks.size(), [&](Tally& tally) {
        const std::size_t n = own->take_batch(bin, blocks.data(), blocks.size());
        tally.pause();
        for (std::size_t i = 0; i < n; ++i) own->give(blocks[i], bin);
        tally.resume();
    });
}

/// A thread ends with one block of each of ten sizes in its cache, and the next
/// one starts.
void cache_of_next_thread(benchmark::State& state) {
    Tally tally(state);
    for (auto _ : state) {
        const OwnCache own;
        for (Bin bin = 1; bin <= 10; ++bin) own->give(own->take(bin), bin);
    }
    tally.done();
}

/// The shared caches: for threads without a cache of their own, and for every
/// Heap.
void cache_shared(benchmark::State& state) {
    const Bin bin = bin_of(state);
    Tally tally(state);
    for (auto _ : state) {
        void* block = heap().take(bin);
        benchmark::DoNotOptimize(block);
        heap().give(block, bin);
    }
    tally.done();
}

BENCHMARK(cache_hit)->Arg(16)->Arg(64)->Arg(4096)->Arg(65'536)->ThreadRange(1, 8);
BENCHMARK(cache_miss<true>)
    ->Name("cache_refill")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512)
    ->Arg(4096)
    ->Arg(65'536)
    ->ThreadRange(1, 8);
BENCHMARK(cache_miss<false>)
    ->Name("cache_overflow")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512)
    ->Arg(4096)
    ->Arg(65'536)
    ->ThreadRange(1, 8);
BENCHMARK(cache_take_batch)->Arg(16)->Arg(64)->Arg(512)->Arg(4096)->ThreadRange(1, 8);
BENCHMARK(cache_of_next_thread)->ThreadRange(1, 8);
BENCHMARK(cache_shared)->Arg(16)->Arg(64)->Arg(4096)->ThreadRange(1, 8);

}  // namespace
