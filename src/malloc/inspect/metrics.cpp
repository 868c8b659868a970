// One family of metrics after the other, and in each all sources: a family must
// not be interrupted by another one.
#include "malloc/inspect/metrics.hpp"

#include "malloc/inspect/writer.hpp"

namespace ashlar::inspect {

namespace {

enum class Type { gauge, counter };

// A copy of a literal. Pointers in the constants below would be relocated at
// the start of each process.
template <std::size_t size>
struct Text {
    constexpr Text(const char* from) noexcept {
        for (std::size_t i = 0; from != nullptr && from[i] != '\0'; ++i) text[i] = from[i];
    }
    constexpr operator const char*() const noexcept { return text; }
    char text[size] = {};
};

struct Family {
    Text<40> name;
    Text<40> sample;  // the name of its samples: of a counter, with "_total"
    Type type;
    Text<8> unit;  // empty: none; else the name ends with it
    Text<80> help;
};

constexpr Family gauge(const char* name, const char* unit, const char* help) noexcept {
    return {name, name, Type::gauge, unit, help};
}

constexpr Family counter(const char* name, const char* sample, const char* help) noexcept {
    return {name, sample, Type::counter, nullptr, help};
}

// A label that tells the samples of a family apart.
struct Label {
    const char* name;  // nullptr: none
    const char* value;
};

class Metrics {
  public:
    Metrics(const MetricsSource* sources, std::size_t count, MetricsFormat format,
            int descriptor) noexcept
        : out_(descriptor), begin_(sources), end_(sources + count), format_(format) {}

    // Calls add(result) for each source, between which sample() writes.
    template <class F>
    void family(const Family& family, F add) noexcept {
        family_ = &family;
        describe();
        for (source_ = begin_; source_ != end_; ++source_) add(*source_->result);
    }

    void sample(std::uint64_t value, Label first = {}, Label second = {}) noexcept {
        out_.text(family_->sample);
        any_label_ = false;
        label("pid", source_->process);
        label("command", source_->command);
        label(first.name, first.value);
        label(second.name, second.value);
        if (any_label_) out_.text("}");
        out_.text(" ").number(value).text("\n");
    }

    bool finish() noexcept {
        if (format_ == MetricsFormat::openmetrics) out_.text("# EOF\n");
        return out_.flush();
    }

  private:
    void comment(const char* kind, const char* text) noexcept {
        const bool plain = format_ == MetricsFormat::prometheus;
        out_.text("# ").text(kind).text(" ").text(plain ? family_->sample : family_->name);
        out_.text(" ").text(text).text("\n");
    }
    void describe() noexcept {
        comment("TYPE", family_->type == Type::counter ? "counter" : "gauge");
        if (family_->unit.text[0] != '\0' && format_ == MetricsFormat::openmetrics)
            comment("UNIT", family_->unit);
        comment("HELP", family_->help);
    }
    void label(const char* key, const char* value) noexcept {
        if (key == nullptr || value == nullptr) return;
        out_.text(any_label_ ? "," : "{").text(key).text("=\"");
        any_label_ = true;
        for (; *value != '\0'; ++value) escaped(*value);
        out_.text("\"");
    }
    // The name of a process may be any bytes, the text must be UTF-8.
    void escaped(char c) noexcept {
        if (c == '\n') {
            out_.text("\\n");
            return;
        }
        if (c == '"' || c == '\\') out_.text("\\");
        const char text[2] = {c < ' ' || c > '~' ? '?' : c, '\0'};
        out_.text(text);
    }

    Writer out_;
    const MetricsSource* begin_;
    const MetricsSource* end_;
    const MetricsSource* source_ = nullptr;
    const Family* family_ = nullptr;
    MetricsFormat format_;
    bool any_label_ = false;
};

constexpr char kOtherNames[kOthers][10] = {"files", "shared",    "stack",
                                           "brk",   "anonymous", "system"};

constexpr Family kResident = gauge("ashlar_resident_bytes", "bytes",
                                   "Resident memory of the process by what it is used for.");
constexpr Family kRss =
    gauge("ashlar_rss_bytes", "bytes", "Resident memory of the process as the kernel reports it.");
constexpr Family kSwap = gauge("ashlar_swap_bytes", "bytes", "Swapped memory of the process.");
constexpr Family kHeap =
    gauge("ashlar_heap_bytes", "bytes", "Memory of the heaps by state, whether resident or not.");
constexpr Family kAsked = gauge("ashlar_asked_bytes", "bytes",
                                "Estimate of what the program asked for in its live blocks.");
constexpr Family kPeak =
    gauge("ashlar_peak_bytes", "bytes", "Largest size of the used part of the heaps so far.");
constexpr Family kReserved =
    gauge("ashlar_reserved_bytes", "bytes", "Reserved address space of the heaps.");
constexpr Family kBlocks = gauge("ashlar_live_blocks", nullptr, "Blocks that the program holds.");
constexpr Family kCaches =
    gauge("ashlar_thread_caches", nullptr, "Caches of threads that hold free blocks.");
constexpr Family kHeaps =
    gauge("ashlar_heaps", nullptr, "Heaps of the process besides its first one.");
constexpr Family kFailures =
    gauge("ashlar_unreadable_reads", nullptr, "Reads of the heaps that failed during this scrape.");
constexpr Family kMissFamily = counter("ashlar_cache_misses", "ashlar_cache_misses_total",
                                       "Allocations and frees that a cache could not serve.");
constexpr Family kDepotFamily = counter("ashlar_depot_batches", "ashlar_depot_batches_total",
                                        "Batches of blocks that threads exchanged in the depot.");
constexpr Family kLockFamily =
    counter("ashlar_span_lock_attempts", "ashlar_span_lock_attempts_total",
            "Attempts to get the lock of the free runs.");
constexpr Family kCallFamily =
    counter("ashlar_system_calls", "ashlar_system_calls_total", "System calls for memory.");
constexpr Family kClassBlocks =
    gauge("ashlar_class_blocks", nullptr, "Blocks by their size in bytes and their state.");
constexpr Family kClassSlabs =
    gauge("ashlar_class_slabs", nullptr, "Slabs by the size of their blocks in bytes.");
constexpr Family kClassResident = gauge("ashlar_class_resident_bytes", "bytes",
                                        "Resident memory of slabs by the size of their blocks.");

void write_resident(Metrics& out) noexcept {
    out.family(kResident, [&](const Result& result) noexcept {
        const Sums sums = sums_of(result.counts);
        const HeapCounts& counts = result.counts;
        const auto part = [&](const char* name, std::uint64_t bytes) noexcept {
            out.sample(bytes, {"part", name});
        };
        part("live", sums.live.resident);
        part("mapped", result.mapped.resident);
        part("cached", sums.cached.resident);
        part("depot", sums.in_depot.resident);
        part("free_in_slabs", sums.free_in_slabs.resident);
        part("slab_ends", sums.rests.resident);
        part("kept", counts.kept.resident);
        part("dirty", counts.dirty.resident + counts.aged.resident);
        part("clean", counts.clean.resident + counts.fresh.resident);
        part("metadata", result.metadata_resident);
        part("guarded", result.guarded_resident);
        for (unsigned i = 0; i < kOthers; ++i) part(kOtherNames[i], result.others[i]);
    });
    out.family(kRss, [&](const Result& result) noexcept { out.sample(result.rss); });
    out.family(kSwap, [&](const Result& result) noexcept { out.sample(result.swapped); });
}

void write_heap(Metrics& out) noexcept {
    out.family(kHeap, [&](const Result& result) noexcept {
        const Sums sums = sums_of(result.counts);
        const HeapCounts& counts = result.counts;
        const auto part = [&](const char* name, std::uint64_t bytes) noexcept {
            out.sample(bytes, {"part", name});
        };
        part("live", sums.live.bytes);
        part("mapped", result.mapped.bytes);
        part("cached", sums.cached.bytes);
        part("depot", sums.in_depot.bytes);
        part("free_in_slabs", sums.free_in_slabs.bytes);
        part("slab_ends", sums.rests.bytes);
        part("kept", counts.kept.bytes);
        part("dirty", counts.dirty.bytes + counts.aged.bytes);
        part("clean", counts.clean.bytes);
        part("fresh", counts.fresh.bytes);
        part("metadata", counts.metadata);
    });
    out.family(kAsked, [&](const Result& result) noexcept {
        out.sample(sums_of(result.counts).asked + result.mapped.bytes);
    });
    out.family(kPeak, [&](const Result& result) noexcept {
        out.sample(result.counts.peak + result.mapped_peak);
    });
    out.family(kReserved,
               [&](const Result& result) noexcept { out.sample(result.counts.reserved); });
    out.family(kBlocks, [&](const Result& result) noexcept {
        out.sample(sums_of(result.counts).blocks + result.mapped_blocks);
    });
    out.family(kCaches, [&](const Result& result) noexcept { out.sample(result.counts.caches); });
    out.family(kHeaps, [&](const Result& result) noexcept {
        out.sample(result.grown, {"kind", "further"});
        out.sample(result.private_heaps, {"kind", "private"});
    });
    out.family(kFailures,
               [&](const Result& result) noexcept { out.sample(result.counts.unreadable); });
}

void write_counters(Metrics& out) noexcept {
    constexpr const char* kCallNames[kCalls] = {"mmap", "munmap", "mprotect", "madvise", "mremap"};
    const auto of = [](const Result& result, Miss which) noexcept {
        return result.lasting.misses[static_cast<unsigned>(which)];
    };
    out.family(kMissFamily, [&](const Result& result) noexcept {
        out.sample(of(result, Miss::refills), {"kind", "refill"});
        out.sample(of(result, Miss::overflows), {"kind", "overflow"});
    });
    out.family(kDepotFamily, [&](const Result& result) noexcept {
        out.sample(of(result, Miss::depot_takes), {"direction", "take"});
        out.sample(of(result, Miss::depot_gives), {"direction", "give"});
    });
    out.family(kLockFamily, [&](const Result& result) noexcept {
        out.sample(result.lasting.lock_taken, {"result", "taken"});
        out.sample(result.lasting.lock_refused, {"result", "refused"});
    });
    out.family(kCallFamily, [&](const Result& result) noexcept {
        for (unsigned i = 0; i < kCalls; ++i) out.sample(result.calls[i], {"call", kCallNames[i]});
    });
}

// Calls f(counts, label) for each bin with slabs.
template <class F>
void each_class(const Result& result, F f) noexcept {
    for (base::Bin bin = 0; bin < base::kBins; ++bin) {
        const ClassCounts& counts = result.counts.bins[bin];
        if (counts.slabs == 0) continue;
        char text[24];
        char* at = text + sizeof text;
        *--at = '\0';
        for (std::uint64_t n = bin == 0 ? 0 : base::size_of_bin(bin); n != 0; n /= 10)
            *--at = static_cast<char>('0' + n % 10);
        f(counts, Label{"size", bin == 0 ? "more" : at});
    }
}

void write_classes(Metrics& out) noexcept {
    out.family(kClassSlabs, [&](const Result& result) noexcept {
        each_class(result, [&](const ClassCounts& counts, Label size) noexcept {
            out.sample(counts.slabs, size);
        });
    });
    out.family(kClassBlocks, [&](const Result& result) noexcept {
        each_class(result, [&](const ClassCounts& counts, Label size) noexcept {
            out.sample(counts.live(), size, {"state", "live"});
            out.sample(counts.cached, size, {"state", "cached"});
            out.sample(counts.in_depot, size, {"state", "depot"});
            out.sample(counts.blocks - counts.in_use, size, {"state", "free"});
        });
    });
    out.family(kClassResident, [&](const Result& result) noexcept {
        each_class(result, [&](const ClassCounts& counts, Label size) noexcept {
            out.sample(counts.used.resident, size, {"part", "used"});
            out.sample(counts.free.resident, size, {"part", "free"});
            out.sample(counts.rest.resident, size, {"part", "end"});
        });
    });
}

}  // namespace

bool write_metrics(const MetricsSource* sources, std::size_t count, MetricsFormat format,
                   int descriptor) noexcept {
    Metrics out(sources, count, format, descriptor);
    write_resident(out);
    write_heap(out);
    write_counters(out);
    write_classes(out);
    return out.finish();
}

}  // namespace ashlar::inspect
