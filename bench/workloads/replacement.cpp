// A live set of constant count in which random blocks are replaced by blocks of
// other sizes.
#include "blocks.hpp"
#include "measure.hpp"

namespace bench {
namespace {

template <class Sizes, std::uint32_t Live>
void replace(Measure& measure) {
    const std::uint64_t rounds = measure.scaled(Live > 50'000 ? 6'000'000 : 16'000'000);
    Table<void*> blocks(Live);
    Random random(4);
    measure.holds(fill<Sizes>(blocks, random));  // it stays near this
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
    {"replace-1k", "replace", 1, replace<Small, 1'000>,
     "random ones of 1,000 blocks replaced, 16 to 512 bytes"},
    {"replace-10k", "replace", 1, replace<Small, 10'000>,
     "random ones of 10,000 blocks replaced, 16 to 512 bytes"},
    {"replace-100k", "replace", 1, replace<Small, 100'000>,
     "random ones of 100,000 blocks replaced, 16 to 512 bytes"},
    {"replace-300k", "replace", 1, replace<Small, 300'000>,
     "random ones of 300,000 blocks replaced, 16 to 512 bytes"},
    {"replace-power-10k", "replace-power", 1, replace<Power, 10'000>,
     "random ones of 10,000 blocks replaced, 16 bytes to 32 KiB, small ones more often"},
    {"replace-power-300k", "replace-power", 1, replace<Power, 300'000>,
     "random ones of 300,000 blocks replaced, 16 bytes to 32 KiB, small ones more often"},
};

}  // namespace

Theme replacement() noexcept { return theme(workloads); }

}  // namespace bench
