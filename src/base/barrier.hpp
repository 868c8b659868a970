// Words that one thread, the owner, writes by plain instructions while other
// threads read or exchange them. The owner pays for no order. A thread that
// needs one lets the system put a barrier into every thread (membarrier).
// After the asymmetric barriers of userspace RCU (Desnoyers et al., 2012).
#ifndef ASHLAR_BASE_BARRIER_HPP
#define ASHLAR_BASE_BARRIER_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"

namespace ashlar::base {

// Whether the system has such barriers. One system call.
[[nodiscard]] bool enable_barriers() noexcept;
// A full barrier in every thread of the process. A thread that does not run has
// one before it runs again. One system call, and two more at the first call in
// a process. False: the system refused it.
bool put_barriers() noexcept;
// From now on put_barriers() returns false, without a system call.
void forbid_barriers() noexcept;
void allow_barriers() noexcept;  // for tests

// The order of the owner's stores. ThreadSanitizer does not know the barriers,
// so that it gets an order instead.
inline constexpr Order kOwnerOrder = kKnowsBarriers ? rlx : rel;
inline constexpr Order kReaderOrder = kKnowsBarriers ? rlx : acq;

// On x86-64 an aligned access is one whatever the instruction. Written as such,
// the address and the comparison become part of it, unlike with the compiler's
// relaxed atomics.
inline constexpr bool kOneInstruction = kX86 && !kHooked;

template <class T>
[[nodiscard]] inline T* owned_load(T* const& word) noexcept {
    if constexpr (kOneInstruction) {
        T* found;
        asm("movq %1, %0" : "=r"(found) : "m"(word));
        return found;
    } else {
        return __atomic_load_n(&word, static_cast<int>(kReaderOrder));
    }
}
[[nodiscard]] inline bool owned_equals(void* const& word, const void* value) noexcept {
    if constexpr (kOneInstruction) {
        bool equal;
        asm("cmpq %1, %2" : "=@cce"(equal) : "m"(word), "r"(value));
        return equal;
    } else {
        return owned_load(word) == value;
    }
}
template <class T>
inline void owned_store(T& word, T value) noexcept {
    __atomic_store_n(&word, value, static_cast<int>(kOwnerOrder));
}
// For the other threads.
template <class T>
[[nodiscard]] inline T* owned_exchange(T*& word, T* value) noexcept {
    return __atomic_exchange_n(&word, value, __ATOMIC_RELAXED);
}
// Only the owner writes the word. So the step needs no lock prefix; it is one
// instruction on x86-64.
template <std::ptrdiff_t step, class T>
inline void owned_step(T*& word) noexcept {
    if constexpr (kOneInstruction) {
        asm("addq %1, %0" : "+m"(word) : "i"(step * static_cast<std::ptrdiff_t>(sizeof(T))) : "cc");
    } else {
        owned_store(word, owned_load(word) + step);
    }
}

// A number that the owner changes, each time by one instruction on x86-64.
class OwnedCount {
  public:
    // Not reordered with what the program does before or after.
    void increment() noexcept { add<1>(); }
    // The same, and a release for the other threads.
    void decrement() noexcept { add<-1>(); }
    // For the child of a fork, where the owner does not exist.
    void reset() noexcept { value_ = 0; }
    [[nodiscard]] std::uint32_t load(Order order) const noexcept {
        return __atomic_load_n(&value_, static_cast<int>(order));
    }

  private:
    // On x86-64 every store is a release.
    template <int step>
    void add() noexcept {
        if constexpr (kOneInstruction) {
            asm volatile("addl %1, %0" : "+m"(value_) : "i"(step) : "cc", "memory");
        } else {
            compiler_fence();
            const auto next = load(rlx) + static_cast<std::uint32_t>(step);
            __atomic_store_n(&value_, next, static_cast<int>(step < 0 ? rel : rlx));
            compiler_fence();
        }
    }

    std::uint32_t value_;
};

}  // namespace ashlar::base

#endif
