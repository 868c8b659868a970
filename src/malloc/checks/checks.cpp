#include "malloc/checks/checks.hpp"

#include <sys/auxv.h>
#include <cstring>

#include "base/report.hpp"
#include "malloc/checks/pattern.hpp"

namespace ashlar::checks {

using base::Bin;
using base::rlx;
using base::UnitId;

namespace {

// The values of an entry of BlockStates.
template <class T>
constexpr T kFilled = static_cast<T>(~T{0});
template <class T>
constexpr bool is_live(T entry) noexcept {
    return entry != 0 && entry != kFilled<T>;
}
template <class T>
constexpr T live_with(std::size_t slack) noexcept {
    constexpr T kMost = kFilled<T> - 1;
    return slack < kMost ? static_cast<T>(slack + 1) : kMost;
}

std::uint64_t random_word() noexcept {
    std::uint64_t words[2] = {0x9e3779b97f4a7c15U, 0};
    const auto* random = reinterpret_cast<const void*>(getauxval(AT_RANDOM));
    if (random != nullptr) std::memcpy(words, random, sizeof words);
    return words[0] ^ (words[1] << 7 | words[1] >> 57);
}

}  // namespace

void Checks::start(CheckLevel level, const spans::Spans& spans,
                   const arena::Arena& arena) noexcept {
    level_ = level;
    spans_ = &spans;
    arena_ = &arena;
    if (on()) secret_ = random_word();
}

Checks::Spot Checks::find(const void* block) const noexcept {
    const region::Region& region = spans_->region();
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    const UnitId unit = region.unit(address);
    const Bin bin = spans_->page_map()[unit].load(rlx);  // relaxed: see PageMap::bin_within()
    if (bin == 0 || base::is_run(bin)) {
        // Relaxed: the caller holds the block.
        const spans::UnitState state = spans_->state(unit, rlx);
        if (address % base::kUnitSize != 0 || state.kind() != spans::Kind::large) return {};
        return {unit, 0, bin, state.value() * base::kUnitSize};
    }
    const base::ClassGeometry& g = base::kGeometry[bin];
    const UnitId slab = arena_->first_unit(unit, bin);
    const std::size_t offset = address - region.address(slab);
    const std::uint32_t number = base::block_of_offset(g, offset);
    if (std::size_t{number} * g.size != offset || number >= g.blocks) return {};
    return {slab, number, bin, g.size};
}

// Calls f with the entry of a block, of either width.
template <class F>
auto Checks::with_entry(const Spot& spot, F f) const noexcept {
    const arena::BlockStates& states = arena_->states();
    return arena::BlockStates::narrow(spot.bin) ? f(states.narrow_entry(spot.slab, spot.number))
                                                : f(states.wide_entry(spot.slab, spot.number));
}

Checks::Sizes Checks::sizes(const void* block) const noexcept {
    const Spot spot = find(block);
    if (spot.usable == 0) return {};
    return with_entry(spot, [&spot](auto& entry) noexcept -> Sizes {
        const auto now = entry.load(rlx);  // relaxed: see BlockStates
        if (!is_live(now)) return {};
        return {spot.usable - (now - 1U), spot.usable};
    });
}

void Checks::handed_out(void* block, std::size_t size, bool zero) const noexcept {
    const Spot spot = find(block);
    const std::size_t slack = spot.usable - size;
    with_entry(spot, [&](auto& entry) noexcept {
        // Relaxed, all: see BlockStates. The block is ours alone.
        const auto before = entry.load(rlx);
        using T = std::remove_const_t<decltype(before)>;
        if (before == kFilled<T>) check_filled(block, spot.usable);
        if (before != 0 && before != kFilled<T>) base::report_corruption(block, "in use twice");
        if (zero) check_zero(block, spot.usable);
        entry.store(live_with<T>(slack), rlx);
    });
    put_canary(block, spot.usable, slack);
}

bool Checks::taken_back(void* block) const noexcept {
    const Spot spot = find(block);
    if (spot.usable == 0) return false;
    const std::size_t slack = with_entry(spot, [&](auto& entry) noexcept -> std::size_t {
        auto before = entry.load(rlx);  // relaxed, both: see BlockStates
        using T = decltype(before);
        if (!is_live(before) || !entry.cas(before, kFilled<T>, rlx, rlx))
            base::report_double_free(block, spot.usable);
        return before - 1U;
    });
    check_canary(block, spot.usable, slack);
    fill(block, spot.usable);
    return true;
}

bool Checks::resized(void* block, std::size_t size) const noexcept {
    const Spot spot = find(block);
    if (size > spot.usable) return false;
    const std::size_t slack = spot.usable - size;
    const std::size_t old_slack = with_entry(spot, [&](auto& entry) noexcept -> std::size_t {
        auto before = entry.load(rlx);  // relaxed, both: see BlockStates
        using T = decltype(before);
        if (!is_live(before) || !entry.cas(before, live_with<T>(slack), rlx, rlx))
            base::report_double_free(block, spot.usable);
        return before - 1U;
    });
    check_canary(block, spot.usable, old_slack);
    put_canary(block, spot.usable, slack);
    return true;
}

// -------------------------------------------------------------------- canaries

std::uint64_t Checks::canary(const void* block) const noexcept {
    return secret_ ^ reinterpret_cast<std::uintptr_t>(block);
}

void Checks::put_canary(void* block, std::size_t usable, std::size_t slack) const noexcept {
    if (slack == 0) return;
    const Tail tail(block, usable, slack);
    tail.put(canary(block));
}

void Checks::check_canary(const void* block, std::size_t usable, std::size_t slack) const noexcept {
    if (slack == 0) return;
    const Tail tail(const_cast<void*>(block), usable, slack);
    const std::size_t at = tail.changed(canary(block));
    if (at != kUnchanged) [[unlikely]]
        base::report_overflow(block, usable - slack, at);
}

}  // namespace ashlar::checks
