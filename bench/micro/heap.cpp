// The C++ interface: Heap, Allocator, and std::pmr over MemoryResource. An
// operation is an allocation and its release.
#include <benchmark/benchmark.h>

#include <memory_resource>

#include <ashlar/allocator.hpp>
#include <ashlar/heap.hpp>
#include <ashlar/memory_resource.hpp>

#include "tally.hpp"

namespace {

using bench::pairs;
using bench::size_of;
using bench::Tally;
using bench::touch;

ashlar::Heap& own_heap() {
    static ashlar::Heap heap;
    return heap;
}

void heap_of_process(benchmark::State& state) {
    ashlar::Heap& heap = ashlar::Heap::process();
    const std::size_t size = size_of(state);
    pairs(
        state, [&heap, size] { return heap.allocate(size); },
        [&heap](void* block) { heap.deallocate(block); });
}
void heap_of_ones_own(benchmark::State& state) {
    ashlar::Heap& heap = own_heap();
    const std::size_t size = size_of(state);
    pairs(
        state, [&heap, size] { return heap.allocate(size); },
        [&heap](void* block) { heap.deallocate(block); });
}
void heap_life(benchmark::State& state) {
    Tally tally(state);
    for (auto _ : state) {
        ashlar::Heap heap;
        touch(heap.allocate(64));
    }
    tally.done();
}
void allocator(benchmark::State& state) {
    ashlar::Allocator<char> source;
    const std::size_t size = size_of(state);
    pairs(
        state, [&source, size] { return source.allocate(size); },
        [&source, size](void* block) { source.deallocate(static_cast<char*>(block), size); });
}
void pmr(benchmark::State& state, ashlar::Heap& heap) {
    ashlar::MemoryResource resource(heap);
    std::pmr::memory_resource* source = &resource;
    benchmark::DoNotOptimize(source);  // called as a container calls it: through its table
    const std::size_t size = size_of(state);
    pairs(
        state, [source, size] { return source->allocate(size); },
        [source, size](void* block) { source->deallocate(block, size); });
}
void pmr_over_process(benchmark::State& state) { pmr(state, ashlar::Heap::process()); }
void pmr_over_heap(benchmark::State& state) { pmr(state, own_heap()); }

void sizes(benchmark::internal::Benchmark* made) { made->Arg(64)->Arg(4096)->ThreadRange(1, 8); }

BENCHMARK(heap_of_process)->Apply(sizes);
BENCHMARK(heap_of_ones_own)->Apply(sizes);
BENCHMARK(heap_life);
BENCHMARK(allocator)->Apply(sizes);
BENCHMARK(pmr_over_process)->Apply(sizes);
BENCHMARK(pmr_over_heap)->Apply(sizes);

}  // namespace
