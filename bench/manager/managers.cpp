// Managers as a whole. Names: managers/KIND/SIZE is one manager that is made
// and destroyed, with a block in between. state/CALL/BLOCKS saves and loads
// one. slabs/PLACE is a pair of small blocks in a fresh manager, and in one
// whose slabs have been at more places than there are ids of slabs. Part of
// ashlar_manager_bench.
//
//   resident_bytes   by which the process grows for each manager
//   reserved_bytes   by which its address space grows
#include <benchmark/benchmark.h>

#include <unistd.h>
#include <fstream>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <ashlar/manager_state.hpp>

namespace {

using namespace ashlar;

enum class Kind { own, callers, without };
constexpr const char* kind_names[] = {"own", "callers", "without"};

MemoryManager make(Kind kind, std::span<std::byte> bytes) {
    if (kind == Kind::own) return MemoryManager(bytes.size());
    if (kind == Kind::callers) return MemoryManager(bytes);
    return MemoryManager::without_memory(bytes.size());
}

struct Memory {
    double reserved = 0, resident = 0;  // bytes
};

Memory memory_now() {
    Memory pages;
    std::ifstream("/proc/self/statm") >> pages.reserved >> pages.resident;
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    return {pages.reserved * page, pages.resident * page};
}

// Of a hundred managers with a block each.
void count_memory(benchmark::State& state, Kind kind, std::span<std::byte> bytes) {
    constexpr int count = 100;
    std::vector<MemoryManager> managers;
    managers.reserve(count);
    const Memory before = memory_now();
    for (int i = 0; i < count; ++i) {
        managers.push_back(make(kind, bytes));
        static_cast<void>(managers.back().allocate(100));
    }
    const Memory after = memory_now();
    state.counters["resident_bytes"] = (after.resident - before.resident) / count;
    state.counters["reserved_bytes"] = (after.reserved - before.reserved) / count;
}

void one_manager(benchmark::State& state, Kind kind, Size size) {
    std::vector<std::byte> bytes(size);
    for (auto _ : state) {
        MemoryManager manager = make(kind, bytes);
        benchmark::DoNotOptimize(manager.allocate(100));
    }
    count_memory(state, kind, bytes);
}

MemoryManager with_blocks(Size size, std::size_t blocks) {
    MemoryManager manager = MemoryManager::without_memory(4 * size * blocks + (Size{1} << 24));
    for (std::size_t i = 0; i < blocks; ++i) static_cast<void>(manager.allocate(size));
    return manager;
}

void save(benchmark::State& state, Size size, std::size_t blocks) {
    const MemoryManager manager = with_blocks(size, blocks);
    std::ostringstream out;
    for (auto _ : state) {
        out.seekp(0);
        save_state(manager, out);
    }
    state.counters["bytes_per_block"] =
        static_cast<double>(out.str().size()) / static_cast<double>(blocks);
}

void load(benchmark::State& state, Size size, std::size_t blocks) {
    std::ostringstream out;
    save_state(with_blocks(size, blocks), out);
    const std::string text = std::move(out).str();
    for (auto _ : state) {
        std::istringstream in(text);
        benchmark::DoNotOptimize(load_state_without_memory(in));
    }
}

void pairs(benchmark::State& state, MemoryManager& manager) {
    std::vector<Offset> blocks(1000);
    for (auto _ : state) {
        for (Offset& block : blocks) block = manager.allocate(64).value();
        for (const Offset block : blocks) manager.deallocate(block);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(blocks.size()));
}

constexpr Size wide = Size{40} << 30;

void fresh_places(benchmark::State& state) {
    MemoryManager manager = MemoryManager::without_memory(wide);
    pairs(state, manager);
}

// A slab comes into being at the lowest place, empties, goes back, and the
// place is taken by another block: 2^19 times.
MemoryManager at_all_places() {
    constexpr Size slab = Size{64} << 10;
    ManagerOptions options;
    options.placement = Placement::first_fit;
    MemoryManager manager = MemoryManager::without_memory(wide, std::move(options));
    for (Offset place = 0; place < (Size{1} << 19) * slab; place += slab) {
        const Offset block = manager.allocate(64).value();
        manager.deallocate(block);
        // Slabs without live blocks are given back for it.
        if (!manager.allocate_at(place, slab)) throw std::runtime_error("the slab was elsewhere");
    }
    return manager;
}

void all_places(benchmark::State& state) {
    static MemoryManager manager = at_all_places();  // it takes long
    pairs(state, manager);
}

template <class Measure>
void add(const std::string& name, Measure measure) {
    benchmark::RegisterBenchmark(name.c_str(), measure)->Unit(benchmark::kMicrosecond);
}

const bool registered = [] {
    for (const Kind kind : {Kind::own, Kind::callers, Kind::without}) {
        for (const Size size : {Size{4096}, Size{65536}, Size{1} << 20}) {
            add("managers/" + std::string(kind_names[static_cast<int>(kind)]) + "/" +
                    std::to_string(size),
                [=](benchmark::State& state) { one_manager(state, kind, size); });
        }
    }
    for (const Size size : {Size{48}, Size{2000}}) {
        for (const std::size_t blocks : {std::size_t{1000}, std::size_t{1'000'000}}) {
            const std::string tail =
                std::string(size == 48 ? "_small/" : "_large/") + std::to_string(blocks);
            add("state/save" + tail, [=](benchmark::State& state) { save(state, size, blocks); });
            add("state/load" + tail, [=](benchmark::State& state) { load(state, size, blocks); });
        }
    }
    add("slabs/fresh_places", fresh_places);
    add("slabs/all_places", all_places);
    return true;
}();

}  // namespace
