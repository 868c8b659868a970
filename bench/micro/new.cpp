// All forms of operator new and delete, which are Ashlar's in this program. An
// operation is a new and its delete.
#include <benchmark/benchmark.h>

#include <new>

#include "tally.hpp"

namespace {

using bench::pairs;
using bench::size_of;

void new_and_delete(benchmark::State& state) {
    const std::size_t size = size_of(state);
    pairs(
        state, [size] { return ::operator new(size); },
        [](void* block) { ::operator delete(block); });
}
void new_and_sized_delete(benchmark::State& state) {
    const std::size_t size = size_of(state);
    pairs(
        state, [size] { return ::operator new(size); },
        [size](void* block) { ::operator delete(block, size); });
}
void nothrow_new_and_delete(benchmark::State& state) {
    const std::size_t size = size_of(state);
    pairs(
        state, [size] { return ::operator new(size, std::nothrow); },
        [](void* block) { ::operator delete(block); });
}
void aligned_new_and_delete(benchmark::State& state) {
    const std::size_t size = size_of(state);
    constexpr std::align_val_t alignment{64};
    pairs(
        state, [=] { return ::operator new(size, alignment); },
        [=](void* block) { ::operator delete(block, size, alignment); });
}

void sizes(benchmark::internal::Benchmark* made) { made->Arg(64)->Arg(4096)->ThreadRange(1, 8); }

BENCHMARK(new_and_delete)->Apply(sizes);
BENCHMARK(new_and_sized_delete)->Apply(sizes);
BENCHMARK(nothrow_new_and_delete)->Apply(sizes);
BENCHMARK(aligned_new_and_delete)->Apply(sizes);

}  // namespace
