#include "malloc/process/growth.hpp"

#include "malloc/process/limits.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::cache {

using base::acq;
using base::acq_rel;
using base::Atomic;
using base::kUnitShift;
using base::rlx;
using base::UnitId;

constinit Atomic<Heap*> grown_heaps[kMaxGrown]{};

namespace {

constexpr std::size_t kLeastGrowth = std::size_t{4} << 20;

// The first heaps are small, since other mappings need room under the limit
// too. Later ones are larger: kMaxGrown of them use up any usual limit.
constexpr std::size_t growth(std::size_t slot) noexcept {
    return std::size_t{64} << (20 + slot / 4);
}

Heap* create(std::size_t bytes) noexcept {
    Heap* heap = Heap::create(region::kSystem, static_cast<UnitId>(bytes >> kUnitShift), 1);
    if (heap == nullptr) return nullptr;
    heap->spans.admits = admit_units;
    if (registry.enroll(*heap)) return heap;
    Heap::destroy(heap);
    return nullptr;
}

}  // namespace

void tick_grown() noexcept {
    constexpr std::uint64_t kPeriodMs = 1000;
    static constinit Atomic<std::uint64_t> last{};
    if (grown_heaps[0].load(rlx) == nullptr) return;  // relaxed: each_grown() acquires
    const std::uint64_t now = spans::Spans::now_ms();
    // Relaxed, as the CAS: the thread that moves the time on does it.
    std::uint64_t seen = last.load(rlx);
    if (now < seen + kPeriodMs || !last.cas(seen, now, rlx, rlx)) return;
    each_grown([](Heap& heap) noexcept {
        heap.reclaim();
        heap.tick();
    });
}

Allocation allocate_existing(const Request& request) noexcept {
    Allocation found{nullptr, false};
    each_grown([&](Heap& heap) noexcept {
        if (found.block == nullptr) found = heap.allocate(request);
    });
    return found;
}

Allocation allocate_grown(const Request& request) noexcept {
    for (unsigned i = 0; i < kMaxGrown; ++i) {
        Atomic<Heap*>& slot = grown_heaps[i];
        Heap* heap = slot.load(acq);  // [E13] acquire, pairs with the CAS below
        if (heap == nullptr) {
            Heap* made = nullptr;
            for (std::size_t bytes = growth(i); made == nullptr; bytes /= 2) {
                if (bytes < kLeastGrowth || bytes / 2 < request.size ||
                    bytes / 2 - request.size < request.alignment) {
                    return {nullptr, false};
                }
                made = create(bytes);
            }
            if (slot.cas(heap, made, acq_rel, acq)) {  // [E13] release
                heap = made;
            } else {
                registry.strike(*made);
                Heap::destroy(made);
            }
        }
        const Allocation found = heap->allocate(request);
        if (found.block != nullptr) return found;
    }
    return {nullptr, false};
}

}  // namespace ashlar::cache
