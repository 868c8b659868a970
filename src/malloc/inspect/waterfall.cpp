#include "malloc/inspect/waterfall.hpp"

namespace ashlar::inspect {

Waterfall waterfall_of(const Result& result, const Sums& sums) noexcept {
    const auto at = [](std::uint64_t value) noexcept { return static_cast<std::int64_t>(value); };
    const auto other = [&](Other kind) noexcept {
        return at(result.others[static_cast<unsigned>(kind)]);
    };
    const HeapCounts& counts = result.counts;
    const std::int64_t untouched = at(sums.live.resident) - at(sums.live.bytes) +
                                   at(result.mapped.resident) - at(result.mapped.bytes);
    Waterfall w{
        {{"asked", "asked for by the program (estimate)", at(sums.asked)},
         {"rounding", "rounding up to block sizes (estimate)", at(sums.live.bytes - sums.asked)},
         {"mapped", "blocks with mappings of their own", at(result.mapped.bytes)},
         {"untouched", "of these blocks, never touched or swapped", untouched},
         {"cached", "free blocks in thread caches", at(sums.cached.resident)},
         {"depot", "free blocks in the depot", at(sums.in_depot.resident)},
         {"free_in_slabs", "free blocks in slabs", at(sums.free_in_slabs.resident)},
         {"slab_ends", "ends of slabs, too short for a block", at(sums.rests.resident)},
         {"kept", "runs kept for reuse", at(counts.kept.resident)},
         {"dirty", "free runs, not returned yet", at(counts.dirty.resident + counts.aged.resident)},
         {"clean", "free runs, returned or never used",
          at(counts.clean.resident + counts.fresh.resident)},
         {"metadata", "metadata", at(result.metadata_resident)},
         {"guarded", "guarded blocks and their records", at(result.guarded_resident)},
         {"files", "program, libraries and other files", other(Other::file)},
         {"shared", "shared memory", other(Other::shared)},
         {"stack", "stack of the main thread", other(Other::stack)},
         {"brk", "the system's heap (brk)", other(Other::brk)},
         {"anonymous", "other mappings, as stacks of threads", other(Other::anonymous)},
         {"system", "the system's own", other(Other::system)}},
        0,
        0,
        at(result.rss)};
    for (unsigned i = 0; i < Waterfall::kLines; ++i) {
        w.sum += w.lines[i].bytes;
        if (i + 1 == Waterfall::kOurs) w.ours = w.sum;
    }
    return w;
}

}  // namespace ashlar::inspect
