// process: what the level `paranoid` adds on the way of a block to the program
// and back. Lock-free, any thread.
#ifndef ASHLAR_MALLOC_PROCESS_PARANOID_HPP
#define ASHLAR_MALLOC_PROCESS_PARANOID_HPP

#include <cstddef>

#include "malloc/checks/clear.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::cache {

[[nodiscard]] inline bool paranoid() noexcept { return check_level() == CheckLevel::paranoid; }

// A block for the request, with room for a canary, from get(); or one of size
// 0 that can't be touched.
[[nodiscard]] Allocation allocate_checked(const Request& request,
                                          Allocation (*get)(const Request&)) noexcept;
// A hit of a thread's cache: any block of the bin.
[[nodiscard]] void* take_paranoid(Cache& own, std::size_t size,
                                  void* (*slow)(std::size_t)) noexcept;
// The same for a class that the caller has chosen; nullptr: a miss.
[[nodiscard]] void* take_paranoid_aligned(Cache& own, base::Bin bin, std::size_t size) noexcept;
// Ends the program over what is no live block of that class.
[[noreturn, gnu::cold]] void refuse_block(const Cache& own, void* block, base::Bin bin) noexcept;
// After the hit that used up the credit. Returns the block.
[[nodiscard, gnu::noinline, gnu::cold]] void* renew_after_hit(Cache& own, void* block) noexcept;
// As give_sized(), for what may be a block of a slab of the heap of a thread's
// cache.
void give_paranoid(Cache& own, void* block, base::Bin bin, std::size_t size) noexcept;
// Frees a block, inside an OwnerScope: it waits in the quarantine. A run can't
// be touched from now on.
void detain(Cache& own, void* block, base::Bin bin) noexcept;
// Ends the program if bytes between a mapped block and its last page's end are
// not zero.
void check_mapped(const void* block) noexcept;

}  // namespace ashlar::cache

#endif
