// Failures on demand, for programs that test how they meet the end of memory (ASHLAR_FAIL_NTH). While it is on, no thread has a
// cache of its own, so that every allocation comes by the slow door, where it is counted and may be refused; the hit path knows
// nothing of it. Lock-free, any thread, except start().
#ifndef ASHLAR_CACHE_INJECTION_HPP
#define ASHLAR_CACHE_INJECTION_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"

namespace ashlar::cache {

// Of the allocations of at least `least` bytes, numbered from 1: the first one that fails, 0: none does; and how many later the
// next one does, 0: only that one.
struct FailurePlan {
    std::uint64_t first;
    std::uint64_t every;
    std::size_t least;
};

class Injection {
  public:
    // Before the program has more than one thread. `descriptor` gets a line at the first failure; -1: nobody does.
    void start(const FailurePlan& plan, int descriptor) noexcept;
    // Relaxed, as all here: it is turned on before there is another thread, and the counts order nothing.
    [[nodiscard]] bool on() const noexcept { return on_.load(base::rlx) != 0; }
    // Counts an allocation; true: it is to fail.
    [[nodiscard]] bool refuses(std::size_t size) noexcept;

    struct Counts {
        std::uint64_t counted, refused;
    };
    [[nodiscard]] Counts counts() const noexcept;

  private:
    FailurePlan plan_;
    int descriptor_;
    base::Atomic<std::uint32_t> on_;
    base::Atomic<std::uint64_t> counted_;
    base::Atomic<std::uint64_t> refused_;
};

extern Injection injection;

}  // namespace ashlar::cache

#endif
