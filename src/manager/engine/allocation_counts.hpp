// How many blocks a manager has handed out: words on cache lines of their own,
// so that threads seldom share one. Any thread.
#ifndef ASHLAR_MANAGER_ENGINE_ALLOCATION_COUNTS_HPP
#define ASHLAR_MANAGER_ENGINE_ALLOCATION_COUNTS_HPP

#include <cstdint>

#include "base/atomic.hpp"
#include "base/config.hpp"

namespace ashlar::manager {

class AllocationCounts {
  public:
    // Relaxed, all of it: counters.
    void add(std::uint32_t thread) noexcept {
        lines_[thread % kLines].count.fetch_add(1, base::rlx);
    }
    [[nodiscard]] std::uint64_t sum() const noexcept {
        std::uint64_t sum = 0;
        for (const Line& line : lines_) sum += line.count.load(base::rlx);  // relaxed: as above
        return sum;
    }

  private:
    static constexpr std::uint32_t kLines = 16;
    struct alignas(base::kCacheLine) Line {
        base::Atomic<std::uint64_t> count{0};
    };
    Line lines_[kLines];
};

}  // namespace ashlar::manager

#endif
