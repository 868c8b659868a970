// What one workload reports, and the list that workloads are found in. A workload sets up what it needs, calls start(),
// does its work, calls stop(), frees everything, and says how many operations it did and what their blocks contained.
#ifndef ASHLAR_BENCH_MEASURE_HPP
#define ASHLAR_BENCH_MEASURE_HPP

#include <cstddef>
#include <cstdint>

namespace bench {

class Measure {
  public:
    Measure(double scale, unsigned idle_ms, bool idles_at_end) noexcept
        : scale_(scale), idle_ms_(idle_ms), idles_at_end_(idles_at_end) {}

    /// `base` repetitions at scale 1; at least one.
    [[nodiscard]] std::uint64_t scaled(std::uint64_t base) const noexcept {
        const auto repetitions = static_cast<std::uint64_t>(static_cast<double>(base) * scale_);
        return repetitions == 0 ? 1 : repetitions;
    }

    /// Only what lies between start and stop counts; there may be several such stretches.
    void start() noexcept;
    void stop() noexcept;

    /// An operation is one allocation together with its release, or one reallocation. The checksum is a sum over what
    /// was read back from the blocks: it must not depend on addresses nor on the order in which threads run.
    void add(std::uint64_t operations, std::uint64_t checksum) noexcept {
        operations_ += operations;
        checksum_ += checksum;
    }

    /// The bytes that the workload holds at this moment; the most that it ever says is its live peak.
    void holds(std::uint64_t bytes) noexcept {
        if (bytes > live_peak_) live_peak_ = bytes;
    }

    /// Some idle time, in which the program allocates and frees one small block each millisecond.
    void idle() noexcept;

    /// Everything is freed: notes what is resident now, and again after some idle time. Done after run(); a workload whose
    /// threads shall still be there calls it itself.
    void settle() noexcept;

    [[nodiscard]] double seconds() const noexcept { return wall_; }
    [[nodiscard]] double cpu_seconds() const noexcept { return cpu_; }
    [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }
    [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_; }
    [[nodiscard]] std::uint64_t live_peak() const noexcept { return live_peak_; }
    [[nodiscard]] long peak_kib() const noexcept { return peak_kib_; }
    [[nodiscard]] long final_kib() const noexcept { return final_kib_; }
    /// -1 where it was not asked for.
    [[nodiscard]] long idle_kib() const noexcept { return idle_kib_; }
    [[nodiscard]] long minor_faults() const noexcept { return faults_; }

  private:
    double scale_;
    unsigned idle_ms_;
    bool idles_at_end_;
    bool settled_ = false;
    double wall_ = 0;
    double cpu_ = 0;
    std::uint64_t operations_ = 0;
    std::uint64_t checksum_ = 0;
    std::uint64_t live_peak_ = 0;
    long peak_kib_ = 0;
    long final_kib_ = 0;
    long idle_kib_ = -1;
    long faults_ = 0;
};

void rest(long milliseconds) noexcept;

/// Workloads called FAMILY-N that have N threads differ in nothing else, so that a line over threads can be drawn.
struct Workload {
    const char* name;
    const char* family;
    unsigned threads;  // at most so many that work at the same time
    void (*run)(Measure&);
    const char* about;  // one line: what it does, and who described it
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
Theme asymmetric() noexcept;
Theme migration() noexcept;
Theme sharing() noexcept;
Theme random_live_sets() noexcept;
Theme fractions() noexcept;
Theme syntax_trees() noexcept;
Theme cache_servers() noexcept;
Theme pools() noexcept;

}  // namespace bench

#endif
