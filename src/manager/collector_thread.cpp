#include "manager/collector_thread.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <system_error>
#include <utility>

namespace ashlar::manager {

namespace {

// Of a pause; a longer period is one that never ends, which a point in time could not hold.
constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365 * 100);

// Returns when the word is not 0, or the time is over, or for no reason.
void wait_while_zero(const base::Atomic<std::uint32_t>& word, std::chrono::nanoseconds time) noexcept {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    const timespec limit{static_cast<std::time_t>(seconds.count()), static_cast<long>((time - seconds).count())};
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, nullptr, 0);
}

}  // namespace

void CollectorThread::start(CollectorOptions options) {
    const Guard guard(lock_);
    stop_locked();
    options_ = std::move(options);
    stop_.store(0, base::rlx);  // relaxed: the thread is not there yet
    const int error = pthread_create(&thread_, nullptr, main, this);
    if (error != 0) throw std::system_error(error, std::generic_category(), "start_collector");
    runs_ = true;
}

void CollectorThread::stop() noexcept {
    const Guard guard(lock_);
    stop_locked();
}

void CollectorThread::stop_locked() noexcept {
    if (!runs_) return;
    stop_.store(1, base::rlx);  // relaxed: an order to end, nothing else goes with it
    syscall(SYS_futex, &stop_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    pthread_join(thread_, nullptr);
    runs_ = false;
}

void* CollectorThread::main(void* self) noexcept {
    CollectorThread& thread = *static_cast<CollectorThread*>(self);
    using Clock = std::chrono::steady_clock;
    while (thread.stop_.load(base::rlx) == 0) {  // relaxed: as above
        thread.cycle();
        const Clock::time_point end = Clock::now() + std::min(thread.options_.period, kLongest);
        for (Clock::time_point now = Clock::now(); now < end && thread.stop_.load(base::rlx) == 0; now = Clock::now()) {
            wait_while_zero(thread.stop_, end - now);
        }
    }
    return nullptr;
}

// What a callback throws ends the cycle, which has freed nothing then: the next one may do better.
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
