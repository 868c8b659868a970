// Paranoid heaps keep free memory zero, and so is what lies behind the canaries
// of live blocks. So a program finds no bytes of an earlier life in a block,
// and a write into free memory is seen wherever it was. The caller owns the
// block.
#ifndef ASHLAR_MALLOC_CHECKS_CLEAR_HPP
#define ASHLAR_MALLOC_CHECKS_CLEAR_HPP

#include <cstddef>

#include "malloc/checks/pattern.hpp"

namespace ashlar::checks {

// Bytes that a paranoid heap adds to what the program asks for, so that every
// block of a slab has room for a canary. Runs have a guard behind them.
inline constexpr std::size_t kRoom = 8;
[[nodiscard]] std::size_t with_room(std::size_t size) noexcept;

// Clears a block that becomes free. Of a run of several units the pages go back
// to the system.
void clear_long(void* block, std::size_t usable) noexcept;
[[gnu::always_inline]] inline void clear(void* block, std::size_t usable) noexcept {
    usable <= kMostFilled ? fill(block, usable, 0) : clear_long(block, usable);
}
// Ends the program if a block of a slab is not zero, or the first bytes of a
// run.
void check_clear_long(const void* block, std::size_t usable) noexcept;
[[gnu::always_inline]] inline void check_clear(const void* block, std::size_t usable) noexcept {
    usable <= kMostFilled ? check_zero(block, usable) : check_clear_long(block, usable);
}
// Ends the program if bytes behind the canary of a live block are not zero. Of
// a run only those of the page where it ends are read.
void check_long_rest(const void* block, std::size_t usable, std::size_t slack) noexcept;
[[gnu::always_inline]] inline void check_rest(const void* block, std::size_t usable,
                                              std::size_t slack) noexcept {
    constexpr std::size_t kCanary = sizeof(Pair);
    if (slack <= kCanary) return;
    // Up to 16 bytes: those of the last pair.
    const auto* const last = reinterpret_cast<const LoosePair*>(
        static_cast<const unsigned char*>(block) + usable - sizeof(Pair));
    if (slack <= 2 * kCanary && !any(*last & last_bytes(slack - kCanary))) [[likely]]
        return;
    check_long_rest(block, usable, slack);
}
// A live block changes its size in place: clears the old canary, and the bytes
// that the program gives up.
void clear_between(void* block, std::size_t usable, std::size_t old_slack,
                   std::size_t slack) noexcept;
// The offset of the first byte in [from, to) that is not zero, or `to`.
[[nodiscard]] std::size_t first_used(const void* block, std::size_t from, std::size_t to) noexcept;

}  // namespace ashlar::checks

#endif
