// Turnover: short-lived threads that leave blocks behind, and slabs that fill,
// empty and retire all the time.
#include <algorithm>
#include <array>
#include <memory>
#include <thread>
#include <vector>

#include <boost/lockfree/spsc_queue.hpp>

#include <ashlar/ashlar.h>

#include "scenario.hpp"

namespace stress {
namespace {

constexpr std::size_t slab_bytes = 64 * 1024;
using Queue = boost::lockfree::spsc_queue<Block, boost::lockfree::capacity<16384>>;

/// Runs in a short-lived thread: takes blocks, frees every other one, leaves
/// the rest in `left`.
void live_shortly(Random random, std::vector<Block>& left) {
    for (std::size_t i = 0; i < left.size(); ++i) {
        left[i] = take(random, mixed_size(random));
        if (random.one_in(2)) {
            give(random, left[i]);
            left[i].data = nullptr;
        }
    }
}

/// Fills a few slabs with one size, give or take a block: slabs are created and
/// retired at this edge.
void fill(Random& random, std::vector<Block>& blocks) {
    // Up to 32 KiB: many of these fill a slab exactly.
    const std::size_t size = std::size_t{16} << random.below(12);
    const std::size_t count =
        std::max<std::size_t>((random.one_in(4) ? 32 : 2) * slab_bytes / ash_good_size(size), 2) -
        1 + random.below(3);
    for (std::size_t i = 0; i < std::min<std::size_t>(count, 8192); ++i)
        blocks.push_back(take(random, size));
    // Chooses the order of the frees: by address, as taken, reversed, or
    // random. Neighbours are often freed together.
    switch (random.below(4)) {
        case 0:
            std::sort(blocks.begin(), blocks.end(),
                      [](const Block& a, const Block& b) { return a.data < b.data; });
            break;
        case 1: break;
        case 2: std::reverse(blocks.begin(), blocks.end()); break;
        default:
            for (std::size_t i = blocks.size(); i > 1; --i)
                std::swap(blocks[i - 1], blocks[random.below(i)]);
    }
}

}  // namespace

void storm(Run& run) {
    in_threads(run, [&](std::size_t thread) {
        Random random = run.random(thread);
        std::uint64_t done = 0;
        std::vector<Block> left;
        while (run.goes_on()) {
            left.assign(1 + random.below(200), Block{nullptr, 0, 0});
            std::thread(live_shortly, Random(random.next()), std::ref(left)).join();
            for (const Block& block : left) {
                if (block.data != nullptr) give(random, block);
            }
            done += left.size();
        }
        run.count(done);
    });
}

void edge(Run& run) {
    const auto inbox = std::make_unique<Queue[]>(run.threads);  // inbox[i]: from thread i - 1
    in_threads(run, [&](std::size_t thread) {
        Random random = run.random(thread);
        Queue& next = inbox[(thread + 1) % run.threads];
        std::uint64_t done = 0;
        std::vector<Block> blocks;
        while (run.goes_on()) {
            fill(random, blocks);
            // Blocks in a row for the same thread.
            const std::size_t piece = random.one_in(2) ? 1 : 100;
            for (std::size_t i = 0; i < blocks.size(); ++i) {
                if (i / piece % 2 == 0 || !next.push(blocks[i])) give(random, blocks[i]);
            }
            done += blocks.size();
            blocks.clear();
            inbox[thread].consume_all([&](const Block& block) { give(random, block); });
            // Flushes the cache, so that the last blocks reach their slabs and
            // the slabs retire.
            if (random.one_in(8)) (void)ash_malloc_trim(0);
        }
        run.count(done);
    });
    Random random = run.random(run.threads);
    for (std::size_t i = 0; i < run.threads; ++i) {
        inbox[i].consume_all([&](const Block& block) { give(random, block); });
    }
}

}  // namespace stress
