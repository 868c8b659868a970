// Checks: all blocks of a heap at once, for the exit of a program. Blocks that
// were never freed, and free ones that nobody took again, are compared here.
#include "malloc/checks/checks_inline.hpp"

namespace ashlar::checks {

using arena::BlockStates;
using base::Bin;
using base::UnitId;

// A run in a cache is not live, and may be one that can't be touched.
void Checks::compare(const void* block, const Spot& spot, bool is_run) const noexcept {
    with_entry(spot, [&](auto& entry) noexcept {
        const auto now = entry.load(base::rlx);  // relaxed: see BlockStates
        if (BlockStates::is_live(now)) {
            const std::size_t slack = now - 1U;
            check_canary(block, spot.usable, slack);
            if (paranoid()) check_rest(block, spot.usable, slack);
        } else if (!is_run) {
            check_free(block, spot.usable, now != 0);
        }
    });
}

void Checks::compare_all() const noexcept {
    const UnitId end = spans_->frontier();
    for (UnitId unit = 1; unit < end; ++unit) {
        const spans::UnitState state = spans_->state(unit, base::acq);  // [E17]
        if (state.kind() == spans::Kind::none) continue;
        const std::uintptr_t start = spans_->region().address(unit);
        const bool is_run = state.kind() == spans::Kind::large;
        const Bin bin = is_run ? Bin{0} : static_cast<Bin>(state.value());
        const std::size_t size =
            is_run ? state.value() * base::kUnitSize : base::kGeometry[bin].size;
        const std::uint32_t blocks = is_run ? 1 : base::kGeometry[bin].blocks;
        for (std::uint32_t i = 0; i < blocks; ++i) {
            const auto* block = reinterpret_cast<const void*>(start + i * size);
            compare(block, {BlockStates::place(unit, bin, i), size, BlockStates::narrow(bin)},
                    is_run);
        }
    }
}

}  // namespace ashlar::checks
