// ashlar::Heap: a heap of its own (cache::Heap), or the process heap if heap_
// is null. Any thread, except where include/ashlar/heap.hpp says otherwise.
#include <ashlar/heap.hpp>

#include <cstdint>
#include <cstring>

#include "base/report.hpp"
#include "malloc/api/entry.hpp"
#include "malloc/api/snapshot.hpp"
#include "malloc/process/fault_report.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "malloc/process/process.hpp"

// As in new.cpp: only a visitor can throw through here, and then the program
// has this function.
asm(".weak __gxx_personality_v0");

namespace ashlar {

namespace {

cache::Heap& heap_of(void* heap) noexcept { return *static_cast<cache::Heap*>(heap); }

}  // namespace

void* Heap::create(std::size_t capacity) noexcept {
    constexpr std::size_t kGrain = std::size_t{1} << 20;
    constexpr std::size_t kMost = std::size_t{1} << 46;
    if (capacity > kMost) return nullptr;
    cache::arm_reports();
    const std::size_t bytes = base::round_up(capacity > 0 ? capacity : 1, kGrain);
    cache::Heap* heap = cache::Heap::create(
        region::kSystem, static_cast<base::UnitId>(bytes >> base::kUnitShift), 1);
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
    if (size > PTRDIFF_MAX) return nullptr;
    cache::Heap& heap = heap_of(heap_);
    void* block = heap.allocate({size, alignment}).block;
    if (block != nullptr) [[likely]]
        return block;
    heap.reclaim();
    return heap.allocate({size, alignment}).block;
}

void Heap::deallocate(void* block) noexcept {
    if (heap_ == nullptr) return api::give(block);
    if (block == nullptr) return;
    cache::Heap& heap = heap_of(heap_);
    heap.give(block, heap.spans.pages().bin_of(block));
}

void* Heap::reallocate(void* block, std::size_t size) noexcept {
    if (block == nullptr) return allocate(size);
    const std::size_t before = usable_size(block);
    if (size <= before && size >= before / 2) return block;
    void* moved = allocate(size);
    if (moved == nullptr) return size <= before ? block : nullptr;
    std::memcpy(moved, block, size < before ? size : before);
    deallocate(block);
    return moved;
}

std::size_t Heap::usable_size(const void* block) const noexcept {
    if (block == nullptr) return 0;
    if (heap_ == nullptr) return cache::size_of(block);
    const std::size_t bytes = heap_of(heap_).size_of(block).bytes;
    if (bytes == 0) heap_of(heap_).report(block);
    return bytes;
}

bool Heap::owns(const void* address) const noexcept {
    const cache::Heap* heap = heap_ == nullptr ? cache::process() : &heap_of(heap_);
    if (heap_ == nullptr && cache::mapped_blocks.around(address) != 0) return true;
    return heap != nullptr && heap->spans.contains(reinterpret_cast<std::uintptr_t>(address));
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
