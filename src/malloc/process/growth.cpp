#include "malloc/process/growth.hpp"

#include <ctime>

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

// How often a thread tries the lock, and how long it pauses between tries.
constexpr unsigned kTries = 32;
constexpr unsigned kPauses = 512;
constexpr unsigned kNaps = 16;  // of a millisecond

// The first heaps are small, since other mappings need room under the limit
// too. Later ones are larger: kMaxGrown of them use up any usual limit.
constexpr std::size_t growth(std::size_t slot) noexcept {
    return std::size_t{64} << (20 + slot / 4);
}

Heap* create(std::size_t bytes) noexcept {
    Heap* heap =
        Heap::create(region::kSystem, static_cast<UnitId>(bytes >> kUnitShift), 1, check_level());
    if (heap == nullptr) return nullptr;
    heap->spans.admits = admit_units;
    if (registry.enroll(*heap)) return heap;
    Heap::destroy(heap);
    return nullptr;
}

bool fits(const Request& request, std::size_t bytes) noexcept {
    return bytes >= kLeastGrowth && bytes / 2 >= request.size &&
           bytes / 2 - request.size >= request.alignment;
}

// Creates a heap in an empty slot, or returns that of another thread.
Heap* create_in(Atomic<Heap*>& slot, const Request& request) noexcept {
    Heap* heap = slot.load(acq);  // [E13] acquire, pairs with the CAS
    Heap* made = nullptr;
    for (std::size_t bytes = growth(static_cast<std::size_t>(&slot - grown_heaps));
         heap == nullptr && made == nullptr && fits(request, bytes); bytes /= 2) {
        made = create(bytes);
    }
    if (made == nullptr) return heap;
    if (slot.cas(heap, made, acq_rel, acq)) return made;  // [E13] release
    registry.strike(*made);
    Heap::destroy(made);
    return heap;
}

// Sleeps a little while another thread reserves, for the same slot or for the
// first region: the system would refuse until that thread is done. Then this
// one finds its heap, or room. A stopped holder delays it by kNaps in all.
bool lock_patiently() noexcept {
    for (unsigned naps = 0; naps < kNaps; ++naps) {
        if (region::reserving_briefly.lock_soon(kTries, kPauses)) return true;
        const std::timespec moment{0, 1'000'000};
        nanosleep(&moment, nullptr);
    }
    return false;
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
    for (Atomic<Heap*>& slot : grown_heaps) {
        Heap* heap = slot.load(acq);  // [E13] acquire, pairs with the CAS in create_in()
        if (heap == nullptr) {
            const bool alone = lock_patiently();
            heap = create_in(slot, request);
            if (alone) region::reserving_briefly.leave();
        }
        if (heap == nullptr) break;
        const Allocation found = heap->allocate(request);
        if (found.block != nullptr) return found;
    }
    return {nullptr, false};
}

}  // namespace ashlar::cache
