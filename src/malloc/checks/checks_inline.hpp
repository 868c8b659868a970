// Checks: what hits need inline. Included by checks.cpp, and by the hits of a
// process that checks.
#ifndef ASHLAR_MALLOC_CHECKS_CHECKS_INLINE_HPP
#define ASHLAR_MALLOC_CHECKS_CHECKS_INLINE_HPP

#include <type_traits>

#include "base/report.hpp"
#include "malloc/checks/checks.hpp"
#include "malloc/checks/clear.hpp"
#include "malloc/checks/pattern.hpp"

namespace ashlar::checks {

[[gnu::always_inline]] inline std::uint64_t Checks::canary(const void* block) const noexcept {
    return secret_ ^ reinterpret_cast<std::uintptr_t>(block);
}

[[gnu::always_inline]] inline void Checks::put_canary(void* block, std::size_t usable,
                                                      std::size_t slack) const noexcept {
    if (slack == 0) return;
    const Tail tail(block, usable, slack);
    tail.put(canary(block));
}

[[gnu::always_inline]] inline void Checks::check_canary(const void* block, std::size_t usable,
                                                        std::size_t slack) const noexcept {
    if (slack == 0) return;
    const Tail tail(const_cast<void*>(block), usable, slack);
    const std::size_t at = tail.changed(canary(block));
    if (at != kUnchanged) [[unlikely]]
        base::report_overflow(block, usable - slack, at);
}

// A block leaves or enters its free state. Paranoid heaps keep all free memory
// zero, so that they also know blocks that no program has had.
[[gnu::always_inline]] inline void Checks::check_free(const void* block, std::size_t usable,
                                                      bool filled) const noexcept {
    if (paranoid()) return check_clear(block, usable);
    if (filled) check_filled(block, usable);
}

[[gnu::always_inline]] inline void Checks::make_free(void* block,
                                                     std::size_t usable) const noexcept {
    paranoid() ? clear(block, usable) : fill(block, usable);
}

// Of a class whose slabs have one unit.
[[gnu::always_inline]] inline Checks::Spot Checks::find_narrow(const void* block,
                                                               base::Bin bin) const noexcept {
    const base::ClassGeometry& g = base::kGeometry[bin];
    const std::uintptr_t in_region = reinterpret_cast<std::uintptr_t>(block) - base_;
    const std::size_t offset = in_region % base::kUnitSize;
    const std::size_t number = base::block_of_offset(g, offset);
    if (number * g.size != offset || number >= g.blocks) [[unlikely]]
        return {};
    return {(in_region - offset) / base::kMinAlignment + number, g.size, true};
}

// Entries hold no more. A block that leaves more room counts as asked for in
// part of it, and its size is not compared.
inline constexpr std::size_t kMostSlack = 0xfffffff0;
constexpr std::size_t slack_of(std::size_t usable, std::size_t size) noexcept {
    return usable - size < kMostSlack ? usable - size : kMostSlack;
}

template <class Entry>
[[gnu::always_inline]] inline void Checks::hand_out(Entry& entry, void* block, std::size_t usable,
                                                    std::size_t size) const noexcept {
    const std::size_t slack = slack_of(usable, size);
    // Relaxed, both: see BlockStates. The block is ours alone.
    const auto before = entry.load(base::rlx);
    using T = std::remove_const_t<decltype(before)>;
    entry.store(arena::BlockStates::live<T>(slack), base::rlx);
    if (arena::BlockStates::is_live(before)) [[unlikely]]
        base::report_corruption(block, "handed out twice");
    check_free(block, usable, before != 0);
    put_canary(block, usable, slack);
}

// Returns the slack that the block had. Ends the program over a free one.
template <class Entry>
[[gnu::always_inline]] inline std::size_t Checks::change(Entry& entry, const void* block,
                                                         std::size_t usable,
                                                         std::size_t slack) const noexcept {
    const std::size_t had = arena::BlockStates::change(entry, slack);
    if (had == arena::BlockStates::kFree) [[unlikely]]
        base::report_double_free(block, usable);
    return had;
}

template <class Entry>
[[gnu::always_inline]] inline void Checks::take_back(Entry& entry, void* block, std::size_t usable,
                                                     std::size_t size) const noexcept {
    const std::size_t slack = change(entry, block, usable, arena::BlockStates::kFree);
    if (size != kAnySize && size != usable - slack && slack < kMostSlack) [[unlikely]]
        base::report_wrong_size(block, usable - slack, size);
    check_canary(block, usable, slack);
    if (paranoid()) check_rest(block, usable, slack);
    make_free(block, usable);
}

// As handed_out() for a block of a class with narrow entries, of whose bytes
// nothing is known.
[[gnu::always_inline]] inline void Checks::handed_out_narrow(void* block, base::Bin bin,
                                                             std::size_t size) const noexcept {
    const Spot spot = find_narrow(block, bin);
    hand_out(states_.narrow_at(spot.place), block, spot.usable, size);
}

// As taken_back(), for such a class.
[[gnu::always_inline]] inline bool Checks::taken_back_narrow(void* block, base::Bin bin,
                                                             std::size_t size) const noexcept {
    const Spot spot = find_narrow(block, bin);
    if (spot.usable == 0) [[unlikely]]
        return false;
    take_back(states_.narrow_at(spot.place), block, spot.usable, size);
    return true;
}

}  // namespace ashlar::checks

#endif
