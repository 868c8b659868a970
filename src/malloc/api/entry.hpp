// Shared by all entry points: the hit paths, and the semantics of each function
// under any name. Interfaces differ only in their reaction to the lack of
// memory: each names a cold function for that. Any thread.
#ifndef ASHLAR_MALLOC_API_ENTRY_HPP
#define ASHLAR_MALLOC_API_ENTRY_HPP

#include <cstddef>
#include <cstdint>

#include "malloc/cache/thread_cache.hpp"

namespace ashlar::api {

// The miss paths: the caller found the bin of `size` empty, or push() refused
// the block. nullptr: out of memory.
[[nodiscard]] void* allocate_or_null(std::size_t size) noexcept;
void give_slow(void* block) noexcept;
// 0 for nullptr; ends the program if `block` is no live block.
[[nodiscard]] std::size_t usable_size(const void* block) noexcept;

// take() for sizes over 1 KiB: by a coarser table up to kMaxSmall, and by the
// number of units up to kMaxRun.
template <void* (*slow)(std::size_t)>
[[gnu::noinline]] inline void* take_medium(std::size_t size) {
    if (size <= base::kMaxSmall) {
        cache::ThreadCache* own = cache::tls_cache;
        void* block = own->pop(cache::kBinOfQuarters[(size + 255) / 256]);
        if (block != nullptr) [[likely]] {
            own->spend();
            return block;
        }
    } else if (size <= base::kMaxRun) {
        void* block = cache::pop_run(base::bin_of_run(base::units_of_size(size)));
        if (block != nullptr) [[likely]]
            return block;
    }
    return slow(size);
}

// The hit path of malloc: a table has the bin, and the top of its stack is the
// block. A miss calls `slow(size)`, as a tail call.
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

// The hit path of free: looks the pointer's bin up in the page map, and pushes.
[[gnu::always_inline]] inline void give(void* block) noexcept;

// Hit and miss together. nullptr: out of memory.
[[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept;

// C semantics: errno is set on failure.
[[nodiscard]] void* allocate_or_errno(std::size_t size) noexcept;  // after a miss
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

// C23's sized frees. A block that realloc left in place may be up to twice as
// large as asked for. It may be larger still if there was no memory for a
// smaller block.
void free_sized(void* block, std::size_t size) noexcept;
void free_aligned_sized(void* block, std::size_t alignment, std::size_t size) noexcept;
// For C++: `size` must be exactly the size that the block was allocated with.
void delete_sized(void* block, std::size_t size, std::size_t alignment) noexcept;

inline void give(void* block) noexcept {
    if (!cache::tls_cache->push(block)) [[unlikely]]
        give_slow(block);
}

}  // namespace ashlar::api

#endif
