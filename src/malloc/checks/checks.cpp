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
    return {address - base_, state.value() * base::kUnitSize, Width::wide};
}

Checks::Spot Checks::find(const void* block, Bin bin) const noexcept {
    if (bin == 0 || base::is_run(bin)) [[unlikely]]
        return find_run(reinterpret_cast<std::uintptr_t>(block));
    const base::ClassGeometry& g = base::kGeometry[bin];
    const std::uintptr_t in_region = offset_of(block);
    const UnitId slab = arena_->first_unit(static_cast<UnitId>(in_region >> base::kUnitShift), bin);
    const std::size_t offset = in_region - (std::uintptr_t{slab} << base::kUnitShift);
    const std::uint32_t number = base::block_of_offset(g, offset);
    if (std::size_t{number} * g.size != offset || number >= g.blocks) return {};
    return {in_region, g.size, BlockStates::narrow(bin) ? Width::narrow : Width::half};
}

Checks::Spot Checks::find(const void* block) const noexcept {
    return find(block, static_cast<Bin>(spans_->pages().bin_within(block)));
}

// Calls f with the entry of a block, of any width.
template <class F>
inline auto Checks::with_entry(const Spot& spot, F f) const noexcept {
    if (spot.width == Width::narrow) return f(states_.narrow_at(spot.offset));
    if (spot.width == Width::half) return f(states_.half_at(spot.offset));
    return f(states_.wide_at(spot.offset));
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

// No live block begins there. Ends the program if a free one does.
bool Checks::refused(void* block, Bin bin) const noexcept {
    const Spot spot = find(block, bin);
    if (spot.usable != 0) base::report_double_free(block, spot.usable);
    return false;
}

// ----------------------------------------------------------------------- hooks

void report_changed(const void* block, std::size_t usable, std::size_t slack,
                    std::uint64_t canary) noexcept {
    const Tail tail(const_cast<void*>(block), usable, slack);
    base::report_overflow(block, usable - slack, tail.first_changed(canary));
}

void Checks::handed_out(void* block, Bin bin, std::size_t size, bool zero) const noexcept {
    if (bin != 0 && !base::is_run(bin)) {
        if (paranoid()) return handed_out_of_class<true>(block, bin, size);
        if (zero) check_zero(block, base::kGeometry[bin].size);
        return handed_out_of_class<false>(block, bin, size);
    }
    const Spot spot = find_run(reinterpret_cast<std::uintptr_t>(block));
    BlockStates::Wide& entry = states_.wide_at(spot.offset);
    const std::size_t slack = slack_of(spot.usable, size);
    if (paranoid()) return hand_out<true>(entry, block, spot.usable, slack);
    if (zero) check_zero(block, spot.usable);
    hand_out<false>(entry, block, spot.usable, slack);
}

bool Checks::taken_back(void* block, Bin bin, std::size_t size) const noexcept {
    if (bin != 0 && !base::is_run(bin)) {
        bool found = true;
        const auto refuse = [&]() noexcept { found = refused(block, bin); };
        paranoid() ? taken_back_of_class<true>(block, bin, size, refuse)
                   : taken_back_of_class<false>(block, bin, size, refuse);
        return found;
    }
    const Spot spot = find_run(reinterpret_cast<std::uintptr_t>(block));
    if (spot.usable == 0) return false;
    const std::size_t slack = BlockStates::change(states_.wide_at(spot.offset), BlockStates::kFree);
    if (slack == BlockStates::kFree) return refused(block, bin);
    paranoid() ? take_back<true>(block, spot.usable, slack, size)
               : take_back<false>(block, spot.usable, slack, size);
    return true;
}

bool Checks::resized(void* block, std::size_t size) const noexcept {
    const Spot spot = find(block);
    if (size > spot.usable) return false;
    const std::size_t slack = slack_of(spot.usable, size);
    const std::size_t old_slack =
        with_entry(spot, [&](auto& entry) noexcept { return BlockStates::change(entry, slack); });
    if (old_slack == BlockStates::kFree) base::report_double_free(block, spot.usable);
    check_canary(block, spot.usable, old_slack);
    if (paranoid()) {
        check_rest(block, spot.usable, old_slack);
        clear_between(block, spot.usable, old_slack, slack);
    }
    put_canary(block, spot.usable, slack);
    return true;
}

}  // namespace ashlar::checks
