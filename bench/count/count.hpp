// Counts what the allocator does to shared words (src/base/count.hpp): how often, and how far each cache line travels. In
// programs that link ashlar_core instead of ashlar_core_counted all of it reads as zero and costs nothing.
#ifndef ASHLAR_BENCH_COUNT_HPP
#define ASHLAR_BENCH_COUNT_HPP

#include <array>
#include <cstdint>

#include "base/count.hpp"

namespace bench {

struct Counts {
    std::array<std::uint64_t, ashlar::base::kEvents> of{};

    [[nodiscard]] std::uint64_t operator[](ashlar::base::Event event) const noexcept {
        return of[static_cast<unsigned>(event)];
    }
    [[nodiscard]] std::uint64_t read_modify_writes() const noexcept {
        return (*this)[ashlar::base::Event::change] + (*this)[ashlar::base::Event::vain];
    }
    Counts& operator+=(const Counts& other) noexcept {
        for (unsigned i = 0; i < ashlar::base::kEvents; ++i) of[i] += other.of[i];
        return *this;
    }
    friend Counts operator-(Counts a, const Counts& b) noexcept {
        for (unsigned i = 0; i < ashlar::base::kEvents; ++i) a.of[i] -= b.of[i];
        return a;
    }
};

namespace detail {
Counts own_counts() noexcept;
}

/// Of the calling thread, from its start. Exact while fewer than 256 threads live.
inline Counts own_counts() noexcept {
    if constexpr (ashlar::base::kCounting) return detail::own_counts();
    return {};
}
/// Of all threads that ever were. Exact while no other thread runs. Only in counting programs, as what follows.
Counts all_counts() noexcept;

/// Follows each line of 64 bytes as if every thread had a core and an endless cache of its own: a *miss* is an access to a line
/// that another thread has written since this one last touched it, or a write to a line that others have a copy of. The first
/// touch of a line is none.
struct Line {
    const void* address;
    std::uint64_t misses;
};
struct Lines {
    std::uint64_t misses;
    std::uint64_t untracked;  // accesses to lines for which there was no room: the figures above lack them
    Line worst;               // the line with the most misses
};
/// Forgets all lines and starts or stops following. No other thread may run.
void follow_lines(bool follow) noexcept;
Lines lines() noexcept;

/// Says which of 64 imagined cores the calling thread runs on. Threads that don't say get one after the other.
void sit_on_core(unsigned core) noexcept;

/// From now on a thread yields the processor after one in `steps` of its accesses, at random, so that on a few cores many
/// threads are in the middle of something at the same time. 0: never.
void yield_every(std::uint32_t steps) noexcept;

}  // namespace bench

#endif
