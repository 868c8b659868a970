// Cache: collecting the blocks of a thread that sleeps, or only hits. The
// collector takes from the bottom of each bin and the owner from its top, as
// thieves and owner do with the deque of Cilk-5 (Frigo et al., 1998). Neither
// waits, and hits pay nothing: the collector lets the system put barriers into
// the owner. While a collector works, the owner's slow paths use the shared
// caches.
//
//   slots of a bin | null | block | block | null | block |
//                           given back      ^mark         ^top
#include <cstring>

#include "malloc/cache/cache.hpp"

namespace ashlar::cache {

using base::acq;
using base::acq_rel;
using base::Bin;
using base::rel;
using base::rlx;

// [E55] release, pairs with the CAS in collect(): the cache as it was attached.
void Cache::open_to_collectors() noexcept { state_.store(kOwned, rel); }

bool Cache::close_to_collectors() noexcept {
    // Relaxed: a guess, which the CAS below tests.
    for (std::uint32_t seen = state_.load(rlx);;) {
        const bool own = seen != kCollecting;
        // [E55] acquire, pairs with the exchange in collect(); release, pairs
        // with it: what the owner did.
        if (!state_.cas(seen, own ? kUnused : kAbandoned, acq_rel, rlx)) continue;
        if (own) take_back(seen);
        return own;
    }
}

void Cache::continue_in_child(bool own) noexcept {
    // Relaxed, all of it: there is one thread. Blocks in a collector's hands
    // are lost.
    if (!own) {
        if (state_.load(rlx) == kUnused) return;  // also a dropped cache, which has no page
        state_.store(kUnused, rlx);
        inside_.reset();
        for (Doubt& doubt : doubts_) doubt.slot = nullptr;
        return;
    }
    if (state_.load(rlx) == kCollecting) state_.store(kCollected, rlx);
}

Cache::Collected Cache::collect(bool only_idle) noexcept {
    Collection own;
    if (!begin_collection(own, only_idle)) return Collected::nothing;
    end_collections({&own, 1}, only_idle);
    return own.result;
}

bool Cache::begin_collection(Collection& out, bool only_idle) noexcept {
    std::uint32_t seen = state_.load(rlx);  // relaxed: a guess, which the CAS tests
    if (seen != kOwned && (seen != kCollected || only_idle)) return false;
    // [E55] acquire, pairs with open_to_collectors(), and with the last
    // collector's exchange.
    if (!state_.cas(seen, kCollecting, acq, rlx)) return false;
    out.cache = this;
    out.before = seen;
    out.done = false;
    return true;
}

// Each step of all caches lies between the same barriers.
void Cache::end_collections(std::span<Collection> begun, bool only_idle) noexcept {
    bool any = false;
    if (base::put_barriers()) {  // [E54]
        for (Collection& each : begun) {
            each.done = each.cache->may_collect(only_idle);
            if (each.done) each.cache->mark(each);
            any = any || each.done;
        }
    }
    const bool first = any && base::put_barriers();  // [E56]
    for (Collection& each : begun) {
        if (!each.done) continue;
        std::memset(each.sure, 0, sizeof each.sure);
        if (!first) continue;
        each.cache->collect_runs(each);
        each.cache->compare_tops(each);
    }
    const bool second = first && base::put_barriers();  // [E56]
    for (Collection& each : begun) {
        if (each.done) each.cache->collect_classes(each, second);
        each.result = each.cache->leave_collection(each);
    }
}

// [E54] After the barrier an owner inside is seen here, or sees the state.
// Acquire, pairs with the release in leave().
bool Cache::may_collect(bool only_idle) noexcept {
    if (inside_.load(acq) != 0) return false;
    const std::uintptr_t sum = only_idle ? sum_of_tops() : 0;
    const bool idle = sum == sum_;
    sum_ = sum;
    return idle || !only_idle;
}

Cache::Collected Cache::leave_collection(const Collection& own) noexcept {
    // [E55] release, pairs with the acquire in enter(): the slots; acquire,
    // pairs with close_to_collectors().
    if (state_.exchange(own.done ? kCollected : own.before, acq_rel) == kAbandoned) {
        state_.store(kUnused, rlx);  // relaxed: the cache is the caller's
        take_back(kCollected);
        return Collected::ended;
    }
    return own.done ? Collected::blocks : Collected::nothing;
}

std::uintptr_t Cache::sum_of_tops() const noexcept {
    // A thread of a paranoid process that only frees moves no top.
    std::uintptr_t sum = quarantine != nullptr ? quarantine->count_in() : 0;
    for (Bin bin = 1; bin < base::kBins; ++bin)
        sum = sum * 31 + reinterpret_cast<std::uintptr_t>(base::owned_load(top[bin]));
    return sum;
}

// Takes the slot below the newest block of each class, and leaves null there.
// An owner that has not popped that slot yet stops at this mark. Whether it
// has, the two looks after the barriers tell, [E56]: if the top is above the
// mark, the owner has not popped it, or has pushed over it.
void Cache::mark(Collection& own) noexcept {
    drain_quarantine();
    for (Bin c = 1; c < base::kClasses; ++c) {
        void** const newest = base::owned_load(top[c]) - 1;
        own.marks[c] = {nullptr, nullptr};
        if (newest <= bottom(c) || doubts_[c].slot != nullptr) continue;
        // Relaxed: the barriers order it.
        own.marks[c] = {newest - 1, base::owned_exchange<void>(newest[-1], nullptr)};
    }
    for (Bin bin = base::kClasses; bin < base::kBins; ++bin)
        own.runs[bin - base::kClasses] =
            static_cast<std::uint8_t>(base::owned_load(top[bin]) - bottom(bin));
}

void Cache::compare_tops(Collection& own) noexcept {
    for (Bin c = 1; c < base::kClasses; ++c)
        own.sure[c] =
            own.marks[c].block != nullptr && base::owned_load(top[c]) > own.marks[c].slot + 1;
}

// Runs are popped inside a scope only: all that lie below the tops are ours.
// The barrier orders the slots of hits that pushed them, [E56].
void Cache::collect_runs(const Collection& own) noexcept {
    for (Bin bin = base::kBins - 1; base::is_run(bin); --bin) {
        for (void** slot = bottom(bin) + own.runs[bin - base::kClasses]; slot > bottom(bin);) {
            --slot;
            void* block = base::owned_load(*slot);
            base::owned_store<void*>(*slot, nullptr);
            if (block != nullptr) heap->give_run(block);
        }
    }
}

// `ordered`: the tops were compared with the marks, and a barrier came then.
void Cache::collect_classes(const Collection& own, bool ordered) noexcept {
    for (Bin c = 1; c < base::kClasses; ++c) {
        const auto [mark, block] = own.marks[c];
        heap->arena.leave(c, current_[c]);
        if (block == nullptr) continue;
        if (!own.sure[c] || !ordered || base::owned_load(*mark) != nullptr) {
            doubts_[c].block = block;
            base::compiler_fence();  // a fork may cut between
            doubts_[c].slot = mark;
            continue;
        }
        give_below(c, mark, block);
    }
}

// Gives the block of the mark, and those in the slots below it.
void Cache::give_below(Bin c, void** mark, void* block) noexcept {
    void* blocks[depot::kMagazineBlocks];
    std::uint32_t n = 0;
    blocks[n++] = block;
    for (void** slot = bottom(c); slot < mark; ++slot) {
        void* next = base::owned_load(*slot);
        if (next == nullptr) continue;
        base::owned_store<void*>(*slot,
                                 nullptr);  // it leaves the bin before another thread gets it
        blocks[n++] = next;
        if (n < depot::kMagazineBlocks) continue;
        heap->arena.give(c, blocks, n);
        n = 0;
    }
    if (n != 0) heap->arena.give(c, blocks, n);
}

// For a cache whose owner has ended, after the last look of a collector.
void Cache::take_back(std::uint32_t seen) noexcept {
    if (cut()) {
        rebuild();
        inside_.reset();
    } else if (seen == kCollected) {
        close_gaps();
    }
}

// The cache counts as cut until the end, so that this may be cut as well.
bool Cache::mend() noexcept {
    std::uint32_t seen = state_.load(rlx);  // relaxed: a guess, which the CAS tests
    while (seen != kUnused) {
        if (seen == kCollecting) return false;
        // [E55] acquire, pairs with the exchange in collect().
        if (state_.cas(seen, kUnused, acq, rlx)) break;
    }
    rebuild();
    open_to_collectors();
    while (cut()) inside_.decrement();  // [E54] release, as in leave()
    return true;
}

// Blocks below the top of a bin go back to their slabs: wherever a bin was cut,
// it has no others. No collector works on the cache.
void Cache::rebuild() noexcept {
    for (Bin c = 1; c < base::kClasses; ++c) settle_doubt(c);
    adopt();
    empty_bins();
    heap->arena.find_again();
}

// A block in doubt goes back into its slot if the owner never popped it.
void Cache::settle_doubt(Bin bin) noexcept {
    const Doubt doubt = doubts_[bin];
    if (doubt.slot == nullptr) return;
    if (top[bin] > doubt.slot && *doubt.slot == nullptr) *doubt.slot = doubt.block;
    base::compiler_fence();  // whatever cuts between finds the slot filled
    doubts_[bin].slot = nullptr;
}

// For the owner, inside. Settles what is in doubt. Then the blocks above the
// last null move down to the bottom.
void Cache::close_gaps() noexcept {
    for (Bin bin = 1; bin < base::kBins; ++bin) {
        void** const at = bottom(bin);
        void** const end = top[bin];
        if (bin < base::kClasses) settle_doubt(bin);
        void** first = end;
        while (first[-1] != nullptr) --first;
        if (first == at) continue;
        top[bin] = at;  // a fork that cuts here loses them, but has none twice
        base::compiler_fence();
        const auto n = static_cast<std::size_t>(end - first);
        std::memmove(at, first, n * sizeof(void*));
        base::compiler_fence();
        top[bin] = at + n;
        if (base::is_run(bin)) limit[bin] = top[bin];
    }
}

}  // namespace ashlar::cache
