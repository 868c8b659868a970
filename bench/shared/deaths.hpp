// The effect of a kill on other processes, and the time of recovery.
#ifndef ASHLAR_BENCH_SHARED_DEATHS_HPP
#define ASHLAR_BENCH_SHARED_DEATHS_HPP

#include <signal.h>
#include <cstdio>
#include <exception>

#include "subjects.hpp"
#include "work.hpp"

namespace bench {

inline constexpr unsigned kSecondsToAnswer = 5;  // a survivor that takes longer hangs

inline void kill_and_wait(pid_t process) {
    int status = 0;
    kill(process, SIGKILL);
    waitpid(process, &status, 0);
}

// Kills a process at a random moment of its pairs; then another process does
// some. Prints how many of these survivors worked, threw, or hung.
template <class Heap>
void kills(const std::string& place, unsigned times) {
    unsigned worked = 0;
    unsigned threw = 0;
    unsigned hung = 0;
    unsigned died = 0;
    Random random(1);
    for (unsigned i = 0; i < times; ++i) {
        Heap::remove(place);
        const SharedPage shared;
        Heap heap(Open::create, place);
        std::fflush(stdout);
        const pid_t victim = fork();
        if (victim == 0) {
            Heap mine(Open::existing, place);
            shared->ready.store(1);
            for (;;) replace(mine, {16, 1024}, 1000, 100000, i);
        }
        while (shared->ready.load() == 0) sched_yield();
        usleep(static_cast<useconds_t>(500 + random() % 3000));
        kill_and_wait(victim);
        const pid_t survivor = fork();
        if (survivor == 0) {
            alarm(kSecondsToAnswer);
            try {
                Heap mine(Open::existing, place);
                replace(mine, {16, 1024}, 1000, 20000, i);
            } catch (const std::exception&) {
                std::_Exit(2);
            }
            std::_Exit(0);
        }
        int status = 0;
        waitpid(survivor, &status, 0);
        if (WIFSIGNALED(status)) {
            ++(WTERMSIG(status) == SIGALRM ? hung : died);
        } else {
            ++(WEXITSTATUS(status) == 0 ? worked : WEXITSTATUS(status) == 2 ? threw : died);
        }
    }
    Heap::remove(place);
    std::printf(R"({"kind": "kills", "heap": "%s", "kills": %u, "worked": %u, )"
                R"("threw": %u, "hung": %u, "died": %u})"
                "\n",
                Heap::kName, times, worked, threw, hung, died);
}

// Kills a process that has so many live blocks, in the middle of its pairs.
// Prints how long a survivor's recover() took, and verifies that the heap is
// sound and has all blocks.
template <class Heap>
void recovery(const std::string& place, std::size_t live, unsigned times) {
    for (unsigned i = 0; i < times; ++i) {
        Heap::remove(place);
        const SharedPage shared;
        Heap heap(Open::create, place);
        heap.deallocate(heap.allocate(64));  // the survivor is attached
        std::fflush(stdout);
        const pid_t victim = fork();
        if (victim == 0) {
            Heap mine(Open::existing, place);
            for (std::size_t k = 0; k < live; ++k) static_cast<void>(take(mine, 64, 1));
            shared->ready.store(1);
            for (;;) pairs(mine, 64, 1000);
        }
        while (shared->ready.load() == 0) sched_yield();
        usleep(2000);
        kill_and_wait(victim);
        const Clock::time_point start = Clock::now();
        const std::size_t threads = heap.heap().recover();
        const double ns = nanoseconds_since(start);
        if (threads != 1) fail("the dead thread was not found");
        const ashlar::SharedStatistics after = heap.heap().statistics();
        if (after.blocks < live || after.blocks > live + 1) fail("blocks were lost");
        if (heap.heap().check() != 0) fail("the heap is not sound");
        std::printf(R"({"kind": "recovery", "heap": "%s", "live": %zu, "ns": %.0f})"
                    "\n",
                    Heap::kName, live, ns);
    }
    Heap::remove(place);
}

}  // namespace bench

#endif
