// Arithmetic on words and masks.
#ifndef ASHLAR_BASE_BITS_HPP
#define ASHLAR_BASE_BITS_HPP

#include <bit>
#include <cstddef>
#include <cstdint>

namespace ashlar::base {

using Word = std::uint64_t;
inline constexpr unsigned kWordBits = 64;
inline constexpr unsigned kWordShift = 6;

constexpr unsigned lowest(Word word) noexcept {
    return static_cast<unsigned>(std::countr_zero(word));
}
constexpr unsigned highest(Word word) noexcept {
    return kWordBits - 1 - static_cast<unsigned>(std::countl_zero(word));
}
constexpr unsigned count(Word word) noexcept { return static_cast<unsigned>(std::popcount(word)); }
constexpr Word bit(unsigned position) noexcept { return Word{1} << position; }

// Bits [from, from + length) of a word; 1 <= length, from + length <= 64.
constexpr Word mask(unsigned from, unsigned length) noexcept {
    return (~Word{0} >> (kWordBits - length)) << from;
}

// The lowest `n` ones of a word, or all where there are fewer.
constexpr Word lowest_ones(Word word, unsigned n) noexcept {
    if (n >= kWordBits) return word;
    Word rest = word;
    for (unsigned i = 0; i < n && rest != 0; ++i) rest &= rest - 1;
    return word & ~rest;
}

// Not std::has_single_bit: without a popcount instruction that is a call.
constexpr bool is_power_of_two(std::size_t value) noexcept {
    return value != 0 && (value & (value - 1)) == 0;
}
constexpr std::size_t round_up(std::size_t value, std::size_t multiple) noexcept {
    return (value + multiple - 1) / multiple * multiple;
}

}  // namespace ashlar::base

#endif
