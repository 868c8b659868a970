// The results of one workload, and the list of all workloads. A workload
// prepares its data, calls start(), does its work, calls stop(), and frees
// everything. It reports the number of operations and a checksum of contents.
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

    /// Only the time between start and stop counts; there may be several such
    /// parts.
    void start() noexcept;
    void stop() noexcept;

    /// An operation is one allocation together with its release, or one
    /// reallocation. The checksum is a sum over data read from the blocks. It
    /// must not depend on addresses or on the order in which threads run.
    void add(std::uint64_t operations, std::uint64_t checksum) noexcept {
        operations_ += operations;
        checksum_ += checksum;
    }

    /// Reports the bytes that the workload holds now; the maximum is its live
    /// peak.
    void holds(std::uint64_t bytes) noexcept {
        if (bytes > live_peak_) live_peak_ = bytes;
    }

    /// Some idle time, in which the program allocates and frees one small block
    /// each millisecond.
    void idle() noexcept;

    /// Called when everything is freed: records the resident memory now, and
    /// again after some idle time. Runs after run(), unless the workload calls
    /// it while its threads still exist.
    void settle() noexcept;

    [[nodiscard]] double seconds() const noexcept { return wall_; }
    [[nodiscard]] double cpu_seconds() const noexcept { return cpu_; }
    [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }
    [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_; }
    [[nodiscard]] std::uint64_t live_peak() const noexcept { return live_peak_; }
    [[nodiscard]] long peak_kib() const noexcept { return peak_kib_; }
    [[nodiscard]] long final_kib() const noexcept { return final_kib_; }
    /// -1 if it was not requested.
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

/// Workloads called FAMILY-N with N threads differ in nothing else, so that a
/// plot over threads is possible.
struct Workload {
    const char* name;
    const char* family;
    unsigned threads;  // the most that work at the same time
    void (*run)(Measure&);
    const char* about;  // one line: the work, and its source
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
