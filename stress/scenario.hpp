// The input of a scenario, and the threads that run it. A scenario ends with
// every block freed and every thread joined.
#ifndef ASHLAR_STRESS_SCENARIO_HPP
#define ASHLAR_STRESS_SCENARIO_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "blocks.hpp"

namespace stress {

struct Run {
    std::size_t threads;
    double seconds;
    std::uint64_t seed;
    std::atomic<bool> over{false};             // relaxed: only says "finish", publishes nothing
    std::atomic<std::uint64_t> operations{0};  // relaxed: a sum, read after the joins

    [[nodiscard]] bool goes_on() const noexcept { return !over.load(std::memory_order_relaxed); }
    void count(std::uint64_t done) noexcept {
        operations.fetch_add(done, std::memory_order_relaxed);
    }
    [[nodiscard]] Random random(std::size_t thread) const noexcept {
        return Random(seed * 1009 + thread);
    }
};

/// Runs body(index) in `run.threads` threads, sets `over` when the time is up,
/// and joins them.
template <class Body>
void in_threads(Run& run, Body&& body) {
    std::vector<std::thread> threads;
    threads.reserve(run.threads);
    for (std::size_t i = 0; i < run.threads; ++i) threads.emplace_back([&body, i] { body(i); });
    std::this_thread::sleep_for(std::chrono::duration<double>(run.seconds));
    run.over.store(true, std::memory_order_relaxed);
    for (auto& thread : threads) thread.join();
}

void churn(Run& run);     // each thread its own blocks, of all sizes, by every function
void pairs(Run& run);     // thread 0 to 1 and back, 2 to 3 and back, ...
void ring(Run& run);      // each thread to the next
void exchange(Run& run);  // all to all, through a queue for each pair
void market(Run& run);    // all to all, one queue; not under ThreadSanitizer
void storm(Run& run);     // short-lived threads that leave half their blocks behind
void edge(Run& run);      // whole slabs filled and emptied, half of each by another thread
void large(Run& run);     // runs of units: split, coalesced, grown, purged
void heaps(Run& run);     // first-class heaps shared by all threads, destroyed with blocks in them
void trim(Run& run);      // churn, while a thread trims, checks and reads the statistics
void audited(Run& run);   // every call noted, and the history audited
// The same in a heap that is too small: nothing lost, nothing refused while
// there is room.
void exhaust(Run& run);
// One thread forks while the others allocate; children free, allocate, fork.
void forks(Run& run);
void batches(Run& run);  // malloc_batch and free_batch, also of blocks that other threads took

}  // namespace stress

#endif
