#include "manager/collector/collector_thread.hpp"

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <system_error>
#include <utility>

namespace ashlar::manager {

namespace {

// Of a pause; a longer period is one that never ends, which a point in time
// could not hold.
constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365 * 100);

// Returns when the word is not 0, or the time is over, or for no reason.
void wait_while_zero(const base::Atomic<std::uint32_t>& word,
                     std::chrono::nanoseconds time) noexcept {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    const timespec limit{static_cast<std::time_t>(seconds.count()),
                         static_cast<long>((time - seconds).count())};
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, nullptr, 0);
}

// Signals are for the program's own threads. Those of faults stay open: a fault
// that is blocked ends the program, whatever its handlers, and callbacks of the
// program run in this thread.
int create_without_signals(pthread_t& thread, void* (*main)(void*), void* argument) noexcept {
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
        sigdelset(&blocked, fault);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    const int error = pthread_create(&thread, nullptr, main, argument);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return error;
}

}  // namespace

void CollectorThread::start(CollectorOptions options) {
    const Guard guard(lock_);
    stop_locked();
    options_ = std::move(options);
    stop_.store(0, base::rlx);  // relaxed: the thread is not there yet
    const int error = create_without_signals(thread_, main, this);
    if (error != 0) throw std::system_error(error, std::generic_category(), "start_collector");
    runs_ = true;
}

void CollectorThread::stop() noexcept {
    const Guard guard(lock_);
    stop_locked();
}

void CollectorThread::continue_in_child() noexcept {
    lock_.reset();
    runs_ = false;
}

void CollectorThread::stop_locked() noexcept {
    if (!runs_) return;
    stop_.store(1, base::rlx);  // relaxed: an order to end, nothing else goes with it
    syscall(SYS_futex, &stop_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    pthread_join(thread_, nullptr);
    runs_ = false;
}

void* CollectorThread::main(void* self) noexcept {
    pthread_setname_np(pthread_self(), "ashlar-collect");
    CollectorThread& thread = *static_cast<CollectorThread*>(self);
    using Clock = std::chrono::steady_clock;
    while (thread.stop_.load(base::rlx) == 0) {  // relaxed: as above
        thread.cycle();
        const Clock::time_point end = Clock::now() + std::min(thread.options_.period, kLongest);
        for (Clock::time_point now = Clock::now(); now < end && thread.stop_.load(base::rlx) == 0;
             now = Clock::now()) {
            wait_while_zero(thread.stop_, end - now);
        }
    }
    return nullptr;
}

// An exception of a callback ends the cycle, which has freed nothing by then.
// The next cycle begins anew.
void CollectorThread::cycle() noexcept {
    Collector::Cycle cycle;
    cycle.source = &options_.roots;
    cycle.visitor = options_.visitor ? &options_.visitor : nullptr;
    cycle.budget = options_.budget != 0 ? options_.budget : 1;
    cycle.stop = &stop_;
    try {
        collector_.run(cycle);
    } catch (...) {
        return;
    }
}

}  // namespace ashlar::manager
