// How a thread waits for a store of another thread that may have lost its
// processor. It yields a few times, which is enough if the other one is ready
// to run at the same priority. Then it sleeps, ever longer up to a bound: a
// thread of a real-time priority keeps its processor when it yields, and the
// other one may wait for that processor.
#ifndef ASHLAR_MANAGER_BASE_BACKOFF_HPP
#define ASHLAR_MANAGER_BASE_BACKOFF_HPP

#include <sched.h>
#include <time.h>

namespace ashlar::manager {

class Backoff {
  public:
    void wait() noexcept {
        if (yields_ < kYields) {
            ++yields_;
            sched_yield();
            return;
        }
        const timespec time{.tv_sec = 0, .tv_nsec = nanoseconds_};
        nanosleep(&time, nullptr);
        nanoseconds_ = nanoseconds_ < kLongest / 2 ? 2 * nanoseconds_ : kLongest;
    }

  private:
    static constexpr unsigned kYields = 4;
    static constexpr long kShortest = 20'000;
    static constexpr long kLongest = 1'000'000;

    unsigned yields_ = 0;
    long nanoseconds_ = kShortest;
};

}  // namespace ashlar::manager

#endif
