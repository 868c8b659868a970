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
    Tail(block, usable, slack).put(canary(block));
}

[[noreturn, gnu::cold]] void report_changed(const void* block, std::size_t usable,
                                            std::size_t slack, std::uint64_t canary) noexcept;

[[gnu::always_inline]] inline void Checks::check_canary(const void* block, std::size_t usable,
                                                        std::size_t slack) const noexcept {
    if (slack == 0) return;
    const Tail tail(const_cast<void*>(block), usable, slack);
    if (tail.is_changed(canary(block))) [[unlikely]]
        report_changed(block, usable, slack, canary(block));
}

// Entries hold no more. A block that leaves more room counts as asked for in
// part of it, and its size is not compared.
inline constexpr std::size_t kMostSlack = 0xfffffff0;
constexpr std::size_t slack_of(std::size_t usable, std::size_t size) noexcept {
    return usable - size < kMostSlack ? usable - size : kMostSlack;
}

// A block leaves its free state. Paranoid heaps keep all free memory zero, so
// that they also know blocks that no program has had.
template <bool is_paranoid, class Entry>
[[gnu::always_inline]] inline void Checks::hand_out(Entry& entry, void* block, std::size_t usable,
                                                    std::size_t slack) const noexcept {
    // Relaxed, both: see BlockStates. The block is ours alone.
    const auto before = entry.load(base::rlx);
    using T = std::remove_const_t<decltype(before)>;
    entry.store(arena::BlockStates::live<T>(slack), base::rlx);
    const bool filled = before == arena::BlockStates::filled<T>;
    if (!filled && before != 0) [[unlikely]]
        base::report_corruption(block, "handed out twice");
    if constexpr (is_paranoid) {
        check_clear(block, usable);
    } else if (filled) {
        check_filled(block, usable);
    }
    put_canary(block, usable, slack);
}

// A block with this slack has become free.
template <bool is_paranoid>
[[gnu::always_inline]] inline void Checks::take_back(void* block, std::size_t usable,
                                                     std::size_t slack,
                                                     std::size_t size) const noexcept {
    if (size != kAnySize && size != usable - slack && slack < kMostSlack) [[unlikely]]
        base::report_wrong_size(block, usable - slack, size);
    check_canary(block, usable, slack);
    if constexpr (is_paranoid) {
        check_rest(block, usable, slack);
        clear(block, usable);
    } else {
        fill(block, usable);
    }
}

template <bool is_paranoid>
[[gnu::always_inline]] inline void Checks::handed_out_of_class(void* block, base::Bin bin,
                                                               std::size_t size) const noexcept {
    const std::uintptr_t offset = offset_of(block);
    const std::size_t usable = base::kGeometry[bin].size;
    if (arena::BlockStates::narrow(bin)) {
        hand_out<is_paranoid>(states_.narrow_at(offset), block, usable, usable - size);
    } else {
        hand_out<is_paranoid>(states_.half_at(offset), block, usable, usable - size);
    }
}

// Where no block begins the entry is 0. A pointer between two entries is found
// by its low bits.
template <bool is_paranoid, class F>
[[gnu::always_inline]] inline void Checks::taken_back_of_class(void* block, base::Bin bin,
                                                               std::size_t size,
                                                               F refuse) const noexcept {
    using arena::BlockStates;
    const std::uintptr_t offset = offset_of(block);
    const bool narrow = BlockStates::narrow(bin);
    const std::size_t apart = narrow ? base::kMinAlignment : BlockStates::kHalfAlignment;
    if (offset % apart != 0) [[unlikely]]
        return refuse();
    const std::size_t slack =
        narrow ? BlockStates::change(states_.narrow_at(offset), BlockStates::kFree)
               : BlockStates::change(states_.half_at(offset), BlockStates::kFree);
    if (slack == BlockStates::kFree) [[unlikely]]
        return refuse();
    take_back<is_paranoid>(block, base::kGeometry[bin].size, slack, size);
}

}  // namespace ashlar::checks

#endif
