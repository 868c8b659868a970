// Many blocks allocated in a row, then all freed: in order, in reverse, or at
// random.
#include "blocks.hpp"
#include "measure.hpp"

namespace bench {
namespace {

enum class Order { forward, reverse, random };

void arrange(Table<std::uint32_t>& places, Order order) noexcept {
    const auto count = static_cast<std::uint32_t>(places.count());
    for (std::uint32_t i = 0; i < count; ++i)
        places[i] = order == Order::reverse ? count - 1 - i : i;
    if (order != Order::random) return;
    Random random(2);
    for (std::uint32_t i = count - 1; i > 0; --i) {
        const std::uint32_t other = random.below(i + 1);
        const std::uint32_t held = places[i];
        places[i] = places[other];
        places[other] = held;
    }
}

template <class Sizes, Order order, std::uint32_t Count>
void batch(Measure& measure) {
    const std::uint64_t blocks_in_all =
        Count > 1'000 ? (Count > 100'000 ? 4'000'000 : 10'000'000) : 24'000'000;
    const std::uint64_t rounds = measure.scaled(blocks_in_all / Count);
    Table<void*> blocks(Count);
    Table<std::uint32_t> places(Count);
    arrange(places, order);
    Random random(3);
    std::uint64_t sum = 0;
    measure.start();
    for (std::uint64_t i = 0; i < rounds; ++i) {
        measure.holds(fill<Sizes>(blocks, random));
        for (const std::uint32_t place : places) sum += drop(blocks[place]);
    }
    measure.stop();
    measure.add(rounds * Count, sum);
}

using Small = Fixed<64>;
using Mixed = Uniform<16, 1024>;

constexpr Workload workloads[] = {
    {"batch-forward-64-100", "batch-forward", 1, batch<Small, Order::forward, 100>,
     "100 blocks of 64 bytes allocated, then freed in the order of their allocation"},
    {"batch-forward-64-10k", "batch-forward", 1, batch<Small, Order::forward, 10'000>,
     "10,000 blocks of 64 bytes allocated, then freed in the order of their allocation"},
    {"batch-forward-64-200k", "batch-forward", 1, batch<Small, Order::forward, 200'000>,
     "200,000 blocks of 64 bytes allocated, then freed in the order of their allocation"},
    {"batch-forward-mixed-100", "batch-forward", 1, batch<Mixed, Order::forward, 100>,
     "100 blocks of 16 to 1024 bytes allocated, then freed in the order of their allocation"},
    {"batch-forward-mixed-10k", "batch-forward", 1, batch<Mixed, Order::forward, 10'000>,
     "10,000 blocks of 16 to 1024 bytes allocated, then freed in the order of their allocation"},
    {"batch-forward-mixed-200k", "batch-forward", 1, batch<Mixed, Order::forward, 200'000>,
     "200,000 blocks of 16 to 1024 bytes allocated, then freed in the order of their allocation"},
    {"batch-reverse-64-100", "batch-reverse", 1, batch<Small, Order::reverse, 100>,
     "100 blocks of 64 bytes allocated, then freed in reverse order"},
    {"batch-reverse-64-10k", "batch-reverse", 1, batch<Small, Order::reverse, 10'000>,
     "10,000 blocks of 64 bytes allocated, then freed in reverse order"},
    {"batch-reverse-64-200k", "batch-reverse", 1, batch<Small, Order::reverse, 200'000>,
     "200,000 blocks of 64 bytes allocated, then freed in reverse order"},
    {"batch-reverse-mixed-100", "batch-reverse", 1, batch<Mixed, Order::reverse, 100>,
     "100 blocks of 16 to 1024 bytes allocated, then freed in reverse order"},
    {"batch-reverse-mixed-10k", "batch-reverse", 1, batch<Mixed, Order::reverse, 10'000>,
     "10,000 blocks of 16 to 1024 bytes allocated, then freed in reverse order"},
    {"batch-reverse-mixed-200k", "batch-reverse", 1, batch<Mixed, Order::reverse, 200'000>,
     "200,000 blocks of 16 to 1024 bytes allocated, then freed in reverse order"},
    {"batch-random-64-100", "batch-random", 1, batch<Small, Order::random, 100>,
     "100 blocks of 64 bytes allocated, then freed in random order"},
    {"batch-random-64-10k", "batch-random", 1, batch<Small, Order::random, 10'000>,
     "10,000 blocks of 64 bytes allocated, then freed in random order"},
    {"batch-random-64-200k", "batch-random", 1, batch<Small, Order::random, 200'000>,
     "200,000 blocks of 64 bytes allocated, then freed in random order"},
    {"batch-random-mixed-100", "batch-random", 1, batch<Mixed, Order::random, 100>,
     "100 blocks of 16 to 1024 bytes allocated, then freed in random order"},
    {"batch-random-mixed-10k", "batch-random", 1, batch<Mixed, Order::random, 10'000>,
     "10,000 blocks of 16 to 1024 bytes allocated, then freed in random order"},
    {"batch-random-mixed-200k", "batch-random", 1, batch<Mixed, Order::random, 200'000>,
     "200,000 blocks of 16 to 1024 bytes allocated, then freed in random order"},
};

}  // namespace

Theme batches() noexcept { return theme(workloads); }

}  // namespace bench
