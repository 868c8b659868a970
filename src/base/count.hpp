// What happens to shared words, told to whoever counts it: bench/count/, which says how a program scales where no machine with
// that many cores is at hand. Without ASHLAR_COUNT it is nothing at all.
#ifndef ASHLAR_BASE_COUNT_HPP
#define ASHLAR_BASE_COUNT_HPP

#include "base/config.hpp"

namespace ashlar::base {

enum class Event : unsigned {
    load,
    store,
    change,      // a read-modify-write that changed the word
    vain,        // one that did not, a failed compare-and-swap included: mostly somebody else was first
    cas_failed,  // also told as `vain`
    lock_had,
    lock_refused,
};
inline constexpr unsigned kEvents = 7;

// Defined by whoever counts. Called after the access, by any thread in the middle of anything: it may neither allocate nor
// wait.
void note(Event event, const void* word) noexcept;

inline void count(Event event, const void* word) noexcept {
    if constexpr (kCounting) note(event, word);
}

}  // namespace ashlar::base

#endif
