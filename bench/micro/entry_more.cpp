// calloc, realloc, aligned blocks, sized frees, batches and sizes. An operation
// is a call, or an allocation and its free where the name says both.
#include <benchmark/benchmark.h>

#include <vector>

#include "sources.hpp"
#include "tally.hpp"

namespace {

using bench::Ashlar;
using bench::size_of;
using bench::System;
using bench::Tally;
using bench::touch;

template <class Source>
void calloc_and_free(benchmark::State& state) {
    const std::size_t size = size_of(state);
    Tally tally(state);
    for (auto _ : state) {
        void* block = Source::take_zeroed(size);
        touch(block);
        Source::give(block);
    }
    tally.done();
}

template <class Source>
void aligned_and_free(benchmark::State& state) {
    const std::size_t alignment = size_of(state);
    Tally tally(state);
    for (auto _ : state) {
        void* block = Source::take_aligned(alignment, alignment);
        touch(block);
        Source::give(block);
    }
    tally.done();
}

/// Alternates between two sizes; one call is one operation.
template <class Source>
void realloc_there_and_back(benchmark::State& state) {
    const std::size_t small = size_of(state);
    const auto large = static_cast<std::size_t>(state.range(1));
    void* block = Source::take(small);
    bool grown = false;
    Tally tally(state);
    for (auto _ : state) {
        grown = !grown;
        void* moved = Source::resize(block, grown ? large : small);
        if (moved == nullptr) {
            state.SkipWithError("out of memory");
            break;
        }
        touch(block = moved);
    }
    tally.done();
    Source::give(block);
}

void malloc_and_free_sized(benchmark::State& state) {
    const std::size_t size = size_of(state);
    Tally tally(state);
    for (auto _ : state) {
        void* block = ash_malloc(size);
        touch(block);
        ash_free_sized(block, size);
    }
    tally.done();
}
void aligned_and_free_aligned_sized(benchmark::State& state) {
    const std::size_t alignment = size_of(state);
    Tally tally(state);
    for (auto _ : state) {
        void* block = ash_aligned_alloc(alignment, alignment);
        touch(block);
        ash_free_aligned_sized(block, alignment, alignment);
    }
    tally.done();
}

/// One operation is a block of a batch.
void malloc_batch(benchmark::State& state) {
    std::vector<void*> blocks(size_of(state));
    bench::in_batches(state, blocks.size(), [&blocks](Tally& tally) {
        const std::size_t n = ash_malloc_batch(64, blocks.size(), blocks.data());
        tally.pause();
        ash_free_batch(blocks.data(), n);
        tally.resume();
    });
}
void free_batch(benchmark::State& state) {
    std::vector<void*> blocks(size_of(state));
    bench::in_batches(state, blocks.size(), [&blocks](Tally& tally) {
        tally.pause();
        const std::size_t n = ash_malloc_batch(64, blocks.size(), blocks.data());
        for (std::size_t i = 0; i < n; ++i) touch(blocks[i]);
        tally.resume();
        ash_free_batch(blocks.data(), n);
    });
}

void usable_size(benchmark::State& state) {
    void* block = ash_malloc(size_of(state));
    Tally tally(state);
    for (auto _ : state) benchmark::DoNotOptimize(ash_malloc_usable_size(block));
    tally.done();
    ash_free(block);
}
void good_size(benchmark::State& state) {
    std::size_t size = 1;
    Tally tally(state);
    for (auto _ : state) benchmark::DoNotOptimize(ash_good_size(size = size * 3 % 40'961));
    tally.done();
}

void zeroed_sizes(benchmark::internal::Benchmark* made) {
    for (const int size : {64, 4096, 65'536, 1 << 20, 1 << 23}) made->Arg(size);
    made->ThreadRange(1, 8);
}
void alignments(benchmark::internal::Benchmark* made) {
    for (const int alignment : {64, 4096, 65'536, 1 << 18}) made->Arg(alignment);
    made->ThreadRange(1, 8);
}
/// In place within a block, to the next classes, to a run, from run to run, and
/// among large blocks.
void steps(benchmark::internal::Benchmark* made) {
    made->Args({60, 64})
        ->Args({64, 160})
        ->Args({1024, 8192})
        ->Args({8192, 65'536})
        ->Args({65'536, 262'144});
    made->Args({1 << 21, 1 << 23})->ThreadRange(1, 8);
}
void sizes(benchmark::internal::Benchmark* made) { made->Arg(64)->Arg(4096)->ThreadRange(1, 8); }
void batches(benchmark::internal::Benchmark* made) {
    made->Arg(16)->Arg(64)->Arg(4096)->ThreadRange(1, 8);
}

BENCHMARK(calloc_and_free<Ashlar>)->Apply(zeroed_sizes);
BENCHMARK(calloc_and_free<System>)->Apply(zeroed_sizes);
BENCHMARK(aligned_and_free<Ashlar>)->Apply(alignments);
BENCHMARK(aligned_and_free<System>)->Apply(alignments);
BENCHMARK(realloc_there_and_back<Ashlar>)->Apply(steps);
BENCHMARK(realloc_there_and_back<System>)->Apply(steps);
BENCHMARK(malloc_and_free_sized)->Apply(sizes);
BENCHMARK(aligned_and_free_aligned_sized)->Apply(alignments);
BENCHMARK(malloc_batch)->Apply(batches);
BENCHMARK(free_batch)->Apply(batches);
BENCHMARK(usable_size)->Arg(64)->Arg(40'960);
BENCHMARK(good_size);

}  // namespace
