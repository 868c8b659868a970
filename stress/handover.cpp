// Hand-over: one thread takes blocks and another frees them. A wait-free queue
// for each pair of threads carries them. So only the queue orders the two users
// of a block, and only the allocator orders its reuse.
#include <memory>
#include <thread>
#include <vector>

#include <boost/lockfree/spsc_queue.hpp>

#include "scenario.hpp"

namespace stress {
namespace {

using Queue = boost::lockfree::spsc_queue<Block, boost::lockfree::capacity<256>>;

/// queue(i, j) carries blocks from thread i to thread j.
class Post {
  public:
    explicit Post(std::size_t threads)
        : threads_(threads), queues_(std::make_unique<Queue[]>(threads * threads)) {}
    Queue& queue(std::size_t from, std::size_t to) noexcept {
        return queues_[from * threads_ + to];
    }

    std::uint64_t empty(Random& random, std::size_t to) noexcept {
        std::uint64_t freed = 0;
        for (std::size_t from = 0; from < threads_; ++from) {
            freed += queue(from, to).consume_all([&](const Block& block) { give(random, block); });
        }
        return freed;
    }

  private:
    std::size_t threads_;
    std::unique_ptr<Queue[]> queues_;
};

/// to_of(random, thread) chooses the receiver of a block. If the queue is full,
/// the sender frees the block.
template <class ToOf>
void hand_over(Run& run, ToOf&& to_of) {
    Post post(run.threads);
    in_threads(run, [&](std::size_t thread) {
        Random random = run.random(thread);
        std::uint64_t done = 0;
        while (run.goes_on()) {
            const std::size_t to = to_of(random, thread);
            // Many blocks of one size fill magazines; a mix of sizes fills many
            // slabs a little.
            const std::size_t size = mixed_size(random);
            const bool same = random.one_in(2);
            for (std::size_t left = 1 + random.below(100); left > 0; --left, ++done) {
                const Block block = take(random, same ? size % 2048 + 1 : mixed_size(random));
                if (!post.queue(thread, to).push(block)) give(random, block);
            }
            done += post.empty(random, thread);
            if (random.one_in(16)) std::this_thread::yield();
        }
        run.count(done);
    });
    Random random = run.random(run.threads);
    for (std::size_t to = 0; to < run.threads; ++to) (void)post.empty(random, to);
}

}  // namespace

void pairs(Run& run) {
    hand_over(run, [&](Random&, std::size_t thread) {
        return (thread ^ 1) < run.threads ? thread ^ 1 : thread;
    });
}

void ring(Run& run) {
    hand_over(run, [&](Random&, std::size_t thread) { return (thread + 1) % run.threads; });
}

void exchange(Run& run) {
    hand_over(run, [&](Random& random, std::size_t) { return random.below(run.threads); });
}

}  // namespace stress
