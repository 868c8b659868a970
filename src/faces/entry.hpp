// What the entry points of all faces share: the hit paths, and the semantics of each function under any name. A face differs
// only in what it does when there is no memory, and that is in the cold function that it names.
#ifndef ASHLAR_FACES_ENTRY_HPP
#define ASHLAR_FACES_ENTRY_HPP

#include <cstddef>
#include <cstdint>

#include "cache/thread_cache.hpp"

namespace ashlar::faces {

// Every other way. nullptr: out of memory.
[[nodiscard]] void* take_slow(std::size_t size) noexcept;
void give_slow(void* block) noexcept;
// 0 for nullptr; ends the program over what is no live block.
[[nodiscard]] std::size_t usable_size(const void* block) noexcept;

// Sizes over 1 KiB: the same by a coarser table up to 32 KiB, and by the number of units up to 1 MiB. A run that is not whole
// was freed by a pointer into it: that ends the program here, before anybody gets it again.
template <void* (*slow)(std::size_t)>
[[gnu::noinline]] inline void* take_medium(std::size_t size) {
    if (size <= base::kMaxSmall) {
        void* block = cache::tls_cache->pop(cache::kBinOfQuarters[(size + 255) / 256]);
        if (block != nullptr) [[likely]]
            return block;
    } else if (size <= base::kMaxRun) {
        void* block = cache::tls_cache->pop(base::bin_of_run(base::units_of_size(size)));
        if (reinterpret_cast<std::uintptr_t>(block) % base::kUnitSize != 0) [[unlikely]]
            static_cast<void>(usable_size(block));
        if (block != nullptr) [[likely]]
            return block;
    }
    return slow(size);
}

// malloc's hit path: a table, the stack's top, done. A miss goes through `slow(size)`, a tail call.
template <void* (*slow)(std::size_t)>
[[gnu::always_inline]] inline void* take(std::size_t size) {
    if (size > cache::kMaxInline) [[unlikely]]
        return take_medium<slow>(size);
    const std::size_t bin = cache::kBinOfSize[size];
    void* block = cache::tls_cache->pop(bin);
    if (block != nullptr) [[likely]]
        return block;
    return slow(size);
}

// free's hit path: what the unit map says of the pointer, a push, done.
[[gnu::always_inline]] inline void give(void* block) noexcept;

// C semantics: errno is set on failure.
[[nodiscard]] void* allocate_or_errno(std::size_t size) noexcept;
[[nodiscard]] void* allocate_zeroed(std::size_t count, std::size_t size) noexcept;
[[nodiscard]] void* resize(void* block, std::size_t size) noexcept;
[[nodiscard]] void* resize_array(void* block, std::size_t count, std::size_t size) noexcept;
// `alignment` is a power of two.
[[nodiscard]] void* allocate_aligned(std::size_t alignment, std::size_t size) noexcept;
[[nodiscard]] void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept;
[[nodiscard]] void* memalign(std::size_t alignment, std::size_t size) noexcept;
[[nodiscard]] int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept;
[[nodiscard]] void* page_aligned(std::size_t size) noexcept;
[[nodiscard]] void* whole_pages(std::size_t size) noexcept;
[[nodiscard]] std::size_t good_size(std::size_t size) noexcept;

// C23's sized frees. A block that realloc left in place may be larger than asked for, but never twice as large.
void free_sized(void* block, std::size_t size) noexcept;
void free_aligned_sized(void* block, std::size_t alignment, std::size_t size) noexcept;
// C++: the size that the block was allocated with, exactly.
void delete_sized(void* block, std::size_t size, std::size_t alignment) noexcept;

inline void give(void* block) noexcept {
    if (!cache::tls_cache->push(block)) [[unlikely]]
        give_slow(block);
}

}  // namespace ashlar::faces

#endif
