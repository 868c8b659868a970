// Blocks of 40 KiB to 4 MiB, every page of them written.
#include "blocks.hpp"
#include "measure.hpp"

namespace bench {
namespace {

constexpr std::size_t kib = 1024;

/// 40 KiB to 4 MiB, every doubling equally frequent.
struct Sizes {
    static std::size_t draw(Random& random) noexcept {
        const std::size_t size = LogUniform<40 * kib, 7>::draw(random);
        return size < 4096 * kib ? size : 4096 * kib;
    }
};

template <std::size_t Size, std::uint64_t Rounds>
void pair(Measure& measure) {
    const std::uint64_t rounds = measure.scaled(Rounds);
    std::uint64_t sum = 0;
    measure.start();
    for (std::uint64_t i = 0; i < rounds; ++i) sum += drop(make(Size));
    measure.stop();
    measure.add(rounds, sum);
}

template <std::uint32_t Live>
void replace(Measure& measure) {
    const std::uint64_t rounds = measure.scaled(10'000);
    Table<void*> blocks(Live);
    Random random(11);
    std::uint64_t sum = 0;
    measure.start();
    measure.holds(fill<Sizes>(blocks, random));  // it stays near this
    for (std::uint64_t i = 0; i < rounds; ++i) {
        void*& block = blocks[random.below(Live)];
        sum += drop(block);
        block = make(Sizes::draw(random));
    }
    sum += drop_all(blocks);
    measure.stop();
    measure.add(rounds + Live, sum);
}

constexpr Workload workloads[] = {
    {"large-40k", "large", 1, pair<40 * kib, 4'000'000>,
     "malloc and free of 40 KiB in turn, every page written"},
    {"large-200k", "large", 1, pair<200 * kib, 1'200'000>,
     "malloc and free of 200 KiB in turn, every page written"},
    {"large-700k", "large", 1, pair<700 * kib, 400'000>,
     "malloc and free of 700 KiB in turn, every page written"},
    {"large-4m", "large", 1, pair<4096 * kib, 40'000>,
     "malloc and free of 4 MiB in turn, every page written"},
    {"large-mixed", "large", 1, replace<50>,
     "random ones of 50 blocks replaced, 40 KiB to 4 MiB, every page written"},
};

}  // namespace

Theme large_blocks() noexcept { return theme(workloads); }

}  // namespace bench
