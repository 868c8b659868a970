// Resident memory and live bytes over time, sampled by a thread that does
// nothing else and allocates nothing.
#ifndef ASHLAR_BENCH_TRACE_HPP
#define ASHLAR_BENCH_TRACE_HPP

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "blocks.hpp"

namespace bench {

class Trace {
  public:
    /// Begins to sample at this interval in milliseconds, and doubles it when
    /// the table of samples is full.
    explicit Trace(unsigned milliseconds) noexcept;
    ~Trace();
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;

    void stop() noexcept;
    /// After stop(): the most live bytes of a sample.
    [[nodiscard]] std::uint64_t live_peak() noexcept;
    /// After stop(): the value of "trace" in the line of JSON.
    void print() noexcept;

  private:
    struct Sample {
        double ms;
        long rss_kib;
        std::uint64_t live_bytes;
    };

    void run() noexcept;
    void thin() noexcept;
    [[nodiscard]] long resident_kib() const noexcept;

    static constexpr std::size_t most_samples = 4096;
    Table<Sample> samples_{most_samples};
    std::size_t count_ = 0;
    unsigned interval_ms_;
    int statm_;
    long kib_per_page_ = sysconf(_SC_PAGESIZE) / 1024;
    bool running_ = true;
    std::atomic<bool> wanted_{true};
    pthread_t thread_{};
};

}  // namespace bench

#endif
