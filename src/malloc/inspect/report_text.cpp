#include "malloc/inspect/report.hpp"
#include "malloc/inspect/waterfall.hpp"
#include "malloc/inspect/writer.hpp"

namespace ashlar::inspect {

namespace {

constexpr std::size_t kLabel = 46;
constexpr std::size_t kSize = 12;

void line(Writer& out, const char* sign, const char* text, std::int64_t bytes) noexcept {
    out.text(sign).mark().text(text).left(kLabel).mark();
    if (bytes < 0) out.text("-");
    out.size(static_cast<std::uint64_t>(bytes < 0 ? -bytes : bytes)).right(kSize).text("\n");
}

void write_waterfall(Writer& out, const Result& result, const Sums& sums) noexcept {
    const Waterfall w = waterfall_of(result, sums);
    for (unsigned i = 0; i < Waterfall::kLines; ++i) {
        if (i == Waterfall::kOurs) line(out, "= ", "resident memory of Ashlar", w.ours);
        const WaterfallLine& each = w.lines[i];
        if (each.bytes != 0 || i == 0)
            line(out, i == 0 ? "  " : each.bytes < 0 ? "- " : "+ ", each.text, each.bytes);
    }
    line(out, "= ", "sum", w.sum);
    line(out, "  ",
         result.core ? "pages of the core that are not all zero"
                     : "RSS of the process, as the kernel says",
         w.rss);
    line(out, "  ", "difference", w.rss - w.sum);
    if (result.swapped != 0) out.text("  in swap: ").size(result.swapped).text("\n");
    if (result.core)
        out.text("  A core does not tell which pages were resident: those not all zero count.\n");
    if (!result.pages_known)
        out.text("  The system does not tell which pages are resident: lines are missing.\n");
}

void write_head(Writer& out, const Result& result, const Sums& sums) noexcept {
    const HeapCounts& counts = result.counts;
    out.text(result.core ? "ashlar: report about a core of process "
                         : "ashlar: report about process ");
    out.number(static_cast<unsigned>(result.process));
    out.text(": ").number(sums.blocks + result.mapped_blocks).text(" live blocks, ");
    out.number(counts.caches).text(" caches with blocks, ");
    out.number(result.grown).text(" further and ").number(result.private_heaps);
    out.text(" private heaps\n");
}

std::uint64_t resident_of(const ClassCounts& each) noexcept {
    return each.used.resident + each.free.resident + each.rest.resident;
}

// Bytes of a class beyond its live blocks.
std::uint64_t waste_of(const ClassCounts& each) noexcept {
    const std::uint64_t used = each.in_use == 0 ? 0 : each.used.resident / each.in_use;
    const std::uint64_t live = used * each.live();
    const std::uint64_t resident = resident_of(each);
    return resident > live ? resident - live : 0;
}

void write_class(Writer& out, base::Bin bin, const ClassCounts& each) noexcept {
    out.text("  ").mark();
    if (bin == 0) {
        out.text("> 2 MiB");
    } else {
        out.size(base::size_of_bin(bin));
    }
    out.right(10).mark().number(each.live()).right(12).mark();
    out.size(resident_of(each)).right(kSize).mark().size(waste_of(each)).right(kSize).mark();
    out.number(each.cached).right(10).mark().number(each.in_depot).right(10).mark();
    out.number(each.blocks - each.in_use).right(10).text("\n");
}

void write_classes(Writer& out, const HeapCounts& counts) noexcept {
    constexpr unsigned kMost = 8;
    bool done[base::kBins] = {};
    out.text("\nblocks of     live blocks    resident     not live    cached  in depot");
    out.text("   in slabs\n");
    for (unsigned n = 0; n < kMost; ++n) {
        base::Bin worst = base::kBins;
        for (base::Bin bin = 0; bin < base::kBins; ++bin) {
            if (done[bin] || resident_of(counts.bins[bin]) == 0) continue;
            if (worst == base::kBins || waste_of(counts.bins[bin]) > waste_of(counts.bins[worst]))
                worst = bin;
        }
        if (worst == base::kBins) return;
        done[worst] = true;
        write_class(out, worst, counts.bins[worst]);
    }
}

void write_slabs(Writer& out, const WorstSlabs& worst) noexcept {
    if (worst.begin() == worst.end()) return;
    out.text("\nslab at         blocks of    resident      in use\n");
    for (const SlabRecord& each : worst) {
        out.text("  ").mark().pointer(each.address).left(14).mark();
        out.size(base::size_of_bin(each.bin)).right(9).mark().size(each.resident).right(kSize);
        out.mark().size(each.used).right(kSize).text("\n");
    }
}

void write_counters(Writer& out, const Result& result) noexcept {
    const HeapCounts& counts = result.counts;
    const auto miss = [&](Miss which) noexcept {
        return counts.misses[static_cast<unsigned>(which)];
    };
    const auto call = [&](Call which) noexcept {
        return result.calls[static_cast<unsigned>(which)];
    };
    out.text("\nheld at most: ").size(counts.peak + result.mapped_peak);
    out.text(", reserved: ").size(result.counts.reserved).text("\n");
    out.text("misses: ").number(miss(Miss::refills)).text(" refills, ");
    out.number(miss(Miss::overflows)).text(" overflows; depot: ");
    out.number(miss(Miss::depot_takes)).text(" batches taken, ");
    out.number(miss(Miss::depot_gives)).text(" given\n");
    out.text("span lock: taken ").number(counts.lock_taken).text(" times, refused ");
    out.number(counts.lock_refused).text(" times\n");
    out.text("system calls: ").number(call(Call::map)).text(" map, ");
    out.number(call(Call::unmap)).text(" unmap, ").number(call(Call::commit)).text(" commit, ");
    out.number(call(Call::purge)).text(" purge, ").number(call(Call::move)).text(" move\n");
    if (counts.unreadable != 0)
        out.text("unreadable: ").number(counts.unreadable).text(" places\n");
}

}  // namespace

bool write_text(const Result& result, int descriptor) noexcept {
    Writer out(descriptor);
    const Sums sums = sums_of(result.counts);
    write_head(out, result, sums);
    write_waterfall(out, result, sums);
    write_classes(out, result.counts);
    write_slabs(out, result.worst);
    write_counters(out, result);
    return out.flush();
}

}  // namespace ashlar::inspect
