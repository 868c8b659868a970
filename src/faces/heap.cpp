#include <ashlar/heap.hpp>

#include <cstdint>
#include <cstring>

#include "base/report.hpp"
#include "cache/process.hpp"
#include "faces/entry.hpp"

// As in new.cpp: only a visitor can throw through here, and then the program has it.
asm(".weak __gxx_personality_v0");

namespace ashlar {

using base::Bin;
using cache::Core;

namespace {

Core& core_of(void* core) noexcept { return *static_cast<Core*>(core); }

Bin bin_of(std::size_t size, std::size_t alignment) noexcept {
    if (alignment <= base::kMinAlignment) return base::bin_of_size(size);
    return alignment <= base::kUnitSize ? base::bin_of_aligned(size, alignment) : 0;
}

}  // namespace

void* Heap::create(std::size_t capacity) noexcept {
    constexpr std::size_t kGrain = std::size_t{1} << 20;
    constexpr std::size_t kMost = std::size_t{1} << 46;
    if (capacity > kMost) return nullptr;
    const std::size_t bytes = base::round_up(capacity > 0 ? capacity : 1, kGrain);
    Core* core = Core::create(region::kSystem, static_cast<base::UnitId>(bytes >> base::kUnitShift), 1);
    if (core == nullptr) return nullptr;
    if (cache::registry.enroll(*core)) return core;
    Core::destroy(core);
    return nullptr;
}

void Heap::destroy(void* core) noexcept {
    if (core == nullptr) return;
    cache::registry.strike(core_of(core));
    Core::destroy(&core_of(core));
}

Heap& Heap::process() noexcept {
    static constinit Heap heap{Process{}};
    return heap;
}

void* Heap::allocate(std::size_t size, std::size_t alignment) noexcept {
    if (!base::is_power_of_two(alignment)) return nullptr;
    if (core_ == nullptr) {
        return alignment <= base::kMinAlignment ? faces::take<faces::take_slow>(size) : cache::take(size, alignment);
    }
    if (size > PTRDIFF_MAX) return nullptr;
    Core& core = core_of(core_);
    const Bin bin = bin_of(size, alignment);
    bool zero;
    const auto take = [&]() noexcept { return bin != 0 ? core.take(bin) : core.take_large(size, alignment, zero); };
    void* block = take();
    if (block != nullptr) [[likely]]
        return block;
    core.reclaim();
    return take();
}

void Heap::deallocate(void* block) noexcept {
    if (core_ == nullptr) return faces::give(block);
    if (block == nullptr) return;
    Core& core = core_of(core_);
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    if (!core.region().contains(address)) base::report_foreign(block);
    const Bin bin = core.spans.map()[core.region().unit(address)].load(base::rlx);  // relaxed: see Spans::mark()
    if (bin != 0) {
        core.give(block, bin);
    } else {
        core.give_large(block);
    }
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
    if (core_ == nullptr) return cache::size_of(block);
    const std::size_t bytes = core_of(core_).size_of(block).bytes;
    if (bytes == 0) core_of(core_).report(block);
    return bytes;
}

bool Heap::owns(const void* address) const noexcept {
    const Core* core = core_ == nullptr ? cache::process() : &core_of(core_);
    return core != nullptr && core->region().contains(reinterpret_cast<std::uintptr_t>(address));
}

void Heap::visit(Visitor visitor, void* context) {
    Core* core = core_ == nullptr ? cache::process() : &core_of(core_);
    if (core != nullptr) core->visit(visitor, context);
}

bool Heap::trim() noexcept { return core_ == nullptr ? cache::trim() : core_of(core_).trim(); }

Statistics Heap::statistics() const noexcept {
    const cache::Totals totals = core_ == nullptr ? cache::totals() : cache::totals(core_of(core_));
    return {totals.live, totals.held, totals.free, totals.peak, totals.reserved};
}

std::size_t Heap::check() const noexcept { return core_ == nullptr ? cache::check() : core_of(core_).check(); }

}  // namespace ashlar
