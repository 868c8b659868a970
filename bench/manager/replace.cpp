// ashlar_manager_bench: random blocks of a live set replaced, under every
// policy of MemoryManager and beside Boost.Interprocess; one thread without
// locks, and 1 to 8 threads. Names: USE/SUBJECT/SIZES/LIVE, where USE is of
// scene.hpp.
#include <benchmark/benchmark.h>

#include <string>

#include "scene.hpp"

namespace {

using namespace bench;

template <class Subject>
void run(benchmark::State& state, const std::string& name, Sizes sizes, std::size_t live, Use use) {
    try {
        const auto stage = scene<Scene<Subject>>(name, sizes, live, use);
        const auto index = static_cast<std::size_t>(state.thread_index());
        const auto count = static_cast<std::size_t>(state.threads());
        Random random(1000 + index);
        for (auto _ : state) stage->replace(index, count, random);
        state.SetItemsProcessed(state.iterations());
    } catch (const std::exception& wrong) {
        state.SkipWithError(wrong.what());
    }
}

template <class Subject>
benchmark::internal::Benchmark* add(const char* kind, const char* subject, Sizes sizes,
                                    std::size_t live, Use use) {
    const std::string name =
        std::string(kind) + "/" + subject + "/" + name_of(sizes) + "/" + std::to_string(live);
    return benchmark::RegisterBenchmark(
               name.c_str(),
               [=](benchmark::State& state) { run<Subject>(state, name, sizes, live, use); })
        ->UseRealTime();
}

// Its searches and frees visit all holes.
bool too_slow(const std::string& subject, std::size_t live) {
    return subject == "boost_seq" && live > 10'000;
}

const bool registered = [] {
    each_for_one_thread([]<class Subject>(const char* subject) {
        for (const Sizes sizes : all_sizes) {
            for (std::size_t live = 1000; live <= 1'000'000; live *= 10) {
                if (!too_slow(subject, live))
                    add<Subject>("one", subject, sizes, live, Use::untouched);
            }
        }
        for (const Sizes sizes : {Sizes::uniform, Sizes::mixed})
            add<Subject>("one-written", subject, sizes, 10'000, Use::written);
    });
    each_for_many_threads([]<class Subject>(const char* subject) {
        for (const Sizes sizes : {Sizes::uniform, Sizes::power, Sizes::mixed}) {
            add<Subject>("many", subject, sizes, 10'000, Use::untouched)->ThreadRange(1, 8);
        }
        add<Subject>("many-handed", subject, Sizes::uniform, 10'000, Use::handed)
            ->ThreadRange(1, 8);
        add<Subject>("many-written", subject, Sizes::uniform, 10'000, Use::written)
            ->ThreadRange(1, 8);
    });
    return true;
}();

}  // namespace
