// Latencies go into histograms with 32 buckets for each doubling, so that a
// percentile is exact to 3%. Threads share a few sets of them, each addition
// being one relaxed atomic operation outside of the interval that is timed.
#include "watch.hpp"

#include <time.h>

#include <atomic>
#include <cstdio>
#include <cstring>

namespace bench::watch {
namespace {

constexpr unsigned fine_bits = 5;
constexpr std::uint64_t fine = 1u << fine_bits;
constexpr std::uint64_t longest = (std::uint64_t{1} << 42) - 1;  // ticks: about half an hour
constexpr std::size_t buckets = (42 - fine_bits + 1) * fine;
constexpr unsigned sets = 16;

constexpr std::size_t bucket_of(std::uint64_t ticks) noexcept {
    if (ticks < fine) return ticks;
    const unsigned coarse = 63u - static_cast<unsigned>(__builtin_clzll(ticks)) - fine_bits;
    return coarse * fine + (ticks >> coarse);
}

/// The longest of the times that share a bucket.
constexpr std::uint64_t longest_of(std::size_t bucket) noexcept {
    if (bucket < fine) return bucket;
    const std::size_t coarse = bucket / fine - 1;
    return ((bucket - coarse * fine + 1) << coarse) - 1;
}

static_assert(bucket_of(longest) == buckets - 1 && longest_of(buckets - 1) == longest);
static_assert(longest_of(bucket_of(1000)) >= 1000 && longest_of(bucket_of(1000)) < 1032);

struct Histogram {
    std::atomic<std::uint64_t> counts[buckets];
    std::atomic<std::uint64_t> most;

    void add(std::uint64_t ticks) noexcept {
        if (ticks > longest) ticks = longest;
        counts[bucket_of(ticks)].fetch_add(1, std::memory_order_relaxed);
        std::uint64_t seen = most.load(std::memory_order_relaxed);
        while (seen < ticks &&
               !most.compare_exchange_weak(seen, ticks, std::memory_order_relaxed)) {
        }
    }
};

struct alignas(128) Set {
    // Bytes that the threads of this set allocated minus bytes that they freed.
    std::atomic<std::int64_t> live;
    Histogram allocations;
    Histogram frees;
    Histogram clock;  // empty intervals, each read right before a call
};

// Untouched, and so not resident, until something is watched.
constinit Set all_sets[sets] = {};
constinit std::atomic<unsigned> threads{0};
constinit thread_local Set* own = nullptr;
bool latency_wanted = false;
std::uint64_t opened_ticks = 0;
std::uint64_t opened_ns = 0;

Set& own_set() noexcept {
    if (own == nullptr) own = &all_sets[threads.fetch_add(1, std::memory_order_relaxed) % sets];
    return *own;
}

std::uint64_t monotonic_ns() noexcept {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

/// The sum of all sets' histograms of one kind.
class Summary {
  public:
    explicit Summary(Histogram Set::*kind) noexcept {
        for (Set& set : all_sets) {
            for (std::size_t i = 0; i < buckets; ++i) {
                const std::uint64_t some = (set.*kind).counts[i].load(std::memory_order_relaxed);
                counts_[i] += some;
                count_ += some;
            }
            const std::uint64_t most = (set.*kind).most.load(std::memory_order_relaxed);
            if (most > most_) most_ = most;
        }
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t most() const noexcept { return most_; }
    /// The shortest time that at least this share did not exceed; up to 3%
    /// more, since a bucket stands for its longest time.
    [[nodiscard]] std::uint64_t percentile(double share) const noexcept {
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < buckets; ++i) {
            below += counts_[i];
            if (below != 0 && static_cast<double>(below) >= share * static_cast<double>(count_)) {
                return longest_of(i) < most_ ? longest_of(i) : most_;
            }
        }
        return most_;
    }

  private:
    std::uint64_t counts_[buckets] = {};
    std::uint64_t count_ = 0;
    std::uint64_t most_ = 0;
};

void print_kind(const char* name, Histogram Set::*kind, std::uint64_t clock,
                double ns_per_tick) noexcept {
    const Summary summary(kind);
    if (summary.count() == 0) {
        std::printf("\"%s\": null", name);
        return;
    }
    const auto ns = [=](std::uint64_t ticks) {
        return ticks > clock ? static_cast<double>(ticks - clock) * ns_per_tick : 0.0;
    };
    std::printf(
        "\"%s\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f, "
        "\"count\": %llu}",
        name, ns(summary.percentile(0.5)), ns(summary.percentile(0.9)),
        ns(summary.percentile(0.99)), ns(summary.percentile(0.999)), ns(summary.most()),
        static_cast<unsigned long long>(summary.count()));
}

}  // namespace

#if defined(__x86_64__)
std::uint64_t ticks() noexcept {
    std::uint32_t low;
    std::uint32_t high;
    asm volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
    return std::uint64_t{high} << 32 | low;
}
#elif defined(__aarch64__)
std::uint64_t ticks() noexcept {
    std::uint64_t count;
    asm volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(count) : : "memory");
    return count;
}
#else
std::uint64_t ticks() noexcept { return monotonic_ns(); }
#endif

void open(unsigned what) noexcept {
    latency_wanted = (what & latency) != 0;
    watched = what & ~latency;
    if ((what & (latency | live)) == 0) return;
    std::memset(static_cast<void*>(all_sets), 0, sizeof all_sets);
    opened_ticks = ticks();
    opened_ns = monotonic_ns();
}

void begin() noexcept {
    if (latency_wanted) watched |= latency;
}

void end() noexcept { watched &= ~latency; }

void wipe(void* block, std::size_t size) noexcept {
    std::memset(block, 0xdd, size < 64 ? size : 64);
    static_cast<unsigned char*>(block)[size - 1] = 0xdd;
    // Otherwise the compiler would drop writes to a block that is freed next.
    asm volatile("" : : "r"(block) : "memory");
}

void took(Interval interval, std::size_t size) noexcept {
    if ((watched & latency) != 0) {
        own_set().clock.add(interval.empty);
        own_set().allocations.add(interval.call);
    }
    if ((watched & live) != 0)
        own_set().live.fetch_add(static_cast<std::int64_t>(size), std::memory_order_relaxed);
}

void gave(Interval interval, std::size_t size) noexcept {
    if ((watched & latency) != 0) {
        own_set().clock.add(interval.empty);
        own_set().frees.add(interval.call);
    }
    if ((watched & live) != 0)
        own_set().live.fetch_sub(static_cast<std::int64_t>(size), std::memory_order_relaxed);
}

void resized(std::size_t old_size, std::size_t size) noexcept {
    if ((watched & live) == 0) return;
    own_set().live.fetch_add(static_cast<std::int64_t>(size) - static_cast<std::int64_t>(old_size),
                             std::memory_order_relaxed);
}

std::uint64_t live_bytes() noexcept {
    std::int64_t sum = 0;
    for (const Set& set : all_sets) sum += set.live.load(std::memory_order_relaxed);
    // A block may be freed in a set that was read before the set in which it
    // was allocated.
    return sum > 0 ? static_cast<std::uint64_t>(sum) : 0;
}

void print_latency() noexcept {
    const std::uint64_t passed = ticks() - opened_ticks;
    const double ns_per_tick = static_cast<double>(monotonic_ns() - opened_ns) /
                               static_cast<double>(passed == 0 ? 1 : passed);
    // The median: under the same conditions as the calls, from whose times it
    // is subtracted.
    const std::uint64_t clock = Summary(&Set::clock).percentile(0.5);
    std::printf("{");
    print_kind("malloc", &Set::allocations, clock, ns_per_tick);
    std::printf(", ");
    print_kind("free", &Set::frees, clock, ns_per_tick);
    std::printf(", \"clock_ns\": %.1f}", static_cast<double>(clock) * ns_per_tick);
}

}  // namespace bench::watch
