// Checks the invariants of spans and arena while no thread changes them, by
// walking over both from outside.
#ifndef ASHLAR_TESTS_SUPPORT_QUIET_HPP
#define ASHLAR_TESTS_SUPPORT_QUIET_HPP

#include <set>
#include <string>

#include "base/size_class.hpp"
#include "core/arena/arena.hpp"
#include "core/spans/spans.hpp"

class Quiet {
  public:
    using UnitId = ashlar::base::UnitId;
    using Kind = ashlar::spans::Kind;

    Quiet(ashlar::spans::Spans& spans, ashlar::arena::Arena& arena)
        : spans_(spans), arena_(arena) {}

    // Names each broken property with its unit; empty: all hold. `current`: the
    // current slabs of all caches.
    [[nodiscard]] std::string faults(const std::set<UnitId>& current = {}) {
        text_.clear();
        spans_.give_recent();
        for (UnitId unit = 1; unit < spans_.frontier();) {
            const auto state = spans_.state(unit, ashlar::base::acq);
            const std::uint32_t units = state.kind() == Kind::none ? 1
                                        : state.kind() == Kind::large
                                            ? state.value()
                                            : ashlar::base::kGeometry[state.value()].units;
            if (state.kind() == Kind::none && !spans_.is_free(unit))
                say("P6 unit without a holder", unit);
            for (UnitId inner = unit; state.kind() != Kind::none && inner < unit + units; ++inner) {
                if (spans_.is_free(inner)) say("P6 held unit that is free", inner);
                if (inner > unit && spans_.state(inner, ashlar::base::acq).kind() != Kind::none)
                    say("P6 two holders", inner);
            }
            const bool complete = free_blocks(unit) == blocks(unit);
            if (state.kind() == Kind::shared && complete && !arena_.is_reclaimable(unit))
                say("P3 complete slab without a hint", unit);
            if (state.kind() == Kind::owned && current.count(unit) == 0)
                say("P4 owned slab without a cache", unit);
            unit += units;
        }
        if (arena_.check() != 0) text_ += "P2 (see check) ";
        return text_;
    }

    // The number of blocks of the slab that starts there; 0 without a slab.
    [[nodiscard]] std::uint32_t blocks(UnitId slab) const {
        const auto state = spans_.state(slab, ashlar::base::acq);
        return state.kind() == Kind::owned || state.kind() == Kind::shared
                   ? ashlar::base::kGeometry[state.value()].blocks
                   : 0;
    }
    [[nodiscard]] std::uint32_t free_blocks(UnitId slab) const {
        std::uint32_t free = 0;
        for (std::uint32_t i = 0; i < blocks(slab); ++i) {
            const std::size_t size =
                ashlar::base::kGeometry[spans_.state(slab, ashlar::base::acq).value()].size;
            if (arena_.find(spans_.region().address(slab) + i * size).free) ++free;
        }
        return free;
    }

  private:
    void say(const char* what, UnitId unit) {
        text_ += std::string(what) + " " + std::to_string(unit) + "; ";
    }

    ashlar::spans::Spans& spans_;
    ashlar::arena::Arena& arena_;
    std::string text_;
};

#endif
