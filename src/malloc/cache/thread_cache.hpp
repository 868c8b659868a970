// A thread's own free blocks: a stack of pointers for each bin. A hit has no
// atomic operation: this is the hit path of malloc and free. A block leaves its
// bin before it is given elsewhere, and enters it only after it was taken
// elsewhere. One store to `top` does that, so that a fork may cut anywhere. A
// thread without a cache has `kNoCache`, whose bins are empty and which has no
// pages: its first use is a miss.
//
//   slots of a bin | null | block | block | ...          |
//                          ^bottom         ^top    ^limit ^capacity
//                  empty: top == bottom, top[-1] is null
#ifndef ASHLAR_MALLOC_CACHE_THREAD_CACHE_HPP
#define ASHLAR_MALLOC_CACHE_THREAD_CACHE_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/barrier.hpp"
#include "base/size_class.hpp"
#include "core/spans/page_map.hpp"

namespace ashlar::cache {

class BackEnd;

inline constexpr std::size_t kMaxInline = 1024;  // largest size that malloc() looks up by the byte

inline constexpr auto kBinOfSize = [] {
    std::array<std::uint8_t, kMaxInline + 1> table{};
    for (std::size_t size = 0; size <= kMaxInline; ++size)
        table[size] = static_cast<std::uint8_t>(base::class_of_size(size));
    return table;
}();

// Larger sizes up to kMaxSmall, in steps of 256 bytes: no class above 1 KiB has
// a finer step.
inline constexpr auto kBinOfQuarters = [] {
    std::array<std::uint8_t, base::kMaxSmall / 256 + 1> table{};
    for (std::size_t i = 1; i < table.size(); ++i)
        table[i] = static_cast<std::uint8_t>(base::class_of_size(i * 256));
    return table;
}();

inline constexpr auto kSizeOfBin = [] {
    std::array<std::uint32_t, base::kBins> table{};
    for (base::Bin bin = 1; bin < base::kBins; ++bin)
        table[bin] = static_cast<std::uint32_t>(base::size_of_bin(bin));
    return table;
}();

// The fields of a cache that the hit path uses, and all that the constant
// caches have. One thread at a time uses them. Others read them only when the
// thread is gone or the heap is quiet.
struct ThreadCache {
    // Programs often write to the first line of many pages. A cache begins at a
    // page: `pages` comes after the arrays, so as not to share that line's set.
    void** limit[base::kBins];  // where a push overflows; grows with use up to the bin's capacity
    void** top[base::kBins];    // one past the newest block
    spans::PageMap pages;       // of the heap's region; pointers outside take the slow path
    BackEnd* heap;              // the back end of its heap; null in the constant caches
    std::uint32_t credit;       // calls of spend() until the thread reads the clock

    // Called on hits outside the shortest paths of malloc and free. So a thread
    // that never misses still collects its idle bins now and then. Not for the
    // constant caches, which never hit.
    void spend() noexcept {
        if (--credit == 0) [[unlikely]]
            renew();
    }
    void renew() noexcept;

    // The newest block of a bin, or nullptr: a miss. [E56]: another thread may
    // take blocks from below meanwhile.
    [[nodiscard]] void* pop(std::size_t bin) noexcept {
        void* block = base::owned_load(base::owned_load(top[bin])[-1]);
        // Here and in push(): the compiler indexes again, and keeps no address
        // in a register.
        base::opaque(bin);
        if (block != nullptr) [[likely]]
            base::owned_step<-1>(top[bin]);
        return block;
    }

    // Pushes a block to the bin that the page map names. False: the pointer has
    // no bin (null, foreign, very large), the bin is full, or the block is on
    // top of its bin already: freed twice in a row.
    [[nodiscard]] bool push(void* block) noexcept {
        return pages.contains(block) && push(block, pages.bin_within(block));
    }
    [[nodiscard]] bool push(void* block, std::size_t bin) noexcept {
        void** const at = base::owned_load(top[bin]);
        base::opaque(bin);
        if (at == limit[bin] || base::owned_equals(at[-1], block)) [[unlikely]]
            return false;
        base::owned_store(*at, block);
        base::compiler_fence();  // the slot, then the top: a fork may cut between
        base::opaque(bin);
        base::owned_step<1>(top[bin]);
        return true;
    }
};

// Without limits, which only pointers in `pages` are compared with: the loader
// relocates each pointer of a constant cache at the start of each process.
struct ConstantCache : ThreadCache {
    constexpr ConstantCache() noexcept;
};
extern ConstantCache kNoCache;  // of a thread that has not allocated yet
// Of one that has given its cache back, or can't have one: it uses the shared
// caches.
extern ConstantCache kPastCache;
// Of one that runs a signal handler, until the handler's first miss.
extern ConstantCache kHandlerCache;

extern constinit thread_local ThreadCache* tls_cache [[gnu::tls_model("initial-exec")]];

// A hit of the calling thread in a bin of runs; nullptr: a miss. Runs are
// popped inside an OwnerScope.
[[nodiscard]] void* pop_run(base::Bin bin) noexcept;

}  // namespace ashlar::cache

#endif
