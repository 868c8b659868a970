#include "malloc/heap/heap.hpp"

#include <initializer_list>
#include <new>

#include "base/report.hpp"
#include "malloc/checks/clear.hpp"

namespace ashlar::cache {

using base::acq;
using base::Atomic;
using base::Bin;
using base::BitmapIndex;
using base::kNoUnit;
using base::kUnitSize;
using base::rel;
using base::rlx;
using base::UnitId;
using base::Word;

namespace {

constexpr UnitId kMostDoubled = UnitId{1} << 20;

}  // namespace

void Heap::layout(region::Carver& carver, const region::Region& region, std::uint32_t caches,
                  CheckLevel level) noexcept {
    shared_ = carver.later<Cache>(kShared);
    depot.layout(carver, *region.source);
    for (BitmapIndex* index : {&idle_, &orphaned_})
        region::layout_dense_index(carver, *index, caches + 1);
    spans.layout(carver, region, level == CheckLevel::paranoid);
    arena.layout(carver, spans, level >= CheckLevel::full);
    checks.start(level, spans, arena);
    caches_ = carver.apart<Cache>(caches);
    most_caches_ = caches;
    created_.store(region.stepwise ? 0 : Word{caches} << 32, rlx);  // relaxed: not published yet
}

Heap* Heap::create(const region::Source& source, UnitId units, std::uint32_t caches,
                   CheckLevel level) noexcept {
    const bool guarded = level == CheckLevel::paranoid;
    // Guards are address space: half of it, in a heap of slabs of one unit.
    if (guarded && units <= kMostDoubled) units *= 2;
    region::Carver measure(0, 0, 0, region::table_grain(units), guarded ? kUnitSize : 0);
    measure.array<inspect::HeapLayout>(1);
    measure.array<Heap>(1);
    Heap scratch{};
    // Writes only into the scratch itself.
    scratch.layout(measure, {0, units + 1, &source, false}, caches, level);
    region::Reservation made = region::Reservation::make(source, units, measure);
    if (made.start == nullptr) return nullptr;
    static_assert(alignof(Heap) <= base::kCacheLine);
    new (made.carver.array<inspect::HeapLayout>(1)) inspect::HeapLayout{};
    auto* heap = new (made.carver.array<Heap>(1)) Heap{};
    heap->layout(made.carver, made.region, caches, level);
    heap->mapping_ = made.start;
    heap->bytes_ = made.bytes;
    heap->describe(made.carver);
    if (guarded) heap->make_quarantines(caches);
    if (heap->spans.start(made.carver.tables())) return heap;
    destroy(heap);
    return nullptr;
}

// Address space that is charged as it is touched. Without it caches have no
// quarantine.
void Heap::make_quarantines(std::uint32_t caches) noexcept {
    leaves_quarantine = [](const void* block, Bin c) noexcept {
        checks::check_clear(block, base::size_of_bin(c));
    };
    quarantines_ = static_cast<Quarantine*>(region::map_uncharged(caches * sizeof(Quarantine)));
}

std::size_t Heap::mapped() const noexcept {
    if (!region().stepwise) return bytes_;
    // Relaxed: exact while the heap is quiet.
    return bytes_ + most_of(created_.load(rlx)) * sizeof(Cache) + spans.reserved();
}

void Heap::destroy(Heap* heap) noexcept {
    const region::Source& source = *heap->region().source;
    // Relaxed: no other thread sees the heap.
    const std::uint32_t caches = most_of(heap->created_.load(rlx));
    if (heap->region().stepwise) {
        if (caches != 0) source.release(heap->caches_, caches * sizeof(Cache));
        heap->spans.release();
    }
    if (heap->quarantines_ != nullptr)
        region::unmap(heap->quarantines_, heap->most_caches_ * sizeof(Quarantine));
    source.release(heap->mapping_, heap->bytes_);
}

// ----------------------------------------------------------- caches of threads

Cache* Heap::take_cache() noexcept {
    Cache* cache = take_further_cache();
    if (cache != nullptr && cache != caches_ && spans.alone()) spans.set_alone(false);
    return cache;
}

Cache* Heap::take_further_cache() noexcept {
    // Its fetch_and pairs with the insert in give_cache(): the cache's content.
    std::uint32_t id = idle_.take_lowest();
    if (id == BitmapIndex::kNone) {
        // [E40] acquire, here and in the CAS: pairs with reserve_caches().
        Word seen = created_.load(acq);
        for (;;) {
            id = created_of(seen);
            if (id == most_of(seen)) {
                if (!reserve_caches(0)) return nullptr;
                seen = created_.load(acq);  // [E40]
                continue;
            }
            if (!commit(&caches_[id], 1)) return nullptr;
            if (created_.cas(seen, seen + 1, acq, acq)) break;  // [E40]
        }
        reserve_caches_ahead();
    }
    Cache* cache = &caches_[id];
    cache->attach(*this, id);  // also a used one, whose bins had adapted to another thread
    cache->quarantine = quarantine_of(id);
    cache->open_to_collectors();
    return cache;
}

void Heap::reserve_caches_ahead() noexcept {
    constexpr std::uint32_t kAhead = 16;
    const Word seen = created_.load(rlx);  // relaxed: a choice
    const std::uint32_t most = most_of(seen);
    if (most - created_of(seen) > kAhead || most == most_caches_ || reserving_.looks_taken())
        return;
    static_cast<void>(reserve_caches(kAhead));
}

// Reserves address space for more caches, unless more than `enough` are unused.
// False: all are reserved, the system refuses, or another thread holds the lock
// for long.
bool Heap::reserve_caches(std::uint32_t enough) noexcept {
    constexpr std::uint32_t kAtOnce = 64;
    constexpr std::uint32_t kTries = 100;
    if (!reserving_.lock_soon(kTries)) return false;
    // Relaxed: only the holder changes how many there may be, [E34].
    const Word seen = created_.load(rlx);
    const std::uint32_t most = most_of(seen);
    const std::uint32_t left = most_caches_ - most;
    const std::uint32_t n = left < kAtOnce ? left : kAtOnce;
    bool done = most - created_of(seen) > enough;
    if (!done && n != 0 && region().source->reserve_at(caches_ + most, n * sizeof(Cache))) {
        // [E40] release, pairs with take_cache(): the addresses are ours.
        created_.fetch_add(Word{n} << 32, rel);
        done = true;
    }
    reserving_.leave();
    return done;
}

void Heap::end_cache(Cache* cache) noexcept {
    if (!cache->close_to_collectors()) return;
    cache->flush();
    give_cache(cache);
    if (also_tick != nullptr) also_tick();
}

void Heap::give_cache(Cache* cache) noexcept {
    const auto id = static_cast<std::uint32_t>(cache - caches_);
    past_.take_over(cache->counts);
    cache->exit_rounds = 0;
    if (id >= kIdleResident) drop(*cache);
    idle_.insert(id);
    arena.thread_ended();
    spans.thread_ended();
}

bool Heap::commit(Cache* first, std::uint32_t n) const noexcept {
    return region::commit_around(*region().source, first, n * sizeof(Cache));
}

// Returns the pages of an idle cache. It then reads as never attached. Locked
// pages keep their content, which does no harm.
void Heap::drop(Cache& cache) const noexcept {
    static_assert(alignof(Cache) == kCachePage);
    if (region::page_size() > kCachePage) return;
    cache.heap = nullptr;
    region().source->purge(&cache, sizeof(Cache));
    if (quarantines_ != nullptr)
        region().source->purge(quarantines_ + (&cache - caches_), sizeof(Quarantine));
}

// Releases the address space of caches that no thread has used yet, but for
// some that the next threads may need. Then that of the spans.
void Heap::shed() noexcept {
    constexpr std::uint32_t kSpare = 256;
    if (reserving_.try_lock()) {
        Word seen = created_.load(rlx);
        std::uint32_t most;
        do {
            most = created_of(seen) + kSpare;
            if (most >= most_of(seen)) break;
        } while (!created_.cas(seen, Word{most} << 32 | created_of(seen), rlx,
                               rlx));  // relaxed: divides ids
        if (most < most_of(seen))
            region::release_within(*region().source, caches_ + most, caches_ + most_of(seen));
        reserving_.leave();
    }
    spans.shed();
}

// --------------------------------------------------------------- shared caches

// Calls f with a shared cache that it holds. False: all are busy, or there is
// no memory for them. No thread waits for a holder, which may have stopped.
template <class F>
bool Heap::with_shared(F f) noexcept {
    if (!has_shared()) {
        if (!commit(shared_, kShared)) return false;
        shared_committed_.store(1, rel);  // [E38] pairs with has_shared(): the pages are accessible
    }
    const auto thread = reinterpret_cast<std::uintptr_t>(&tls_cache);
    const auto first = static_cast<std::uint32_t>((thread >> 12) * 0x9e3779b1U >> 8);
    for (std::uint32_t i = 0; i < kShared; ++i) {
        Cache& cache = shared_[(first + i) % kShared];
        // [E11] acquire, pairs with the release below: the cache as its last
        // user left it. Relaxed before: the exchange decides.
        if (cache.busy.load(rlx) != 0 || cache.busy.exchange(1, acq) != 0) continue;
        if (!cache.attached()) cache.attach(*this, first + i);
        f(cache);
        cache.busy.store(0, rel);  // [E11]
        return true;
    }
    return false;
}

void* Heap::take(Bin bin) noexcept {
    void* block = nullptr;
    if (with_shared([&](Cache& cache) noexcept { block = cache.take(bin); })) return block;
    if (base::is_run(bin)) return take_run(base::units_of_run(bin), 1).block;
    Atomic<UnitId> current{kNoUnit};
    bool zero;
    const std::uint32_t n = take_blocks(bin, current, &block, 1, zero);
    arena.leave(bin, current);
    return n == 1 ? block : nullptr;
}

Allocation Heap::allocate(const Request& request) noexcept {
    adopt_orphans();
    const Bin bin = request.bin();
    return bin != 0 ? Allocation{take(bin), false} : allocate_run(request);
}

void Heap::give(void* block, Bin bin) noexcept {
    if (bin == 0 || (base::is_run(bin) && checks.paranoid())) return give_run(block);
    if (with_shared([&](Cache& cache) noexcept { cache.give(block, bin); })) return;
    if (base::is_run(bin)) return give_run(block);
    arena.give(bin, &block, 1);
}

// ---------------------------------------------------------------- large blocks

Heap::Size Heap::size_of(const void* block) const noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    if (!spans.contains(address)) return {};
    const arena::Arena::Block in_slab = arena.find(address);
    if (in_slab.size != 0) {
        if (in_slab.start != address || in_slab.free) return {};
        return {in_slab.bin, in_slab.size};
    }
    if (address % kUnitSize != 0) return {};
    // Relaxed: the caller holds the block.
    const spans::UnitState state = spans.state(region().unit(address), rlx);
    if (state.kind() != spans::Kind::large) return {};
    return {base::bin_of_run(state.value()), state.value() * kUnitSize};
}

Allocation Heap::allocate_run(const Request& request) noexcept {
    const std::size_t most = std::size_t{region().end} * kUnitSize;
    if (request.size > most || request.alignment > most) return {nullptr, false};
    const std::uint32_t align =
        request.alignment > kUnitSize ? base::units_of_size(request.alignment) : 1;
    return take_run(request.size > 0 ? base::units_of_size(request.size) : 1, align);
}

bool Heap::resize(void* block, std::size_t from, std::size_t to) noexcept {
    if (to > std::size_t{region().end} * kUnitSize) return false;
    const UnitId start = region().unit(reinterpret_cast<std::uintptr_t>(block));
    const std::uint32_t before = base::units_of_size(from);
    const std::uint32_t after = base::units_of_size(to);
    return before == after || spans.resize_large(start, before, after);
}

}  // namespace ashlar::cache
