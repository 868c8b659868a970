// A thread's own blocks: one stack of pointers per bin, no atomic operation on a hit. This is the hit path of malloc and free.
//
//   slots of a bin   | null | block | block | ...          |
//                           ^bottom         ^top    ^limit ^capacity        empty: top == bottom, top[-1] is null
//
// `top` changes by one store, before a block can be seen elsewhere and after it has left there, so that a fork may cut anywhere
// (protocol, F1 to F3). A thread without a cache has `kNoCache`, whose bins are empty and full at once: first use is a miss.
#ifndef ASHLAR_CACHE_THREAD_CACHE_HPP
#define ASHLAR_CACHE_THREAD_CACHE_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/size_class.hpp"

namespace ashlar::cache {

class Core;

struct Slots {
    base::Atomic<void**> top;  // relaxed: its thread's own; others read it when the thread is gone or the heap is quiet
    void** limit;              // where a push overflows; grows with use up to the bin's capacity
};
static_assert(sizeof(Slots) == base::kBinBytes);

inline constexpr std::size_t kMaxInline = 1024;  // sizes that malloc() looks up in a table by the byte

inline constexpr auto kEntryOfSize = [] {
    std::array<std::uint16_t, kMaxInline + 1> table{};
    for (std::size_t size = 0; size <= kMaxInline; ++size) table[size] = base::map_entry(base::class_of_size(size));
    return table;
}();

// What the hit path needs of a cache, and all that the constant caches have.
struct Front {
    std::uintptr_t base;   // of the region; together with `units` it sends every pointer of nobody's to the slow door
    std::uintptr_t units;
    const base::Atomic<std::uint16_t>* map;
    Core* core;            // null in the constant caches
    Slots bins[base::kBins];

    [[nodiscard]] Slots& slots(std::uint16_t entry) noexcept {
        return *reinterpret_cast<Slots*>(reinterpret_cast<char*>(bins) + entry);
    }

    // The newest block of a bin, or nullptr: a miss.
    [[nodiscard]] void* pop(std::uint16_t entry) noexcept {
        Slots& bin = slots(entry);
        void** top = bin.top.load(base::rlx);
        void* block = top[-1];
        if (block != nullptr) [[likely]] bin.top.store(top - 1, base::rlx);
        return block;
    }

    // What the map says of a pointer; 0, the bin that is always full, for null, foreign and very large ones.
    [[nodiscard]] std::uint16_t entry_of(const void* block) const noexcept {
        const std::uintptr_t unit = (reinterpret_cast<std::uintptr_t>(block) - base) >> base::kUnitShift;
        // Relaxed: who frees a block had it handed over by whoever allocated it.
        return unit < units ? map[unit].load(base::rlx) : std::uint16_t{0};
    }

    // False: the bin is full, or the block already lies on its top (freed twice in a row).
    [[nodiscard]] bool push(void* block, std::uint16_t entry) noexcept {
        Slots& bin = slots(entry);
        void** top = bin.top.load(base::rlx);
        if (top == bin.limit || top[-1] == block) [[unlikely]] return false;
        *top = block;
        base::compiler_fence();
        bin.top.store(top + 1, base::rlx);
        return true;
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
