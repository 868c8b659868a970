// Splits a run of units into the words of a bitmap. No state of its own, any
// thread.
#ifndef ASHLAR_CORE_SPANS_EACH_WORD_HPP
#define ASHLAR_CORE_SPANS_EACH_WORD_HPP

#include <cstdint>

#include "base/bits.hpp"
#include "base/config.hpp"

namespace ashlar::spans {

// Calls f(word, mask) for each word that a run has units in, in rising order.
// Stops and returns false when f does.
template <class F>
bool each_word(base::UnitId start, std::uint32_t units, F f) noexcept {
    const base::UnitId end = start + units;
    while (start < end) {
        const std::uint32_t in_word = start % base::kWordBits;
        const std::uint32_t room = base::kWordBits - in_word;
        const std::uint32_t n = end - start < room ? end - start : room;
        if (!f(start / base::kWordBits, base::mask(in_word, n))) return false;
        start += n;
    }
    return true;
}

}  // namespace ashlar::spans

#endif
