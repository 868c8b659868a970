// ashlar::Heap: a heap of its own (cache::Heap), or the process heap if heap_
// is null. Any thread, except where include/ashlar/heap.hpp says otherwise.
#include <ashlar/heap.hpp>

#include <cstdint>
#include <cstring>

#include "base/report.hpp"
#include "malloc/api/entry.hpp"
#include "malloc/api/snapshot.hpp"
#include "malloc/guards/guarded_blocks.hpp"
#include "malloc/process/fault_report.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "malloc/process/paranoid.hpp"
#include "malloc/process/process.hpp"
#include "malloc/process/recorded_stacks.hpp"
#include "malloc/process/zero_blocks.hpp"

// As in new.cpp: only a visitor can throw through here, and then the program
// has this function.
asm(".weak __gxx_personality_v0");

namespace ashlar {

namespace {

cache::Heap& heap_of(void* heap) noexcept { return *static_cast<cache::Heap*>(heap); }

bool in_range(const cache::Heap& heap, const void* address) noexcept {
    return heap.spans.contains(reinterpret_cast<std::uintptr_t>(address));
}

// Of heaps that check, out of line: the others do not pay for the records.
[[gnu::noinline]] void* hand_out(const cache::Heap& heap, const cache::Allocation& found,
                                 std::size_t size) noexcept {
    cache::handed_out(heap, found, size);
    if (cache::recorded_stacks.on()) [[unlikely]]
        cache::recorded_stacks.add(cache::BlockCall::allocation, found.block);
    return found.block;
}

[[gnu::noinline]] void take_back(const cache::Heap& heap, void* block, base::Bin bin) noexcept {
    if (cache::recorded_stacks.on()) [[unlikely]]
        cache::recorded_stacks.add(cache::BlockCall::free, block);
    cache::taken_back(heap, block, bin, cache::kAnySize);
}

void* allocate_in(cache::Heap& heap, std::size_t size, std::size_t alignment) noexcept {
    const std::size_t more = heap.checks.paranoid() ? checks::with_room(size) : size;
    cache::Allocation found = heap.allocate({more, alignment});
    if (found.block == nullptr) [[unlikely]] {
        heap.reclaim();
        found = heap.allocate({more, alignment});
    }
    if (heap.checks.on() && found.block != nullptr) return hand_out(heap, found, size);
    return found.block;
}

// In place, for a heap that checks. False: the block must move.
bool stays(const cache::Heap& heap, void* block, std::size_t size) noexcept {
    const cache::CheckedSizes sizes = heap.checks.sizes(block);
    return size >= sizes.usable / 2 && heap.checks.resized(block, size);
}

}  // namespace

static_assert(static_cast<int>(CheckLevel::off) == static_cast<int>(cache::CheckLevel::off) &&
              static_cast<int>(CheckLevel::standard) ==
                  static_cast<int>(cache::CheckLevel::standard) &&
              static_cast<int>(CheckLevel::full) == static_cast<int>(cache::CheckLevel::full) &&
              static_cast<int>(CheckLevel::paranoid) ==
                  static_cast<int>(cache::CheckLevel::paranoid));

void* Heap::create(std::size_t capacity) noexcept {
    return create(capacity, static_cast<CheckLevel>(cache::check_level()));
}

void* Heap::create(std::size_t capacity, CheckLevel level) noexcept {
    constexpr std::size_t kGrain = std::size_t{1} << 20;
    constexpr std::size_t kMost = std::size_t{1} << 46;
    if (capacity > kMost) return nullptr;
    cache::arm_reports();
    const std::size_t bytes = base::round_up(capacity > 0 ? capacity : 1, kGrain);
    cache::Heap* heap =
        cache::Heap::create(region::kSystem, static_cast<base::UnitId>(bytes >> base::kUnitShift),
                            1, static_cast<cache::CheckLevel>(level));
    if (heap == nullptr) return nullptr;
    if (cache::registry.enroll(*heap)) return heap;
    cache::Heap::destroy(heap);
    return nullptr;
}

void Heap::destroy(void* heap) noexcept {
    if (heap == nullptr) return;
    cache::registry.strike(heap_of(heap));
    cache::Heap::destroy(&heap_of(heap));
}

Heap& Heap::process() noexcept {
    static constinit Heap heap{Process{}};
    return heap;
}

void* Heap::allocate(std::size_t size, std::size_t alignment) noexcept {
    if (!base::is_power_of_two(alignment)) return nullptr;
    if (heap_ == nullptr) return api::allocate(size, alignment);
    return size <= PTRDIFF_MAX ? allocate_in(heap_of(heap_), size, alignment) : nullptr;
}

void Heap::deallocate(void* block) noexcept {
    if (heap_ == nullptr) return api::give(block);
    if (block == nullptr) return;
    cache::Heap& heap = heap_of(heap_);
    const base::Bin bin = heap.spans.pages().bin_of(block);
    if (heap.checks.on() && in_range(heap, block)) take_back(heap, block, bin);
    heap.give(block, bin);
}

void* Heap::reallocate(void* block, std::size_t size) noexcept {
    if (block == nullptr) return allocate(size);
    const std::size_t before = usable_size(block);
    const bool checked = heap_ != nullptr ? heap_of(heap_).checks.on() : cache::is_checked(block);
    if (checked) {
        if (heap_ == nullptr && size != 0) return api::resize(block, size);
        if (heap_ != nullptr && stays(heap_of(heap_), block, size)) return block;
    } else if (size <= before && size >= before / 2 && !guards::guarded_blocks.contains(block)) {
        return block;
    }
    void* moved = allocate(size);
    if (moved == nullptr) {
        if (checked && size <= before) static_cast<void>(cache::resize_checked(block, size));
        return size <= before ? block : nullptr;
    }
    std::memcpy(moved, block, size < before ? size : before);
    deallocate(block);
    return moved;
}

std::size_t Heap::usable_size(const void* block) const noexcept {
    if (block == nullptr) return 0;
    if (heap_ == nullptr) return cache::size_of(block);
    const cache::Heap& heap = heap_of(heap_);
    if (heap.checks.on() && in_range(heap, block)) {
        const cache::CheckedSizes sizes = heap.checks.sizes(block);
        if (sizes.usable == 0) heap.report(block);
        return sizes.asked;
    }
    const std::size_t bytes = heap.size_of(block).bytes;
    if (bytes == 0) heap.report(block);
    return bytes;
}

bool Heap::owns(const void* address) const noexcept {
    const cache::Heap* heap = heap_ == nullptr ? cache::process() : &heap_of(heap_);
    if (heap_ == nullptr &&
        (cache::zero_blocks.contains(address) || cache::mapped_blocks.around(address) != 0 ||
         guards::guarded_blocks.holds(address))) {
        return true;
    }
    return heap != nullptr && in_range(*heap, address);
}

void Heap::visit(Visitor visitor, void* context) {
    cache::Heap* heap = heap_ == nullptr ? cache::process() : &heap_of(heap_);
    if (heap != nullptr) heap->visit(visitor, context);
}

bool Heap::trim() noexcept { return heap_ == nullptr ? cache::trim() : heap_of(heap_).trim(); }

Statistics Heap::statistics() const noexcept {
    return api::statistics(static_cast<const cache::Heap*>(heap_));
}

std::size_t Heap::check() const noexcept {
    return heap_ == nullptr ? cache::check() : heap_of(heap_).check();
}

}  // namespace ashlar
