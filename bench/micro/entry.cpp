// malloc and free by size, beside the system's. An operation is a call, or a
// malloc and its free where the name says both.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "sources.hpp"
#include "tally.hpp"

namespace {

using bench::Ashlar;
using bench::size_of;
using bench::System;
using bench::Tally;
using bench::touch;

/// As many blocks at once as empty and fill the caches, in at most 64 MiB.
std::size_t many(std::size_t size) { return size <= 16'384 ? 4096 : 64; }

template <class Source>
void malloc_and_free(benchmark::State& state) {
    const std::size_t size = size_of(state);
    Tally tally(state);
    for (auto _ : state) {
        void* block = Source::take(size);
        touch(block);
        Source::give(block);
    }
    tally.done();
}

template <class Source>
void malloc_alone(benchmark::State& state) {
    const std::size_t size = size_of(state);
    std::vector<void*> blocks(many(size));
    bench::in_batches(state, blocks.size(), [&](Tally& tally) {
        for (void*& block : blocks) touch(block = Source::take(size));
        tally.pause();
        for (void* block : blocks) Source::give(block);
        tally.resume();
    });
}

template <class Source>
void free_alone(benchmark::State& state) {
    const std::size_t size = size_of(state);
    std::vector<void*> blocks(many(size));
    bench::in_batches(state, blocks.size(), [&](Tally& tally) {
        tally.pause();
        for (void*& block : blocks) touch(block = Source::take(size));
        tally.resume();
        for (void* block : blocks) Source::give(block);
    });
}

/// Blocks of mixed sizes live at the same time, replaced at random.
template <class Source>
void replace_at_random(benchmark::State& state) {
    std::vector<void*> blocks(size_of(state));
    std::minstd_rand random(1 + static_cast<unsigned>(state.thread_index()));
    for (void*& block : blocks) block = Source::take(16 + random() % 497);
    Tally tally(state);
    for (auto _ : state) {
        void*& block = blocks[random() % blocks.size()];
        Source::give(block);
        block = Source::take(16 + random() % 497);
        touch(block);
    }
    tally.done();
    for (void* block : blocks) Source::give(block);
}

void all_sizes(benchmark::internal::Benchmark* made) {
    for (const int size : {16, 64, 512, 4096, 40'960, 1 << 20}) made->Arg(size);
    made->ThreadRange(1, 8);
}
void live_blocks(benchmark::internal::Benchmark* made) {
    made->Arg(1'000)->Arg(100'000)->ThreadRange(1, 8);
}

BENCHMARK(malloc_and_free<Ashlar>)->Apply(all_sizes);
BENCHMARK(malloc_and_free<System>)->Apply(all_sizes);
BENCHMARK(malloc_alone<Ashlar>)->Apply(all_sizes);
BENCHMARK(malloc_alone<System>)->Apply(all_sizes);
BENCHMARK(free_alone<Ashlar>)->Apply(all_sizes);
BENCHMARK(free_alone<System>)->Apply(all_sizes);
BENCHMARK(replace_at_random<Ashlar>)->Apply(live_blocks);
BENCHMARK(replace_at_random<System>)->Apply(live_blocks);

}  // namespace
