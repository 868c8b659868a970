// A live set of constant count in which random blocks are replaced by blocks of other sizes.
#include "blocks.hpp"
#include "measure.hpp"

namespace bench {
namespace {

template <class Sizes, std::uint32_t Live>
void replace(Measure& measure) {
    const std::uint64_t rounds = measure.scaled(Live > 50'000 ? 6'000'000 : 16'000'000);
    Table<void*> blocks(Live);
    Random random(4);
    fill<Sizes>(blocks, random);
    std::uint64_t sum = 0;
    measure.start();
    for (std::uint64_t i = 0; i < rounds; ++i) {
        void*& block = blocks[random.below(Live)];
        sum += drop(block);
        block = make(Sizes::draw(random));
    }
    measure.stop();
    measure.add(rounds, sum + drop_all(blocks));
}

using Small = Uniform<16, 512>;
using Power = PowerLaw<16, 11>;

constexpr Workload workloads[] = {
    {"replace-1k", 1, replace<Small, 1'000>},         {"replace-10k", 1, replace<Small, 10'000>},
    {"replace-100k", 1, replace<Small, 100'000>},     {"replace-300k", 1, replace<Small, 300'000>},
    {"replace-power-10k", 1, replace<Power, 10'000>}, {"replace-power-300k", 1, replace<Power, 300'000>},
};

}  // namespace

Theme replacement() noexcept { return theme(workloads); }

}  // namespace bench
