// Counts the allocator's accesses to shared words (src/base/count.hpp), and how
// far each cache line travels. In programs that link ashlar_core instead of
// ashlar_core_counted all counts are zero and cost nothing.
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

/// The counts of the calling thread from its start. Exact while fewer than 256
/// threads live.
inline Counts own_counts() noexcept {
    if constexpr (ashlar::base::kCounting) return detail::own_counts();
    return {};
}
/// The counts of all threads so far. Exact while no other thread runs. Only in
/// counting programs, like all below.
Counts all_counts() noexcept;

/// Follows each line of 64 bytes as if every thread had a core with an endless
/// cache. A *miss* is an access to a line that another thread has written since
/// this one last touched it, or a write to a line of which others have a copy.
/// The first touch of a line is no miss.
struct Line {
    const void* address;
    std::uint64_t misses;
};
struct Lines {
    std::uint64_t misses;
    // Accesses to lines that found no room in the table; the fields above omit
    // them.
    std::uint64_t untracked;
    Line worst;  // the line with the most misses
};
/// Forgets all lines and starts or stops following. No other thread may run.
void follow_lines(bool follow) noexcept;
Lines lines() noexcept;

/// Sets which of 64 imagined cores the calling thread runs on. Other threads
/// get one in turn.
void sit_on_core(unsigned core) noexcept;

/// From now on a thread yields the processor after one in `steps` of its
/// accesses, at random. So on a few cores many threads are inside an operation
/// at once. 0: never.
void yield_every(std::uint32_t steps) noexcept;

}  // namespace bench

#endif
