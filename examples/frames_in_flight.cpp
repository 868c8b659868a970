// The memory of a GPU with three frames in flight, as one buffer of offsets
// each: a ring for uploads, and for each frame a stack of its own data, with
// transient data from the upper end. All are bump allocators in constant time,
// and nothing is fragmented.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(frames_in_flight frames_in_flight.cpp)
//   target_link_libraries(frames_in_flight
//                         PRIVATE ashlar::manager Threads::Threads)
#include <cstdio>
#include <deque>
#include <vector>

#include <ashlar/memory_manager.hpp>

namespace {

using ashlar::MemoryManager;
using ashlar::Offset;
using ashlar::Placement;
using ashlar::Size;
using ashlar::Strategy;

constexpr Size frames_in_flight = 3;

MemoryManager heap(Size size, Placement placement) {
    return MemoryManager::without_memory(
        size, {.placement = placement, .threads = ashlar::Threads::one, .granularity = 256});
}

}  // namespace

int main() {
    MemoryManager uploads = heap(Size{16} << 20, Placement::ring);
    std::vector<MemoryManager> frames;
    for (Size i = 0; i < frames_in_flight; ++i)
        frames.push_back(heap(Size{4} << 20, Placement::linear));

    std::deque<std::vector<Offset>> in_flight;  // uploads of each frame, the oldest first
    bool right = true;
    for (Size number = 0; number < 1000; ++number) {
        // The device has finished the frame before last: its memory is free.
        if (in_flight.size() == frames_in_flight) {
            for (const Offset upload : in_flight.front()) uploads.deallocate(upload);
            in_flight.pop_front();
        }
        MemoryManager& frame = frames[number % frames_in_flight];
        frame.clear();

        auto& mine = in_flight.emplace_back();
        for (Size draw = 0; draw < 50; ++draw) {
            const auto upload = uploads.allocate({.size = 1000 + (number * 37 + draw) % 90'000});
            const auto uniforms = frame.allocate({.size = 700, .user_data = draw});
            // Used by this draw alone: the next one takes the same place.
            const auto transient = frame.allocate(
                {.size = 300'000, .alignment = 4096, .strategy = Strategy::upper_end});
            right = right && upload && uniforms && transient && uniforms->offset == draw * 768 &&
                    transient->offset == (4 << 20) - 303'104;
            if (!right) return 1;
            mine.push_back(upload->offset);
            frame.deallocate(transient->offset);
        }
    }
    right = right && uploads.check() == 0 && uploads.statistics().free_ranges <= 3;
    std::printf("%llu uploads in flight, %llu of %llu bytes used\n",
                static_cast<unsigned long long>(uploads.statistics().blocks),
                static_cast<unsigned long long>(uploads.statistics().used),
                static_cast<unsigned long long>(uploads.capacity()));
    return right ? 0 : 1;
}
