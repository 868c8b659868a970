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
using base::rel;
using base::rlx;
using base::seq_cst;

constinit Background background{};

namespace {

constexpr long kPassSeconds = 1;
// Passes without any use of the heap, until all goes back.
constexpr unsigned kQuietPasses = 4;
constexpr long kNoTimeout = 0;
// Where the system has no barriers, so that a use of the heap may be missed.
constexpr long kLongSeconds = 60;
// With the thread-local memory of the program's libraries in it.
constexpr std::size_t kLeastStack = std::size_t{256} << 10;
constexpr std::size_t kMostStack = std::size_t{16} << 20;

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

void wait_while(const base::Atomic<std::uint32_t>& word, std::uint32_t value,
                const timespec* limit) noexcept {
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, limit, nullptr, 0);
}

void wake_all(const base::Atomic<std::uint32_t>& word) noexcept {
    constexpr int kAll = 0x7fffffff;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, kAll, nullptr, nullptr, 0);
}

template <class F>
void each_heap(F f) noexcept {
    if (Heap* heap = existing_process(); heap != nullptr) f(*heap);
    each_grown(f);
}

}  // namespace

void Background::start(Create create) noexcept {
    std::uint32_t none = kNone;
    // Relaxed, both: only which caller tries.
    if (state_.load(rlx) != kNone || failures_.load(rlx) >= kMostFailures) return;
    // [E57] seq_cst, as the load below: forbid() sees the state, or is seen.
    if (!state_.cas(none, kStarting, seq_cst, rlx)) return;
    process_.store(getpid(), rlx);  // relaxed: read after kStarting was seen, by a child
    const bool started =
        forbidden_.load(seq_cst) == 0 && create_quietly(create, thread_, main, this) == 0;
    if (!started) failures_.fetch_add(1, rlx);  // relaxed: a counter
    // [E57] release, pairs with the CAS in stop(): the thread's handle.
    state_.store(started ? kAwake : kNone, rel);
    wake_all(state_);
}

// A child by vfork or clone has these words, but not the thread.
bool Background::is_ours() const noexcept {
    return process_.load(rlx) == getpid();  // relaxed: constant while there is a thread
}

bool Background::stop() noexcept {
    for (;;) {
        // [E57] seq_cst, as in start(); a guess otherwise, which the CAS tests.
        std::uint32_t seen = state_.load(seq_cst);
        if (seen == kNone || !is_ours()) return false;
        if (seen == kStarting || seen == kStopping) {
            wait_while(state_, seen, nullptr);
            continue;
        }
        // [E57] acquire, pairs with the store in start().
        if (!state_.cas(seen, kStopping, acq, rlx)) continue;
        wake_all(state_);
        pthread_join(thread_, nullptr);
        state_.store(kNone, rel);  // [E57] release: the next start() writes the handle
        wake_all(state_);
        return true;
    }
}

void Background::forbid() noexcept {
    // Relaxed: a child by vfork must leave its parent's thread alone.
    if (process_.load(rlx) != 0 && !is_ours()) return;
    forbidden_.store(1, seq_cst);  // [E57] seq_cst, as in start()
    static_cast<void>(stop());
    base::forbid_barriers();
}

void Background::continue_in_child() noexcept {
    state_.store(kNone, rlx);  // relaxed, both: there is one thread
    process_.store(0, rlx);
}

void Background::wake() noexcept {
    std::uint32_t asleep = kAsleep;
    // Relaxed: the word itself is all that is told.
    if (state_.cas(asleep, kAwake, rlx, rlx)) wake_all(state_);
}

// False: the thread must end.
bool Background::sleep(std::uint32_t state, long seconds) noexcept {
    const timespec limit{seconds, 0};
    wait_while(state_, state, seconds != kNoTimeout ? &limit : nullptr);
    const std::uint32_t now = state_.load(rlx);  // relaxed: an order to end
    return now == kAwake || now == kAsleep;
}

void* Background::main(void* self) noexcept {
    auto& own = *static_cast<Background*>(self);
    prctl(PR_SET_NAME, "ashlar");
    leave_own_cache();  // it never has one
    use_own_descriptors();
    // Relaxed: until the creator has its handle.
    while (own.state_.load(rlx) == kStarting) wait_while(own.state_, kStarting, nullptr);
    own.run();
    return nullptr;
}

void Background::pass(bool all) noexcept {
    if (all || under_pressure()) {
        each_heap([](Heap& heap) noexcept { static_cast<void>(heap.trim()); });
    } else {
        each_heap([](Heap& heap) noexcept { heap.return_idle(); });
    }
}

// Sleeps until some thread uses the heap.
void Background::rest() noexcept {
    std::uint32_t awake = kAwake;
    if (!state_.cas(awake, kAsleep, rlx, rlx)) return;  // relaxed: it must end
    // [E57] A thread whose note is not seen after the barrier sees the state,
    // and wakes this one.
    const bool sure = base::put_barriers();
    if (active_.load(rlx) != 0) return wake();
    while (state_.load(rlx) == kAsleep && sleep(kAsleep, sure ? kNoTimeout : kLongSeconds)) {
        if (!sure && active_.load(rlx) != 0) return wake();
    }
}

void Background::run() noexcept {
    unsigned quiet = 0;
    while (sleep(kAwake, kPassSeconds)) {
        const bool used = active_.exchange(0, rlx) != 0;  // relaxed: a note
        quiet = used ? 0 : quiet + 1;
        pass(quiet == kQuietPasses);
        if (quiet < kQuietPasses) continue;
        rest();
        quiet = 0;
    }
}

}  // namespace ashlar::cache
