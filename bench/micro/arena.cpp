// The arena and the depot: blocks from slabs, magazines between threads. An
// operation is a block, or a magazine.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <vector>

#include "core/arena/arena.hpp"
#include "fixture.hpp"
#include "malloc/depot/depot.hpp"
#include "tally.hpp"

namespace {

using namespace ashlar;
using base::Bin;
using bench::Tally;

struct Slabs {
    void layout(region::Carver& carver, const region::Region& region) noexcept {
        spans.layout(carver, region);
        arena.layout(carver, spans);
    }
    bool start(const region::Tables& tables) noexcept { return spans.start(tables); }
    spans::Spans spans;
    arena::Arena arena;
};

Slabs& slabs() {
    static bench::Fixture<Slabs> fixture(1 << 16);  // 4 GiB of address space
    return *fixture;
}

constexpr std::size_t blocks_at_once = 4096;

/// One thread takes and gives blocks in batches, as a cache does.
class Batches {
  public:
    explicit Batches(std::size_t size) noexcept
        : c_(base::class_of_size(size)), batch_(depot::batch_of_class(c_)),
          blocks_(blocks_at_once) {}
    ~Batches() { slabs().arena.leave(c_, current_); }
    Batches(const Batches&) = delete;
    Batches& operator=(const Batches&) = delete;

    void take() noexcept {
        for (taken_ = 0; taken_ < blocks_at_once;) {
            const std::size_t left = blocks_at_once - taken_;
            const auto want = static_cast<std::uint32_t>(std::min<std::size_t>(left, batch_));
            const std::uint32_t got =
                slabs().arena.take(c_, current_, blocks_.data() + taken_, want);
            if (got == 0) break;
            taken_ += got;
        }
    }
    void give() noexcept {
        for (std::size_t i = 0; i < taken_; i += batch_) {
            slabs().arena.give(
                c_, blocks_.data() + i,
                static_cast<std::uint32_t>(std::min<std::size_t>(taken_ - i, batch_)));
        }
    }
    void shuffle() {
        std::shuffle(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(taken_),
                     random_);
    }

  private:
    Bin c_;
    std::uint32_t batch_;
    std::vector<void*> blocks_;
    std::size_t taken_ = 0;
    base::Atomic<base::UnitId> current_{base::kNoUnit};
    std::minstd_rand random_{1};
};

void arena_take(benchmark::State& state) {
    Batches batches(static_cast<std::size_t>(state.range(0)));
    bench::in_batches(state, blocks_at_once, [&batches](Tally& tally) {
        batches.take();
        tally.pause();
        batches.give();
        tally.resume();
    });
}

template <bool in_order>
void arena_give(benchmark::State& state) {
    Batches batches(static_cast<std::size_t>(state.range(0)));
    bench::in_batches(state, blocks_at_once, [&batches](Tally& tally) {
        tally.pause();
        batches.take();
        if (!in_order) batches.shuffle();
        tally.resume();
        batches.give();
    });
}

/// A slab changes its owner: a thread claims it for one block, publishes it,
/// and gives that block back. One other block stays live, so that the slab is
/// never complete.
void arena_claim_and_publish(benchmark::State& state) {
    const Bin c = base::class_of_size(96);
    arena::Arena& arena = slabs().arena;
    base::Atomic<base::UnitId> current{base::kNoUnit};
    void* block;
    if (arena.take(c, current, &block, 1) != 1) return state.SkipWithError("out of memory");
    arena.leave(c, current);
    Tally tally(state);
    for (auto _ : state) {
        void* passed;
        if (arena.take(c, current, &passed, 1) != 1) {
            state.SkipWithError("out of memory");
            break;
        }
        arena.leave(c, current);
        arena.give(c, &passed, 1);
    }
    tally.done();
    arena.give(c, &block, 1);
}

/// Creates a slab, takes and gives all its blocks, and retires it: the cost of
/// a program at the edge of a slab.
void arena_slab_life(benchmark::State& state) {
    const Bin c = base::class_of_size(32 * 1024);
    const std::uint32_t blocks = base::kGeometry[c].blocks;
    arena::Arena& arena = slabs().arena;
    base::Atomic<base::UnitId> current{base::kNoUnit};
    Tally tally(state);
    for (auto _ : state) {
        void* taken[64];
        std::uint32_t n = 0;
        while (n < blocks) {
            const std::uint32_t got = arena.take(c, current, taken + n, blocks - n);
            if (got == 0) break;
            n += got;
        }
        arena.leave(c, current);
        if (n != 0) arena.give(c, taken, n);
        arena.retire_reclaimable();
    }
    tally.done();
}

depot::Depot& magazines() {
    struct Magazines {
        void layout(region::Carver& carver, const region::Region& region) noexcept {
            depot.layout(carver, *region.source);
        }
        static bool start(const region::Tables&) noexcept { return true; }
        depot::Depot depot;
    };
    static bench::Fixture<Magazines> fixture(1);
    return (*fixture).depot;
}

constexpr std::size_t no_budget = ~std::size_t{0};
constexpr std::size_t magazines_at_once = 32;

depot::DepotHandle way_of(const benchmark::State& state) noexcept {
    return depot::DepotHandle(static_cast<std::uint32_t>(state.thread_index()));
}

/// The depot copies pointers and does not follow them.
void fill(void** blocks) noexcept {
    static char payload[depot::kMagazineBlocks * 64];
    for (std::uint32_t i = 0; i < depot::kMagazineBlocks; ++i) blocks[i] = payload + i * 64;
}

void depot_give(benchmark::State& state) {
    const Bin c = base::class_of_size(64);
    depot::DepotHandle handle = way_of(state);
    void* blocks[depot::kMagazineBlocks];
    fill(blocks);
    bench::in_batches(state, magazines_at_once, [&](Tally& tally) {
        std::size_t given = 0;
        for (std::size_t i = 0; i < magazines_at_once; ++i)
            given += magazines().give(c, blocks, depot::kMagazineBlocks, no_budget, handle);
        tally.pause();
        void* out[depot::kMagazineBlocks];
        while (given > 0 && magazines().take(c, out, handle) != 0) --given;
        tally.resume();
    });
}

void depot_take(benchmark::State& state) {
    const Bin c = base::class_of_size(64);
    depot::DepotHandle handle = way_of(state);
    void* blocks[depot::kMagazineBlocks];
    fill(blocks);
    bench::in_batches(state, magazines_at_once, [&](Tally& tally) {
        tally.pause();
        std::size_t given = 0;
        while (given < magazines_at_once &&
               magazines().give(c, blocks, depot::kMagazineBlocks, no_budget, handle))
            ++given;
        tally.resume();
        for (std::size_t i = 0; i < given; ++i) {
            void* out[depot::kMagazineBlocks];
            benchmark::DoNotOptimize(magazines().take(c, out, handle));
        }
    });
}

void depot_give_and_take(benchmark::State& state) {
    const Bin c = base::class_of_size(64);
    depot::DepotHandle handle = way_of(state);
    void* blocks[depot::kMagazineBlocks];
    fill(blocks);
    Tally tally(state);
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            magazines().give(c, blocks, depot::kMagazineBlocks, no_budget, handle));
        benchmark::DoNotOptimize(magazines().take(c, blocks, handle));
    }
    tally.done();
}

BENCHMARK(arena_take)->Arg(16)->Arg(64)->Arg(512)->Arg(4096)->ThreadRange(1, 8);
BENCHMARK(arena_give<true>)
    ->Name("arena_give_in_order")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512)
    ->Arg(4096)
    ->ThreadRange(1, 8);
BENCHMARK(arena_give<false>)
    ->Name("arena_give_shuffled")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512)
    ->Arg(4096)
    ->ThreadRange(1, 8);
BENCHMARK(arena_claim_and_publish)->ThreadRange(1, 8);
BENCHMARK(arena_slab_life)->ThreadRange(1, 8);
BENCHMARK(depot_give)->ThreadRange(1, 8);
BENCHMARK(depot_take)->ThreadRange(1, 8);
BENCHMARK(depot_give_and_take)->ThreadRange(1, 8);

}  // namespace
