// Requests among many holes, one thread: what a policy's search costs where few
// holes, or none, are good. Names: holes-KIND/SUBJECT/HOLES.
//
//   refused   nothing fits: all holes are a little too short
//   again     a block that fits is taken, the next one is refused, the first is given back
//   aligned   4 KiB at 64 KiB: holes are long enough, but few fit once aligned
//   page      4 KiB at 4 KiB, likewise
//   trim      MemoryManager::trim(), when it has nothing to return any more
#include <benchmark/benchmark.h>

#include <array>
#include <ashlar/memory_manager.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace ashlar;

constexpr Size hole = 4100, too_much = 4200, page = 4096, wide = 65536;

MemoryManager manager_with_holes(Placement placement, Size count, Size last, bool memory = false) {
    ManagerOptions options;
    options.placement = placement;
    options.threads = Threads::one;
    const Size step = placement == Placement::buddy ? 2 * page : hole;
    const Size size = count * 2 * step + 128 * page;
    MemoryManager manager = memory ? MemoryManager(size, std::move(options))
                                   : MemoryManager::without_memory(size, std::move(options));
    std::vector<Offset> blocks;
    for (Size i = 0; i < count; ++i) {
        blocks.push_back(manager.allocate(hole).value());
        if (!manager.allocate(hole)) throw std::runtime_error("too small");
    }
    const auto large = manager.allocate(last);
    const auto fence = manager.allocate(1);
    while (manager.allocate(too_much)) {
    }
    if (!large || !fence) throw std::runtime_error("too small");
    for (const Offset block : blocks) {
        if (block % wide != 0) manager.deallocate(block);
    }
    manager.deallocate(*large);
    return manager;
}

void refused(benchmark::State& state, Placement placement, Size count) {
    MemoryManager manager = manager_with_holes(placement, count, 1);
    std::uint64_t found = 0;
    for (auto _ : state) found += manager.allocate(too_much) ? 1 : 0;
    if (found != 0 && placement != Placement::buddy) state.SkipWithError("something fits");
}

void again(benchmark::State& state, Placement placement, Size count) {
    MemoryManager manager = manager_with_holes(placement, count, too_much);
    for (auto _ : state) {
        const auto block = manager.allocate(too_much);
        benchmark::DoNotOptimize(manager.allocate(too_much));
        if (block) manager.deallocate(*block);
    }
}

void aligned(benchmark::State& state, Placement placement, Size count) {
    MemoryManager manager = manager_with_holes(placement, count, wide + page);
    for (auto _ : state) {
        const auto block = manager.allocate(page, wide);
        if (block) manager.deallocate(*block);
    }
}

void page_aligned(benchmark::State& state, Placement placement, Size count) {
    MemoryManager manager = manager_with_holes(placement, count, 1);
    for (auto _ : state) {
        const auto block = manager.allocate(page, page);
        if (block) manager.deallocate(*block);
    }
}

void trim(benchmark::State& state, Placement placement, Size count) {
    MemoryManager manager = manager_with_holes(placement, count, 1, true);
    for (auto _ : state) manager.trim();
}

using Measure = void (*)(benchmark::State&, Placement, Size);

const bool registered = [] {
    constexpr std::array placements{
        Placement::tlsf,     Placement::first_fit, Placement::next_fit,
        Placement::best_fit, Placement::worst_fit, Placement::ordered_best_fit,
        Placement::buddy,    Placement::linear,    Placement::ring};
    constexpr std::array kinds{"refused", "again", "aligned", "page", "trim"};
    constexpr std::array<Measure, 5> measures{refused, again, aligned, page_aligned, trim};
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        for (const Placement placement : placements) {
            for (const Size count : {Size{1000}, Size{100'000}}) {
                std::string subject = make_policy(placement)->name();
                for (char& letter : subject) letter = letter == ' ' ? '_' : letter;
                const std::string name = std::string("holes-") + kinds[kind] + "/" + subject + "/" +
                                         std::to_string(count);
                const Measure measure = measures[kind];
                benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
                    measure(state, placement, count);
                });
            }
        }
    }
    return true;
}();

}  // namespace
