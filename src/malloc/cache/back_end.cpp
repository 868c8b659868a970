#include "malloc/cache/back_end.hpp"

#include "base/report.hpp"

namespace ashlar::cache {

using base::Bin;
using base::kUnitSize;
using base::rlx;
using base::UnitId;

void BackEnd::flush_depot(Bin c, std::uint32_t most) noexcept {
    void* blocks[depot::kMagazineBlocks];
    for (std::uint32_t done = 0; done < most; ++done) {
        const std::uint32_t n = depot.take_any(c, blocks);
        if (n == 0) return;
        arena.give(c, blocks, n);
    }
}

// After a failed take: retires complete slabs, more in each round, and calls
// take(may_grow) again. Without any to retire the frontier may rise.
template <class Take>
auto BackEnd::retire_and_take(Take take) noexcept {
    for (std::uint32_t most = 4; arena.retire_reclaimable(most) != 0; most *= 2) {
        if (const auto found = take(may_grow())) return found;
    }
    return take(true);
}

std::uint32_t BackEnd::take_blocks_again(Bin c, base::Atomic<UnitId>& cur, void** out,
                                         std::uint32_t want, bool& fresh) noexcept {
    return retire_and_take(
        [&](bool grow) noexcept { return arena.take(c, cur, out, want, fresh, grow); });
}

Allocation BackEnd::take_run(std::uint32_t units, std::uint32_t align) noexcept {
    spans::Run run = spans.take_large(units, align, may_grow());
    if (!run)
        run = retire_and_take(
            [&](bool grow) noexcept { return spans.take_large(units, align, grow); });
    return {run ? reinterpret_cast<void*>(region().address(run.start)) : nullptr, run.zero};
}

// False: no run begins there.
bool BackEnd::give_large(std::uintptr_t address, bool closed) noexcept {
    if (!spans.contains(address) || address % kUnitSize != 0) return false;
    const UnitId unit = region().unit(address);
    // Relaxed: the caller holds the run, or it is none.
    if (arena.states().on() && spans.state(unit, rlx).kind() == spans::Kind::large)
        arena.states().forget(unit);
    return spans.give_large(unit, closed);
}

void BackEnd::give_run(void* block) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    if (!give_large(address)) report(block);
    arena.tick();
    if (also_tick != nullptr) also_tick();
}

void BackEnd::give_closed_run(void* block) noexcept {
    if (!give_large(reinterpret_cast<std::uintptr_t>(block), true)) report(block);
    arena.tick();
    if (also_tick != nullptr) also_tick();
}

void BackEnd::report(const void* pointer) const noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    if (!spans.contains(address) || region().unit(address) >= spans.frontier())
        base::report_foreign(pointer);
    const arena::Arena::Block in_slab = arena.find(address);
    if (in_slab.size != 0) {
        if (in_slab.start != address) base::report_inside(pointer, in_slab.size);
        base::report_double_free(pointer, in_slab.size);
    }
    UnitId unit = region().unit(address);
    const UnitId found = unit;  // the run that covers it, if any, begins at or before it
    // Relaxed, both: only for the text of a report.
    while (unit > 0 && spans.state(unit, rlx).kind() == spans::Kind::none) --unit;
    const spans::UnitState state = spans.state(unit, rlx);
    if (state.kind() == spans::Kind::large && found - unit < state.value()) {
        const std::size_t bytes = state.value() * kUnitSize;
        // A run that lies in a bin still has its state.
        if (address == region().address(unit)) base::report_double_free(pointer, bytes);
        base::report_inside(pointer, bytes);
    }
    base::report_double_free(pointer, 0);
}

void BackEnd::tick() noexcept {
    spans.tick();
    arena.tick();
    if (also_tick != nullptr) also_tick();
}

}  // namespace ashlar::cache
