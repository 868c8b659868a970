// Runs a function in several threads that start at the same moment, and waits for all of them.
#ifndef ASHLAR_TESTS_BASE_TOGETHER_HPP
#define ASHLAR_TESTS_BASE_TOGETHER_HPP

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

#endif
