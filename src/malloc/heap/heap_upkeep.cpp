// Heap: reclaiming, trimming, visiting and checking a whole heap, and repairing
// it in the child of a fork. Lock-free, any thread. visit() needs a quiet heap,
// and adopt_fork() the child of a fork.
#include <algorithm>

#include "base/report.hpp"
#include "malloc/heap/heap.hpp"

namespace ashlar::cache {

using base::acq;
using base::Bin;
using base::BitmapIndex;
using base::kGeometry;
using base::rlx;
using base::Word;

void Heap::flush_shared() noexcept {
    if (!has_shared()) return;
    for (std::uint32_t i = 0; i < kShared; ++i) {
        Cache& cache = shared_[i];
        // [E11] as in with_shared().
        if (cache.busy.load(rlx) != 0 || cache.busy.exchange(1, acq) != 0) continue;
        if (cache.attached()) cache.flush();
        cache.busy.store(0, base::rel);
    }
}

void Heap::flush_cached(std::uint32_t magazines) noexcept {
    flush_shared();
    for (Bin c = 1; c < base::kClasses; ++c) flush_depot(c, magazines);
}

void Heap::reclaim() noexcept {
    adopt_orphans();
    flush_cached();
    arena.retire_reclaimable();
    spans.give_recent();
}

void Heap::collect_caches(bool only_idle) noexcept {
    // [E40] acquire, pairs with take_cache(): the addresses are ours.
    const std::uint32_t created = created_of(created_.load(acq));
    Cache::Collection begun[Cache::kMostCollections];
    std::uint32_t n = 0;
    const auto end = [&]() noexcept {
        Cache::end_collections({begun, n}, only_idle);
        for (std::uint32_t i = 0; i < n; ++i) {
            if (begun[i].result != Cache::Collected::ended) continue;
            begun[i].cache->flush();
            give_cache(begun[i].cache);
        }
        n = 0;
    };
    for (std::uint32_t id = 0; id < created; ++id) {
        if (caches_[id].begin_collection(begun[n], only_idle) && ++n == Cache::kMostCollections)
            end();
    }
    if (n != 0) end();
}

void Heap::return_idle() noexcept {
    adopt_orphans();
    collect_caches(true);
    flush_shared();
    for (Bin c = 1; c < base::kClasses; ++c) {
        if (depot.version(c) == depot_seen_[c]) flush_depot(c);
        depot.take_idle(
            c, [&](void* const* blocks, std::uint32_t n) noexcept { arena.give(c, blocks, n); });
        depot_seen_[c] = depot.version(c);
        depot.purge_idle(c);
    }
    spans.tick();
    arena.tick();
    arena.purge_idle();
}

// Ids are low first, and few caches stay resident: the list holds them all,
// but for those of threads that end meanwhile.
void Heap::drop_idle_caches() noexcept {
    std::uint32_t ids[kIdleResident];
    std::uint32_t n = 0;
    while (n < kIdleResident && (ids[n] = idle_.take_lowest()) != BitmapIndex::kNone) ++n;
    for (std::uint32_t i = 0; i < n; ++i) {
        if (ids[i] < kIdleResident && caches_[ids[i]].attached()) drop(caches_[ids[i]]);
        idle_.insert(ids[i]);
    }
}

bool Heap::trim() noexcept {
    collect_caches(false);
    drop_idle_caches();
    reclaim();
    const bool pages = arena.purge();
    arena.retire_reclaimable();  // slabs that became complete while purge() owned them
    return spans.purge(true) != 0 || pages;
}

std::uint32_t Heap::relieve(std::uint32_t least) noexcept {
    collect_caches(false);
    reclaim();
    return spans.purge_dirty(least);
}

// Clears the bits of blocks of one slab, or the bit of one large run, that lie
// in a cache or in the depot.
void Heap::hide_cached(void* self, Bin c, std::uintptr_t slab, Word* live) noexcept {
    const Heap& heap = *static_cast<Heap*>(self);
    const std::size_t bytes =
        base::is_run(c) || c == 0 ? base::kUnitSize : kGeometry[c].units * base::kUnitSize;
    const auto hide = [&](void* block) noexcept {
        const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(block) - slab;
        if (offset >= bytes) return;
        const std::uint32_t number =
            base::is_run(c) ? 0 : base::block_of_offset(kGeometry[c], offset);
        live[number / base::kWordBits] &= ~base::bit(number % base::kWordBits);
    };
    if (c == 0) return;
    if (!base::is_run(c)) heap.depot.visit(c, hide);
    for (std::uint32_t i = 0; heap.has_shared() && i < kShared; ++i) {
        if (heap.shared_[i].attached()) heap.shared_[i].visit(c, hide);
    }
    const std::uint32_t created = created_of(
        heap.created_.load(acq));  // [none: the heap is quiet, the caller waited for all threads]
    for (std::uint32_t i = 0; i < created; ++i) {
        if (!heap.caches_[i].attached()) continue;
        heap.caches_[i].visit(c, hide);
        if (heap.caches_[i].quarantine != nullptr) heap.caches_[i].quarantine->visit(hide);
    }
}

bool Heap::visit(arena::BlockVisitor visitor, void* context) noexcept {
    spans.give_recent();
    return arena.visit(hide_cached, this, visitor, context);
}

bool Heap::has_one_user(const Cache* own) const noexcept {
    // [E40] acquire, pairs with take_cache(): the addresses are ours.
    const std::uint32_t created = created_of(created_.load(acq));
    for (std::uint32_t i = 0; i < created; ++i) {
        if (&caches_[i] != own && !idle_.contains(i)) return false;
    }
    return !has_shared();
}

std::size_t Heap::check() const noexcept { return arena.check(); }

void Heap::adopt_fork(std::span<Cache* const> own) noexcept {
    spans.adopt_fork();
    depot.adopt_fork();
    reserving_.reset();
    bool others = false;
    for (Cache* cache : own) {
        if (cache != nullptr) cache->continue_in_child(true);
    }
    for (std::uint32_t i = 0; has_shared() && i < kShared; ++i) {
        // Relaxed: no other thread runs; a cache is consistent wherever a fork
        // cuts.
        shared_[i].busy.store(0, rlx);
        others = others || shared_[i].attached();
    }
    const std::uint32_t created = created_of(created_.load(rlx));
    for (std::uint32_t i = 0; i < created; ++i) {
        const bool owned = std::find(own.begin(), own.end(), &caches_[i]) != own.end();
        if (owned || idle_.contains(i) || !caches_[i].attached()) continue;
        caches_[i].continue_in_child(false);
        orphaned_.insert(i);
        others = true;
    }
    left_behind_.store(others ? 1 : 0, rlx);  // relaxed: no other thread runs
}

void Heap::adopt_some() noexcept {
    // Relaxed: a hint; the index decides which thread adopts which cache.
    left_behind_.store(0, rlx);
    for (std::uint32_t id = orphaned_.take_lowest(); id != BitmapIndex::kNone;
         id = orphaned_.take_lowest()) {
        caches_[id].adopt();
        give_cache(&caches_[id]);
    }
    arena.find_again();
}

}  // namespace ashlar::cache
