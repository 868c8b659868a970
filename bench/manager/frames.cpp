// Placement for frames, and requests with named fields. An operation is a block
// taken and another one given back, of a manager for one thread without slabs.
//
//   frames/SUBJECT/ring     the oldest of 1000 blocks is given back
//   frames/SUBJECT/stack    the newest is given back, 1000 at a time
//   frames/upper/SUBJECT    a block of the upper end is given back at once
//   request/KIND            allocate(size), the same by a request, with user
//                           data, by the lowest offset
#include <benchmark/benchmark.h>

#include <array>
#include <ashlar/memory_manager.hpp>
#include <deque>
#include <string>
#include <vector>

namespace {

using namespace ashlar;

constexpr std::size_t live = 1000;
constexpr std::array placements{Placement::tlsf, Placement::next_fit, Placement::linear,
                                Placement::ring};

MemoryManager make(Placement placement, Threads threads = Threads::one) {
    return MemoryManager::without_memory(Size{64} << 20,
                                         {.placement = placement, .threads = threads});
}

Size some_size(std::size_t i) { return 256 + i * 7919 % 8192; }

void ring(benchmark::State& state, Placement placement) {
    MemoryManager manager = make(placement);
    std::deque<Offset> blocks;
    std::size_t i = 0;
    for (; i < live; ++i) blocks.push_back(manager.allocate(some_size(i)).value());
    for (auto _ : state) {
        manager.deallocate(blocks.front());
        blocks.pop_front();
        blocks.push_back(manager.allocate(some_size(++i)).value());
    }
}

void stack(benchmark::State& state, Placement placement) {
    MemoryManager manager = make(placement);
    std::vector<Offset> blocks(live);
    while (state.KeepRunningBatch(live)) {
        for (std::size_t i = 0; i < live; ++i) blocks[i] = manager.allocate(some_size(i)).value();
        for (std::size_t i = live; i-- != 0;) manager.deallocate(blocks[i]);
    }
}

void upper(benchmark::State& state, Placement placement) {
    MemoryManager manager = make(placement);
    for (std::size_t i = 0; i < live; ++i) static_cast<void>(manager.allocate(some_size(i)));
    for (auto _ : state) {
        const auto block = manager.allocate({.size = 4096, .strategy = Strategy::upper_end});
        manager.deallocate(block->offset);
    }
}

void request(benchmark::State& state, const BlockRequest& request) {
    MemoryManager manager = make(Placement::tlsf, Threads::many);
    for (auto _ : state) {
        const auto block = manager.allocate(request);
        manager.deallocate(block->offset);
    }
}

void plain(benchmark::State& state, Size size) {
    MemoryManager manager = make(Placement::tlsf, Threads::many);
    for (auto _ : state) manager.deallocate(manager.allocate(size).value());
}

const bool registered = [] {
    for (const Placement placement : placements) {
        std::string subject = make_policy(placement)->name();
        for (char& letter : subject) letter = letter == ' ' ? '_' : letter;
        benchmark::RegisterBenchmark(("frames/" + subject + "/ring").c_str(), ring, placement);
        benchmark::RegisterBenchmark(("frames/" + subject + "/stack").c_str(), stack, placement);
        benchmark::RegisterBenchmark(("frames/upper/" + subject).c_str(), upper, placement);
    }
    for (const Size size : {Size{64}, Size{4096}}) {
        const std::string tail = "/" + std::to_string(size);
        benchmark::RegisterBenchmark(("request/plain" + tail).c_str(), plain, size);
        benchmark::RegisterBenchmark(("request/by_name" + tail).c_str(), request,
                                     BlockRequest{.size = size});
        benchmark::RegisterBenchmark(("request/with_data" + tail).c_str(), request,
                                     BlockRequest{.size = size, .user_data = 1});
        benchmark::RegisterBenchmark(("request/lowest" + tail).c_str(), request,
                                     BlockRequest{.size = size, .strategy = Strategy::lowest});
    }
    return true;
}();

}  // namespace
