// Limits of the process's memory. Above the soft one, free memory is returned
// at once; at the hard one, allocations fail. They are looked at only where
// units without memory are taken, and where blocks are mapped. Lock-free, any
// thread.
#ifndef ASHLAR_MALLOC_PROCESS_LIMITS_HPP
#define ASHLAR_MALLOC_PROCESS_LIMITS_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"

namespace ashlar::cache {

// 0: misses go to the process heap at once. Else: for how many more misses they
// go to further heaps first, and in kRelief, whether one relieves the process
// before. A hint.
extern base::Atomic<std::uint32_t> detour;
inline constexpr std::uint32_t kRelief = 1U << 31;

class Limits {
  public:
    struct Bytes {
        std::size_t soft, hard;  // 0: none
    };
    // A soft limit above the hard one is lowered to it.
    void set(const Bytes& bytes) noexcept;
    [[nodiscard]] Bytes get() const noexcept;

    // Bytes that count: units of the process heap and of further heaps that are
    // in use or hold memory, and mapped blocks.
    [[nodiscard]] std::size_t used() const noexcept;
    // Whether the process keeps to the hard limit. Asked after units of a heap
    // were taken that held no memory, and are counted already. Asks for relief
    // above the soft limit.
    [[nodiscard]] bool admits() noexcept;
    // The same for bytes that are to be mapped. They count from then on, until
    // mapped() says that they count elsewhere, or were refused.
    [[nodiscard]] bool admits_mapping(std::size_t bytes) noexcept;
    void mapped(std::size_t bytes) noexcept;
    // In the child of a fork, where no other thread is mapping.
    void adopt_fork() noexcept;
    // How often the hard limit refused something. Relaxed: compared by a thread
    // with what it saw before its own calls.
    [[nodiscard]] std::uint32_t refusals() const noexcept { return refusals_.load(base::rlx); }

    // Relieves the process if it is above the soft limit. Does so at most once
    // in a period, and the period grows while that does not help.
    void relieve_above_soft() noexcept;
    // The same before an allocation fails at the hard limit. True: it is worth
    // another try.
    [[nodiscard]] bool relieve_at_hard() noexcept;

  private:
    // When the process may be relieved again. The thread that moves `next` on
    // does it.
    struct Pause {
        base::Atomic<std::uint64_t> next;  // milliseconds
        base::Atomic<std::uint64_t> period;
    };
    [[nodiscard]] bool relieve(Pause& pause, std::size_t limit, std::uint64_t least) noexcept;

    // Relaxed, all: each is a value of its own.
    base::Atomic<std::size_t> soft_;  // 0: none
    base::Atomic<std::size_t> hard_;
    base::Atomic<std::size_t> pending_;  // bytes that threads are mapping
    base::Atomic<std::uint32_t> refusals_;
    Pause soft_pause_;
    Pause hard_pause_;
};

extern Limits limits;

// As Limits::admits(), for Spans::admits.
[[nodiscard]] bool admit_units() noexcept;

}  // namespace ashlar::cache

#endif
