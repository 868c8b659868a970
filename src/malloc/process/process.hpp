// The process heap behind malloc, the life of a thread's cache, and all paths
// other than the hit path. Lock-free, any thread, from before the first
// constructor to after the last destructor.
#ifndef ASHLAR_MALLOC_PROCESS_PROCESS_HPP
#define ASHLAR_MALLOC_PROCESS_PROCESS_HPP

#include <cstddef>

#include "malloc/heap/heap.hpp"
#include "malloc/process/registry.hpp"

namespace ashlar::cache {

extern Registry registry;
// 1: keep_guarded() was true once.
extern base::Atomic<std::uint32_t> guarded_stayed;

// The process heap, created on first use. nullptr: the system refuses even the
// smallest.
[[nodiscard]] Heap* process() noexcept;
// The process heap, or nullptr before its first use.
[[nodiscard]] Heap* existing_process() noexcept;
// The calling thread's cache, made on first use; nullptr: it has none (any
// more), or there is no memory for one.
[[nodiscard]] Cache* own_cache() noexcept;
// Hides the calling thread's cache from the hit paths, if hidden caches are
// wanted by now. It stays the thread's.
void hide_own_cache() noexcept;
// Gives the calling thread's cache back, if it has one. The thread gets no
// other.
void leave_own_cache() noexcept;
// The heap that an address belongs to, or nullptr.
[[nodiscard]] Heap* owner_of(const void* address) noexcept;

// The level of the process heap, of those that it grows by, and of mapped
// blocks. The product gives it (start_level); fixed by the first use.
[[nodiscard]] CheckLevel check_level() noexcept;
// Of the product: the level that the user wants. None: the default.
[[gnu::weak]] CheckLevel start_level() noexcept;
// Whether a block, or what may be one, belongs to a heap that checks.
[[nodiscard]] CheckLevel level_of(const void* block) noexcept;
[[nodiscard]] bool is_checked(const void* block) noexcept;
// The hooks of a heap's checks, for blocks on their way to the program and
// back. handed_out() returns `found`.
[[nodiscard]] Allocation handed_out(const Allocation& found, std::size_t size) noexcept;
void handed_out(const Heap& heap, const Allocation& found, std::size_t size) noexcept;
void taken_back(const Heap& heap, void* block, base::Bin bin, std::size_t size) noexcept;
inline constexpr std::size_t kAnySize = checks::Checks::kAnySize;

// The cache of a thread of a process that checks; nullptr: it has none, or the
// process does not check. tls_cache is the constant one then, so that every
// call takes the slow path, where the checks are.
extern constinit thread_local Cache* checked_cache [[gnu::tls_model("initial-exec")]];
// The same where stacks are recorded: the hits below do not record.
extern constinit thread_local Cache* recorded_cache [[gnu::tls_model("initial-exec")]];
[[nodiscard]] inline Cache* hidden_cache() noexcept {
    return checked_cache != nullptr ? checked_cache : recorded_cache;
}
// Hits of a thread with such a cache, which is not null. On a miss they go on
// with slow(size), or with give_sized().
[[nodiscard]] void* take_checked(Cache& own, std::size_t size, void* (*slow)(std::size_t)) noexcept;
[[nodiscard]] void* take_checked_aligned(Cache& own, std::size_t size,
                                         std::size_t alignment) noexcept;
void give_checked(Cache& own, void* block, std::size_t size) noexcept;

// The miss path of every entry point. The caller has found the bin of the
// request empty, if it has a cache; a movable request has no bin. nullptr: out
// of memory, more than PTRDIFF_MAX, or an injected failure.
[[nodiscard, gnu::noinline]] Allocation allocate(const Request& request) noexcept;
// Up to n small blocks of one size into out[]. Fewer: out of memory, no cache,
// or a size that only allocate() serves.
[[nodiscard]] std::size_t allocate_batch(std::size_t size, void** out, std::size_t n) noexcept;
// Changes the size of a large block without copying it; the address may change.
// nullptr: nothing changed.
[[nodiscard]] void* resize_large(void* block, std::size_t from, std::size_t to) noexcept;
// Frees a block of any heap, or does nothing for nullptr. Ends the program over
// a pointer that it finds to be no live block.
[[gnu::noinline]] void give(void* block) noexcept;
// The same, if the heap of the block checks: `size` is what the program says
// that it asked for.
void give_sized(void* block, std::size_t size) noexcept;
// A block that has passed the checks. `bin` is that of the page map.
void give_to(Heap& heap, void* block, base::Bin bin) noexcept;
// Usable bytes of a live block of any heap; ends the program over anything
// else. If its heap checks: the bytes that were asked for.
[[nodiscard]] std::size_t size_of(const void* block) noexcept;
// For blocks with is_checked(): what was asked for, and what there is room for.
// Ends the program as size_of().
using CheckedSizes = checks::Checks::Sizes;
[[nodiscard]] CheckedSizes checked_sizes(const void* block) noexcept;
// After a failed realloc to a smaller size: whether the block is a guarded one.
// Such a block keeps its size; a sized free may name a smaller one from now on.
[[nodiscard]] bool keep_guarded(const void* block) noexcept;
// From now on the program has `size` bytes of a live block, in place. False: it
// does not fit.
[[nodiscard]] bool resize_checked(void* block, std::size_t size) noexcept;

// Gives the blocks of all caches back to their slabs, which ends the program if
// one was freed twice or is no block. Returns no memory to the system.
void look_at_caches() noexcept;
// At the levels from `full` on, for the exit of a program: compares all blocks.
// So writes are told that no call of free() or malloc() has found. Does nothing
// if another thread may use the heap, or while a signal is blocked.
void compare_blocks() noexcept;
// For the process heap and the heaps that it grew by.
bool trim() noexcept;
// Returns free memory to the system, and what the caller's cache and the shared
// parts of the heaps keep. For a process that is short of memory. Free runs of
// less than `least` units stay as they are. Returns how many system calls that
// took.
std::uint32_t relieve(std::uint32_t least) noexcept;
[[nodiscard]] std::size_t check() noexcept;
// Releases address space of the process heap that was reserved and never used.
void release_reservation() noexcept;
struct Totals {
    std::size_t live, held, free, peak, reserved;
};
[[nodiscard]] Totals totals() noexcept;
[[nodiscard]] Totals totals(const Heap& heap) noexcept;

}  // namespace ashlar::cache

#endif
