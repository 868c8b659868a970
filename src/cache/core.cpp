#include "cache/core.hpp"

#include <initializer_list>
#include <new>

#include "base/report.hpp"

namespace ashlar::cache {

using base::acq;
using base::Atomic;
using base::Bin;
using base::Index;
using base::kNoUnit;
using base::kUnitSize;
using base::rel;
using base::rlx;
using base::UnitId;
using base::Word;

void Core::layout(region::Carver& carver, const region::Region& region, std::uint32_t caches) noexcept {
    shared_ = carver.array<Cache>(kShared);
    depot.layout(carver);
    for (Index* index : {&idle_, &orphaned_}) {
        for (std::uint32_t level = 0; level < Index::levels(caches + 1); ++level) {
            index->attach(level, carver.array<Atomic<Word>>(Index::words_of_level(caches + 1, level)), 1);
        }
    }
    spans.layout(carver, region);
    arena.layout(carver, spans);
    caches_ = carver.array<Cache>(caches);
    most_caches_ = caches;
}

Core* Core::create(const region::Source& source, UnitId units, std::uint32_t caches) noexcept {
    region::Region region{0, units + 1, &source};
    region::Carver measure(0);
    measure.array<Core>(1);
    Core scratch{};
    scratch.layout(measure, region, caches);  // writes only into the scratch itself
    const std::size_t metadata = measure.used();
    const std::size_t bytes = base::round_up(metadata, kUnitSize) + (std::size_t{units} + 2) * kUnitSize;
    void* mapping = source.reserve(bytes);
    if (mapping == nullptr) return nullptr;
    const auto start = reinterpret_cast<std::uintptr_t>(mapping);
    region.base = base::round_up(start + metadata, kUnitSize);
    region::Carver carver(start);
    auto* core = new (carver.array<Core>(1)) Core{};
    core->layout(carver, region, caches);
    core->mapping_ = mapping;
    core->bytes_ = bytes;
    return core;
}

void Core::destroy(Core* core) noexcept { core->region().source->release(core->mapping_, core->bytes_); }

// ------------------------------------------------------------------------------------------------------- caches of threads

Cache* Core::take_cache() noexcept {
    std::uint32_t id = idle_.take_lowest();  // its fetch_and pairs with the insert in give_cache(): the cache's content
    if (id == Index::kNone) {
        id = born_.load(rlx);
        do {
            if (id == most_caches_) return nullptr;
        } while (!born_.cas(id, id + 1, rlx, rlx));  // relaxed: divides ids; the memory was never used
        arena.expect_threads(id + 1);
    }
    Cache* cache = &caches_[id];
    cache->attach(*this, id);  // also again: it is empty, and what its bins have learned was of another thread
    return cache;
}

void Core::give_cache(Cache* cache) noexcept {
    cache->exit_rounds = 0;
    idle_.insert(static_cast<std::uint32_t>(cache - caches_));
}

// ---------------------------------------------------------------------------------------------------------- shared caches

// Calls f with a shared cache in hand. False: all are busy, or their holders are stopped; nobody waits for them.
template <class F>
bool Core::with_shared(F f) noexcept {
    const auto thread = reinterpret_cast<std::uintptr_t>(&tls_cache);
    const auto first = static_cast<std::uint32_t>((thread >> 12) * 0x9e3779b1U >> 8);
    for (std::uint32_t i = 0; i < kShared; ++i) {
        Cache& cache = shared_[(first + i) % kShared];
        // [E11] acquire, pairs with the release below: the cache as its last user left it. Relaxed before: only a look.
        if (cache.busy.load(rlx) != 0 || cache.busy.exchange(1, acq) != 0) continue;
        if (!cache.attached()) cache.attach(*this, first + i);
        f(cache);
        cache.busy.store(0, rel);  // [E11]
        return true;
    }
    return false;
}

void* Core::take(Bin bin) noexcept {
    adopt_orphans();
    void* block = nullptr;
    if (with_shared([&](Cache& cache) noexcept { block = cache.take(bin); })) return block;
    if (base::is_run(bin)) {
        bool zero;
        return take_large(base::size_of_bin(bin), 1, zero);
    }
    Atomic<UnitId> current{kNoUnit};
    const std::uint32_t n = arena.take(bin, current, &block, 1);
    arena.leave(bin, current);
    return n == 1 ? block : nullptr;
}

void Core::give(void* block, Bin bin) noexcept {
    if (with_shared([&](Cache& cache) noexcept { cache.give(block, bin); })) return;
    if (base::is_run(bin)) return give_large(block);
    arena.give(bin, &block, 1);
}

// ----------------------------------------------------------------------------------------------------------- large blocks

Core::Size Core::size_of(const void* block) const noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    if (!region().contains(address)) return {};
    const arena::Arena::Block in_slab = arena.find(address);
    if (in_slab.size != 0) {
        if (in_slab.start != address || in_slab.free) return {};
        return {in_slab.bin, in_slab.size};
    }
    if (address % kUnitSize != 0) return {};
    const spans::UnitState state = spans.state(region().unit(address), rlx);  // relaxed: the caller holds the block
    if (state.kind() != spans::Kind::large) return {};
    return {base::bin_of_run(state.value()), state.value() * kUnitSize};
}

void Core::report(const void* pointer) const noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    if (!region().contains(address) || region().unit(address) >= spans.frontier()) base::report_foreign(pointer);
    const arena::Arena::Block in_slab = arena.find(address);
    if (in_slab.size != 0) {
        if (in_slab.start != address) base::report_inside(pointer, in_slab.size);
        base::report_double_free(pointer, in_slab.size);
    }
    UnitId unit = region().unit(address);
    const UnitId found = unit;  // the run that covers it, if any, begins at or before it
    while (unit > 0 && spans.state(unit, rlx).kind() == spans::Kind::none) --unit;
    const spans::UnitState state = spans.state(unit, rlx);
    if (state.kind() == spans::Kind::large && found - unit < state.value()) {
        base::report_inside(pointer, state.value() * kUnitSize);
    }
    base::report_double_free(pointer, 0);
}

void Core::give_large(void* block) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    if (!region().contains(address) || address % kUnitSize != 0 || !spans.give_large(region().unit(address))) report(block);
    arena.tick();
}

spans::Run Core::take_run(std::uint32_t units, std::uint32_t align) noexcept {
    return arena.with_room([&](bool may_grow) noexcept { return spans.take_large(units, align, may_grow); });
}

void* Core::take_large(std::size_t bytes, std::size_t alignment, bool& zero) noexcept {
    if (bytes > std::size_t{region().end} * kUnitSize || alignment > std::size_t{region().end} * kUnitSize) return nullptr;
    const std::uint32_t align = alignment > kUnitSize ? base::units_of_size(alignment) : 1;
    const std::uint32_t units = bytes > 0 ? base::units_of_size(bytes) : 1;
    const spans::Run run = take_run(units, align);
    zero = run.zero;
    return run.start == kNoUnit ? nullptr : reinterpret_cast<void*>(region().address(run.start));
}

bool Core::resize(void* block, std::size_t from, std::size_t to) noexcept {
    if (to > std::size_t{region().end} * kUnitSize) return false;
    const UnitId start = region().unit(reinterpret_cast<std::uintptr_t>(block));
    const std::uint32_t before = base::units_of_size(from);
    const std::uint32_t after = base::units_of_size(to);
    return before == after || spans.resize_large(start, before, after);
}

}  // namespace ashlar::cache
