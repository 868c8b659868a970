// Some threads only allocate and others only free: Lever and Boreham's
// xmalloc-test ("malloc() performance in a multithreaded Linux environment",
// USENIX 2000); and producers with one freeing thread that keeps a constant
// live set, so that all other resident memory is the allocator's.
#include "blocks.hpp"
#include "channel.hpp"
#include "measure.hpp"
#include "team.hpp"

namespace bench {
namespace {

/// Half of the threads fill crates. The other half takes the next crate and
/// frees the blocks in it.
template <unsigned Threads>
void xmalloc(Measure& measure) {
    constexpr unsigned producers = Threads / 2;
    const std::uint64_t crates = measure.scaled(30'000'000 / crate_blocks / producers);
    Objects<Channel<128>> way(1);
    Table<Sum> sums(Threads);
    std::atomic<unsigned> producing{producers};
    measure_threads(measure, Threads, [&](unsigned self) {
        if (self % 2 == 0) {
            Random random(self + 20);
            Packer packer;
            for (std::uint64_t i = 0; i < crates * crate_blocks; ++i) {
                void* crate = packer.put(make(LogUniform<16, 5>::draw(random)));
                while (crate != nullptr && !way[0].push(crate)) sched_yield();
            }
            producing.fetch_sub(1, std::memory_order_release);
            return;
        }
        for (bool last = false; !last;) {
            last = producing.load(std::memory_order_acquire) == 0;
            for (void* crate; way[0].pop(crate);) sums[self].value += unpack(crate);
            if (!last) sched_yield();
        }
    });
    measure.add(crates * (crate_blocks + 1) * producers, total(sums));
}

/// The blocks that the freeing thread keeps. A new block takes a random place,
/// and the block that lay there is freed.
class Window {
  public:
    void unpack(void* crate) noexcept {
        const std::uint64_t itself = bench::unpack(crate, [this](void* block) { take(block); });
        sum_ += itself;
    }
    void empty() noexcept { sum_ += drop_all(blocks_); }
    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
    [[nodiscard]] std::uint64_t peak() const noexcept { return peak_; }

  private:
    void take(void* block) noexcept {
        void*& place = blocks_[random_.below(places)];
        live_ += verify(block);
        if (place != nullptr) {
            const std::uint64_t size = drop(place);
            sum_ += size;
            live_ -= size;
        }
        place = block;
        if (live_ > peak_) peak_ = live_;
    }

    static constexpr std::uint32_t places = 40'000;
    Table<void*> blocks_{places};
    Random random_{21};
    std::uint64_t live_ = 0;
    std::uint64_t peak_ = 0;
    std::uint64_t sum_ = 0;
};

template <unsigned Threads>
void one_freer(Measure& measure) {
    constexpr unsigned producers = Threads - 1;
    const std::uint64_t crates = measure.scaled(8'000'000 / crate_blocks / producers);
    Objects<Channel<16>> way(1);
    Window window;
    std::atomic<unsigned> producing{producers};
    measure_threads(measure, Threads, [&](unsigned self) {
        if (self != 0) {
            Random random(self + 22);
            Packer packer;
            for (std::uint64_t i = 0; i < crates * crate_blocks; ++i) {
                void* crate = packer.put(make(Uniform<16, 1024>::draw(random)));
                while (crate != nullptr && !way[0].push(crate)) sched_yield();
            }
            producing.fetch_sub(1, std::memory_order_release);
            return;
        }
        for (bool last = false; !last;) {
            last = producing.load(std::memory_order_acquire) == 0;
            for (void* crate; way[0].pop(crate);) window.unpack(crate);
            if (!last) sched_yield();
        }
        window.empty();
    });
    measure.holds(window.peak());
    measure.add(crates * (crate_blocks + 1) * producers, window.sum());
}

constexpr char about_xmalloc[] =
    "half of the threads only allocate, half only free (Lever and Boreham's xmalloc-test)";
constexpr char about_one_freer[] =
    "one thread frees the blocks of all others; 40,000 blocks of 16 to 1024 bytes stay live";

constexpr Workload workloads[] = {
    {"xmalloc-2", "xmalloc", 2, xmalloc<2>, about_xmalloc},
    {"xmalloc-4", "xmalloc", 4, xmalloc<4>, about_xmalloc},
    {"xmalloc-8", "xmalloc", 8, xmalloc<8>, about_xmalloc},
    {"one-freer-2", "one-freer", 2, one_freer<2>, about_one_freer},
    {"one-freer-4", "one-freer", 4, one_freer<4>, about_one_freer},
    {"one-freer-8", "one-freer", 8, one_freer<8>, about_one_freer},
};

}  // namespace

Theme asymmetric() noexcept { return theme(workloads); }

}  // namespace bench
