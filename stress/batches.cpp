// Batches: one call takes many blocks, and one call frees them in another
// order, with other sizes, or in another thread.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <vector>

#include <ashlar/ashlar.h>

#include "scenario.hpp"

namespace stress {
namespace {

constexpr std::size_t most = 300;

/// Threads exchange whole batches through one word.
struct Batch {
    std::vector<Block> blocks;
};

Batch* take_batch(Random& random) {
    std::array<void*, most> taken{};
    const std::size_t size = mixed_size(random) % 20000 + 1;
    const std::size_t count = 1 + random.below(most);
    const std::size_t got = ash_malloc_batch(size, count, taken.data());
    if (got != count) fail("out of memory in a batch", nullptr, size, got);
    auto* batch = new Batch;
    for (std::size_t i = 0; i < got; ++i) {
        batch->blocks.push_back(Block{static_cast<unsigned char*>(taken[i]), size, random.next()});
        stamp(batch->blocks.back());
    }
    return batch;
}

void give_batch(Random& random, Batch* batch) {
    auto& blocks = batch->blocks;
    for (std::size_t i = random.below(64); i > 0; --i)
        blocks.push_back(take(random, mixed_size(random)));
    const bool in_order = random.one_in(4);
    if (in_order)
        std::sort(blocks.begin(), blocks.end(),
                  [](const Block& a, const Block& b) { return a.data < b.data; });
    for (std::size_t i = in_order ? 0 : blocks.size(); i > 1; --i)
        std::swap(blocks[i - 1], blocks[random.below(i)]);
    std::vector<void*> all;
    for (const Block& block : blocks) {
        verify(block);
        all.push_back(block.data);
        if (random.one_in(16)) all.push_back(nullptr);
    }
    const std::vector<void*> before = all;
    ash_free_batch(all.data(), all.size());
    if (all != before) fail("free_batch changed the caller's array", nullptr, all.size(), 0);
    delete batch;
}

}  // namespace

void batches(Run& run) {
    std::vector<std::atomic<Batch*>> mailbox(run.threads);
    in_threads(run, [&](std::size_t thread) {
        Random random = run.random(thread);
        std::uint64_t done = 0;
        while (run.goes_on()) {
            Batch* mine = take_batch(random);
            done += mine->blocks.size();
            // acq_rel: publishes the blocks' content to the thread that takes
            // the batch, and receives the same.
            Batch* other =
                mailbox[random.below(run.threads)].exchange(mine, std::memory_order_acq_rel);
            if (other != nullptr) give_batch(random, other);
        }
        run.count(done);
    });
    Random random = run.random(run.threads);
    for (auto& slot : mailbox) {
        if (Batch* left = slot.load(std::memory_order_acquire)) give_batch(random, left);
    }
}

}  // namespace stress
