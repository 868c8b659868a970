#include "malloc/inspect/counts.hpp"

namespace ashlar::inspect {

namespace {

// A share of resident bytes: blocks in caches and in the depot are taken to be
// as resident as the other used blocks of their class.
std::uint64_t share(std::uint64_t resident, std::uint64_t part, std::uint64_t whole) noexcept {
    if (whole == 0) return 0;
    return static_cast<std::uint64_t>(static_cast<double>(resident) * static_cast<double>(part) /
                                      static_cast<double>(whole));
}

// Half a unit of a longer run is not asked for, on average.
std::uint64_t asked_in(base::Bin bin, const ClassCounts& counts,
                       std::uint64_t live_bytes) noexcept {
    if (bin != 0) return counts.live() * typical_request(bin);
    return live_bytes - counts.live() * (base::kUnitSize / 2);
}

}  // namespace

Sums sums_of(const HeapCounts& counts) noexcept {
    Sums sums{};
    for (base::Bin bin = 0; bin < base::kBins; ++bin) {
        const ClassCounts& each = counts.bins[bin];
        if (each.slabs == 0) continue;
        const std::uint64_t size = each.in_use == 0 ? 0 : each.used.bytes / each.in_use;
        const Part cached{each.cached * size, share(each.used.resident, each.cached, each.in_use)};
        const Part depot{each.in_depot * size,
                         share(each.used.resident, each.in_depot, each.in_use)};
        const Part live{each.used.bytes - cached.bytes - depot.bytes,
                        each.used.resident - cached.resident - depot.resident};
        sums.blocks += each.live();
        sums.live.add(live.bytes, live.resident);
        sums.asked += asked_in(bin, each, live.bytes);
        sums.cached.add(cached.bytes, cached.resident);
        sums.in_depot.add(depot.bytes, depot.resident);
        sums.free_in_slabs.add(each.free.bytes, each.free.resident);
        sums.rests.add(each.rest.bytes, each.rest.resident);
    }
    sums.held = sums.live.bytes + sums.cached.bytes + sums.in_depot.bytes +
                sums.free_in_slabs.bytes + sums.rests.bytes + counts.kept.bytes;
    return sums;
}

}  // namespace ashlar::inspect
