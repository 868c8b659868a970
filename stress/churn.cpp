// Churn: random replacement in a table for each thread. Alone, beside a thread
// that trims and checks, and with large blocks only.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <ashlar/ashlar.h>

#include "scenario.hpp"

namespace stress {
namespace {

std::size_t large_size(Random& random) noexcept {
    const std::size_t kib = random.one_in(8) ? 8 * 1024 : 512;
    return 32 * 1024 + random.below(kib * 1024);
}

/// Replaces, resizes and frees blocks at random until the run ends; then frees
/// all.
template <class SizeOf>
void replace_at_random(Run& run, std::size_t thread, std::size_t slots, SizeOf&& size_of) {
    Random random = run.random(thread);
    std::vector<Block> table(slots, Block{nullptr, 0, 0});
    std::uint64_t done = 0;
    for (; run.goes_on(); ++done) {
        Block& block = table[random.below(slots)];
        if (block.data == nullptr) {
            block = take(random, size_of(random));
        } else if (random.one_in(8)) {
            resize(random, block, size_of(random));
        } else {
            give(random, block);
            block = random.one_in(4) ? Block{nullptr, 0, 0} : take(random, size_of(random));
        }
    }
    for (const Block& block : table) {
        if (block.data != nullptr) give(random, block);
    }
    run.count(done);
}

/// Trims and checks the heap while others change it.
void observe(Run& run) {
    while (run.goes_on()) {
        (void)ash_malloc_trim(0);
        const auto seen = ash_statistics();
        if (seen.held > seen.reserved)
            fail("more held than reserved", nullptr, seen.held, seen.reserved);
        if (const std::size_t faults = ash_check(); faults != 0)
            fail("ash_check found faults", nullptr, 0, faults);
    }
}

}  // namespace

void churn(Run& run) {
    in_threads(run, [&](std::size_t thread) { replace_at_random(run, thread, 1000, mixed_size); });
}

void large(Run& run) {
    in_threads(run, [&](std::size_t thread) { replace_at_random(run, thread, 24, large_size); });
}

void trim(Run& run) {
    in_threads(run, [&](std::size_t thread) {
        if (thread == 0) {
            observe(run);
        } else {
            replace_at_random(run, thread, 300, thread % 2 == 0 ? large_size : mixed_size);
        }
    });
}

}  // namespace stress
