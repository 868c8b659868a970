// Failure injection (ASHLAR_FAIL_NTH), for programs that test how they handle
// the lack of memory. While it is on, no thread has a cache of its own. So
// every allocation takes the slow path, which counts it and may refuse it. The
// hit path has no check for it. Lock-free, any thread, except start().
#ifndef ASHLAR_MALLOC_PROCESS_INJECTION_HPP
#define ASHLAR_MALLOC_PROCESS_INJECTION_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "malloc/settings/settings.hpp"

namespace ashlar::cache {

using settings::FailurePlan;

class Injection {
  public:
    // Called before the program has more than one thread. `descriptor` gets a
    // line at the first failure; -1: no line.
    void start(const FailurePlan& plan, int descriptor) noexcept;
    // Relaxed, as all here: it is turned on before there is another thread, and
    // the counts order nothing.
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
