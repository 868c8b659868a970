// What is watched beside time when it is asked for: how long each malloc and each free takes, and how many bytes are
// live. Otherwise it costs a load and a branch at each call, under every allocator. Nothing here allocates.
#ifndef ASHLAR_BENCH_WATCH_HPP
#define ASHLAR_BENCH_WATCH_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace bench::watch {

inline constexpr unsigned latency = 1;
inline constexpr unsigned live = 2;
/// What a block holds is wiped right before it is freed, so that a block that was given twice is noticed even if both
/// users left the same in it. Not while measuring: some allocators never touch what is free.
inline constexpr unsigned careful = 4;

/// What is watched now. Changes only where no other thread is at work, and is not atomic, so that the compiler can compare
/// it where it lies.
inline constinit unsigned watched = 0;

inline bool on() noexcept { return __builtin_expect(watched != 0, 0); }

/// Before a workload: forgets what was seen.
void open(unsigned what) noexcept;
/// Around the measured part: latencies count only there.
void begin() noexcept;
void end() noexcept;

[[nodiscard]] std::uint64_t live_bytes() noexcept;

/// The value of "latency" in the line of JSON.
void print_latency() noexcept;

/// The processor's counter, read when everything before has been done; what comes after has not begun.
std::uint64_t ticks() noexcept;

/// What three readings in a row say: the clock's own cost, then that and the call.
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
