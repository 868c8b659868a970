// Runs a function in several threads that start at the same moment, and waits
// for all of them; and lets them meet.
#ifndef ASHLAR_TESTS_SUPPORT_TOGETHER_HPP
#define ASHLAR_TESTS_SUPPORT_TOGETHER_HPP

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

// Calls f(0) .. f(threads - 1), each in a thread of its own.
template <class F>
void together(unsigned threads, F f) {
    std::latch start(static_cast<std::ptrdiff_t>(threads));
    std::vector<std::thread> team;
    for (unsigned i = 0; i < threads; ++i) {
        team.emplace_back([&start, &f, i] {
            start.arrive_and_wait();
            f(i);
        });
    }
    for (std::thread& thread : team) thread.join();
}

// Threads wait here for each other before and after a short race. They spin, so
// that they leave as close together as possible.
class Meeting {
  public:
    explicit Meeting(unsigned threads) : threads_(threads) {}
    void arrive_and_wait() {
        const unsigned round = round_.load(std::memory_order_acquire);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
            arrived_.store(0, std::memory_order_relaxed);
            round_.store(round + 1, std::memory_order_release);
            return;
        }
        for (unsigned spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
            if (spins >= patience) std::this_thread::yield();
        }
    }

  private:
    static constexpr unsigned patience = 1000;
    unsigned threads_;
    std::atomic<unsigned> arrived_{0};
    std::atomic<unsigned> round_{0};
};

#endif
