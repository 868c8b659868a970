// ashlar_micro: the entry points in one process, beside the system's malloc. What a whole program gains is for
// ashlar_workloads to say; this shows where a call spends its time, without the preload.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>
#include <string_view>
#include <vector>

#include <ashlar/ashlar.h>
#include <ashlar/heap.hpp>

namespace {

struct System {
    static void* take(std::size_t size) { return std::malloc(size); }
    static void give(void* block) { std::free(block); }
};

struct Ashlar {
    static void* take(std::size_t size) { return ash_malloc(size); }
    static void give(void* block) { ash_free(block); }
};

struct OwnHeap {
    static ashlar::Heap& heap() {
        static ashlar::Heap instance;
        return instance;
    }
    static void* take(std::size_t size) { return heap().allocate(size); }
    static void give(void* block) { heap().deallocate(block); }
};

void write(void* block) {
    *static_cast<volatile char*>(block) = 1;
    benchmark::ClobberMemory();
}

template <class Source>
void pair(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        void* block = Source::take(size);
        write(block);
        Source::give(block);
    }
    state.SetItemsProcessed(state.iterations());
}

/// Blocks of mixed sizes live at the same time, replaced at random: more than any cache of blocks holds.
template <class Source>
void replace(benchmark::State& state) {
    std::vector<void*> blocks(static_cast<std::size_t>(state.range(0)));
    std::minstd_rand random(1);
    for (void*& block : blocks) block = Source::take(16 + random() % 497);
    for (auto _ : state) {
        void*& block = blocks[random() % blocks.size()];
        Source::give(block);
        block = Source::take(16 + random() % 497);
        write(block);
    }
    for (void* block : blocks) Source::give(block);
    state.SetItemsProcessed(state.iterations());
}

template <class Source>
void burst(benchmark::State& state) {
    std::vector<void*> blocks(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        for (void*& block : blocks) write(block = Source::take(64));
        for (void* block : blocks) Source::give(block);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void burst_by_batch(benchmark::State& state) {
    std::vector<void*> blocks(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        if (ash_malloc_batch(64, blocks.size(), blocks.data()) != blocks.size()) {
            state.SkipWithError("out of memory");
            break;
        }
        for (void* block : blocks) write(block);
        ash_free_batch(blocks.data(), blocks.size());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(pair<System>)->Arg(16)->Arg(64)->Arg(512)->Arg(4096)->Arg(40'960)->ThreadRange(1, 2);
BENCHMARK(pair<Ashlar>)->Arg(16)->Arg(64)->Arg(512)->Arg(4096)->Arg(40'960)->ThreadRange(1, 2);
BENCHMARK(pair<OwnHeap>)->Arg(16)->Arg(64)->Arg(512)->Arg(4096)->Arg(40'960)->ThreadRange(1, 2);
BENCHMARK(replace<System>)->Arg(1'000)->Arg(100'000);
BENCHMARK(replace<Ashlar>)->Arg(1'000)->Arg(100'000);
BENCHMARK(replace<OwnHeap>)->Arg(1'000)->Arg(100'000);
BENCHMARK(burst<System>)->Arg(64)->Arg(4'096);
BENCHMARK(burst<Ashlar>)->Arg(64)->Arg(4'096);
BENCHMARK(burst<OwnHeap>)->Arg(64)->Arg(4'096);
BENCHMARK(burst_by_batch)->Arg(64)->Arg(4'096);

}  // namespace

int main(int count, char** arguments) {
    std::vector<char*> passed(arguments, arguments + count);
    static char brief[] = "--benchmark_min_time=0.001";
    for (char*& argument : passed) {
        if (std::string_view(argument) == "--smoke") argument = brief;
    }
    benchmark::Initialize(&count, passed.data());
    if (benchmark::ReportUnrecognizedArguments(count, passed.data())) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
