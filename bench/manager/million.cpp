// Single calls of a manager with many blocks. Their cost should not grow with
// the number of blocks. The names are million/CALL/BLOCKS. Only the call is
// timed. Part of ashlar_manager_bench.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <ashlar/memory_manager.hpp>

namespace {

using namespace ashlar;

MemoryManager with_blocks(Size size, std::size_t blocks, std::vector<Offset>& offsets,
                          Threads threads) {
    ManagerOptions options;
    options.threads = threads;
    MemoryManager manager =
        MemoryManager((2 * size * blocks + (Size{1} << 20)) & ~Size{65535}, std::move(options));
    offsets.clear();
    for (std::size_t i = 0; i < blocks; ++i) offsets.push_back(manager.allocate(size).value());
    return manager;
}

// Movable blocks. The holes between them are too short for any of the blocks.
MemoryManager with_short_holes(std::size_t blocks) {
    MemoryManager manager = MemoryManager::without_memory(Size{2200} * blocks);
    std::vector<Offset> gaps;
    for (std::size_t i = 0; i < blocks; ++i) {
        gaps.push_back(manager.allocate(1030 + i % 29, 1).value());
        static_cast<void>(manager.allocate_movable(1060 + i * 7 % 31).value());
    }
    for (const Offset gap : gaps) manager.deallocate(gap);
    return manager;
}

using Prepare = std::function<MemoryManager(std::vector<Offset>&)>;
using Act = std::function<void(MemoryManager&, const std::vector<Offset>&)>;

// Prepares a manager for each iteration, and times act() alone.
void add(const std::string& name, Prepare prepare, Act act) {
    benchmark::RegisterBenchmark(
        name.c_str(),
        [=](benchmark::State& state) {
            std::vector<Offset> offsets;
            for (auto _ : state) {
                MemoryManager manager = prepare(offsets);
                const auto begin = std::chrono::steady_clock::now();
                act(manager, offsets);
                state.SetIterationTime(
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
                        .count());
            }
        })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond)
        ->Iterations(name.ends_with("000000") ? 3 : 30);  // preparing a million blocks is slow
}

void free_each(MemoryManager& manager, const std::vector<Offset>& offsets) {
    for (const Offset offset : offsets) manager.deallocate(offset);
}

void take_each(MemoryManager& manager, std::vector<Offset>& offsets, Size size) {
    for (Offset& offset : offsets) offset = manager.allocate(size).value();
}

// Frees all blocks and takes as many again, by single calls or as one batch.
void replace_all(MemoryManager& manager, const std::vector<Offset>& offsets, Size size,
                 bool batch) {
    std::vector<Offset> again(offsets.size());
    if (batch) {
        manager.deallocate_batch(offsets);
        benchmark::DoNotOptimize(manager.allocate_batch(size, 1, again));
    } else {
        free_each(manager, offsets);
        take_each(manager, again, size);
    }
}

void stop_at_once(MemoryManager& manager, const std::vector<Offset>&) {
    manager.for_each([](const BlockView&) { return false; });
}

void write_inside(MemoryManager& manager, const std::vector<Offset>& offsets) {
    manager.write(offsets[offsets.size() / 2] + 1, std::array<std::byte, 1>{});
}

void plan_ten(MemoryManager& manager, const std::vector<Offset>&) {
    benchmark::DoNotOptimize(manager.begin_pass({.moves = 10}));
}

// Allocates and frees one block. With `data` it gets user data, as 100,000 live
// blocks have it. With `named` one large block has a name.
void pairs(benchmark::State& state, bool data, bool named) {
    std::vector<Offset> offsets;
    MemoryManager manager = with_blocks(64, data ? 100'000 : 1000, offsets, Threads::many);
    if (data) {
        for (const Offset offset : offsets) manager.set_user_data(offset, offset);
    }
    if (named) manager.set_name(manager.allocate(100'000).value(), "large");
    for (auto _ : state) {
        const Offset offset = manager.allocate(64).value();
        if (data) manager.set_user_data(offset, 1);
        manager.deallocate(offset);
    }
}

const bool registered = [] {
    for (const std::size_t blocks : {std::size_t{1000}, std::size_t{1'000'000}}) {
        for (const Size size : {Size{16}, Size{2000}}) {
            const auto prepare = [=](std::vector<Offset>& offsets) {
                return with_blocks(size, blocks, offsets, Threads::many);
            };
            const std::string tail =
                std::string(size == 16 ? "_small/" : "_large/") + std::to_string(blocks);
            add("million/free_each" + tail, prepare, free_each);
            add("million/clear" + tail, prepare,
                [](MemoryManager& manager, const std::vector<Offset>&) { manager.clear(); });
            for (const bool batch : {false, true}) {
                add(std::string("million/replace_") + (batch ? "batch" : "each") + tail, prepare,
                    [=](MemoryManager& manager, const std::vector<Offset>& offsets) {
                        replace_all(manager, offsets, size, batch);
                    });
            }
            add("million/for_each" + tail, prepare, stop_at_once);
            add("million/write_inside" + tail, prepare, write_inside);
        }
    }
    for (const std::size_t blocks : {std::size_t{1000}, std::size_t{9000}, std::size_t{18'000}}) {
        add(
            "million/plan/" + std::to_string(blocks),
            [=](std::vector<Offset>&) { return with_short_holes(blocks); }, plan_ten);
    }
    benchmark::RegisterBenchmark("million/pair", pairs, false, false);
    benchmark::RegisterBenchmark("million/pair_with_data", pairs, true, false);
    benchmark::RegisterBenchmark("million/pair_one_name", pairs, false, true);
    return true;
}();

}  // namespace
