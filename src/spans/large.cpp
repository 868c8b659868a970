// Large runs: blocks of their own units. The record is the state word of the first unit.
#include "base/size_class.hpp"
#include "spans/spans.hpp"

namespace ashlar::spans {

using base::ar;
using base::kNoUnit;
using base::rel;
using base::rlx;
using base::UnitId;

Run Spans::take_large(std::uint32_t units, std::uint32_t align, bool may_grow) noexcept {
    Run run = take(units + align - 1, may_grow);
    if (run.start == kNoUnit) return run;
    if (align > 1) {
        const std::uintptr_t unit = region_.address(run.start) >> base::kUnitShift;
        const auto pad = static_cast<std::uint32_t>((align - unit % align) % align);
        if (pad > 0) give(run.start, pad);
        run.start += pad;
        if (align - 1 > pad) give(run.start + units, align - 1 - pad);
    }
    mark(run.start, 1, base::bin_of_run(units));
    // [E17] release, pairs with the acquire of check(); for everybody else the program's hand-over of the block orders it.
    state_[run.start].store(UnitState::of(Kind::large, units).raw, rel);
    return run;
}

bool Spans::give_large(UnitId start) noexcept {
    std::uint32_t found = state_[start].load(rlx);  // relaxed: the CAS decides
    const UnitState state{found};
    if (state.kind() != Kind::large) return false;
    // [E16] acq_rel: of two frees of one block only one gets past here, and it sees what the other's hand-over published.
    if (!state_[start].cas(found, UnitState::none().raw, ar, rlx)) return false;
    mark(start, 1, 0);
    give(start, state.value());
    return true;
}

bool Spans::resize_large(UnitId start, std::uint32_t from, std::uint32_t to) noexcept {
    if (to > from && !extend(start + from, to - from)) return false;
    mark(start, 1, base::bin_of_run(to));
    state_[start].store(UnitState::of(Kind::large, to).raw, rel);  // [E17]
    if (to < from) give(start + to, from - to);
    return true;
}

}  // namespace ashlar::spans
