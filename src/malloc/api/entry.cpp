#include "malloc/api/entry.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/report.hpp"
#include "malloc/guards/guarded_blocks.hpp"
#include "malloc/process/injection.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::api {

using base::Bin;
using base::kUnitSize;
using guards::guarded_blocks;

namespace {

void* miss_or_null(std::size_t size) noexcept { return cache::allocate({.size = size}).block; }

void* miss_or_errno(std::size_t size) noexcept {
    void* block = miss_or_null(size);
    if (block == nullptr) [[unlikely]]
        errno = ENOMEM;
    return block;
}

}  // namespace

void* allocate_or_null(std::size_t size) noexcept {
    cache::Cache* const checked = cache::checked_cache;
    return checked == nullptr ? miss_or_null(size)
                              : cache::take_checked(*checked, size, miss_or_null);
}

void give_slow(void* block) noexcept {
    if (cache::push_run(block)) return;
    cache::Cache* const checked = cache::checked_cache;
    checked == nullptr ? cache::give(block) : cache::give_checked(*checked, block, cache::kAnySize);
}

void* allocate_or_errno(std::size_t size) noexcept {
    cache::Cache* const checked = cache::checked_cache;
    return checked == nullptr ? miss_or_errno(size)
                              : cache::take_checked(*checked, size, miss_or_errno);
}

// ---------------------------------------------------------- calloc and realloc

namespace {

// Shrinking never fails, so it must not consume an injected failure.
void* allocate_less(std::size_t size) noexcept {
    return cache::allocate({.size = size, .counted = false}).block;
}

// 1: a block once kept its size, because there was no memory for a smaller one.
// From then on a sized free may name a size that is too small for its block.
constinit base::Atomic<std::uint32_t> stayed_larger{};

// A hit of any bin.
void* pop(Bin bin) noexcept {
    return base::is_run(bin) ? cache::pop_run(bin) : cache::tls_cache->pop(bin);
}

// For a thread whose cache is hidden. All blocks of paranoid processes are
// zero, but for canaries.
[[gnu::noinline]] void* clear_hidden(void* block, std::size_t bytes) noexcept {
    const bool zero = cache::checked_cache != nullptr &&
                      cache::check_level() == cache::CheckLevel::paranoid &&
                      !guarded_blocks.contains(block);
    if (block != nullptr && !zero) std::memset(block, 0, bytes);
    return block;
}

// Long blocks: the system takes the pages, and gives zero pages as the program
// touches them.
void clear(void* block, std::size_t bytes) noexcept {
    constexpr std::size_t kBySystem = std::size_t{1} << 20;
    const std::size_t rest = bytes % region::page_size();
    const bool done = bytes >= kBySystem && region::kSystem.purge(block, bytes - rest);
    std::memset(static_cast<char*>(block) + (done ? bytes - rest : 0), 0, done ? rest : bytes);
}

}  // namespace

void* allocate_zeroed(std::size_t count, std::size_t size) noexcept {
    std::size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return nullptr;
    }
    if (bytes < base::kFreshSize) {  // the program will touch the page anyway
        void* block = take<allocate_or_errno>(bytes);
        if (cache::tls_cache->heap == nullptr) return clear_hidden(block, bytes);
        if (block != nullptr) std::memset(block, 0, bytes);
        cache::tls_cache->spend();
        return block;
    }
    void* cached = pop(base::bin_of_size(bytes));
    const auto [block, zero] = cached != nullptr ? cache::Allocation{cached, false}
                                                 : cache::allocate({.size = bytes, .zeroed = true});
    if (block == nullptr) {
        errno = ENOMEM;
    } else if (!zero) {
        clear(block, bytes);
    }
    return block;
}

namespace {

void* move_checked(void* block, std::size_t size, const cache::CheckedSizes& before) noexcept {
    const bool grows = size > before.asked;
    const bool grows_long = before.usable > base::kMaxSmall && size >= cache::kMapMoved;
    void* moved =
        cache::allocate({.size = size, .movable = grows && grows_long, .counted = grows}).block;
    if (moved == nullptr) {
        // Shrinking never fails.
        if (size <= before.usable &&
            (cache::resize_checked(block, size) || cache::keep_guarded(block)))
            return block;
        errno = ENOMEM;
        return nullptr;
    }
    std::memcpy(moved, block, grows ? before.asked : size);
    give(block);
    return moved;
}

// As resize(), for a block of a heap that checks.
void* resize_checked(void* block, std::size_t size) noexcept {
    const cache::CheckedSizes before = cache::checked_sizes(block);
    if (size >= before.usable / 2 && cache::resize_checked(block, size)) return block;
    const bool in_place = size < before.usable || !cache::injection.on();
    if (in_place && before.usable > base::kMaxSmall && size > base::kMaxSmall &&
        size <= PTRDIFF_MAX) {
        // Without a tail while its end moves.
        static_cast<void>(cache::resize_checked(block, before.usable));
        void* resized = cache::resize_large(block, before.usable, size);
        if (resized != nullptr) {
            static_cast<void>(cache::resize_checked(resized, size));
            return resized;
        }
        static_cast<void>(cache::resize_checked(block, before.asked));
    }
    return move_checked(block, size, before);
}

}  // namespace

void* resize(void* block, std::size_t size) noexcept {
    if (block == nullptr) return take<allocate_or_errno>(size);
    if (cache::tls_cache->heap != nullptr) cache::tls_cache->spend();
    if (size == 0) {
        give(block);
        return nullptr;
    }
    // In place while it fits and is at least half used. For blocks that the
    // thread's own page map knows, no other lookup is needed.
    const Bin bin = cache::tls_cache->pages.bin_of(block);
    if (bin == 0 && cache::is_checked(block)) [[unlikely]]
        return resize_checked(block, size);
    const std::size_t before = bin != 0 ? cache::kSizeOfBin[bin] : cache::size_of(block);
    const bool guarded = bin == 0 && guarded_blocks.contains(block);
    if (size <= before && size >= before / 2 && !guarded) return block;
    if (bin != 0) {  // a pointer to no block ends the program before any byte is read
        const cache::Heap& heap = *cache::existing_process();
        if (heap.size_of(block).bytes == 0) [[unlikely]]
            heap.report(block);
    }
    // Growing in place cannot fail on demand.
    const bool may_stay = size < before || !cache::injection.on();
    if (may_stay && before > base::kMaxSmall && size > base::kMaxSmall && size <= PTRDIFF_MAX) {
        void* resized = cache::resize_large(block, before, size);
        if (resized != nullptr) return resized;
    }
    const bool grows_long = before > base::kMaxSmall && size >= cache::kMapMoved;
    void* moved = size < before ? take<allocate_less>(size)
                  : grows_long  ? cache::allocate({.size = size, .movable = true}).block
                                : take<allocate_or_null>(size);
    if (moved == nullptr) {
        if (size <= before) {  // shrinking never fails
            // Relaxed: the block reaches the freeing thread after this.
            stayed_larger.store(1, base::rlx);
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

// --------------------------------------------------------------------- aligned

void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (alignment <= base::kMinAlignment) return take<allocate_or_null>(size);
    void* block = pop(base::bin_of(size, alignment));
    if (block != nullptr) return block;
    cache::Cache* const checked = cache::checked_cache;
    return checked == nullptr ? cache::allocate({.size = size, .alignment = alignment}).block
                              : cache::take_checked_aligned(*checked, size, alignment);
}

void* allocate_aligned(std::size_t alignment, std::size_t size) noexcept {
    void* block = allocate(size, alignment);
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

// As glibc: accepts any alignment, and rounds it up to a power of two.
void* memalign(std::size_t alignment, std::size_t size) noexcept {
    if (alignment > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return nullptr;
    }
    return allocate_aligned(std::bit_ceil(alignment), size);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    if (!base::is_power_of_two(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
    void* block = allocate(size, alignment);
    if (block == nullptr) return ENOMEM;
    *out = block;
    return 0;
}

void* page_aligned(std::size_t size) noexcept {
    return allocate_aligned(region::page_size(), size);
}

void* whole_pages(std::size_t size) noexcept {
    const std::size_t page = region::page_size();
    if (size > SIZE_MAX - page) {
        errno = ENOMEM;
        return nullptr;
    }
    return allocate_aligned(page, size > 0 ? base::round_up(size, page) : page);
}

// ----------------------------------------------------------------------- sizes

std::size_t usable_size(const void* block) noexcept {
    return block == nullptr ? 0 : cache::size_of(block);
}

std::size_t good_size(std::size_t size) noexcept {
    if (size > PTRDIFF_MAX) return 0;
    const Bin bin = base::bin_of_size(size);
    return bin != 0 ? base::size_of_bin(bin) : base::round_up(size, kUnitSize);
}

namespace {

// A program may name even the size that stands for none. No block is as large.
constexpr std::size_t named_size(std::size_t size) noexcept {
    return size == cache::kAnySize ? size - 1 : size;
}

}  // namespace

void free_sized(void* block, std::size_t size) noexcept {
    if (block == nullptr) return;
    if (cache::is_checked(block)) [[unlikely]]
        return cache::give_sized(block, named_size(size));
    const std::size_t usable = cache::size_of(block);
    const bool too_small =
        usable > base::kMinAlignment && size < usable / 2 && good_size(size) != usable;
    // Relaxed: as the store.
    const bool wrong = size > usable || (too_small && stayed_larger.load(base::rlx) == 0);
    if (wrong && cache::level_of(block) != cache::CheckLevel::off)
        base::report_wrong_size(block, usable, size);
    give(block);
}

void free_aligned_sized(void* block, std::size_t alignment, std::size_t size) noexcept {
    delete_sized(block, size, alignment);
}

void delete_sized(void* block, std::size_t size, std::size_t alignment) noexcept {
    if (block == nullptr) return;
    const cache::ThreadCache& own = *cache::tls_cache;
    if (alignment <= base::kMinAlignment && size <= cache::kMaxInline &&
        own.pages.bin_of(block) == cache::kBinOfSize[size]) {
        return give(block);
    }
    cache::Cache* const checked = cache::checked_cache;
    if (checked != nullptr) return cache::give_checked(*checked, block, named_size(size));
    if (cache::is_checked(block)) [[unlikely]]
        return cache::give_sized(block, named_size(size));
    const Bin bin = base::bin_of(size, alignment);
    const std::size_t expected =
        bin != 0 ? base::size_of_bin(bin) : base::round_up(size > 0 ? size : 1, kUnitSize);
    const std::size_t usable = cache::size_of(block);
    const bool is_right =
        guarded_blocks.contains(block) ? usable == (size > 0 ? size : 1) : usable == expected;
    if (!is_right && cache::level_of(block) != cache::CheckLevel::off)
        base::report_wrong_size(block, usable, size);
    give(block);
}

}  // namespace ashlar::api
