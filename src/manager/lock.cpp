#include "manager/lock.hpp"

#include <sched.h>

#include <algorithm>

namespace ashlar::manager {

namespace {

// Exponential backoff (Anderson 1990), from about what a holder needs up to several times what the lines of a heap cost whose
// last holder was another core: while one thread waits, the other does several things with lines that it has already. Who
// waited so often in vain waits for a holder without a processor.
constexpr unsigned kLeastPauses = 16;
constexpr unsigned kWaits = 10;

thread_local char this_thread;

}  // namespace

// Relaxed, all three: a thread only asks whether it wrote its own name there itself.
Lock::Again::Again(Lock& lock) noexcept : lock_(lock), last_(lock.again_.load(base::rlx)) {
    lock_.again_.store(&this_thread, base::rlx);
}

Lock::Again::~Again() { lock_.again_.store(last_, base::rlx); }

void Lock::wait() noexcept {
    if (again_.load(base::rlx) == &this_thread) {  // relaxed: as above
        ++depth_;
        return;
    }
    waiting_.fetch_add(1, base::rlx);  // relaxed, as below: a hint for who could let others go first
    for (unsigned waits = 0;; ++waits) {
        if (waits < kWaits) {
            const unsigned pauses = std::min(kLeastPauses << waits, kLongestWait);
            for (unsigned i = 0; i < pauses; ++i) base::pause();
        } else {
            sched_yield();
        }
        if (!word_->looks_taken() && word_->try_lock()) break;
    }
    waiting_.fetch_sub(1, base::rlx);
}

}  // namespace ashlar::manager
