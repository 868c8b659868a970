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
    {"pair-16", "pair", 1, pair<Fixed<16>>, "malloc and free of 16 bytes in turn"},
    {"pair-64", "pair", 1, pair<Fixed<64>>, "malloc and free of 64 bytes in turn"},
    {"pair-512", "pair", 1, pair<Fixed<512>>, "malloc and free of 512 bytes in turn"},
    {"pair-4096", "pair", 1, pair<Fixed<4096>>, "malloc and free of 4096 bytes in turn"},
    {"pair-mixed", "pair", 1, pair<Uniform<16, 1024>>, "malloc and free in turn, 16 to 1024 bytes"},
    {"pair-power", "pair", 1, pair<PowerLaw<16, 11>>,
     "malloc and free in turn, 16 bytes to 32 KiB, small ones more often"},
};

}  // namespace

Theme pairs() noexcept { return theme(workloads); }

}  // namespace bench
