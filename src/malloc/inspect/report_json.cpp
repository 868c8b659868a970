#include "malloc/inspect/report.hpp"
#include "malloc/inspect/waterfall.hpp"
#include "malloc/inspect/writer.hpp"

namespace ashlar::inspect {

namespace {

void write_waterfall(Writer& out, const Result& result, const Sums& sums) noexcept {
    const Waterfall w = waterfall_of(result, sums);
    out.key("waterfall").open('[');
    for (const WaterfallLine& each : w.lines) {
        out.comma().text("\n  ").open('{').key("line").text("\"").text(each.key).text("\"");
        out.key("bytes").signed_number(each.bytes).close('}');
    }
    out.close(']');
    out.key("ours").signed_number(w.ours).key("sum").signed_number(w.sum);
    out.key("rss").signed_number(w.rss).key("difference").signed_number(w.rss - w.sum);
}

void write_heap(Writer& out, const Result& result, const Sums& sums) noexcept {
    const HeapCounts& counts = result.counts;
    out.text(",\n\"heap\": ").open('{');
    out.member("blocks", sums.blocks).member("live", sums.live.bytes);
    out.member("asked", sums.asked).member("rounding", sums.live.bytes - sums.asked);
    out.member("cached", sums.cached.bytes).member("depot", sums.in_depot.bytes);
    out.member("free_in_slabs", sums.free_in_slabs.bytes).member("slab_ends", sums.rests.bytes);
    out.member("kept", counts.kept.bytes).member("held", sums.held);
    out.member("dirty", counts.dirty.bytes).member("aged", counts.aged.bytes);
    out.member("clean", counts.clean.bytes).member("fresh", counts.fresh.bytes);
    out.member("metadata", counts.metadata).member("peak", counts.peak);
    out.member("mapped_blocks", result.mapped_blocks).member("mapped", result.mapped.bytes);
    out.member("mapped_peak", result.mapped_peak).member("reserved", result.counts.reserved);
    out.member("caches", counts.caches).member("further_heaps", result.grown);
    out.member("private_heaps", result.private_heaps);
    out.member("unreadable", counts.unreadable).close('}');
}

void write_counters(Writer& out, const Result& result) noexcept {
    constexpr const char* kMissNames[kMisses] = {"refills", "overflows", "depot_takes",
                                                 "depot_gives"};
    constexpr const char* kCallNames[kCalls] = {"map", "unmap", "commit", "purge", "move"};
    out.text(",\n\"counters\": ").open('{');
    for (unsigned i = 0; i < kMisses; ++i) out.member(kMissNames[i], result.counts.misses[i]);
    out.member("lock_taken", result.counts.lock_taken);
    out.member("lock_refused", result.counts.lock_refused);
    for (unsigned i = 0; i < kCalls; ++i) out.member(kCallNames[i], result.calls[i]);
    out.close('}');
}

// Of the runs that are longer than any bin, the size is 0.
void write_bins(Writer& out, const HeapCounts& counts) noexcept {
    out.text(",\n\"bins\": ").open('[');
    for (base::Bin bin = 0; bin < base::kBins; ++bin) {
        const ClassCounts& each = counts.bins[bin];
        if (each.slabs == 0) continue;
        out.comma().text("\n  ").open('{');
        out.member("bin", bin).member("size", bin == 0 ? 0 : base::size_of_bin(bin));
        out.member("slabs", each.slabs).member("blocks", each.blocks);
        out.member("live", each.live()).member("cached", each.cached);
        out.member("depot", each.in_depot).member("free", each.blocks - each.in_use);
        out.member("refills", each.refills);
        out.member("used_bytes", each.used.bytes).member("used_resident", each.used.resident);
        out.member("free_bytes", each.free.bytes).member("free_resident", each.free.resident);
        out.member("end_bytes", each.rest.bytes).member("end_resident", each.rest.resident);
        out.close('}');
    }
    out.close(']');
}

void write_slabs(Writer& out, const WorstSlabs& worst) noexcept {
    out.text(",\n\"slabs\": ").open('[');
    for (const SlabRecord& each : worst) {
        out.comma().text("\n  ").open('{');
        out.member("address", each.address).member("size", base::size_of_bin(each.bin));
        out.member("resident", each.resident).member("used", each.used).close('}');
    }
    out.close(']');
}

}  // namespace

bool write_json(const Result& result, int descriptor) noexcept {
    Writer out(descriptor);
    const Sums sums = sums_of(result.counts);
    out.open('{').member("layout", kLayoutVersion);
    out.member("pid", static_cast<unsigned>(result.process));
    out.key("pages_known").text(result.pages_known ? "true" : "false");
    out.key("core").text(result.core ? "true" : "false");
    out.member("swapped", result.swapped);
    write_waterfall(out, result, sums);
    write_heap(out, result, sums);
    write_counters(out, result);
    write_bins(out, result.counts);
    write_slabs(out, result.worst);
    out.close('}').text("\n");
    return out.flush();
}

}  // namespace ashlar::inspect
