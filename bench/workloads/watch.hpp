// Watches more than the total time, on request: the time of each malloc and
// each free, and the live bytes. Otherwise it costs a load and a branch at each
// call, under every allocator. Nothing here allocates.
#ifndef ASHLAR_BENCH_WATCH_HPP
#define ASHLAR_BENCH_WATCH_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace bench::watch {

inline constexpr unsigned latency = 1;
inline constexpr unsigned live = 2;
/// Wipes each block right before it is freed. So a block with two holders is
/// noticed even if both left the same bytes in it. Not while measuring: some
/// allocators never touch free memory.
inline constexpr unsigned careful = 4;

/// The set of things that are watched now. It changes only while no other
/// thread works. It is not atomic, so that the compiler can compare it in
/// memory.
inline constinit unsigned watched = 0;

inline bool on() noexcept { return __builtin_expect(watched != 0, 0); }

/// Before a workload: clears the figures.
void open(unsigned what) noexcept;
/// Around the measured part: latencies count only there.
void begin() noexcept;
void end() noexcept;

[[nodiscard]] std::uint64_t live_bytes() noexcept;

/// The value of "latency" in the line of JSON.
void print_latency() noexcept;

/// Reads the processor's counter after all earlier instructions have completed
/// and before later ones begin.
std::uint64_t ticks() noexcept;

/// What three readings in a row say: the clock's own cost, then that and the
/// call.
struct Interval {
    std::uint64_t empty;
    std::uint64_t call;
};

void wipe(void* block, std::size_t size) noexcept;
void took(Interval interval, std::size_t size) noexcept;
void gave(Interval interval, std::size_t size) noexcept;
void resized(std::size_t old_size, std::size_t size) noexcept;

template <class Allocate>
[[gnu::noinline]] void* take(std::size_t size, Allocate allocate) noexcept {
    const std::uint64_t before = ticks();
    const std::uint64_t begin = ticks();
    void* block = allocate();
    took({begin - before, ticks() - begin}, size);
    return block;
}

[[gnu::noinline]] inline void give(void* block, std::size_t size) noexcept {
    if ((watched & careful) != 0) wipe(block, size);
    const std::uint64_t before = ticks();
    const std::uint64_t begin = ticks();
    std::free(block);
    gave({begin - before, ticks() - begin}, size);
}

}  // namespace bench::watch

#endif
