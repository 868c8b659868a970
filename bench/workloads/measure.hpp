// What one workload reports, and the list that workloads are found in. A workload sets up what it needs, calls start(),
// does its work, calls stop(), and says how many operations it did and what their blocks contained.
#ifndef ASHLAR_BENCH_MEASURE_HPP
#define ASHLAR_BENCH_MEASURE_HPP

#include <time.h>

#include <cstddef>
#include <cstdint>

namespace bench {

class Measure {
  public:
    explicit Measure(double scale) noexcept : scale_(scale) {}

    /// `base` repetitions at scale 1; at least one.
    [[nodiscard]] std::uint64_t scaled(std::uint64_t base) const noexcept {
        const auto repetitions = static_cast<std::uint64_t>(static_cast<double>(base) * scale_);
        return repetitions == 0 ? 1 : repetitions;
    }

    void start() noexcept {
        wall_ = -now(CLOCK_MONOTONIC);
        cpu_ = -now(CLOCK_PROCESS_CPUTIME_ID);
    }
    void stop() noexcept {
        wall_ += now(CLOCK_MONOTONIC);
        cpu_ += now(CLOCK_PROCESS_CPUTIME_ID);
    }

    /// An operation is one allocation together with its release, or one reallocation. The checksum is a sum over what
    /// was read back from the blocks: it must not depend on addresses nor on the order in which threads run.
    void add(std::uint64_t operations, std::uint64_t checksum) noexcept {
        operations_ += operations;
        checksum_ += checksum;
    }

    [[nodiscard]] double seconds() const noexcept { return wall_; }
    [[nodiscard]] double cpu_seconds() const noexcept { return cpu_; }
    [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }
    [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_; }

  private:
    static double now(clockid_t clock) noexcept {
        timespec time{};
        clock_gettime(clock, &time);
        return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
    }

    double scale_;
    double wall_ = 0;
    double cpu_ = 0;
    std::uint64_t operations_ = 0;
    std::uint64_t checksum_ = 0;
};

struct Workload {
    const char* name;
    unsigned threads;
    void (*run)(Measure&);
};

/// The workloads of one source file.
struct Theme {
    const Workload* first;
    std::size_t count;
};

template <std::size_t N>
constexpr Theme theme(const Workload (&workloads)[N]) noexcept {
    return {workloads, N};
}

Theme pairs() noexcept;
Theme batches() noexcept;
Theme replacement() noexcept;
Theme handover() noexcept;
Theme servers() noexcept;
Theme growth() noexcept;
Theme large_blocks() noexcept;
Theme special() noexcept;
Theme phases() noexcept;

}  // namespace bench

#endif
