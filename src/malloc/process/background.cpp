#include "malloc/process/background.hpp"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

#include "base/barrier.hpp"
#include "malloc/process/growth.hpp"
#include "malloc/process/pressure.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::cache {

using base::acq;
using base::acq_rel;
using base::rlx;

constinit Background background{};

namespace {

constexpr long kPassSeconds = 1;
// Passes without any use of the heap, until all goes back.
constexpr unsigned kQuietPasses = 4;
constexpr std::size_t kLeastStack = std::size_t{64} << 10;
constexpr std::size_t kMostStack = std::size_t{16} << 20;  // of a program with much TLS

// Not the creator's priority, nor its signals.
int create_quietly(Background::Create create, pthread_t& thread, void* (*main)(void*),
                   void* argument) noexcept {
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_t attributes;
    if (const int error = pthread_attr_init(&attributes); error != 0) return error;
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = -1;
    for (std::size_t stack = kLeastStack; error != 0 && stack <= kMostStack; stack *= 4) {
        if (pthread_attr_setstacksize(&attributes, stack) != 0) continue;
        error = create(&thread, &attributes, main, argument);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    return error;
}

template <class F>
void each_heap(F f) noexcept {
    if (Heap* heap = existing_process(); heap != nullptr) f(*heap);
    each_grown(f);
}

}  // namespace

void Background::start(Create create) noexcept {
    std::uint32_t none = kNone;
    // Relaxed, all of it: the word says only whether there is a thread.
    if (state_.load(rlx) != kNone || !state_.cas(none, kAwake, rlx, rlx)) return;
    process_ = getpid();
    if (create_quietly(create, thread_, main, this) != 0) state_.store(kForbidden, rlx);
}

bool Background::stop() noexcept {
    std::uint32_t seen = state_.load(rlx);  // relaxed: a guess, which the CAS tests
    if (seen == kNone || process_ != getpid()) return false;
    do {
        if (seen != kAwake && seen != kAsleep) return false;
    } while (!state_.cas(seen, kStopping, rlx, rlx));  // relaxed: an order to end
    syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    pthread_join(thread_, nullptr);
    state_.store(kNone, rlx);
    return true;
}

void Background::forbid() noexcept {
    static_cast<void>(stop());
    state_.store(kForbidden, rlx);  // relaxed: says only that no thread may start
    base::forbid_barriers();
}

void Background::continue_in_child() noexcept {
    // Relaxed: there is one thread.
    if (state_.load(rlx) != kForbidden) state_.store(kNone, rlx);
}

void Background::wake() noexcept {
    std::uint32_t asleep = kAsleep;
    if (state_.cas(asleep, kAwake, rlx, rlx))  // relaxed: the word itself is all that is told
        syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// False: the thread must end.
bool Background::sleep(std::uint32_t state, bool bounded) noexcept {
    const timespec pass{kPassSeconds, 0};
    syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, state, bounded ? &pass : nullptr, nullptr, 0);
    return state_.load(rlx) != kStopping;  // relaxed: an order to end
}

void* Background::main(void* self) noexcept {
    prctl(PR_SET_NAME, "ashlar");
    leave_own_cache();  // it never has one
    static_cast<Background*>(self)->run();
    return nullptr;
}

void Background::run() noexcept {
    unsigned quiet = 0;
    while (sleep(kAwake, true)) {
        const bool used = active_.exchange(0, rlx) != 0;
        quiet = used ? 0 : quiet + 1;
        if (quiet == kQuietPasses || under_pressure()) {
            each_heap([](Heap& heap) noexcept { static_cast<void>(heap.trim()); });
        } else {
            each_heap([](Heap& heap) noexcept { heap.return_idle(); });
        }
        if (quiet < kQuietPasses) continue;
        std::uint32_t awake = kAwake;
        if (!state_.cas(awake, kAsleep, rlx, rlx)) continue;
        // [E57] A thread whose note is not seen after the barrier sees the
        // state, and wakes this one.
        if (!base::put_barriers() || active_.load(rlx) != 0) {
            wake();
            continue;
        }
        while (state_.load(rlx) == kAsleep && sleep(kAsleep, false)) {
        }
        quiet = 0;
    }
}

}  // namespace ashlar::cache
