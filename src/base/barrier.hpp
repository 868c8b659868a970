// Words that one thread, the owner, writes by plain instructions while other
// threads read or exchange them. The owner pays for no order. A thread that
// needs one lets the system put a barrier into every thread (membarrier).
// After the asymmetric barriers of userspace RCU (Desnoyers et al., 2012).
#ifndef ASHLAR_BASE_BARRIER_HPP
#define ASHLAR_BASE_BARRIER_HPP

#include <cstddef>

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

}  // namespace ashlar::base

#endif
