#include "malloc/api/snapshot.hpp"

#include <unistd.h>
#include <cerrno>

#include "malloc/inspect/metrics.hpp"
#include "malloc/inspect/report.hpp"
#include "malloc/inspect/survey.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::api {

namespace {

using inspect::Call;
using inspect::Miss;
using inspect::Survey;

// Where the description of the process heap lies; 0: there is no heap yet.
std::uint64_t process_heap() noexcept {
    const cache::Heap* heap = cache::existing_process();
    return heap == nullptr ? 0 : reinterpret_cast<std::uintptr_t>(&heap->description());
}

// A survey of this process. Keeps errno.
class OwnSurvey {
  public:
    OwnSurvey() noexcept : errno_(errno), survey_(Survey::make(getpid())) {}
    OwnSurvey(const OwnSurvey&) = delete;
    OwnSurvey& operator=(const OwnSurvey&) = delete;
    ~OwnSurvey() {
        Survey::destroy(survey_);
        errno = errno_;
    }
    [[nodiscard]] explicit operator bool() const noexcept { return survey_ != nullptr; }
    Survey* operator->() const noexcept { return survey_; }

  private:
    int errno_;
    Survey* survey_;
};

// The sums of the heap's own counters, without memory for a survey: blocks in
// caches count as live.
ash_stats rough_statistics(const cache::Heap* heap) noexcept {
    const cache::Totals totals = heap == nullptr ? cache::totals() : cache::totals(*heap);
    ash_stats stats{};
    stats.live = stats.asked = totals.live;
    stats.slabs = totals.held > totals.live ? totals.held - totals.live : 0;
    stats.held = stats.live + stats.slabs;
    stats.free = stats.dirty = totals.free;
    stats.peak = totals.peak > stats.held ? totals.peak : stats.held;
    stats.reserved = totals.reserved;
    return stats;
}

void add_counters(ash_stats& stats, const inspect::Result& result) noexcept {
    const auto miss = [&](Miss which) noexcept {
        return result.counts.misses[static_cast<unsigned>(which)];
    };
    const auto call = [&](Call which) noexcept {
        return result.calls[static_cast<unsigned>(which)];
    };
    stats.refills = miss(Miss::refills);
    stats.overflows = miss(Miss::overflows);
    stats.depot_takes = miss(Miss::depot_takes);
    stats.depot_gives = miss(Miss::depot_gives);
    stats.lock_taken = result.counts.lock_taken;
    stats.lock_refused = result.counts.lock_refused;
    stats.maps = call(Call::map);
    stats.unmaps = call(Call::unmap);
    stats.commits = call(Call::commit);
    stats.purges = call(Call::purge);
    stats.moves = call(Call::move);
}

ash_stats statistics_of(const inspect::Result& result) noexcept {
    const inspect::HeapCounts& counts = result.counts;
    const inspect::Sums sums = inspect::sums_of(counts);
    ash_stats stats{};
    stats.mapped = result.mapped.bytes;
    stats.live = sums.live.bytes + stats.mapped;
    stats.asked = sums.asked + stats.mapped;
    stats.cached = sums.cached.bytes;
    stats.depot = sums.in_depot.bytes;
    stats.slabs = sums.free_in_slabs.bytes + sums.rests.bytes;
    stats.kept = counts.kept.bytes;
    stats.held = sums.held + stats.mapped;
    stats.dirty = counts.dirty.bytes + counts.aged.bytes;
    stats.free = stats.dirty + counts.clean.bytes;
    stats.metadata = counts.metadata;
    // The counters move on while the units are read.
    const std::size_t peak = counts.peak + result.mapped_peak;
    stats.peak = peak > stats.held ? peak : stats.held;
    const std::size_t used = stats.held + stats.free;
    stats.reserved = counts.reserved > used ? counts.reserved : used;
    stats.blocks = sums.blocks + result.mapped_blocks;
    add_counters(stats, result);
    return stats;
}

}  // namespace

ash_stats statistics(const cache::Heap* heap) noexcept {
    const OwnSurvey survey;
    if (!survey) return rough_statistics(heap);
    if (heap != nullptr) {
        survey->count_heap(reinterpret_cast<std::uintptr_t>(&heap->description()));
    } else {
        survey->count_process(process_heap());
    }
    return statistics_of(survey->result());
}

std::size_t class_statistics(ash_class_stats* out, std::size_t count) noexcept {
    const OwnSurvey survey;
    if (!survey) return 0;
    survey->count_process(process_heap());
    std::size_t n = 0;
    for (base::Bin i = 1; i <= base::kBins && n < count; ++i) {
        const base::Bin bin = i == base::kBins ? 0 : i;
        const inspect::ClassCounts& each = survey->result().counts.bins[bin];
        if (each.slabs == 0) continue;
        out[n++] = {bin == 0 ? 0 : base::size_of_bin(bin),
                    each.slabs,
                    each.live(),
                    each.cached,
                    each.in_depot,
                    each.blocks - each.in_use};
    }
    return n;
}

bool report(int descriptor, bool json) noexcept {
    const OwnSurvey survey;
    if (!survey) return false;
    survey->take(process_heap());
    return json ? inspect::write_json(survey->result(), descriptor)
                : inspect::write_text(survey->result(), descriptor);
}

bool metrics(int descriptor) noexcept {
    const OwnSurvey survey;
    if (!survey) return false;
    survey->take(process_heap());
    const inspect::MetricsSource source{&survey->result(), nullptr, nullptr};
    return inspect::write_metrics(&source, 1, inspect::MetricsFormat::openmetrics, descriptor);
}

}  // namespace ashlar::api
