// Spans: the guards of runs. A guarded heap commits no units ahead: a run is
// opened when it is taken and closed when it is given, so that its guard and
// all free units can't be touched. Any thread; the caller holds the units.
//
//   | run, accessible | guard | free | run, accessible | guard |
#include <cstring>

#include "core/spans/spans.hpp"

namespace ashlar::spans {

using base::kNoUnit;
using base::kUnitShift;
using base::rlx;
using base::UnitId;

namespace {

// Each run with a guard is a mapping of its own, and so may be the units behind
// it. By default a process may have 65530.
constexpr std::uint32_t kMostGuards = 12288;

void* at(const region::Region& region, UnitId unit) noexcept {
    return reinterpret_cast<void*>(region.address(unit));
}

}  // namespace

// Makes a run accessible, and its guard not, if it may have one.
bool Spans::open_run(UnitId start, std::uint32_t units) noexcept {
    // Relaxed, all of it: a bound and a hint.
    const bool guard = guards_.fetch_add(1, rlx) < kMostGuards;
    if (guard && unclosed_.load(rlx) != 0)
        region::forbid(at(region_, start + units), base::kUnitSize);
    if (!guard) unclosed_.store(1, rlx);
    const std::size_t bytes = std::size_t{units + (guard ? 0U : 1U)} << kUnitShift;
    if (region_.source->commit(at(region_, start), bytes)) return true;
    guards_.fetch_sub(1, rlx);
    return false;
}

// Where the system refuses, the units stay as they are.
void Spans::close_units(UnitId start, std::uint32_t units) noexcept {
    const bool few = guards_.load(rlx) <= kMostGuards;  // relaxed, as above
    if (few && region::forbid(at(region_, start), std::size_t{units} << kUnitShift)) return;
    unclosed_.store(1, rlx);
}

Run Spans::take(std::uint32_t units, bool may_grow, std::uint32_t align) noexcept {
    if (!guarded_) return take_units(units, may_grow, align);
    const Run run = take_units(units + 1, may_grow, align);
    if (!run || open_run(run.start, units)) return run;
    give_units(run.start, units + 1);
    return {kNoUnit, false, 0};
}

void Spans::give(UnitId start, std::uint32_t units) noexcept {
    if (!guarded_) return give_units(start, units);
    close_units(start, units);
    guards_.fetch_sub(1, rlx);  // relaxed: a bound
    give_units(start, units + 1);
}

// A run of several units has returned its pages, and needs no purge.
void Spans::give_closed(UnitId start, std::uint32_t units) noexcept {
    guards_.fetch_sub(1, rlx);  // relaxed: a bound
    const std::uint32_t all = units + 1;
    // Relaxed: a choice.
    const bool kept = all < kRecent && recent_[all].load(rlx) == kNoUnit;
    if (units == 1 || kept) return give_units(start, all);
    clean(start, all);
    held_.fetch_sub(all, rlx);  // relaxed: a counter
    release(start, all);
    sync_holes();
    tick();
}

// The guard moves to the end of the longer run.
bool Spans::extend(UnitId end, std::uint32_t more) noexcept {
    if (!guarded_) return extend_units(end, more);
    if (!extend_units(end + 1, more)) return false;
    // Relaxed: a hint.
    if (unclosed_.load(rlx) != 0) region::forbid(at(region_, end + more), base::kUnitSize);
    if (region_.source->commit(at(region_, end), std::size_t{more} << kUnitShift)) return true;
    give_units(end + 1, more);
    return false;
}

// Gives the end of a run. Its first unit is the new guard. All free memory of a
// guarded heap is zero, and the program has used this.
void Spans::shrink(UnitId start, std::uint32_t from, std::uint32_t to) noexcept {
    const UnitId end = start + to;
    if (!guarded_) return give_units(end, from - to);
    if (!region_.purge(end, from - to))
        std::memset(at(region_, end), 0, std::size_t{from - to} << kUnitShift);
    close_units(end, from - to);
    give_units(end + 1, from - to);
}

}  // namespace ashlar::spans
