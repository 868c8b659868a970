// Programs whose work comes in phases: bursts with idle time after them, and
// generations of threads that exchange blocks.
#include "blocks.hpp"
#include "measure.hpp"
#include "team.hpp"

namespace bench {
namespace {

/// Bursts of about 100 MB; then, not measured, half a second in which the
/// program does little. The resident memory at the end shows how much an
/// allocator returns while the program goes on, but needs little.
void burst_then_idle(Measure& measure) {
    constexpr std::uint32_t count = 200'000;
    const std::uint64_t bursts = measure.scaled(10);
    Table<void*> blocks(count);
    Random random(14);
    std::uint64_t sum = 0;
    measure.start();
    for (std::uint64_t i = 0; i < bursts; ++i) {
        measure.holds(fill<Uniform<16, 1024>>(blocks, random));
        sum += drop_all(blocks);
    }
    measure.stop();
    for (int i = 0; i < 50; ++i) {
        for (int j = 0; j < 100; ++j) sum += drop(make(Uniform<16, 1024>::draw(random)));
        rest(10);
    }
    measure.add(bursts * count, sum);
}

/// Bursts of about 100 MB with pauses between them, which are not measured: an
/// allocator that returned the memory must get it again.
void bursts_and_rests(Measure& measure) {
    constexpr std::uint32_t count = 200'000;
    const std::uint64_t bursts = measure.scaled(4);
    Table<void*> blocks(count);
    Random random(16);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < bursts; ++i) {
        measure.start();
        measure.holds(fill<Uniform<16, 1024>>(blocks, random));
        sum += drop_all(blocks);
        measure.stop();
        measure.idle();
    }
    measure.add(bursts * count, sum);
}

/// Generations of threads. A thread keeps blocks of its own and swaps others
/// with those in a shared table. After each generation an eighth of the shared
/// blocks stays, and the main thread frees the others.
template <unsigned Threads>
void generations(Measure& measure) {
    constexpr std::uint32_t kept = 500;
    constexpr std::uint32_t shared = 1'000;
    constexpr std::uint64_t steps = 20'000;
    using Sizes = PowerLaw<16, 9>;
    const std::uint64_t rounds = measure.scaled(10'000'000 / steps / Threads);
    Table<std::atomic<void*>> exchange(shared);
    Table<void*> own(kept * Threads);
    Table<std::uint64_t> sums(Threads * 16);
    std::uint64_t round = 0;
    std::uint64_t sum = 0;
    auto body = [&](unsigned self) {
        Random random(round * Threads + self + 15);
        for (std::uint64_t i = 0; i < steps; ++i) {
            void* block = make(Sizes::draw(random));
            const std::uint32_t place = random.below(kept);
            if (random.below(4) == 0) {
                block = exchange[2 * place % shared].exchange(block, std::memory_order_acq_rel);
            } else {
                void* old = own[self * kept + place];
                own[self * kept + place] = block;
                block = old;
            }
            if (block != nullptr) sums[self * 16] += drop(block);
        }
    };
    measure.start();
    for (; round < rounds; ++round) {
        in_threads(Threads, body, [] {});
        for (std::uint32_t i = 0; i < shared; ++i) {
            if (i % 8 == 0) continue;
            void* block = exchange[i].exchange(nullptr, std::memory_order_acq_rel);
            if (block != nullptr) sum += drop(block);
        }
    }
    for (std::atomic<void*>& place : exchange) {
        if (void* block = place.exchange(nullptr, std::memory_order_acq_rel)) sum += drop(block);
    }
    sum += drop_all(own);
    measure.stop();
    for (const std::uint64_t each : sums) sum += each;
    measure.add(rounds * steps * Threads, sum);
}

constexpr char about_generations[] =
    "threads that swap blocks through a shared table, in generations (after Leijen's mstress)";

constexpr Workload workloads[] = {
    {"burst-then-idle", "burst", 1, burst_then_idle,
     "100 MB allocated and freed ten times, then half a second of little work"},
    {"bursts-and-rests", "burst", 1, bursts_and_rests,
     "100 MB allocated and freed four times, 0.3 s of little work after each"},
    {"generations-1", "generations", 1, generations<1>, about_generations},
    {"generations-2", "generations", 2, generations<2>, about_generations},
    {"generations-4", "generations", 4, generations<4>, about_generations},
    {"generations-8", "generations", 8, generations<8>, about_generations},
};

}  // namespace

Theme phases() noexcept { return theme(workloads); }

}  // namespace bench
