// Reports accesses to shared words to a counter: bench/count/, which estimates
// how a program scales to more cores than the machine has. Without ASHLAR_COUNT
// it is empty.
#ifndef ASHLAR_BASE_COUNT_HPP
#define ASHLAR_BASE_COUNT_HPP

#include "base/config.hpp"

namespace ashlar::base {

enum class Event : unsigned {
    load,
    store,
    change,  // a read-modify-write that changed the word
    vain,    // one that did not, a failed compare-and-swap included: mostly because another thread
             // was first
    cas_failed,  // also told as `vain`
    lock_had,
    lock_refused,
};
inline constexpr unsigned kEvents = 7;

// Defined by the counter. Called after the access, by any thread inside any
// operation: it may neither allocate nor wait.
void note(Event event, const void* word) noexcept;

inline void count(Event event, const void* word) noexcept {
    if constexpr (kCounting) note(event, word);
}

}  // namespace ashlar::base

#endif
