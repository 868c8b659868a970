// Measures one thread of a benchmark: the clock and the counters stop and go
// together.
#ifndef ASHLAR_BENCH_TALLY_HPP
#define ASHLAR_BENCH_TALLY_HPP

#include <benchmark/benchmark.h>

#include <cstddef>

#include "../count/count.hpp"

namespace bench {

/// Made just before the loop over the state, done() just after it.
class Tally {
  public:
    explicit Tally(benchmark::State& state) noexcept : state_(state), from_(own_counts()) {}

    void pause() noexcept {
        state_.PauseTiming();
        sum_ += own_counts() - from_;
    }
    void resume() noexcept {
        from_ = own_counts();
        state_.ResumeTiming();
    }
    /// An iteration is one operation; columns are per operation.
    void done() {
        state_.SetItemsProcessed(state_.iterations());
        if constexpr (!ashlar::base::kCounting) return;
        using ashlar::base::Event;
        sum_ += own_counts() - from_;
        show("rmw", sum_.read_modify_writes());
        show("vain", sum_[Event::vain]);
        show("cas_failed", sum_[Event::cas_failed]);
        show("locks", sum_[Event::lock_had]);
        show("refused", sum_[Event::lock_refused]);
        show("loads", sum_[Event::load]);
        show("stores", sum_[Event::store]);
    }

  private:
    void show(const char* name, std::uint64_t events) {
        state_.counters[name] =
            benchmark::Counter(static_cast<double>(events), benchmark::Counter::kAvgIterations);
    }

    benchmark::State& state_;
    Counts from_;
    Counts sum_;
};

/// The first argument of a benchmark is a size.
inline std::size_t size_of(const benchmark::State& state) {
    return static_cast<std::size_t>(state.range(0));
}

/// Writes to the first byte, as every user of a block does.
inline void touch(void* block) noexcept {
    *static_cast<volatile char*>(block) = 1;
    benchmark::ClobberMemory();
}

/// take() and give(block) in turn.
template <class Take, class Give>
void pairs(benchmark::State& state, Take take, Give give) {
    Tally tally(state);
    for (auto _ : state) {
        void* block = take();
        touch(block);
        give(block);
    }
    tally.done();
}

/// Runs body(tally) for batches of operations until the state has enough. Work
/// that must not count lies between pause() and resume().
template <class Body>
void in_batches(benchmark::State& state, std::size_t batch, Body body) {
    Tally tally(state);
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(batch))) body(tally);
    tally.done();
}

}  // namespace bench

#endif
