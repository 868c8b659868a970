// Threads for the workloads: plain pthreads, since std::thread would allocate
// from the heap that is being measured.
#ifndef ASHLAR_BENCH_TEAM_HPP
#define ASHLAR_BENCH_TEAM_HPP

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstddef>

#include "blocks.hpp"
#include "measure.hpp"

namespace bench {

inline constexpr unsigned most_threads = 65;

/// Runs body(0) .. body(count - 1), each in a new thread, and returns when all
/// have ended. before_start() runs when every thread is ready and none has
/// begun.
template <class Body, class Start>
void in_threads(unsigned count, Body& body, Start before_start) noexcept {
    struct Member {
        Body* body;
        std::atomic<unsigned>* ready;
        std::atomic<bool>* open;
        unsigned number;
        pthread_t thread;
    };
    std::atomic<unsigned> ready{0};
    std::atomic<bool> open{false};
    Member members[most_threads];
    const auto main = [](void* argument) -> void* {
        auto* self = static_cast<Member*>(argument);
        self->ready->fetch_add(1);
        while (!self->open->load(std::memory_order_acquire)) sched_yield();
        (*self->body)(self->number);
        return nullptr;
    };
    for (unsigned i = 0; i < count; ++i) {
        members[i] = {&body, &ready, &open, i, {}};
        if (pthread_create(&members[i].thread, nullptr, main, &members[i]) != 0) fail("no thread");
    }
    while (ready.load() != count) sched_yield();
    before_start();
    open.store(true, std::memory_order_release);
    for (unsigned i = 0; i < count; ++i) pthread_join(members[i].thread, nullptr);
}

/// The same, measured from the common start to the last thread's end.
template <class Body>
void measure_threads(Measure& measure, unsigned count, Body body) noexcept {
    in_threads(count, body, [&measure] { measure.start(); });
    measure.stop();
}

}  // namespace bench

#endif
