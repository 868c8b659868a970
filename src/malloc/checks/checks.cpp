#include "malloc/checks/checks.hpp"

#include <sys/auxv.h>
#include <cstring>

#include "malloc/checks/checks_inline.hpp"

namespace ashlar::checks {

using arena::BlockStates;
using base::Bin;
using base::rlx;
using base::UnitId;

namespace {

std::uint64_t random_word() noexcept {
    std::uint64_t words[2] = {0x9e3779b97f4a7c15U, 0};
    const auto* random = reinterpret_cast<const void*>(getauxval(AT_RANDOM));
    if (random != nullptr) std::memcpy(words, random, sizeof words);
    return words[0] ^ (words[1] << 7 | words[1] >> 57);
}

}  // namespace

// ---------------------------------------------------------------------- states

void Checks::start(CheckLevel level, const spans::Spans& spans,
                   const arena::Arena& arena) noexcept {
    level_ = level;
    base_ = spans.region().base;
    spans_ = &spans;
    arena_ = &arena;
    states_ = arena.states();
    if (on()) secret_ = random_word();
}

[[gnu::noinline]] Checks::Spot Checks::find_run(std::uintptr_t address) const noexcept {
    if (address % base::kUnitSize != 0) return {};
    const UnitId unit = spans_->region().unit(address);
    // Relaxed: the caller holds the block.
    const spans::UnitState state = spans_->state(unit, rlx);
    if (state.kind() != spans::Kind::large) return {};
    return {BlockStates::place(unit, 0, 0), state.value() * base::kUnitSize, false};
}

Checks::Spot Checks::find(const void* block, Bin bin) const noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    if (bin == 0 || base::is_run(bin)) [[unlikely]]
        return find_run(address);
    const base::ClassGeometry& g = base::kGeometry[bin];
    const std::uintptr_t in_region = address - base_;
    UnitId slab = static_cast<UnitId>(in_region >> base::kUnitShift);
    if (!BlockStates::narrow(bin)) slab = arena_->first_unit(slab, bin);
    const std::size_t offset = in_region - (std::uintptr_t{slab} << base::kUnitShift);
    const std::uint32_t number = base::block_of_offset(g, offset);
    if (std::size_t{number} * g.size != offset || number >= g.blocks) [[unlikely]]
        return {};
    return {BlockStates::place(slab, bin, number), g.size, BlockStates::narrow(bin)};
}

Checks::Spot Checks::find(const void* block) const noexcept {
    return find(block, static_cast<Bin>(spans_->pages().bin_within(block)));
}

// Calls f with the entry of a block, of either width.
template <class F>
inline auto Checks::with_entry(const Spot& spot, F f) const noexcept {
    return spot.narrow ? f(states_.narrow_at(spot.place)) : f(states_.wide_at(spot.place));
}

// A run in a cache is not live, and may be one that can't be touched.
void Checks::compare_all() const noexcept {
    const auto compare = [this](const void* block, Bin bin) noexcept {
        const Spot spot = find(block, bin);
        with_entry(spot, [&](auto& entry) noexcept {
            const auto now = entry.load(rlx);  // relaxed: see BlockStates
            if (BlockStates::is_live(now)) {
                const std::size_t slack = now - 1U;
                check_canary(block, spot.usable, slack);
                if (paranoid()) check_rest(block, spot.usable, slack);
            } else if (bin != 0 && paranoid()) {
                check_clear(block, spot.usable);
            } else if (bin != 0 && now != 0) {
                check_filled(block, spot.usable);
            }
        });
    };
    const UnitId end = spans_->frontier();
    for (UnitId unit = 1; unit < end; ++unit) {
        const spans::UnitState state = spans_->state(unit, base::acq);  // [E17]
        if (state.kind() == spans::Kind::none) continue;
        const std::uintptr_t start = spans_->region().address(unit);
        const bool is_run = state.kind() == spans::Kind::large;
        const Bin bin = is_run ? Bin{0} : static_cast<Bin>(state.value());
        const base::ClassGeometry& g = base::kGeometry[bin];
        for (std::uint32_t i = 0; i < (is_run ? 1 : g.blocks); ++i)
            compare(reinterpret_cast<const void*>(start + std::size_t{i} * g.size), bin);
    }
}

Checks::Sizes Checks::sizes(const void* block) const noexcept {
    const Spot spot = find(block);
    if (spot.usable == 0) return {};
    return with_entry(spot, [&spot](auto& entry) noexcept -> Sizes {
        const auto now = entry.load(rlx);  // relaxed: see BlockStates
        if (!BlockStates::is_live(now)) return {};
        return {spot.usable - (now - 1U), spot.usable};
    });
}

void Checks::handed_out(void* block, Bin bin, std::size_t size, bool zero) const noexcept {
    if (BlockStates::narrow(bin)) return handed_out_narrow(block, bin, size);
    const Spot spot = find(block, bin);
    if (zero) check_zero(block, spot.usable);
    hand_out(states_.wide_at(spot.place), block, spot.usable, size);
}

bool Checks::taken_back(void* block, Bin bin, std::size_t size) const noexcept {
    if (BlockStates::narrow(bin)) return taken_back_narrow(block, bin, size);
    const Spot spot = find(block, bin);
    if (spot.usable != 0) take_back(states_.wide_at(spot.place), block, spot.usable, size);
    return spot.usable != 0;
}

bool Checks::resized(void* block, std::size_t size) const noexcept {
    const Spot spot = find(block);
    if (size > spot.usable) return false;
    const std::size_t slack = slack_of(spot.usable, size);
    const std::size_t old_slack = with_entry(
        spot, [&](auto& entry) noexcept { return change(entry, block, spot.usable, slack); });
    check_canary(block, spot.usable, old_slack);
    if (paranoid()) {
        check_rest(block, spot.usable, old_slack);
        clear_between(block, spot.usable, old_slack, slack);
    }
    put_canary(block, spot.usable, slack);
    return true;
}

}  // namespace ashlar::checks
