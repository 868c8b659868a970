// Atomic words without default orders: an access that does not name its order
// does not compile. All-zero memory is a valid array of them, so that fresh
// pages need no constructor. Every use says which other access it pairs with
// (docs/orderings.md).
#ifndef ASHLAR_BASE_ATOMIC_HPP
#define ASHLAR_BASE_ATOMIC_HPP

#include <type_traits>

#include "base/config.hpp"
#include "base/count.hpp"

namespace ashlar::base {

enum class Order : int {
    rlx = __ATOMIC_RELAXED,
    acq = __ATOMIC_ACQUIRE,
    rel = __ATOMIC_RELEASE,
    acq_rel = __ATOMIC_ACQ_REL,
    seq_cst = __ATOMIC_SEQ_CST,
};
inline constexpr Order rlx = Order::rlx;
inline constexpr Order acq = Order::acq;
inline constexpr Order rel = Order::rel;
inline constexpr Order acq_rel = Order::acq_rel;
inline constexpr Order seq_cst = Order::seq_cst;

template <class T>
class Atomic {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(void*),
                  "a word, lock-free everywhere");

  public:
    constexpr Atomic() noexcept = default;
    constexpr explicit Atomic(T value) noexcept : value_(value) {}
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    [[nodiscard]] T load(Order order) const noexcept {
        const T found = __atomic_load_n(&value_, static_cast<int>(order));
        count(Event::load, this);
        return found;
    }
    void store(T value, Order order) noexcept {
        __atomic_store_n(&value_, value, static_cast<int>(order));
        count(Event::store, this);
    }
    T exchange(T value, Order order) noexcept {
        const T found = __atomic_exchange_n(&value_, value, static_cast<int>(order));
        return counted(found, found != value);
    }
    T fetch_or(T bits, Order order) noexcept {
        const T found = __atomic_fetch_or(&value_, bits, static_cast<int>(order));
        return counted(found, (bits & ~found) != 0);
    }
    T fetch_and(T bits, Order order) noexcept {
        const T found = __atomic_fetch_and(&value_, bits, static_cast<int>(order));
        return counted(found, (found & ~bits) != 0);
    }
    T fetch_add(T amount, Order order) noexcept {
        return counted(__atomic_fetch_add(&value_, amount, static_cast<int>(order)), amount != 0);
    }
    T fetch_sub(T amount, Order order) noexcept {
        return counted(__atomic_fetch_sub(&value_, amount, static_cast<int>(order)), amount != 0);
    }
    // Strong; `expected` receives the value that was found.
    bool cas(T& expected, T desired, Order success, Order failure) noexcept {
        const bool done =
            __atomic_compare_exchange_n(&value_, &expected, desired, false,
                                        static_cast<int>(success), static_cast<int>(failure));
        if (!done) count(Event::cas_failed, this);
        counted(expected, done);
        return done;
    }

    // As cas(), while no other thread accesses the word. On x86-64 it is one
    // instruction, so that a signal handler sees it done or not begun.
    [[gnu::always_inline]] bool cas_alone(T& expected, T desired) noexcept {
        if constexpr (kX86 && !kHooked) {
            bool done;
            asm("cmpxchg %3, %1"
                : "=@cce"(done), "+m"(value_), "+a"(expected)
                : "q"(desired)
                : "memory");
            return done;
        } else {
            return cas(expected, desired, Order::rlx, Order::rlx);
        }
    }

  private:
    T counted(T found, bool changed) const noexcept {
        count(changed ? Event::change : Event::vain, this);
        return found;
    }

    T value_;
};

// Keeps the compiler, not the processor, from moving stores across: for state
// that a fork may cut at any instruction.
inline void compiler_fence() noexcept { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

// Tells the processor that this is a loop that waits for another one's store.
inline void pause() noexcept {
    if constexpr (kX86) {
        asm volatile("pause");
    } else if constexpr (kArm) {
        asm volatile("yield");
    }
}

// Hides from the compiler where a value came from. Costs no instruction.
template <class T>
inline void opaque(T& value) noexcept {
    asm("" : "+r"(value));
}

// A spinlock that is tried, never waited for. Both ends are read-modify-writes,
// [E9], but for leave().
class TryLock {
  public:
    // [E9] acq_rel, pairs with the exchange in unlock(): what the last holder
    // wrote; and the failing one puts the caller's hint before the holder's
    // unlock, whose look after it must find the hint. [E34] acquire, pairs with
    // leave().
    [[nodiscard]] bool try_lock() noexcept {
        const bool had = held_.exchange(1, acq_rel) == 0;
        count(had ? Event::lock_had : Event::lock_refused, this);
        return had;
    }
    // Tries a limited number of times, so that a stopped holder delays no
    // thread for longer.
    [[nodiscard]] bool lock_soon(unsigned tries, unsigned pauses = 1) noexcept {
        for (; tries > 0; --tries) {
            if (!looks_taken() && try_lock()) return true;
            for (unsigned i = 0; i < pauses; ++i) pause();
        }
        return false;
    }
    // A look, without the line's ownership.
    [[nodiscard]] bool looks_taken() const noexcept { return held_.load(rlx) != 0; }
    // [E9] acq_rel, pairs with the exchange in try_lock().
    void unlock() noexcept { held_.exchange(0, acq_rel); }
    // Releases without the hand-off check, for locks without a pending-work
    // hint: a plain store. [E34] release, pairs with the exchange in
    // try_lock().
    void leave() noexcept { held_.store(0, rel); }
    // Only for the child of a fork: the holder may not exist there, and no
    // other thread runs.
    void reset() noexcept { held_.store(0, rlx); }

  private:
    Atomic<unsigned> held_;
};

}  // namespace ashlar::base

#endif
