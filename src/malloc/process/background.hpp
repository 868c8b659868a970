// The background thread. Once a second, while the program allocates, it returns
// memory that rests. Some seconds after the last use of the heap it returns all
// that it can. Then it sleeps without a timeout. No other thread waits for it,
// but in stop() and forbid(): all that it does is lock-free.
//
//   none -> starting -> awake <-> asleep -> stopping -> none
#ifndef ASHLAR_MALLOC_PROCESS_BACKGROUND_HPP
#define ASHLAR_MALLOC_PROCESS_BACKGROUND_HPP

#include <pthread.h>

#include "base/atomic.hpp"

namespace ashlar::cache {

class Background {
  public:
    using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

    // Starts the thread, unless there is one, or it is forbidden, or starting
    // it has failed often. Only where the caller holds no lock of libc:
    // pthread_create() takes some.
    void start(Create create) noexcept;
    // Ends the thread, and waits for its end. True: there was one. In a child
    // by vfork or clone, which may not know that it is a child: false.
    bool stop() noexcept;
    // Ends it for ever, and all barriers of the system with it: the program is
    // about to give up rights, or to filter its system calls.
    void forbid() noexcept;
    // In the child of a fork: there is no thread.
    void continue_in_child() noexcept;

    // Relaxed: only the caller could start it meanwhile.
    [[nodiscard]] bool runs() const noexcept { return state_.load(base::rlx) != kNone; }

    // Some thread uses the heap. For slow paths; a system call only if the
    // background thread sleeps without a timeout. Lock-free, any thread.
    void notify() noexcept {
        // [E57] The store comes first for the compiler: the background thread
        // puts the barrier between it and the load.
        if (active_.load(base::rlx) == 0) active_.store(1, base::rlx);
        base::compiler_fence();
        if (state_.load(base::rlx) == kAsleep) [[unlikely]]
            wake();
    }

  private:
    static constexpr std::uint32_t kNone = 0;
    static constexpr std::uint32_t kStarting = 1;
    static constexpr std::uint32_t kAwake = 2;
    static constexpr std::uint32_t kAsleep = 3;
    static constexpr std::uint32_t kStopping = 4;
    static constexpr std::uint32_t kMostFailures = 3;

    static void* main(void* self) noexcept;
    void run() noexcept;
    void pass(bool all) noexcept;
    void rest() noexcept;
    [[nodiscard]] bool sleep(std::uint32_t state, long seconds) noexcept;
    void wake() noexcept;
    [[nodiscard]] bool is_ours() const noexcept;

    base::Atomic<std::uint32_t> state_;      // the word that it sleeps on
    base::Atomic<std::uint32_t> active_;     // 1: the heap was used since the last look
    base::Atomic<std::uint32_t> forbidden_;  // 1: for ever
    base::Atomic<std::uint32_t> failures_;   // of pthread_create()
    base::Atomic<std::int32_t> process_;     // that has the thread
    pthread_t thread_;                       // written before kAwake, read after it [E57]
};

extern Background background;

}  // namespace ashlar::cache

#endif
