// Runs of units, and the map of holes behind the span lock. An operation is a
// run, or a hole. No page is touched here: bench/workloads measures the
// system's cost of pages.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "core/spans/spans.hpp"
#include "fixture.hpp"
#include "tally.hpp"

namespace {

using namespace ashlar;
using base::UnitId;
using bench::Tally;

constexpr UnitId units = 1 << 20;

spans::Spans& shared_spans() {
    static bench::Fixture<spans::Spans> fixture(units);
    return *fixture;
}

/// A run of up to 16 units is usually the one that was given last.
void spans_take_and_give(benchmark::State& state) {
    const auto length = static_cast<std::uint32_t>(state.range(0));
    spans::Spans& spans = shared_spans();
    Tally tally(state);
    for (auto _ : state) {
        const spans::Run run = spans.take(length);
        benchmark::DoNotOptimize(run.start);
        if (run.start != base::kNoUnit) spans.give(run.start, length);
    }
    tally.done();
}

constexpr std::size_t runs_at_once = 256;

template <bool takes>
void spans_many(benchmark::State& state) {
    const auto length = static_cast<std::uint32_t>(state.range(0));
    spans::Spans& spans = shared_spans();
    std::vector<UnitId> runs(runs_at_once);
    bench::in_batches(state, runs_at_once, [&](Tally& tally) {
        if (!takes) tally.pause();
        for (UnitId& run : runs) run = spans.take(length).start;
        if (!takes) tally.resume();
        if (takes) tally.pause();
        for (const UnitId run : runs) {
            if (run != base::kNoUnit) spans.give(run, length);
        }
        if (takes) tally.resume();
    });
}

/// Among holes of one unit between held runs: every take is a best fit, and no
/// give coalesces.
void spans_among_holes(benchmark::State& state) {
    static bench::Fixture<spans::Spans> fixture(units);
    spans::Spans& spans = *fixture;
    std::vector<UnitId> kept(static_cast<std::size_t>(state.range(0)) * 2);
    for (UnitId& unit : kept) unit = spans.take(1).start;
    for (std::size_t i = 0; i < kept.size(); i += 2) spans.give(kept[i], 1);
    constexpr std::uint32_t length = 20;
    Tally tally(state);
    for (auto _ : state) {
        const UnitId run = spans.take(length).start;
        benchmark::DoNotOptimize(run);
        spans.give(run, length);
    }
    tally.done();
    for (std::size_t i = 1; i < kept.size(); i += 2) spans.give(kept[i], 1);
    spans.give_recent();
}

/// A run is taken from a hole of so many units and coalesces with it again.
void spans_in_hole(benchmark::State& state) {
    const auto hole = static_cast<std::uint32_t>(state.range(0));
    bench::Fixture<spans::Spans> fixture(2 * units);
    const UnitId all = fixture->take(hole).start;
    fixture->give(all, hole);
    fixture->purge(true);  // otherwise each give would purge a part of it
    constexpr std::uint32_t length = 20;
    Tally tally(state);
    for (auto _ : state) {
        const UnitId run = fixture->take(length).start;
        benchmark::DoNotOptimize(run);
        fixture->give(run, length);
    }
    tally.done();
}

void spans_large(benchmark::State& state) {
    const auto align = static_cast<std::uint32_t>(state.range(0));
    constexpr std::uint32_t length = 64;  // 4 MiB
    static bench::Fixture<spans::Spans> fixture(units);
    spans::Spans& spans = *fixture;
    Tally tally(state);
    for (auto _ : state) {
        const UnitId run = spans.take_large(length, align).start;
        if (run != base::kNoUnit) benchmark::DoNotOptimize(spans.give_large(run));
    }
    tally.done();
}

void spans_resize_large(benchmark::State& state) {
    constexpr std::uint32_t length = 64;
    spans::Spans& spans = shared_spans();
    const UnitId run = spans.take_large(length, 1).start;
    Tally tally(state);
    for (auto _ : state) {
        if (spans.resize_large(run, length, length + 32))
            benchmark::DoNotOptimize(spans.resize_large(run, length + 32, length));
    }
    tally.done();
    benchmark::DoNotOptimize(spans.give_large(run));
}

/// `count` holes of 1 to 64 units, three times as far apart.
class Fragmented {
  public:
    explicit Fragmented(std::uint32_t count) {
        std::minstd_rand random(1);
        for (std::uint32_t i = 0; i < count; ++i) {
            starts.push_back(1 + i * 192);
            lengths.push_back(1 + static_cast<std::uint32_t>(random() % 64));
            holes.insert(starts[i], lengths[i]);
        }
    }
    struct Table : spans::Holes {
        void layout(region::Carver& carver, const region::Region& of) noexcept {
            Holes::layout(carver, of.end);
            region_ = of;
        }
        // Without the units, which need more than the machine's memory.
        bool start(const region::Tables& tables) noexcept {
            for (std::uint32_t i = 0; i < tables.count; ++i) {
                const region::Table& table = tables.list[i];
                void* const first = reinterpret_cast<void*>(table.start);
                if (!region::commit_around(*region_.source, first,
                                           table.entry(region_.end) + table.stride - table.start))
                    return false;
            }
            return true;
        }

      private:
        region::Region region_;
    };
    bench::Fixture<Table> fixture{2 * units};
    spans::Holes& holes = *fixture;
    std::vector<UnitId> starts;
    std::vector<std::uint32_t> lengths;
};

void holes_best_fit(benchmark::State& state) {
    Fragmented fragmented(static_cast<std::uint32_t>(state.range(0)));
    std::uint32_t length = 0;
    Tally tally(state);
    for (auto _ : state) benchmark::DoNotOptimize(fragmented.holes.best_fit(1 + length++ % 64));
    tally.done();
}
void holes_erase_and_insert(benchmark::State& state) {
    Fragmented fragmented(static_cast<std::uint32_t>(state.range(0)));
    std::size_t i = 0;
    Tally tally(state);
    for (auto _ : state) {
        i = (i + 7919) % fragmented.starts.size();
        fragmented.holes.erase(fragmented.starts[i]);
        fragmented.holes.insert(fragmented.starts[i], fragmented.lengths[i]);
    }
    tally.done();
}

BENCHMARK(spans_take_and_give)->Arg(1)->Arg(4)->Arg(16)->Arg(17)->Arg(256)->ThreadRange(1, 8);
BENCHMARK(spans_many<true>)->Name("spans_take")->Arg(1)->Arg(16)->Arg(64)->ThreadRange(1, 8);
BENCHMARK(spans_many<false>)->Name("spans_give")->Arg(1)->Arg(16)->Arg(64)->ThreadRange(1, 8);
BENCHMARK(spans_among_holes)->ArgName("holes")->Arg(100)->Arg(10'000);
BENCHMARK(spans_in_hole)->ArgName("hole")->Arg(1'000)->Arg(10'000)->Arg(100'000);
BENCHMARK(spans_large)->ArgName("align")->Arg(1)->Arg(16)->ThreadRange(1, 8);
BENCHMARK(spans_resize_large);
BENCHMARK(holes_best_fit)->ArgName("holes")->Arg(10)->Arg(1'000)->Arg(10'000);
BENCHMARK(holes_erase_and_insert)->ArgName("holes")->Arg(10)->Arg(1'000)->Arg(10'000);

}  // namespace
