// Between the program and heaps that check: sizes that were asked for, and the
// hooks of Checks. Mapped blocks have the level of the process heap. Any
// thread.
#include "base/report.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::cache {

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

bool is_checked(const void* block) noexcept {
    const Heap* heap = owner_of(block);
    return heap != nullptr ? heap->checks.on() : check_level() >= CheckLevel::full;
}

Allocation handed_out(const Allocation& found, std::size_t size) noexcept {
    const Heap* heap = owner_of(found.block);
    if (heap != nullptr) {
        heap->checks.handed_out(found.block, size, found.zero);
    } else {
        mapped_blocks.set_asked(found.block, size);
    }
    return found;
}

void taken_back(const Heap& heap, void* block) noexcept {
    if (!heap.checks.taken_back(block)) heap.report(block);
}

CheckedSizes checked_sizes(const void* block) noexcept {
    const Heap* heap = owner_of(block);
    if (heap == nullptr) return {size_of(block), mapped_blocks.size_of(block)};
    const CheckedSizes sizes = heap->checks.sizes(block);
    if (sizes.usable == 0) heap->report(block);
    return sizes;
}

bool resize_checked(void* block, std::size_t size) noexcept {
    const Heap* heap = owner_of(block);
    if (heap != nullptr) return heap->checks.resized(block, size);
    if (mapped_blocks.size_of(block) < size) return false;
    mapped_blocks.set_asked(block, size);
    return true;
}

}  // namespace ashlar::cache
