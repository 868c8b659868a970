// Threads start and end while blocks stay: Larson and Krishnan's server
// simulation ("Memory allocation for long-running server applications", 1998),
// and threads that live one after another.
#include "blocks.hpp"
#include "measure.hpp"
#include "team.hpp"

namespace bench {
namespace {

/// Each round, every array of blocks gets a new thread, which replaces random
/// blocks of it and leaves it to the next.
template <unsigned Threads>
void larson(Measure& measure) {
    constexpr std::uint32_t live = 1'000;
    constexpr std::uint64_t replaced = 20'000;
    const std::uint64_t rounds = measure.scaled(12'000'000 / replaced / Threads);
    Table<void*> blocks(live * Threads);
    Table<std::uint64_t> sums(Threads * 16);
    Random random(7);
    measure.holds(fill<Uniform<16, 512>>(blocks, random));  // it stays near this
    std::uint64_t round = 0;
    auto body = [&](unsigned self) {
        Random own(round * Threads + self + 8);
        std::uint64_t sum = 0;
        for (std::uint64_t i = 0; i < replaced; ++i) {
            void*& block = blocks[self * live + own.below(live)];
            sum += drop(block);
            block = make(Uniform<16, 512>::draw(own));
        }
        sums[self * 16] += sum;
    };
    measure.start();
    for (; round < rounds; ++round) in_threads(Threads, body, [] {});
    measure.stop();
    for (const std::uint64_t sum : sums) measure.add(0, sum);
    measure.add(rounds * replaced * Threads, drop_all(blocks));
}

/// One thread after another: each frees the blocks that the one before left,
/// allocates 1,000 blocks, frees half of them and leaves the others.
void turnover(Measure& measure) {
    constexpr std::uint32_t blocks_each = 1'000;
    const std::uint64_t threads = measure.scaled(5'000);
    Table<void*> left(blocks_each / 2);
    Table<void*> own(blocks_each / 2);
    std::uint64_t sum = 0;
    Random random(9);
    auto body = [&](unsigned) {
        sum += drop_all(left);
        for (std::uint32_t i = 0; i < blocks_each / 2; ++i) {
            own[i] = make(Uniform<16, 1024>::draw(random));
            left[i] = make(Uniform<16, 1024>::draw(random));
        }
        sum += drop_all(own);
    };
    measure.start();
    for (std::uint64_t i = 0; i < threads; ++i) in_threads(1, body, [] {});
    measure.stop();
    measure.add(threads * blocks_each, sum + drop_all(left));
}

constexpr char about_larson[] =
    "a server whose threads inherit blocks and replace random ones (Larson and Krishnan 1998)";

constexpr Workload workloads[] = {
    {"larson-1", "larson", 1, larson<1>, about_larson},
    {"larson-2", "larson", 2, larson<2>, about_larson},
    {"larson-4", "larson", 4, larson<4>, about_larson},
    {"larson-8", "larson", 8, larson<8>, about_larson},
    {"thread-turnover", "thread-turnover", 1, turnover,
     "short-lived threads one after another; each frees the blocks of the one before"},
};

}  // namespace

Theme servers() noexcept { return theme(workloads); }

}  // namespace bench
