// Spans: large runs, blocks that have units of their own. The state word of the
// first unit is their record. And runs that a limit refuses. Any thread.
#include "base/size_class.hpp"
#include "core/spans/spans.hpp"

namespace ashlar::spans {

using base::acq_rel;
using base::kNoUnit;
using base::rel;
using base::rlx;
using base::UnitId;

Run Spans::take_large(std::uint32_t units, std::uint32_t align, bool may_grow) noexcept {
    const Run run = take(units, may_grow, align);
    if (run.start == kNoUnit) return run;
    mark(run.start, 1, base::bin_of_run(units));
    // [E17] release, pairs with the acquire of check(). For other readers the
    // program's hand-over of the block orders it.
    state_[run.start].store(UnitState::of(Kind::large, units).raw, rel);
    return run;
}

bool Spans::give_large(UnitId start, bool closed) noexcept {
    std::uint32_t found = state_[start].load(rlx);  // relaxed: the CAS decides
    const UnitState state{found};
    if (state.kind() != Kind::large) return false;
    // [E16] acq_rel: of two frees of one block only one succeeds, and it sees
    // what the other's hand-over published.
    if (!state_[start].cas(found, UnitState::none().raw, acq_rel, rlx)) return false;
    mark(start, 1, 0);
    closed ? give_closed(start, state.value()) : give(start, state.value());
    return true;
}

bool Spans::resize_large(UnitId start, std::uint32_t from, std::uint32_t to) noexcept {
    if (to > from && !extend(start + from, to - from)) return false;
    mark(start, 1, base::bin_of_run(to));
    state_[start].store(UnitState::of(Kind::large, to).raw, rel);  // [E17]
    if (to < from) shrink(start, from, to);
    return true;
}

// Puts a run back as it was, before anything was written to it.
Run Spans::refuse(const Run& run, std::uint32_t units) noexcept {
    held_.fetch_sub(units, rlx);  // relaxed, both: counters
    dirty_units_.fetch_add(units - run.clean, rlx);
    release(run.start, units);
    return {kNoUnit, false, 0};
}

}  // namespace ashlar::spans
