#include "faces/entry.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/report.hpp"
#include "cache/injection.hpp"
#include "cache/process.hpp"

namespace ashlar::faces {

using base::Bin;
using base::kUnitSize;

void* take_slow(std::size_t size) noexcept { return cache::take(size, base::kMinAlignment); }

void give_slow(void* block) noexcept { cache::give(block); }

void* allocate_or_errno(std::size_t size) noexcept {
    void* block = take_slow(size);
    if (block == nullptr) [[unlikely]]
        errno = ENOMEM;
    return block;
}

// ------------------------------------------------------------------------------------------------------- calloc and realloc

namespace {

// Less is always to be had, so that a failure on demand must not be spent on it.
void* take_less(std::size_t size) noexcept { return cache::take_uncounted(size, base::kMinAlignment); }

// Whether a block ever stayed as large as it was because there was no memory for a smaller one: from then on its size says
// nothing against that of its free.
constinit base::Atomic<std::uint32_t> stayed_larger{};

}  // namespace

void* allocate_zeroed(std::size_t count, std::size_t size) noexcept {
    std::size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return nullptr;
    }
    bool zero = false;
    void* block;
    if (bytes <= base::kMaxRun) {
        block = take<allocate_or_errno>(bytes);
    } else {
        block = cache::take_large(bytes, base::kMinAlignment, zero);
        if (block == nullptr) errno = ENOMEM;
    }
    if (block != nullptr && !zero) std::memset(block, 0, bytes);
    return block;
}

void* resize(void* block, std::size_t size) noexcept {
    if (block == nullptr) return take<allocate_or_errno>(size);
    if (size == 0) {
        give(block);
        return nullptr;
    }
    // In place while it fits and is at least half used; for what the thread's own map knows, without looking further.
    const Bin bin = cache::tls_cache->bin_of(block);
    const std::size_t before = bin != 0 ? cache::kSizeOfBin[bin] : cache::size_of(block);
    if (size <= before && size >= before / 2) return block;
    if (bin != 0) {  // what is no block ends the program before anything is read of it
        const cache::Core& core = *cache::tls_cache->core;
        if (core.size_of(block).bytes == 0) [[unlikely]]
            core.report(block);
    }
    const bool may_stay = size < before || !cache::injection.on();  // to grow in place could not be made to fail
    if (may_stay && before > base::kMaxSmall && size > base::kMaxSmall && size <= PTRDIFF_MAX &&
        cache::owner_of(block)->resize(block, before, size)) {
        return block;
    }
    void* moved = size < before ? take<take_less>(size) : take<take_slow>(size);
    if (moved == nullptr) {
        if (size <= before) {                   // less is always to be had
            stayed_larger.store(1, base::rlx);  // relaxed: who frees the block had it handed over after this
            return block;
        }
        errno = ENOMEM;
        return nullptr;
    }
    std::memcpy(moved, block, size < before ? size : before);
    give(block);
    return moved;
}

void* resize_array(void* block, std::size_t count, std::size_t size) noexcept {
    std::size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return nullptr;
    }
    return resize(block, bytes);
}

// ----------------------------------------------------------------------------------------------------------------- aligned

namespace {

void* aligned_or_null(std::size_t alignment, std::size_t size) noexcept {
    if (alignment <= base::kMinAlignment) return take<take_slow>(size);
    const Bin bin = alignment <= kUnitSize && size <= base::kMaxRun ? base::bin_of_aligned(size, alignment) : 0;
    void* block = cache::tls_cache->pop(bin);
    return block != nullptr ? block : cache::take(size, alignment);
}

}  // namespace

void* allocate_aligned(std::size_t alignment, std::size_t size) noexcept {
    void* block = aligned_or_null(alignment, size);
    if (block == nullptr) errno = ENOMEM;
    return block;
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    if (!base::is_power_of_two(alignment)) {
        errno = EINVAL;
        return nullptr;
    }
    return allocate_aligned(alignment, size);
}

// As glibc does: any alignment, rounded up to a power of two.
void* memalign(std::size_t alignment, std::size_t size) noexcept {
    if (alignment > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return nullptr;
    }
    return allocate_aligned(std::bit_ceil(alignment), size);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    if (!base::is_power_of_two(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
    void* block = aligned_or_null(alignment, size);
    if (block == nullptr) return ENOMEM;
    *out = block;
    return 0;
}

void* page_aligned(std::size_t size) noexcept { return allocate_aligned(region::page_size(), size); }

void* whole_pages(std::size_t size) noexcept {
    const std::size_t page = region::page_size();
    if (size > SIZE_MAX - page) {
        errno = ENOMEM;
        return nullptr;
    }
    return allocate_aligned(page, size > 0 ? base::round_up(size, page) : page);
}

// ------------------------------------------------------------------------------------------------------------------- sizes

std::size_t usable_size(const void* block) noexcept { return block == nullptr ? 0 : cache::size_of(block); }

std::size_t good_size(std::size_t size) noexcept {
    if (size > PTRDIFF_MAX) return 0;
    const Bin bin = base::bin_of_size(size);
    return bin != 0 ? base::size_of_bin(bin) : base::round_up(size, kUnitSize);
}

void free_sized(void* block, std::size_t size) noexcept {
    if (block == nullptr) return;
    const std::size_t usable = cache::size_of(block);
    const bool too_small = usable > base::kMinAlignment && size < usable / 2 && good_size(size) != usable;
    if (size > usable || (too_small && stayed_larger.load(base::rlx) == 0)) {  // relaxed: as the store
        base::report_wrong_size(block, usable, size);
    }
    give(block);
}

void free_aligned_sized(void* block, std::size_t alignment, std::size_t size) noexcept { delete_sized(block, size, alignment); }

void delete_sized(void* block, std::size_t size, std::size_t alignment) noexcept {
    if (block == nullptr) return;
    const cache::Front& own = *cache::tls_cache;
    if (alignment <= base::kMinAlignment && size <= cache::kMaxInline && own.bin_of(block) == cache::kBinOfSize[size]) {
        return give(block);
    }
    const Bin bin = alignment <= base::kMinAlignment ? base::bin_of_size(size)
                    : alignment <= kUnitSize         ? base::bin_of_aligned(size, alignment)
                                                     : 0;
    const std::size_t expected = bin != 0 ? base::size_of_bin(bin) : base::round_up(size > 0 ? size : 1, kUnitSize);
    const std::size_t usable = cache::size_of(block);
    if (usable != expected) base::report_wrong_size(block, usable, size);
    give(block);
}

}  // namespace ashlar::faces
