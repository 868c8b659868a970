// Cache: what the hits of paranoid processes need inline. For the owner of the
// cache, inside an OwnerScope.
#ifndef ASHLAR_MALLOC_CACHE_QUARANTINE_INLINE_HPP
#define ASHLAR_MALLOC_CACHE_QUARANTINE_INLINE_HPP

#include "malloc/cache/cache.hpp"

namespace ashlar::cache {

// The newest block of the bin takes the place of the one that is taken. It
// leaves the top first, so that no block is ever in two slots.
[[gnu::always_inline]] inline void* Cache::pop_random(base::Bin bin) noexcept {
    if (quarantine == nullptr) [[unlikely]]
        return pop(bin);
    void** const at = bottom(bin);
    void** const newest = top[bin] - 1;
    if (newest < at) [[unlikely]]
        return nullptr;
    void** const chosen = at + quarantine->random(static_cast<std::uint32_t>(newest - at) + 1);
    void* const block = *chosen;
    void* const moved = *newest;
    top[bin] = newest;
    base::compiler_fence();
    if (chosen != newest) *chosen = moved;
    return block;
}

// As give(), after a while in the quarantine, which the cache has. Calls
// check(block, class) for each block of a class that leaves it.
template <class F>
[[gnu::always_inline]] inline void Cache::put_in_quarantine(void* block, base::Bin bin,
                                                            F check) noexcept {
    quarantine->put(block, weight_of_bin(bin), [this, check](void* leaving) noexcept {
        const auto its = static_cast<base::Bin>(pages.bin_within(leaving));
        if (base::is_run(its)) [[unlikely]] {
            heap->give_closed_run(leaving);
        } else {
            check(leaving, its);
            if (!push(leaving, its)) [[unlikely]]
                give(leaving, its);
        }
        return weight_of_bin(its);
    });
}

}  // namespace ashlar::cache

#endif
