// All to all through one queue: any thread frees blocks of any other. Boost's
// queue of many producers writes the links of its free list by plain stores,
// and reads an element that may be gone. ThreadSanitizer reports these races of
// Boost, so its builds leave this scenario out. There `exchange` connects all
// threads, by a queue without races for each pair.
#include <thread>

#include <boost/lockfree/queue.hpp>

#include <ashlar/allocator.hpp>

#include "scenario.hpp"

namespace stress {

void market(Run& run) {
    // The queue's nodes are blocks of the heap under test too, taken when all
    // are in use.
    boost::lockfree::queue<Block, boost::lockfree::allocator<ashlar::Allocator<Block>>> queue(0);
    in_threads(run, [&](std::size_t thread) {
        Random random = run.random(thread);
        std::uint64_t done = 0;
        while (run.goes_on()) {
            const std::size_t offered = 1 + random.below(100);
            const std::size_t size = mixed_size(random);
            const bool same = random.one_in(2);
            for (std::size_t left = offered; left > 0; --left) {
                const Block block = take(random, same ? size % 2048 + 1 : mixed_size(random));
                if (!queue.push(block)) give(random, block);
            }
            Block bought;
            // Takes a little more than it adds; blocks that are left stay for
            // the others.
            for (std::size_t left = offered + 1; left > 0 && queue.pop(bought); --left)
                give(random, bought);
            done += offered;
            if (random.one_in(16)) std::this_thread::yield();
        }
        run.count(done);
    });
    Random random = run.random(run.threads);
    queue.consume_all([&](const Block& block) { give(random, block); });
}

}  // namespace stress
