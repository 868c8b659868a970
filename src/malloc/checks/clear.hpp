// Paranoid heaps keep free memory zero, and so is what lies behind the canaries
// of live blocks. So a program finds no bytes of an earlier life in a block,
// and a write into free memory is seen wherever it was. The caller owns the
// block.
#ifndef ASHLAR_MALLOC_CHECKS_CLEAR_HPP
#define ASHLAR_MALLOC_CHECKS_CLEAR_HPP

#include <cstddef>

namespace ashlar::checks {

// Bytes that a paranoid heap adds to what the program asks for, so that every
// block of a slab has room for a canary. Runs have a guard behind them.
inline constexpr std::size_t kRoom = 8;
[[nodiscard]] std::size_t with_room(std::size_t size) noexcept;

// Clears a block that becomes free. Of a run the pages go back to the system.
void clear(void* block, std::size_t usable) noexcept;
// Ends the program if a block of a slab is not zero, or the first bytes of a
// run.
void check_clear(const void* block, std::size_t usable) noexcept;
// Ends the program if bytes behind the canary of a live block are not zero. Of
// a run only those of the page where it ends are read.
void check_rest(const void* block, std::size_t usable, std::size_t slack) noexcept;
// A live block changes its size in place: clears the old canary, and the bytes
// that the program gives up.
void clear_between(void* block, std::size_t usable, std::size_t old_slack,
                   std::size_t slack) noexcept;
// The offset of the first byte in [from, to) that is not zero, or `to`.
[[nodiscard]] std::size_t first_used(const void* block, std::size_t from, std::size_t to) noexcept;

}  // namespace ashlar::checks

#endif
