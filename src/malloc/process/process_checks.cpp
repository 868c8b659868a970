// process: between the program and heaps that check. Sizes that were asked for,
// and the hooks of Checks. Mapped blocks have the level of the process heap.
// Any thread.
#include <cstring>

#include "base/report.hpp"
#include "malloc/checks/checks_inline.hpp"
#include "malloc/guards/guarded_blocks.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "malloc/process/paranoid.hpp"
#include "malloc/process/process.hpp"
#include "malloc/process/zero_blocks.hpp"

namespace ashlar::cache {

using base::Bin;
using base::rlx;

namespace {

constinit base::Atomic<std::uint32_t> fixed_level{};  // the level + 1; 0: not read yet

}  // namespace

CheckLevel check_level() noexcept {
    // Relaxed, both: all threads store the same.
    const std::uint32_t fixed = fixed_level.load(rlx);
    if (fixed != 0) [[likely]]
        return static_cast<CheckLevel>(fixed - 1);
    const CheckLevel level = start_level != nullptr ? start_level() : CheckLevel::standard;
    fixed_level.store(static_cast<std::uint32_t>(level) + 1, rlx);
    return level;
}

CheckLevel level_of(const void* block) noexcept {
    const Heap* heap = owner_of(block);
    return heap != nullptr ? heap->checks.level() : check_level();
}

bool is_checked(const void* block) noexcept { return level_of(block) >= CheckLevel::full; }

void handed_out(const Heap& heap, const Allocation& found, std::size_t size) noexcept {
    const auto bin = static_cast<Bin>(heap.spans.pages().bin_within(found.block));
    heap.checks.handed_out(found.block, bin, size, found.zero);
}

Allocation handed_out(const Allocation& found, std::size_t size) noexcept {
    const Heap* heap = owner_of(found.block);
    if (heap != nullptr) {
        handed_out(*heap, found, size);
    } else {
        mapped_blocks.set_asked(found.block, size);
    }
    return {found.block, found.zero || (heap != nullptr && heap->checks.paranoid())};
}

Allocation allocate_checked(const Request& request, Allocation (*get)(const Request&)) noexcept {
    Request more = request;
    if (paranoid()) {
        if (request.size == 0 && request.alignment <= base::kMinAlignment) {
            if (void* block = zero_blocks.take(); block != nullptr) return {block, true};
        }
        more.size = checks::with_room(request.size);
        more.zeroed = false;  // all are zero
    }
    const Allocation found = get(more);
    // A guarded block has its own checks.
    if (found.block == nullptr || guards::guarded_blocks.contains(found.block)) return found;
    return handed_out(found, request.size);
}

void check_mapped(const void* block) noexcept {
    const std::size_t asked = mapped_blocks.asked(block);
    const std::size_t bytes = mapped_blocks.size_of(block);
    const std::size_t end = base::round_up(asked, region::page_size());
    if (asked == 0 || end > bytes) return;
    const std::size_t at = checks::first_used(block, asked, end);
    if (at != end) base::report_overflow(block, asked, at - asked);
}

void taken_back(const Heap& heap, void* block, Bin bin, std::size_t size) noexcept {
    if (!heap.checks.taken_back(block, bin, size)) heap.report(block);
}

CheckedSizes checked_sizes(const void* block) noexcept {
    const Heap* heap = owner_of(block);
    if (heap == nullptr) {
        const std::size_t asked = size_of(block);
        const bool guarded = guards::guarded_blocks.contains(block);
        return {asked, guarded ? asked : mapped_blocks.size_of(block)};
    }
    const CheckedSizes sizes = heap->checks.sizes(block);
    if (sizes.usable == 0) heap->report(block);
    return sizes;
}

// ----------------------------------------------------------------------- hits

namespace {

const checks::Checks& checks_of(const Cache& cache) noexcept {
    return static_cast<const Heap*>(cache.heap)->checks;
}

// Whether the page map's bin is that of a slab.
constexpr bool is_class(Bin bin) noexcept { return bin - 1 < base::kClasses - 1; }

}  // namespace

void refuse_block(const Cache& own, void* block, Bin bin) noexcept {
    static_cast<void>(checks_of(own).refused(block, bin));
    own.heap->report(block);
}

void* renew_after_hit(Cache& own, void* block) noexcept {
    own.renew();
    return block;
}

// As the hit path, on the cache that tls_cache does not name. Calls come last,
// so that the hit needs no stack frame.
void* take_checked(Cache& own, std::size_t size, void* (*slow)(std::size_t)) noexcept {
    const checks::Checks& checks = checks_of(own);
    if (checks.paranoid()) return take_paranoid(own, size, slow);
    if (size > base::kMaxSmall) return slow(size);
    const Bin bin = size <= kMaxInline ? kBinOfSize[size] : kBinOfQuarters[(size + 255) / 256];
    void* block = own.pop(bin);
    if (block == nullptr) [[unlikely]]
        return slow(size);
    checks.handed_out_of_class<false>(block, bin, size);
    return --own.credit == 0 ? renew_after_hit(own, block) : block;
}

// A hit or a miss.
void* take_checked_aligned(Cache& own, std::size_t size, std::size_t alignment) noexcept {
    const bool random = checks_of(own).paranoid();
    const Bin bin = base::bin_of(random ? checks::with_room(size) : size, alignment);
    void* block = !is_class(bin) ? nullptr
                  : random       ? take_paranoid_aligned(own, bin, size)
                                 : own.pop(bin);
    if (block == nullptr) return allocate({.size = size, .alignment = alignment}).block;
    if (!random) checks_of(own).handed_out_of_class<false>(block, bin, size);
    return block;
}

void give_checked(Cache& own, void* block, std::size_t size) noexcept {
    if (!own.pages.contains(block)) return give_sized(block, size);
    const auto bin = static_cast<Bin>(own.pages.bin_within(block));
    if (!is_class(bin)) return give_sized(block, size);
    const checks::Checks& checks = checks_of(own);
    if (checks.paranoid()) return give_paranoid(own, block, bin, size);
    checks.taken_back_of_class<false>(block, bin, size,
                                      [=, &own]() noexcept { refuse_block(own, block, bin); });
    if (!own.push(block, bin)) [[unlikely]]
        give_to(*static_cast<Heap*>(own.heap), block, bin);
}

// ------------------------------------------------------------------- resizing

bool keep_guarded(const void* block) noexcept {
    if (!guards::guarded_blocks.contains(block)) return false;
    guarded_stayed.store(1, rlx);  // relaxed: the block reaches the freeing thread after this
    return true;
}

bool resize_checked(void* block, std::size_t size) noexcept {
    const Heap* heap = owner_of(block);
    if (heap != nullptr) return heap->checks.resized(block, size);
    const std::size_t bytes = mapped_blocks.size_of(block);
    if (bytes < size) return false;
    mapped_blocks.set_asked(block, size);
    const std::size_t end = base::round_up(size, region::page_size());
    if (paranoid() && end <= bytes) std::memset(static_cast<char*>(block) + size, 0, end - size);
    return true;
}

}  // namespace ashlar::cache
