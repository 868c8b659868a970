// A random live set: each step picks a place, and frees the block there or
// allocates one. After OLogN's alloc-test ("Testing memory allocators", 2018),
// with live sets from tiny to larger than caches; and after the descriptions of
// glibc's bench-malloc-thread and bench-malloc-simple.
#include "blocks.hpp"
#include "measure.hpp"
#include "team.hpp"

namespace bench {
namespace {

template <class Sizes>
class LiveSet {
  public:
    LiveSet(void** places, std::uint32_t count, std::uint64_t seed) noexcept
        : places_(places), count_(count), random_(seed) {}

    /// Every second place gets a block: the steps keep about half of the places
    /// full.
    void fill_half() noexcept {
        for (std::uint32_t i = 0; i < count_; i += 2) allocate(places_[i]);
    }
    void step() noexcept {
        void*& place = places_[random_.below(count_)];
        if (place == nullptr) {
            allocate(place);
        } else {
            release(place);
        }
    }
    void empty() noexcept {
        for (std::uint32_t i = 0; i < count_; ++i) {
            if (places_[i] != nullptr) release(places_[i]);
        }
    }
    [[nodiscard]] std::uint64_t peak() const noexcept { return peak_; }
    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }

  private:
    void allocate(void*& place) noexcept {
        const std::size_t size = Sizes::draw(random_);
        place = make(size);
        live_ += size;
        if (live_ > peak_) peak_ = live_;
    }
    void release(void*& place) noexcept {
        const std::uint64_t size = drop(place);
        place = nullptr;
        sum_ += size;
        live_ -= size;
    }

    void** places_;
    std::uint32_t count_;
    Random random_;
    std::uint64_t live_ = 0;
    std::uint64_t peak_ = 0;
    std::uint64_t sum_ = 0;
};

/// `Steps` in all; each thread has a set of its own. Two steps are a malloc and
/// a free on average.
template <unsigned Threads, class Sizes, std::uint32_t Places, std::uint64_t Steps>
void random_sets(Measure& measure) {
    struct alignas(128) Result {
        std::uint64_t sum;
        std::uint64_t peak;
    };
    const std::uint64_t steps = measure.scaled(Steps / Threads);
    Table<void*> places(std::size_t{Places} * Threads);
    Table<Result> results(Threads);
    measure_threads(measure, Threads, [&](unsigned self) {
        LiveSet<Sizes> set(&places[std::size_t{Places} * self], Places, self + 50);
        set.fill_half();
        for (std::uint64_t i = 0; i < steps; ++i) set.step();
        set.empty();
        results[self] = {set.sum(), set.peak()};
    });
    std::uint64_t peak = 0;
    for (const Result& result : results) {
        measure.add(0, result.sum);
        peak += result.peak;
    }
    measure.holds(peak);
    measure.add((steps / 2 + Places / 2) * Threads, 0);
}

using Pareto = PowerLaw<16, 7>;  // 96 bytes on average, up to 2 KiB

template <std::uint32_t Places, std::uint64_t Steps>
constexpr auto alloc_test = random_sets<1, Pareto, Places, Steps>;
template <unsigned Threads>
constexpr auto alloc_tests = random_sets<Threads, Pareto, 100'000, 30'000'000>;
template <unsigned Threads>
constexpr auto glibc_thread = random_sets<Threads, PowerLaw<16, 11>, 1'024, 70'000'000>;

/// Some blocks of one size, freed in the order of their allocation; some more;
/// and so on for each size.
void glibc_simple(Measure& measure) {
    constexpr std::uint32_t counts[] = {25, 100, 400, 1600};
    const std::uint64_t rounds = measure.scaled(2'000);
    std::uint64_t operations = 0;
    std::uint64_t sum = 0;
    Table<void*> blocks(1600);
    measure.start();
    for (std::uint64_t round = 0; round < rounds; ++round) {
        for (std::size_t size = 16; size <= 4096; size *= 4) {
            for (const std::uint32_t count : counts) {
                for (std::uint32_t i = 0; i < count; ++i) blocks[i] = make(size);
                for (std::uint32_t i = 0; i < count; ++i) sum += drop(blocks[i]);
                operations += count;
            }
        }
    }
    measure.stop();
    measure.holds(std::uint64_t{1600} * 4096);
    measure.add(operations, sum);
}

constexpr char about_alloc_tests[] =
    "50,000 blocks of up to 2 KiB live in each thread, random ones freed and allocated";
constexpr char about_glibc_thread[] =
    "512 blocks of up to 32 KiB live in each thread, small ones more often (glibc's malloc-thread)";

constexpr Workload workloads[] = {
    {"alloc-test-64k", "alloc-test", 1, alloc_test<1'360, 60'000'000>,
     "random live set of 64 KiB (OLogN's alloc-test)"},
    {"alloc-test-1m", "alloc-test", 1, alloc_test<21'800, 50'000'000>,
     "random live set of 1 MiB (OLogN's alloc-test)"},
    {"alloc-test-16m", "alloc-test", 1, alloc_test<350'000, 20'000'000>,
     "random live set of 16 MiB (OLogN's alloc-test)"},
    {"alloc-test-256m", "alloc-test", 1, alloc_test<5'600'000, 3'000'000>,
     "random live set of 256 MiB (OLogN's alloc-test)"},
    {"alloc-tests-1", "alloc-tests", 1, alloc_tests<1>, about_alloc_tests},
    {"alloc-tests-2", "alloc-tests", 2, alloc_tests<2>, about_alloc_tests},
    {"alloc-tests-4", "alloc-tests", 4, alloc_tests<4>, about_alloc_tests},
    {"alloc-tests-8", "alloc-tests", 8, alloc_tests<8>, about_alloc_tests},
    {"glibc-simple", "glibc-simple", 1, glibc_simple,
     "25 to 1,600 blocks of 16 to 4096 bytes, in order (glibc's malloc-simple)"},
    {"glibc-thread-1", "glibc-thread", 1, glibc_thread<1>, about_glibc_thread},
    {"glibc-thread-2", "glibc-thread", 2, glibc_thread<2>, about_glibc_thread},
    {"glibc-thread-4", "glibc-thread", 4, glibc_thread<4>, about_glibc_thread},
    {"glibc-thread-8", "glibc-thread", 8, glibc_thread<8>, about_glibc_thread},
};

}  // namespace

Theme random_live_sets() noexcept { return theme(workloads); }

}  // namespace bench
