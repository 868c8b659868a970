// A heap as a whole: reclaiming, trimming, visiting, checking, and what the child of a fork must mend.
#include "base/report.hpp"
#include "cache/core.hpp"

namespace ashlar::cache {

using base::acq;
using base::Bin;
using base::Index;
using base::kGeometry;
using base::rlx;
using base::Word;

void Core::flush_shared() noexcept {
    for (std::uint32_t i = 0; i < kShared; ++i) {
        Cache& cache = shared_[i];
        if (cache.busy.load(rlx) != 0 || cache.busy.exchange(1, acq) != 0) continue;  // [E11] as in with_shared()
        if (cache.attached()) cache.flush();
        cache.busy.store(0, base::rel);
    }
}

void Core::flush_depot(Bin c) noexcept {
    void* blocks[depot::kMagazineBlocks];
    for (std::uint32_t n = depot.take_any(c, blocks); n != 0; n = depot.take_any(c, blocks)) arena.give(c, blocks, n);
}

void Core::reclaim() noexcept {
    adopt_orphans();
    flush_shared();
    for (Bin c = 1; c < base::kClasses; ++c) flush_depot(c);
    arena.retire_ripe();
    spans.give_recent();
}

bool Core::trim() noexcept {
    reclaim();
    const bool pages = arena.purge();
    arena.retire_ripe();  // slabs that became complete while they were ours
    return spans.purge(true) != 0 || pages;
}

// Clears the bits of blocks of one slab, or the bit of one large run, that lie in a cache or in the depot.
void Core::hide_cached(void* self, Bin c, std::uintptr_t slab, Word* live) noexcept {
    const Core& core = *static_cast<Core*>(self);
    const std::size_t bytes = base::is_run(c) || c == 0 ? base::kUnitSize : kGeometry[c].units * base::kUnitSize;
    const auto hide = [&](void* block) noexcept {
        const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(block) - slab;
        if (offset >= bytes) return;
        const std::uint32_t number = base::is_run(c) ? 0 : base::block_of_offset(kGeometry[c], offset);
        live[number / base::kWordBits] &= ~base::bit(number % base::kWordBits);
    };
    if (c == 0) return;
    if (!base::is_run(c)) core.depot.visit(c, hide);
    for (std::uint32_t i = 0; i < kShared; ++i) {
        if (core.shared_[i].attached()) core.shared_[i].visit(c, hide);
    }
    const std::uint32_t born = core.born_.load(acq);  // the heap is quiet: the caller has waited for everybody
    for (std::uint32_t i = 0; i < born; ++i) {
        if (core.caches_[i].attached()) core.caches_[i].visit(c, hide);
    }
}

bool Core::visit(arena::BlockVisitor visitor, void* context) noexcept {
    spans.give_recent();
    return arena.visit(hide_cached, this, visitor, context);
}

std::size_t Core::check() const noexcept { return arena.check(); }

void Core::adopt_fork(const Cache* own) noexcept {
    spans.adopt_fork();
    depot.adopt_fork();
    bool others = false;
    for (std::uint32_t i = 0; i < kShared; ++i) {
        shared_[i].busy.store(0, rlx);  // relaxed: alone here; consistent at any cut
        others = others || shared_[i].attached();
    }
    const std::uint32_t born = born_.load(rlx);
    for (std::uint32_t i = 0; i < born; ++i) {
        if (&caches_[i] == own || idle_.contains(i) || !caches_[i].attached()) continue;
        orphaned_.insert(i);
        others = true;
    }
    left_behind_.store(others ? 1 : 0, rlx);  // relaxed: alone here
}

void Core::adopt_some() noexcept {
    left_behind_.store(0, rlx);  // relaxed: a hint; the index says who adopts which
    for (std::uint32_t id = orphaned_.take_lowest(); id != Index::kNone; id = orphaned_.take_lowest()) {
        caches_[id].adopt();
        give_cache(&caches_[id]);
    }
    arena.find_again();
}

}  // namespace ashlar::cache
