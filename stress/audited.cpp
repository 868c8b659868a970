// Every call of a run is recorded, and an audit checks the history: no block
// was handed out twice or lost, and none was refused while memory was free.
// Rounds bound the memory that a long run needs.
#include <atomic>
#include <barrier>
#include <cstdio>
#include <iterator>
#include <memory>
#include <vector>

#include <ashlar/ashlar.h>
#include <ashlar/heap.hpp>

#include "auditor.hpp"
#include "scenario.hpp"

namespace stress {
namespace {

constexpr std::size_t notes = 50000;  // records of a thread in a round
constexpr std::size_t slots = 512;

/// Threads exchange blocks here. A block's first word is its size, so that any
/// thread can free it.
struct Exchange {
    std::atomic<std::size_t*> slot[slots];

    std::size_t* swap(Random& random, std::size_t* block) noexcept {
        // acq_rel: publishes the block's content to the thread that takes it,
        // and receives the same.
        return slot[random.below(slots)].exchange(block, std::memory_order_acq_rel);
    }
    /// Calls each(block) for the blocks here, while no other thread uses them.
    template <class Each>
    void empty(Each&& each) {
        for (auto& place : slot) {
            std::size_t* block = place.exchange(nullptr, std::memory_order_acquire);
            if (block != nullptr) each(block);
        }
    }
};

void require_sound(const char* what, const auditor::Verdict& verdict) {
    for (const auditor::Finding& finding : verdict.findings)
        std::fprintf(stderr, "%s\n", describe(finding).c_str());
    if (verdict.faults != 0) fail(what, nullptr, verdict.takes, verdict.faults);
}

/// State that all threads of a scenario share: the clock, their records, and
/// rounds that end with an audit.
class Audit {
  public:
    explicit Audit(Run& run) : run_(run), logs_() {
        for (std::size_t i = 0; i < run.threads; ++i) logs_.emplace_back(notes);
    }

    /// Runs body(random, log) once a round in every thread. Then finish(log)
    /// frees the other blocks and returns the bounds that must hold.
    template <class Body, class Finish>
    void rounds(Body&& body, Finish&& finish) {
        bool goes_on = true;  // written only between two phases of the barrier
        std::barrier phase(static_cast<std::ptrdiff_t>(run_.threads), [&]() noexcept {
            const auditor::Bounds bounds = finish(logs_[0]);
            std::vector<const auditor::Log*> all;
            std::size_t done = 0;
            for (const auditor::Log& log : logs_) {
                all.push_back(&log);
                done += log.events().size();
            }
            run_.count(done);
            require_sound("the history is impossible", auditor::audit_logs(all, bounds));
            for (auditor::Log& log : logs_) log.clear();
            goes_on = run_.goes_on();
        });
        in_threads(run_, [&](std::size_t thread) {
            Random random = run_.random(thread);
            while (goes_on) {
                body(random, logs_[thread]);
                phase.arrive_and_wait();
            }
        });
    }
    auditor::Clock clock;

  private:
    Run& run_;
    std::vector<auditor::Log> logs_;
};

std::size_t* take_noted(Audit& audit, auditor::Log& log, Random& random) {
    const std::size_t size = ash_good_size(mixed_size(random) + sizeof(std::size_t));
    auto* block = static_cast<std::size_t*>(log.take(audit.clock, size, [&]() -> void* {
        switch (random.below(4)) {
            case 0: return ash_calloc(1, size);
            case 1: return ash_memalign(std::size_t{16} << random.below(9), size);
            default: return ash_malloc(size);
        }
    }));
    if (block != nullptr) *block = size;
    return block;
}

void give_noted(Audit& audit, auditor::Log& log, std::size_t* block) {
    if (block != nullptr) log.give(audit.clock, block, *block, [&] { ash_free(block); });
}

/// Moves a block or leaves it in place: for the audit one call gives the old
/// block and takes the new one.
std::size_t* resize_noted(Audit& audit, auditor::Log& log, Random& random, std::size_t* block) {
    const std::size_t before = *block;
    const std::size_t size = ash_good_size(mixed_size(random) + sizeof(std::size_t));
    auto* moved = static_cast<std::size_t*>(
        log.resize(audit.clock, block, before, size, [&] { return ash_realloc(block, size); }));
    if (moved == nullptr) return block;
    *moved = size;
    return moved;
}

/// The number of blocks of a size that an empty heap has.
std::size_t fill(ashlar::Heap& heap, std::size_t size) {
    std::vector<void*> blocks;
    (void)heap.trim();  // cached blocks may make units beside them unusable
    for (void* block = heap.allocate(size); block != nullptr; block = heap.allocate(size))
        blocks.push_back(block);
    for (void* block : blocks) heap.deallocate(block);
    return blocks.size();
}

/// Threads use up a heap that is too small for them.
struct Narrow {
    static constexpr std::size_t capacity = std::size_t{24} << 20;
    // The bytes that threads, shared caches and current slabs may keep from
    // others: 16 caches of two batches and a slab each.
    static constexpr std::size_t slack = std::size_t{7} << 20;

    void begin(Random& random) {
        constexpr std::size_t sizes[] = {1000, 3000, 20000, 100000, 400000};
        size = sizes[random.below(std::size(sizes))];
        heap = std::make_unique<ashlar::Heap>(capacity);
        blocks = fill(*heap, size);
    }
    void work(Audit& audit, Random& random, auditor::Log& log, Exchange& exchange) {
        std::vector<void*> mine;
        const auto give = [&](void* block) {
            log.give(audit.clock, block, size, [&] { heap->deallocate(block); });
        };
        while (log.has_room(4 + slots + mine.size())) {
            void* block = log.take(audit.clock, size, [&] { return heap->allocate(size); });
            if (block != nullptr) {
                *static_cast<std::size_t*>(block) = size;
                if (random.one_in(16))
                    block = exchange.swap(random, static_cast<std::size_t*>(block));
                if (block != nullptr) mine.push_back(block);
            } else {
                for (std::size_t left = mine.size() / 4; left > 0; --left) {
                    std::swap(mine[random.below(mine.size())], mine.back());
                    give(mine.back());
                    mine.pop_back();
                }
            }
        }
        for (void* block : mine) give(block);
    }
    auditor::Bounds finish(Audit& audit, Random& random, auditor::Log& log, Exchange& exchange) {
        exchange.empty([&](std::size_t* block) {
            log.give(audit.clock, block, size, [&] { heap->deallocate(block); });
        });
        if (const std::size_t left = fill(*heap, size); left != blocks)
            fail("blocks are lost", nullptr, size, blocks - left);
        if (const std::size_t faults = heap->check(); faults != 0)
            fail("Heap::check found faults", nullptr, 0, faults);
        const auditor::Bounds bounds{blocks * size, slack};
        begin(random);
        return bounds;
    }

    std::size_t size = 0;
    std::size_t blocks = 0;
    std::unique_ptr<ashlar::Heap> heap;
};

}  // namespace

void audited(Run& run) {
    Audit audit(run);
    const auto exchange = std::make_unique<Exchange>();
    audit.rounds(
        [&](Random& random, auditor::Log& log) {
            while (log.has_room(6 + slots)) {
                std::size_t* block = take_noted(audit, log, random);
                if (block != nullptr && random.one_in(8))
                    block = resize_noted(audit, log, random, block);
                give_noted(audit, log, exchange->swap(random, block));
            }
        },
        [&](auditor::Log& log) {
            exchange->empty([&](std::size_t* block) { give_noted(audit, log, block); });
            return auditor::Bounds{};
        });
}

void exhaust(Run& run) {
    Audit audit(run);
    const auto exchange = std::make_unique<Exchange>();
    Random random = run.random(run.threads);
    Narrow narrow;
    narrow.begin(random);
    audit.rounds([&](Random& own, auditor::Log& log) { narrow.work(audit, own, log, *exchange); },
                 [&](auditor::Log& log) { return narrow.finish(audit, random, log, *exchange); });
}

}  // namespace stress
