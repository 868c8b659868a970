// A simulation of an allocator: the same trace of allocations and deallocations
// under each placement policy. The managers have no memory, so a buffer of any
// size costs nothing but records. The result is a table: how many requests are
// refused by a buffer that is a little larger than all blocks together, and how
// much of its free space is in pieces.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(allocator_simulation allocator_simulation.cpp)
//   target_link_libraries(allocator_simulation
//                         PRIVATE ashlar::manager Threads::Threads)
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <optional>
#include <random>
#include <vector>

#include <ashlar/memory_manager.hpp>

namespace {

using ashlar::MemoryManager;
using ashlar::Offset;
using ashlar::Placement;
using ashlar::Size;

// One step of a trace: block `id` is allocated, or freed if the size is 0.
struct Step {
    std::size_t id;
    Size size;
};

// Sizes by powers of two; the live blocks become more, then fewer, and so on.
std::vector<Step> make_trace(std::size_t steps) {
    std::vector<Step> trace;
    std::vector<std::size_t> live;
    std::mt19937_64 random(42);
    for (std::size_t id = 0; trace.size() < steps;) {
        const bool grows = trace.size() / 20'000 % 2 == 0;
        if (live.empty() || random() % 16 < (grows ? 9U : 7U)) {
            const Size least = Size{16} << random() % 12;
            trace.push_back({id, least + random() % least});
            live.push_back(id++);
        } else {
            std::swap(live[random() % live.size()], live.back());
            trace.push_back({live.back(), 0});
            live.pop_back();
        }
    }
    return trace;
}

// The bytes of the trace at its fullest moment.
Size peak_of(const std::vector<Step>& trace) {
    std::vector<Size> sizes(trace.size());
    Size used = 0, peak = 0;
    for (const auto [id, size] : trace) {
        used += size - (size == 0 ? sizes[id] : 0);
        peak = std::max(peak, used);
        sizes[id] = size;
    }
    return peak;
}

struct Result {
    std::size_t refused = 0;
    double fragmentation = 0;  // the mean
    bool right = false;
};

Result replay(const std::vector<Step>& trace, Placement placement, Size buffer) {
    MemoryManager manager = MemoryManager::without_memory(
        buffer, {.placement = placement, .threads = ashlar::Threads::one});
    std::vector<std::optional<Offset>> offsets(trace.size());
    Result result;
    for (std::size_t i = 0; i < trace.size(); ++i) {
        const auto [id, size] = trace[i];
        if (size != 0) {
            offsets[id] = manager.allocate(size);
            result.refused += offsets[id] ? 0 : 1;
        } else if (offsets[id]) {
            manager.deallocate(*offsets[id]);
        }
        result.fragmentation += manager.statistics().fragmentation();
    }
    result.fragmentation /= static_cast<double>(trace.size());
    result.right = manager.check() == 0;
    return result;
}

}  // namespace

int main() {
    constexpr Placement placements[] = {
        Placement::tlsf,      Placement::first_fit,        Placement::next_fit, Placement::best_fit,
        Placement::worst_fit, Placement::ordered_best_fit, Placement::buddy};
    constexpr const char* names[] = {"tlsf",      "first_fit",        "next_fit", "best_fit",
                                     "worst_fit", "ordered_best_fit", "buddy"};
    const std::vector<Step> trace = make_trace(100'000);
    const Size peak = peak_of(trace);
    bool right = true;
    std::printf("buffer / peak:            1.05                     1.5\n");
    std::printf("policy            refused  fragmentation   refused  fragmentation\n");
    for (std::size_t i = 0; i < std::size(placements); ++i) {
        const Result tight = replay(trace, placements[i], peak + peak / 20);
        const Result roomy = replay(trace, placements[i], peak + peak / 2);
        std::printf("%-16s %8zu %14.2f %9zu %14.2f\n", names[i], tight.refused, tight.fragmentation,
                    roomy.refused, roomy.fragmentation);
        right = right && tight.right && roomy.right && roomy.refused <= tight.refused;
    }
    return right ? 0 : 1;
}
