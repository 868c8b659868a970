// Forks at any moment: one thread forks again and again while the others
// allocate. Each child checks its parent's blocks, frees them, allocates, and
// forks again or exits.
#include <algorithm>
#include <cstdio>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <ashlar/ashlar.h>

#include "scenario.hpp"

namespace stress {
namespace {

constexpr std::size_t most = 200;

void churn_some(Random& random, std::vector<Block>& blocks, std::size_t times) {
    for (; times > 0; --times) {
        Block& block = blocks[random.below(blocks.size())];
        if (block.data != nullptr) give(random, block);
        block = random.one_in(8) ? Block{nullptr, 0, 0} : take(random, mixed_size(random));
    }
}

void give_all(Random& random, std::vector<Block>& blocks) {
    for (Block& block : blocks) {
        if (block.data != nullptr) give(random, block);
        block.data = nullptr;
    }
}

void fork_once(Random random, std::vector<Block>& blocks, unsigned generation);

/// Runs in a child, which has the forking thread's blocks and no other thread.
void live_as_child(Random& random, std::vector<Block>& blocks, unsigned generation) {
    churn_some(random, blocks, most);
    if (generation < 3 && random.one_in(3))
        fork_once(Random(random.next()), blocks, generation + 1);
    give_all(random, blocks);
    if (random.one_in(4)) (void)ash_malloc_trim(0);
    if (const std::size_t faults = ash_check(); faults != 0)
        fail("ash_check found faults in a child", nullptr, generation, faults);
}

void fork_once(Random random, std::vector<Block>& blocks, unsigned generation) {
    const pid_t child = fork();
    if (child < 0) return;  // the system refuses more processes now
    if (child == 0) {
        live_as_child(random, blocks, generation);
        _exit(0);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) {
        fail("a child failed", nullptr, generation, static_cast<std::size_t>(status));
    }
}

}  // namespace

void forks(Run& run) {
    in_threads(run, [&](std::size_t thread) {
        Random random = run.random(thread);
        std::vector<Block> blocks(most, Block{nullptr, 0, 0});
        std::uint64_t done = 0;
        for (; run.goes_on(); ++done) {
            churn_some(random, blocks, 20);
            if (thread == 0) fork_once(Random(random.next()), blocks, 1);
        }
        give_all(random, blocks);
        run.count(done);
    });
}

}  // namespace stress
