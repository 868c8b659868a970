#include "manager/base/lock.hpp"

#include <algorithm>

#include "manager/base/backoff.hpp"

namespace ashlar::manager {

namespace {

// Exponential backoff (Anderson 1990). It begins with about the time of one
// holder, and ends with several times the cost of moving a range allocator's
// lines between cores: while one thread waits, the other does several
// operations with lines that it has. A thread that waited so often in vain
// waits for a holder without a processor.
constexpr unsigned kLeastPauses = 16;
constexpr unsigned kWaits = 10;

thread_local char this_thread;

}  // namespace

// Relaxed, all three: a thread only asks whether it stored its own name there.
Lock::Again::Again(Lock& lock) noexcept : lock_(lock), last_(lock.again_.load(base::rlx)) {
    lock_.again_.store(&this_thread, base::rlx);
}

Lock::Again::~Again() { lock_.again_.store(last_, base::rlx); }

bool Lock::try_lock() noexcept {
    if (word_ == nullptr || word_->try_lock()) return true;
    if (again_.load(base::rlx) != &this_thread) return false;  // relaxed: as above
    ++depth_;
    return true;
}

void Lock::wait() noexcept {
    if (again_.load(base::rlx) == &this_thread) {  // relaxed: as above
        ++depth_;
        return;
    }
    // Relaxed, as below: a hint for holders that can let others in.
    waiting_.fetch_add(1, base::rlx);
    Backoff backoff;
    for (unsigned waits = 0;; ++waits) {
        if (waits < kWaits) {
            const unsigned pauses = std::min(kLeastPauses << waits, kLongestWait);
            for (unsigned i = 0; i < pauses; ++i) base::pause();
        } else {
            backoff.wait();
        }
        if (!word_->looks_taken() && word_->try_lock()) break;
    }
    waiting_.fetch_sub(1, base::rlx);
}

}  // namespace ashlar::manager
