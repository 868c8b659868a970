// process: the whole heap, with the heaps that it grew by. Trims it, relieves a
// process that is short of memory, checks it, and sums it up. Lock-free, any
// thread.
#include <csignal>

#include "malloc/process/background.hpp"
#include "malloc/process/growth.hpp"
#include "malloc/process/handlers.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::cache {

using base::kUnitShift;

void look_at_caches() noexcept {
    constexpr std::uint32_t kMagazines = 2;  // of each class: the depot may be large
    Heap* heap = existing_process();
    if (heap == nullptr) return;
    const OwnerScope scope(own_cache());
    if (scope.cache() != nullptr) scope.cache()->flush();
    if (!heap->spans.alone()) heap->collect_caches(false);
    heap->flush_cached(kMagazines);
    each_grown([](Heap& grown) noexcept { grown.flush_cached(kMagazines); });
}

namespace {

// Whether the caller may be a signal handler, which may have interrupted a call
// that has changed a block's state and not yet its bytes. A handler's signal is
// blocked.
bool may_be_a_handler() noexcept {
    sigset_t blocked;
    return thread_handlers.any() || pthread_sigmask(SIG_BLOCK, nullptr, &blocked) != 0 ||
           sigisemptyset(&blocked) == 0;
}

}  // namespace

void compare_blocks() noexcept {
    Heap* heap = existing_process();
    if (heap == nullptr || !heap->checks.on() || background.runs()) return;
    if (may_be_a_handler() || !heap->has_one_user(own_cache())) return;
    heap->checks.compare_all();
    each_grown([](Heap& grown) noexcept { grown.checks.compare_all(); });
}

bool trim() noexcept {
    Heap* heap = process();
    if (heap == nullptr) return false;
    const OwnerScope scope(own_cache());
    if (scope.cache() != nullptr) scope.cache()->flush();
    bool any = heap->trim();
    each_grown([&any](Heap& grown) noexcept { any = grown.trim() || any; });
    return any;
}

std::uint32_t relieve(std::uint32_t least) noexcept {
    Heap* heap = existing_process();
    if (heap == nullptr) return 0;
    const OwnerScope scope(own_cache());
    if (scope.cache() != nullptr) scope.cache()->flush();
    std::uint32_t calls = heap->relieve(least);
    each_grown([&](Heap& grown) noexcept { calls += grown.relieve(least); });
    return calls;
}

std::size_t check() noexcept {
    Heap* heap = process();
    if (heap == nullptr) return 0;
    const auto check_one = [](Heap& one) noexcept {
        one.adopt_orphans();  // what a fork left behind does not count as a fault
        return one.check();
    };
    std::size_t faults = check_one(*heap);
    each_grown([&](Heap& grown) noexcept { faults += check_one(grown); });
    return faults;
}

Totals totals(const Heap& heap) noexcept {
    const spans::UnitCounts units = heap.spans.counts();
    return {heap.arena.live_bytes(), units.held << kUnitShift, units.free << kUnitShift,
            units.peak << kUnitShift, std::size_t{heap.spans.limit()} << kUnitShift};
}

Totals totals() noexcept {
    Heap* heap = process();
    if (heap == nullptr) return {};
    Totals sum = totals(*heap);
    const std::size_t mapped = mapped_blocks.held();
    sum.live += mapped;
    sum.held += mapped;
    sum.peak += mapped_blocks.peak();
    sum.reserved += mapped;
    each_grown([&sum](Heap& grown) noexcept {
        const Totals more = totals(grown);
        sum = {sum.live + more.live, sum.held + more.held, sum.free + more.free,
               sum.peak + more.peak, sum.reserved + more.reserved};
    });
    return sum;
}

}  // namespace ashlar::cache
