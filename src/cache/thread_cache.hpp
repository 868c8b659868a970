// A thread's own blocks: one stack of pointers per bin, no atomic operation on a hit. This is the hit path of malloc and free.
//
//   slots of a bin   | null | block | block | ...          |
//                           ^bottom         ^top    ^limit ^capacity        empty: top == bottom, top[-1] is null
//
// `top` changes by one store, before a block can be seen elsewhere and after it has left there, so that a fork may cut
// anywhere. A thread without a cache has `kNoCache`, whose bins are empty and full at once: first use is a miss.
#ifndef ASHLAR_CACHE_THREAD_CACHE_HPP
#define ASHLAR_CACHE_THREAD_CACHE_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/size_class.hpp"

namespace ashlar::cache {

class Core;

inline constexpr std::size_t kMaxInline = 1024;  // sizes that malloc() looks up in a table by the byte

inline constexpr auto kBinOfSize = [] {
    std::array<std::uint8_t, kMaxInline + 1> table{};
    for (std::size_t size = 0; size <= kMaxInline; ++size) table[size] = static_cast<std::uint8_t>(base::class_of_size(size));
    return table;
}();

// From there to kMaxSmall by the quarter of a KiB: no class above 1 KiB has a finer step.
inline constexpr auto kBinOfQuarters = [] {
    std::array<std::uint8_t, base::kMaxSmall / 256 + 1> table{};
    for (std::size_t i = 1; i < table.size(); ++i) table[i] = static_cast<std::uint8_t>(base::class_of_size(i * 256));
    return table;
}();

inline constexpr auto kSizeOfBin = [] {
    std::array<std::uint32_t, base::kBins> table{};
    for (base::Bin bin = 1; bin < base::kBins; ++bin) table[bin] = static_cast<std::uint32_t>(base::size_of_bin(bin));
    return table;
}();

// What the hit path needs of a cache, and all that the constant caches have. Plain words of one thread: others read them only
// when the thread is gone or the heap is quiet.
struct Front {
    std::uintptr_t base;  // of the region; together with `units` it sends every pointer of nobody's to the slow door
    std::uintptr_t units;
    const base::Atomic<std::uint8_t>* map;  // the bin of each unit
    Core* core;                             // null in the constant caches
    void** top[base::kBins];                // one past the newest block
    void** limit[base::kBins];              // where a push overflows; grows with use up to the bin's capacity

    // The newest block of a bin, or nullptr: a miss.
    [[nodiscard]] void* pop(std::size_t bin) noexcept {
        void* block = top[bin][-1];
        base::opaque(bin);  // here and in push(): the compiler indexes each time, and keeps no address in a register for it
        if (block != nullptr) [[likely]]
            --top[bin];
        return block;
    }

    // Takes a block into the bin that the map names. False: a pointer without a bin (null, foreign, very large), a full bin, or
    // a block that already lies on its bin's top: freed twice in a row.
    [[nodiscard]] bool push(void* block) noexcept {
        const std::uintptr_t unit = (reinterpret_cast<std::uintptr_t>(block) - base) >> base::kUnitShift;
        if (unit >= units) [[unlikely]]
            return false;
        return push(block, bin_of_unit(unit));
    }
    [[nodiscard]] bool push(void* block, std::size_t bin) noexcept {
        void** const at = top[bin];
        base::opaque(bin);
        if (at == limit[bin] || at[-1] == block) [[unlikely]]
            return false;
        *at = block;
        base::compiler_fence();  // the slot, then the top: a fork may cut between
        base::opaque(bin);
        ++top[bin];
        return true;
    }

    // The bin that a pointer belongs to; 0, which is always full, for what has none.
    [[nodiscard]] base::Bin bin_of(const void* block) const noexcept {
        const std::uintptr_t unit = (reinterpret_cast<std::uintptr_t>(block) - base) >> base::kUnitShift;
        return unit < units ? static_cast<base::Bin>(bin_of_unit(unit)) : 0;
    }
    [[nodiscard]] std::size_t bin_of_unit(std::uintptr_t unit) const noexcept {
        return map[unit].load(base::rlx);  // relaxed: who frees a block had it handed over by whoever allocated it
    }
};

struct ConstantCache : Front {
    constexpr ConstantCache() noexcept;
};
extern ConstantCache kNoCache;    // of a thread that has not allocated yet
extern ConstantCache kPastCache;  // of one that has given its cache back, or can't have one: it uses the shared caches

extern constinit thread_local Front* tls_cache [[gnu::tls_model("initial-exec")]];

}  // namespace ashlar::cache

#endif
