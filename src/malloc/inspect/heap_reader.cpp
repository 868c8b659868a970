#include "malloc/inspect/heap_reader.hpp"

#include <algorithm>
#include <cstring>

#include "base/bits.hpp"
#include "malloc/inspect/used_bytes.hpp"

namespace ashlar::inspect {

using base::Bin;
using base::kGeometry;
using base::kUnitSize;
using base::Word;

namespace {

// As spans::Kind.
constexpr std::uint32_t kNone = 0, kLarge = 3;

constexpr std::uint64_t kMostUnits = std::uint64_t{1} << 31;
constexpr std::uint64_t kMostCaches = std::uint64_t{1} << 16;
constexpr std::uint64_t kMostShared = 256;
constexpr std::uint64_t kMostShards = 64;
// After so many failures the heap is taken for damaged, and left.
constexpr std::uint64_t kMostUnreadable = 4096;
constexpr std::uint32_t kMostInMagazine = 4096;

bool sound(const HeapLayout& layout) noexcept {
    if (layout.units > kMostUnits || layout.base % kUnitSize != 0) return false;
    if (layout.base <= layout.self || layout.base > std::uint64_t{1} << 56) return false;
    if (layout.cache.shared_count > kMostShared || layout.cache.bytes > kUnitSize * 16)
        return false;
    if (layout.depot.shards > kMostShards || layout.depot.class_bytes > kUnitSize) return false;
    for (const std::uint32_t per_shard : layout.depot.per_shard) {
        if (per_shard > base::kWordBits) return false;
    }
    return layout.unit.recent_count <= base::kWordBits;
}

}  // namespace

bool read_layout(const Memory& memory, std::uint64_t address, HeapLayout& out) noexcept {
    if (!memory.copy(address, &out, sizeof out)) return false;
    return std::memcmp(out.magic, kHeapMagic, sizeof out.magic) == 0 &&
           out.version == kLayoutVersion && out.bytes == sizeof out && out.self == address &&
           sound(out);
}

void HeapReader::open(const Memory& memory, Residency* pages, const UnitVisitor* visitor) noexcept {
    memory_ = &memory;
    pages_ = pages;
    visitor_ = visitor;
}

std::uint32_t HeapReader::number(std::uint64_t address) noexcept {
    std::uint32_t value = 0;
    if (!memory_->get(address, value)) ++own_.unreadable;
    return value;
}

void HeapReader::count(const HeapLayout& layout, HeapCounts& out) noexcept {
    layout_ = &layout;
    out_ = &out;
    own_ = {};
    states_.open(*memory_);
    bits_.open(*memory_);
    for (Window<512>* each : {&free_, &dirty_, &aged_}) each->open(*memory_);
    const std::uint64_t most = layout.units;
    const std::uint64_t committed = std::min<std::uint64_t>(number(layout.unit.committed), most);
    const std::uint64_t frontier = std::min<std::uint64_t>(number(layout.unit.frontier), committed);
    // The caches first: a block that leaves one meanwhile is still in use in
    // its slab, or counted as free there.
    if (memory_->reads_plain) count_caches();
    count_depot();
    count_units(frontier, committed);
    bound_cached();
    own_.peak = std::uint64_t{number(layout.unit.peak)} << base::kUnitShift;
    std::uint64_t reach = 0;
    if (!memory_->get(layout.unit.reach, reach)) ++own_.unreadable;
    own_.reserved = reach >> 32 << base::kUnitShift;
    own_.lock_taken = number(layout.unit.lock_taken);
    own_.lock_refused = number(layout.unit.lock_refused);
    count_metadata(frontier);
    // All members are sums of 8 bytes.
    static_assert(sizeof(HeapCounts) % sizeof(std::uint64_t) == 0);
    auto* to = reinterpret_cast<std::uint64_t*>(&out);
    const auto* from = reinterpret_cast<const std::uint64_t*>(&own_);
    for (std::size_t i = 0; i < sizeof(HeapCounts) / sizeof(std::uint64_t); ++i) to[i] += from[i];
}

// ----------------------------------------------------------------------- units

std::uint64_t HeapReader::resident(std::uint64_t unit, std::uint64_t units) noexcept {
    if (pages_ == nullptr) return 0;
    return pages_->bytes(address_of(unit), address_of(unit + units));
}

void HeapReader::count_units(std::uint64_t end, std::uint64_t committed) noexcept {
    std::uint64_t unit = 1;
    while (unit < end && own_.unreadable < kMostUnreadable) unit += count_unit(unit, end);
    if (committed > unit) count_part(own_.fresh, UnitKind::fresh, unit, committed - unit);
}

void HeapReader::count_part(Part& part, UnitKind kind, std::uint64_t unit,
                            std::uint64_t units) noexcept {
    const std::uint64_t pages = resident(unit, units);
    part.add(units << base::kUnitShift, pages);
    visit({address_of(unit), units, kind, 0, 0, {}, pages, nullptr, pages_});
}

bool HeapReader::bit_of(std::uint64_t words, std::uint64_t stride, Window<512>& window,
                        std::uint64_t unit) noexcept {
    Word word = 0;
    if (!window.get(words + unit / base::kWordBits * stride, word)) ++own_.unreadable;
    return (word >> unit % base::kWordBits & 1) != 0;
}

// Counts what begins at a unit, and returns its length.
std::uint64_t HeapReader::count_unit(std::uint64_t unit, std::uint64_t end) noexcept {
    std::uint32_t state = 0;
    if (!states_.get(layout_->unit.state + unit * sizeof state, state)) ++own_.unreadable;
    const std::uint32_t value = state >> 2;
    const std::uint32_t kind = state & 3;
    if (kind == kLarge && value > 0 && value <= end - unit) {
        ClassCounts& runs = own_.bins[base::bin_of_run(value)];
        ++runs.slabs;
        ++runs.blocks;
        ++runs.in_use;
        const Part all{value * kUnitSize, resident(unit, value)};
        runs.used.add(all.bytes, all.resident);
        visit({address_of(unit), value, UnitKind::run, base::bin_of_run(value), 1, all,
               all.resident, nullptr, pages_});
        return value;
    }
    if (kind != kNone && kind != kLarge && value > 0 && value < base::kClasses &&
        kGeometry[value].units <= end - unit) {
        count_slab(unit, value);
        return kGeometry[value].units;
    }
    if (bit_of(layout_->unit.free, layout_->unit.free_stride, free_, unit)) {
        count_free(unit);
    } else {
        count_part(own_.kept, UnitKind::kept, unit, 1);
    }
    return 1;
}

void HeapReader::count_free(std::uint64_t unit) noexcept {
    if (bit_of(layout_->unit.aged, sizeof(Word), aged_, unit)) {
        count_part(own_.aged, UnitKind::aged, unit, 1);
    } else if (bit_of(layout_->unit.dirty, sizeof(Word), dirty_, unit)) {
        count_part(own_.dirty, UnitKind::dirty, unit, 1);
    } else {
        count_part(own_.clean, UnitKind::clean, unit, 1);
    }
}

void HeapReader::count_slab(std::uint64_t unit, Bin c) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    Word free[base::kMaxSlabWords];
    if (!bits_.copy(layout_->unit.bits + unit * base::kMaxSlabWords * sizeof(Word), free,
                    g.words * sizeof(Word))) {
        ++own_.unreadable;
        std::memset(free, 0, sizeof free);
    }
    std::uint64_t in_use = 0;
    for (std::uint32_t w = 0; w < g.words; ++w)
        in_use += base::count(~free[w] & base::full_word(g, w));
    ClassCounts& slabs = own_.bins[c];
    ++slabs.slabs;
    slabs.blocks += g.blocks;
    slabs.in_use += in_use;
    const std::uint64_t bytes = std::uint64_t{g.blocks} * g.size;
    slabs.used.bytes += in_use * g.size;
    slabs.free.bytes += bytes - in_use * g.size;
    slabs.rest.bytes += g.units * kUnitSize - bytes;
    UnitRecord record{address_of(unit),     g.units, UnitKind::slab, c,     in_use,
                      {in_use * g.size, 0}, 0,       free,           pages_};
    if (pages_ != nullptr) count_resident(record, free);
    visit(record);
}

// The resident bytes of a slab, by what they belong to: a page may have blocks
// in use and free ones.
void HeapReader::count_resident(UnitRecord& record, const Word* free) noexcept {
    const base::ClassGeometry& g = kGeometry[record.bin];
    const UsedBytes used_bytes(g, free);
    const std::uint64_t blocks_end = std::uint64_t{g.blocks} * g.size;
    std::uint64_t blocks = 0;
    for (std::uint32_t i = 0; i < g.units; ++i) {
        const std::uint32_t parts = pages_->parts(record.address + i * kUnitSize);
        for (unsigned p = 0; p < kParts; ++p) {
            if ((parts >> p & 1) == 0) continue;
            const std::uint64_t from = i * kUnitSize + p * kPart;
            record.resident += kPart;
            blocks += from >= blocks_end ? 0 : std::min(kPart, blocks_end - from);
            if (record.in_use != 0) record.used.resident += used_bytes.within(from, from + kPart);
        }
    }
    ClassCounts& slabs = own_.bins[record.bin];
    slabs.used.resident += record.used.resident;
    slabs.free.resident += blocks - record.used.resident;
    slabs.rest.resident += record.resident - blocks;
}

// ---------------------------------------------------------------------- caches

// A thread that ends adds its counters to those of the past. If these change
// while the caches are read, its misses may count twice: all are counted again.
void HeapReader::count_caches() noexcept {
    constexpr unsigned kMostTries = 8;
    const std::uint64_t unreadable = own_.unreadable;
    std::uint64_t before[kMissWords];
    std::uint64_t past[kMissWords];
    for (unsigned i = 0; i < kMostTries; ++i) {
        if (!memory_->get(layout_->cache.past, before)) return;
        own_ = {};
        own_.unreadable = unreadable;
        count_each_cache();
        if (!memory_->get(layout_->cache.past, past)) return;
        add_misses(past);
        if (std::memcmp(before, past, sizeof past) == 0) return;
    }
}

void HeapReader::count_each_cache() noexcept {
    const CacheTables& tables = layout_->cache;
    const std::uint64_t created = std::min<std::uint64_t>(number(tables.created), kMostCaches);
    for (std::uint64_t i = 0; i < created; ++i) count_cache(tables.caches + i * tables.bytes);
    if (number(tables.shared_ready) != 0) {
        for (std::uint64_t i = 0; i < tables.shared_count; ++i)
            count_cache(tables.shared + i * tables.bytes);
    }
}

// A collector leaves nulls below the newest blocks of a bin of `n` slots.
std::uint64_t HeapReader::without_gaps(std::uint64_t top, std::uint64_t n) noexcept {
    const auto null_at = [&](std::uint64_t below) noexcept {
        std::uint64_t slot = 1;
        return memory_->get(top - below * sizeof(void*), slot) && slot == 0;
    };
    if (n == 0 || !null_at(n)) return n;
    std::uint64_t blocks = 0;
    while (blocks < n && !null_at(blocks + 1)) ++blocks;
    return blocks;
}

void HeapReader::add_misses(const std::uint64_t (&misses)[kMissWords]) noexcept {
    for (Bin bin = 0; bin < base::kBins; ++bin) {
        own_.bins[bin].refills += misses[bin];
        own_.misses[0] += misses[bin];
    }
    for (unsigned i = 1; i < kMisses; ++i) own_.misses[i] += misses[base::kBins + i - 1];
}

// A cache that was never attached, or was dropped, has no heap. The tops may
// move meanwhile: a top outside its bin counts as an empty bin.
void HeapReader::count_cache(std::uint64_t address) noexcept {
    const CacheTables& tables = layout_->cache;
    std::uint64_t heap = 0;
    std::uint64_t top[base::kBins];
    std::uint64_t misses[kMissWords];
    if (!memory_->get(address + tables.heap, heap) || heap == 0) return;
    if (!memory_->get(address + tables.top, top) || !memory_->get(address + tables.misses, misses))
        return;
    std::uint64_t blocks = 0;
    for (Bin bin = 1; bin < base::kBins; ++bin) {
        const std::uint64_t slot = (top[bin] - address - tables.slots) / sizeof(void*);
        const std::uint64_t few = slot - tables.few[bin];
        const std::uint64_t many = slot - tables.many[bin];
        std::uint64_t n = few <= tables.few_count[bin]     ? few
                          : many <= tables.many_count[bin] ? many
                                                           : 0;
        n = without_gaps(top[bin], n);
        own_.bins[bin].cached += n;
        blocks += n;
    }
    add_misses(misses);
    if (blocks != 0) ++own_.caches;
}

// Uses the windows before the units do: the lists and the counts lie together.
void HeapReader::count_depot() noexcept {
    const DepotTables& depot = layout_->depot;
    for (Bin c = 1; c < base::kClasses; ++c) {
        for (std::uint64_t s = 0; s < depot.shards; ++s) {
            Word full = 0;
            if (!bits_.get(depot.classes + c * depot.class_bytes + s * depot.shard_bytes, full))
                ++own_.unreadable;
            for (; full != 0; full &= full - 1) {
                const unsigned which = base::lowest(full);
                if (which >= depot.per_shard[c]) break;
                const std::uint64_t magazine =
                    depot.magazines[c] + (s * depot.per_shard[c] + which) * depot.magazine_bytes;
                std::uint32_t n = 0;
                if (!states_.get(magazine, n)) ++own_.unreadable;
                own_.bins[c].in_depot += n <= kMostInMagazine ? n : 0;
            }
        }
    }
}

// Blocks that moved during the walk may count twice as free. Of a class never
// more are cached than are in use.
void HeapReader::bound_cached() noexcept {
    for (ClassCounts& each : own_.bins) {
        each.cached = std::min(each.cached, each.in_use);
        each.in_depot = std::min(each.in_depot, each.in_use - each.cached);
    }
}

void HeapReader::count_metadata(std::uint64_t frontier) noexcept {
    const std::uint64_t units = std::min(frontier, kMostUnits);
    const std::uint64_t created =
        std::min<std::uint64_t>(number(layout_->cache.created), kMostCaches);
    own_.metadata =
        layout_->dense + (layout_->tables * units >> 16) + created * layout_->cache.bytes;
    if (number(layout_->cache.shared_ready) != 0)
        own_.metadata += layout_->cache.shared_count * layout_->cache.bytes;
}

}  // namespace ashlar::inspect
