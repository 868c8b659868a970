// Heap: describes where its tables lie, for readers from outside. Written once,
// before the heap is published.
#include <cstring>

#include "malloc/heap/heap.hpp"

namespace ashlar::cache {

using base::Bin;

namespace {

inspect::Address at(const void* place) noexcept { return reinterpret_cast<std::uintptr_t>(place); }

std::uint32_t offset(const void* member, const void* whole) noexcept {
    return static_cast<std::uint32_t>(at(member) - at(whole));
}

}  // namespace

void Heap::describe_caches(inspect::CacheTables& out) const noexcept {
    static_assert(sizeof(MissCounts) == inspect::kMissWords * sizeof(std::uint64_t));
    const Cache& cache = *caches_;  // only its members' addresses are used
    out.caches = at(caches_);
    out.shared = at(shared_);
    out.bytes = sizeof(Cache);
    out.created = at(&created_);  // its low half, on little-endian machines
    out.shared_count = kShared;
    out.shared_ready = at(&shared_committed_);
    out.past = at(&past_);
    out.heap = offset(&cache.heap, &cache);
    out.top = offset(cache.top, &cache);
    out.slots = offset(cache.slots(), &cache);
    out.misses = offset(&cache.counts, &cache);
    for (Bin bin = 0; bin < base::kBins; ++bin) {
        out.few[bin] = static_cast<std::uint16_t>(kSlots.few[bin]);
        out.few_count[bin] = static_cast<std::uint16_t>(few_slots(bin));
        out.many[bin] = static_cast<std::uint16_t>(kSlots.many[bin]);
        out.many_count[bin] = static_cast<std::uint16_t>(kCapacityOfBin[bin]);
    }
}

void Heap::describe(const region::Carver& carver) const noexcept {
    static_assert(kSlots.all <= 0xffff);
    inspect::HeapLayout& out = description();
    out.self = at(&out);
    out.base = region().base;
    out.units = region().end;
    out.dense = carver.used();
    const region::Tables& tables = carver.tables();
    for (std::uint32_t i = 0; i < tables.count; ++i)
        out.tables += (std::uint64_t{tables.list[i].stride} << 16) >> tables.list[i].shift;
    const spans::SpansTables units = spans.tables();
    out.unit = {at(units.state),    at(units.free),       units.free_stride * sizeof(base::Word),
                at(units.dirty),    at(units.aged),       at(units.recent),
                units.recent_count, at(units.frontier),   at(units.committed),
                at(units.peak),     at(units.lock_taken), at(units.lock_refused),
                at(units.reach),    at(arena.bits())};
    describe_caches(out.cache);
    const depot::DepotAddresses magazines = depot.addresses();
    out.depot.classes = at(magazines.classes);
    out.depot.class_bytes = magazines.class_bytes;
    out.depot.shards = depot::kShards;
    out.depot.shard_bytes = magazines.shard_bytes;
    out.depot.magazine_bytes = magazines.magazine_bytes;
    for (Bin c = 1; c < base::kClasses; ++c) {
        out.depot.magazines[c] = at(magazines.magazines[c]);
        out.depot.per_shard[c] = depot::kMagazineParameters[c].magazines;
    }
    out.version = inspect::kLayoutVersion;
    out.bytes = sizeof out;
    std::memcpy(out.magic, inspect::kHeapMagic, sizeof out.magic);
}

}  // namespace ashlar::cache
