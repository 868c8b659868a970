// The heap behind malloc, the life of a thread's cache, and every way that is not the hit path. Lock-free, any thread, from
// before the first constructor to after the last destructor.
#ifndef ASHLAR_CACHE_PROCESS_HPP
#define ASHLAR_CACHE_PROCESS_HPP

#include <cstddef>

#include "cache/core.hpp"
#include "cache/registry.hpp"

namespace ashlar::cache {

extern Registry registry;

// Reserves it on first use; nullptr where the system refuses even the smallest.
[[nodiscard]] Core* process() noexcept;
// nullptr where nobody has allocated yet.
[[nodiscard]] Core* existing_process() noexcept;
// The calling thread's cache, made on first use; nullptr: it has none (any more), or there is no memory for one.
[[nodiscard]] Cache* own_cache() noexcept;
// Gives it back, if the thread has one; from here on it has none.
void leave_own_cache() noexcept;
// The heap that an address belongs to, or nullptr.
[[nodiscard]] Core* owner_of(const void* address) noexcept;

// A block of at least `size` bytes at a multiple of `alignment` (a power of two); nullptr: no memory, or more than PTRDIFF_MAX.
[[nodiscard, gnu::noinline]] void* take(std::size_t size, std::size_t alignment) noexcept;
// The same, and whether it is known to be all zero.
[[nodiscard]] void* take_large(std::size_t size, std::size_t alignment, bool& zero) noexcept;
// As take(), but not counted among the allocations that can be made to fail (injection.hpp): for what a program can't see fail.
[[nodiscard]] void* take_uncounted(std::size_t size, std::size_t alignment) noexcept;
// Any pointer that free() may get, or may not.
[[gnu::noinline]] void give(void* block) noexcept;
// Usable bytes of a live block of any heap; ends the program over anything else.
[[nodiscard]] std::size_t size_of(const void* block) noexcept;

// Of the process heap and what it grew by, when its first region was full.
bool trim() noexcept;
[[nodiscard]] std::size_t check() noexcept;
struct Totals {
    std::size_t live, held, free, peak, reserved;
};
[[nodiscard]] Totals totals() noexcept;
[[nodiscard]] Totals totals(const Core& core) noexcept;

}  // namespace ashlar::cache

#endif
