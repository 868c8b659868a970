// Size classes, words of bits, the BitmapIndex, and the machine's cost of the
// operations below them.
#include <benchmark/benchmark.h>

#include <array>
#include <random>
#include <vector>

#include "base/bitmap_index.hpp"
#include "base/size_class.hpp"
#include "malloc/cache/thread_cache.hpp"
#include "tally.hpp"

namespace {

using namespace ashlar::base;
using bench::Tally;

/// Arguments that the compiler cannot know, the same in every run.
template <class T, class Draw>
const std::array<T, 1024>& drawn(Draw draw) {
    static const std::array<T, 1024> values = [&draw] {
        std::array<T, 1024> made;
        std::minstd_rand random(1);
        for (T& value : made) value = draw(random);
        return made;
    }();
    return values;
}

template <class T, class F>
void over(benchmark::State& state, const std::array<T, 1024>& arguments, F f) {
    std::size_t i = 0;
    Tally tally(state);
    for (auto _ : state) benchmark::DoNotOptimize(f(arguments[i++ % 1024]));
    tally.done();
}

const std::array<std::size_t, 1024>& sizes() {
    return drawn<std::size_t>(
        [](auto& random) { return 1 + random() % ashlar::cache::kMaxInline; });
}

void class_by_table(benchmark::State& state) {
    over(state, sizes(), [](std::size_t size) { return ashlar::cache::kBinOfSize[size]; });
}
void class_by_computation(benchmark::State& state) {
    over(state, sizes(), [](std::size_t size) { return class_of_size(size); });
}
void block_by_reciprocal(benchmark::State& state) {
    static constexpr ClassGeometry geometry = kGeometry[class_of_size(80)];
    over(state, drawn<std::uint32_t>([](auto& random) {
             return static_cast<std::uint32_t>(random() % kUnitSize);
         }),
         [](std::uint32_t offset) { return block_of_offset(geometry, offset); });
}
void lowest_ones_of_word(benchmark::State& state) {
    const auto n = static_cast<unsigned>(state.range(0));
    over(state, drawn<Word>([](auto& random) { return Word{random()} << 32 | random(); }),
         [n](Word word) { return lowest_ones(word, n); });
}

struct alignas(kCacheLine) Line {
    Atomic<Word> word;
};

/// For comparison: a read-modify-write of a word that only this thread uses, or
/// that all use.
void word_of_ones_own(benchmark::State& state) {
    Line line{};
    Tally tally(state);
    for (auto _ : state) benchmark::DoNotOptimize(line.word.fetch_add(1, acq_rel));
    tally.done();
}
void word_of_all(benchmark::State& state) {
    static Line line{};
    Tally tally(state);
    for (auto _ : state) benchmark::DoNotOptimize(line.word.fetch_add(1, acq_rel));
    tally.done();
}
void try_lock_and_unlock(benchmark::State& state) {
    static TryLock lock{};
    Tally tally(state);
    for (auto _ : state) {
        if (lock.try_lock()) lock.unlock();
    }
    tally.done();
}

constexpr std::uint32_t ids = 1 << 20;

class OwnBitmapIndex {
  public:
    OwnBitmapIndex() {
        for (std::uint32_t level = 0; level < BitmapIndex::levels(ids); ++level) {
            words_.emplace_back(BitmapIndex::words_of_level(ids, level));
            index.attach(level, words_.back().data(), 1);
        }
    }
    BitmapIndex index{};

  private:
    std::vector<std::vector<Atomic<Word>>> words_;
};

OwnBitmapIndex& shared_index() {
    static OwnBitmapIndex own;
    return own;
}

/// Inserts and removes the thread's own id, in an empty index, or in a part of
/// its own (`apart`).
std::uint32_t id_of(const benchmark::State& state, bool apart) {
    const auto thread = static_cast<std::uint32_t>(state.thread_index());
    return apart ? thread * (ids / 64) : thread;
}

void index_insert_and_remove(benchmark::State& state) {
    BitmapIndex& index = shared_index().index;
    const std::uint32_t id = id_of(state, state.range(0) != 0);
    Tally tally(state);
    for (auto _ : state) {
        index.insert(id);
        index.remove(id);
    }
    tally.done();
}
void index_insert_and_take_lowest(benchmark::State& state) {
    BitmapIndex& index = shared_index().index;
    std::uint32_t id = id_of(state, state.range(0) != 0);
    Tally tally(state);
    for (auto _ : state) {
        index.insert(id);
        const std::uint32_t taken = index.take_lowest();  // may be the id of another thread
        if (taken != BitmapIndex::kNone) id = taken;
    }
    tally.done();
    while (index.take_lowest() != BitmapIndex::kNone) {
    }
}
void index_contains(benchmark::State& state) {
    BitmapIndex& index = shared_index().index;
    std::uint32_t id = 0;
    Tally tally(state);
    for (auto _ : state) benchmark::DoNotOptimize(index.contains(id++ % ids));
    tally.done();
}
void index_take_and_give_mask(benchmark::State& state) {
    BitmapIndex& index = shared_index().index;
    const std::uint32_t word = id_of(state, state.range(0) != 0) / kWordBits;
    const Word mine = mask(static_cast<unsigned>(state.thread_index()) * 8, 8);
    Tally tally(state);
    for (auto _ : state) {
        index.give_mask(word, mine);
        benchmark::DoNotOptimize(index.take_mask(word, mine));
    }
    tally.done();
}

BENCHMARK(class_by_table);
BENCHMARK(class_by_computation);
BENCHMARK(block_by_reciprocal);
BENCHMARK(lowest_ones_of_word)->Arg(8)->Arg(32)->Arg(64);
BENCHMARK(word_of_ones_own)->ThreadRange(1, 8);
BENCHMARK(word_of_all)->ThreadRange(1, 8);
BENCHMARK(try_lock_and_unlock)->ThreadRange(1, 8);
BENCHMARK(index_contains);
BENCHMARK(index_insert_and_remove)->ArgName("apart")->Arg(0)->Arg(1)->ThreadRange(1, 8);
BENCHMARK(index_insert_and_take_lowest)->ArgName("apart")->Arg(0)->Arg(1)->ThreadRange(1, 8);
BENCHMARK(index_take_and_give_mask)->ArgName("apart")->Arg(0)->Arg(1)->ThreadRange(1, 8);

}  // namespace
