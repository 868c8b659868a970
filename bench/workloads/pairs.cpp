// malloc and free in turn: the cost of a hit.
#include "blocks.hpp"
#include "measure.hpp"

namespace bench {
namespace {

template <class Sizes>
void pair(Measure& measure) {
    const std::uint64_t rounds = measure.scaled(32'000'000);
    Random random(1);
    std::uint64_t sum = 0;
    measure.start();
    for (std::uint64_t i = 0; i < rounds; ++i) sum += drop(make(Sizes::draw(random)));
    measure.stop();
    measure.add(rounds, sum);
}

constexpr Workload workloads[] = {
    {"pair-16", 1, pair<Fixed<16>>},
    {"pair-64", 1, pair<Fixed<64>>},
    {"pair-512", 1, pair<Fixed<512>>},
    {"pair-4096", 1, pair<Fixed<4096>>},
    {"pair-mixed", 1, pair<Uniform<16, 1024>>},
    {"pair-power", 1, pair<PowerLaw<16, 11>>},
};

}  // namespace

Theme pairs() noexcept { return theme(workloads); }

}  // namespace bench
