// The caches of a thread and its signal handlers. A handler may interrupt the
// allocator at any instruction, so it never uses the cache of the code that it
// interrupted: at its first miss it gets another one. Each function is for the
// calling thread, and a handler that calls it may interrupt it anywhere. One
// store at a time changes what a nested handler sees.
//
//   frames   | 0: a handler | 1: one that interrupted it | ...
//            interrupted: the cache that is used again when the handler returns
//            chosen:      the cache of the handler, if it needed one
#ifndef ASHLAR_MALLOC_PROCESS_HANDLERS_HPP
#define ASHLAR_MALLOC_PROCESS_HANDLERS_HPP

#include <signal.h>
#include <ucontext.h>
#include <cstdint>
#include <span>

#include "malloc/cache/cache.hpp"

namespace ashlar::cache {

// A stack pointer, and whether it lies in the thread's alternate stack.
struct StackPlace {
    std::uintptr_t pointer;
    bool alternate;
};

// Of a frame of the calling thread. One system call.
[[nodiscard]] StackPlace stack_place(const void* frame) noexcept;
// Of a stack pointer, in a thread with that alternate stack.
[[nodiscard]] StackPlace place_within(const stack_t& alternate, std::uintptr_t pointer) noexcept;
// Of the code that a signal has interrupted.
[[nodiscard]] StackPlace interrupted_place(const ucontext_t& context) noexcept;

// The result of enter_handler(), for leave_handler().
struct InterruptedCode {
    ThreadCache* cache;
    std::uint32_t level;
};

// A handler begins. `interrupted`: a place at or below that of the code that it
// interrupted, if they are on the same stack. `frame`: a place above all that
// the handler uses of its stack.
[[nodiscard]] InterruptedCode enter_handler(const StackPlace& interrupted,
                                            const StackPlace& frame) noexcept;
// For a handler whose context is not known. One system call.
[[nodiscard]] InterruptedCode enter_handler() noexcept;
// The handler that got `code` ends.
void leave_handler(const InterruptedCode& code) noexcept;

// A word of one thread, which its handlers use as well.
template <class T>
class OwnWord {
  public:
    // Relaxed, all: handlers see the stores of their thread in the order of the
    // program, [E63].
    [[nodiscard]] T get() const noexcept { return word_.load(base::rlx); }
    void set(T value) noexcept { word_.store(value, base::rlx); }
    // Relaxed, as above. One step, also for a handler that interrupts it.
    bool replace(T from, T to) noexcept { return word_.cas(from, to, base::rlx, base::rlx); }
    T exchange(T value) noexcept { return word_.exchange(value, base::rlx); }

  private:
    base::Atomic<T> word_;
};

class ThreadHandlers {
  public:
    static constexpr std::uint32_t kCaches = 3;  // of the thread, and of two nested handlers
    static constexpr std::uint32_t kLevels = 4;  // deeper handlers leave no note

    // Whether handlers have begun that have not returned.
    [[nodiscard]] bool any() const noexcept { return depth_.get() != 0; }
    // The cache that the thread took before its registration was interrupted
    // for ever; nullptr: none.
    [[nodiscard]] Cache* first() const noexcept { return caches_[0].get(); }
    void set_first(Cache* cache) noexcept { caches_[0].set(cache); }
    // The thread's calls use `cache` from now on; with full checks they find it
    // on the slow path only.
    static void use(ThreadCache* cache) noexcept;
    // From now on the thread's end calls end(), and handlers may have caches.
    void registered() noexcept { stage_.set(kRegistered); }
    // Gives all caches of the thread back. It gets no other.
    void end() noexcept;

    // Forgets handlers that have ended by siglongjmp(), and mends the caches
    // that they have cut. `here`: of the caller.
    void settle(const StackPlace& here) noexcept;
    // A cache for the code that has kHandlerCache: a handler, or code that a
    // handler continued by siglongjmp(). nullptr: none is left for it.
    [[nodiscard]] Cache* choose() noexcept;
    // The caches of the thread, some of them null.
    [[nodiscard]] std::span<Cache* const> list(Cache* (&into)[kCaches]) const noexcept;

    [[nodiscard]] InterruptedCode enter(const StackPlace& interrupted,
                                        const StackPlace& frame) noexcept;
    void leave(const InterruptedCode& code) noexcept;
    // Whether the handler that began last may still run, seen from `pointer`.
    [[nodiscard]] bool looks_alive(std::uintptr_t pointer) const noexcept;

  private:
    // The values of `stage_`.
    static constexpr std::uint32_t kNew = 0;
    static constexpr std::uint32_t kRegistered = 1;
    static constexpr std::uint32_t kEnded = 2;

    struct Frame {
        OwnWord<ThreadCache*> interrupted;
        OwnWord<Cache*> chosen;
        // The place above the handler; bit 0: on the alternate stack. 0: not
        // known yet, and the handler counts as running.
        OwnWord<std::uintptr_t> place;
    };

    [[nodiscard]] std::uint32_t frames() const noexcept {
        const std::uint32_t depth = depth_.get();
        return depth < kLevels ? depth : kLevels;
    }
    [[nodiscard]] bool uses(const Frame& except, const ThreadCache* cache) const noexcept;
    [[nodiscard]] Cache* choose_cut(Frame& frame) noexcept;
    [[nodiscard]] Cache* choose_whole(Frame& frame) noexcept;
    [[nodiscard]] Cache* take_further(Frame& frame) noexcept;
    [[nodiscard]] Cache* choose_any(Frame& frame) noexcept;
    void forget_ended(const StackPlace& here) noexcept;

    OwnWord<Cache*> caches_[kCaches];  // [0]: that of the thread's first miss
    Frame frames_[kLevels];
    OwnWord<std::uint32_t> depth_;
    OwnWord<std::uint32_t> stage_;
};

extern constinit thread_local ThreadHandlers thread_handlers [[gnu::tls_model("initial-exec")]];

}  // namespace ashlar::cache

#endif
