#include "manager/lock.hpp"

#include <sched.h>

namespace ashlar::manager {

namespace {

// About what a holder needs at most, unless it copies bytes or lost its processor.
constexpr unsigned kSpins = 200;

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
    for (unsigned spins = 0;; ++spins) {
        if (!word_->looks_taken() && word_->try_lock()) return;
        if (spins < kSpins) {
            base::pause();
        } else {
            sched_yield();
        }
    }
}

}  // namespace ashlar::manager
