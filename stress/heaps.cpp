// Heaps: all threads share a heap for a round, which is then checked, visited
// and destroyed with live blocks. Each thread also has heaps of its own.
#include <atomic>
#include <barrier>
#include <memory>
#include <unordered_map>
#include <vector>

#include <ashlar/heap.hpp>

#include "scenario.hpp"

namespace stress {
namespace {

constexpr std::size_t capacity = std::size_t{1} << 30;
constexpr std::size_t slots = 256;

std::size_t heap_size(Random& random) noexcept { return mixed_size(random) % (256 * 1024) + 1; }

Block take_from(ashlar::Heap& heap, Random& random) {
    const std::size_t size = heap_size(random);
    const std::size_t alignment = std::size_t{16} << random.below(8);
    auto* data = static_cast<unsigned char*>(heap.allocate(size, alignment));
    if (data == nullptr) fail("out of memory in a heap", nullptr, size, alignment);
    if (reinterpret_cast<std::uintptr_t>(data) % alignment != 0)
        fail("not aligned", data, size, alignment);
    if (!heap.owns(data)) fail("a heap does not own its block", data, size, 0);
    const Block block{data, size, random.next()};
    stamp(block);
    return block;
}

void give_to(ashlar::Heap& heap, Random& random, const Block& block) {
    verify(block);
    if (random.one_in(4)) {
        ash_free(block.data);
    } else {
        heap.deallocate(block.data);
    }
}

/// Checks that the heap has the blocks that the program holds, and no others.
void compare(ashlar::Heap& heap, const std::vector<Block>& live) {
    if (const std::size_t faults = heap.check(); faults != 0)
        fail("Heap::check found faults", nullptr, 0, faults);
    std::unordered_map<void*, std::size_t> expected;
    for (const Block& block : live) {
        verify(block);
        expected.emplace(block.data, block.size);
    }
    std::size_t found = 0;
    heap.visit([&](void* block, std::size_t usable) {
        const auto place = expected.find(block);
        if (place == expected.end()) fail("visit shows a block that is not live", block, usable, 0);
        if (usable < place->second)
            fail("visit shows too small a block", block, usable, place->second);
        ++found;
        return true;
    });
    if (found != expected.size()) fail("visit misses blocks", nullptr, found, expected.size());
}

/// Makes, uses and destroys a heap of the thread's own.
void live_alone(Random& random) {
    ashlar::Heap heap(capacity);
    std::vector<Block> live;
    for (std::size_t i = 0; i < 100; ++i) {
        live.push_back(take_from(heap, random));
        if (random.one_in(3)) {
            give_to(heap, random, live.back());
            live.pop_back();
        }
    }
    compare(heap, live);
}

/// The heap of the round and its blocks, which any thread may swap for its own.
struct Round {
    explicit Round(std::size_t count) : mailbox(count) {}

    void churn(Random& random, std::vector<Block>& mine) {
        for (std::size_t i = 0; i < 500; ++i) {
            auto* block = new Block(take_from(*heap, random));
            // acq_rel: publishes the content to the thread that frees the
            // block, and receives the same.
            const std::unique_ptr<Block> other(
                mailbox[random.below(mailbox.size())].exchange(block, std::memory_order_acq_rel));
            if (other == nullptr) continue;
            if (random.one_in(4)) {
                mine.push_back(*other);
            } else {
                give_to(*heap, random, *other);
            }
        }
    }
    void finish(std::vector<std::vector<Block>>& kept) {
        std::vector<Block> live;
        for (auto& slot : mailbox) {
            const std::unique_ptr<Block> block(slot.exchange(nullptr, std::memory_order_acquire));
            if (block != nullptr) live.push_back(*block);
        }
        for (auto& blocks : kept) {
            live.insert(live.end(), blocks.begin(), blocks.end());
            blocks.clear();
        }
        compare(*heap, live);
        heap = std::make_unique<ashlar::Heap>(capacity);
    }

    std::vector<std::atomic<Block*>> mailbox;
    std::unique_ptr<ashlar::Heap> heap = std::make_unique<ashlar::Heap>(capacity);
};

}  // namespace

void heaps(Run& run) {
    Round round(slots);
    std::vector<std::vector<Block>> kept(run.threads);
    bool goes_on = true;  // written only between two phases of the barrier
    std::barrier phase(static_cast<std::ptrdiff_t>(run.threads), [&]() noexcept {
        round.finish(kept);
        goes_on = run.goes_on();
    });
    in_threads(run, [&](std::size_t thread) {
        Random random = run.random(thread);
        std::uint64_t done = 0;
        while (goes_on) {
            live_alone(random);
            round.churn(random, kept[thread]);
            done += 600;
            phase.arrive_and_wait();
        }
        run.count(done);
    });
}

}  // namespace stress
