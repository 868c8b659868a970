#include "malloc/checks/clear.hpp"

#include <cstdint>
#include <cstring>

#include "base/bits.hpp"
#include "base/report.hpp"
#include "base/size_class.hpp"
#include "core/region/region.hpp"
#include "malloc/checks/pattern.hpp"

namespace ashlar::checks {

namespace {

constexpr std::size_t kCanary = 16;

// Sixteen bytes at a time, four times: blocks are multiples of 16.
bool is_zero(const Pair* at, const Pair* end) noexcept {
    for (; end - at >= 4; at += 4) {
        const Pair all = at[0] | at[1] | at[2] | at[3];
        if ((all[0] | all[1]) != 0) return false;
    }
    for (; at != end; ++at) {
        if (((*at)[0] | (*at)[1]) != 0) return false;
    }
    return true;
}

}  // namespace

std::size_t with_room(std::size_t size) noexcept {
    return size <= base::kMaxSmall ? size + kRoom : size;
}

std::size_t first_used(const void* block, std::size_t from, std::size_t to) noexcept {
    const auto* const bytes = static_cast<const unsigned char*>(block);
    while (from < to && bytes[from] == 0) ++from;
    return from;
}

void clear(void* block, std::size_t usable) noexcept {
    if (usable > base::kMaxSmall && region::kSystem.purge(block, usable)) return;
    std::memset(block, 0, usable);
}

void check_clear(const void* block, std::size_t usable) noexcept {
    const std::size_t bytes = usable <= base::kMaxSmall ? usable : kMostFilled;
    const auto* const pairs = static_cast<const Pair*>(block);
    if (is_zero(pairs, pairs + bytes / sizeof(Pair))) [[likely]]
        return;
    base::report_write_after_free(block, usable, first_used(block, 0, bytes));
}

void check_rest(const void* block, std::size_t usable, std::size_t slack) noexcept {
    if (slack <= kCanary) return;
    const std::size_t from = usable - slack + kCanary;
    const std::size_t page_end = base::round_up(from, region::page_size());
    const std::size_t to = usable <= base::kMaxSmall || page_end > usable ? usable : page_end;
    std::size_t at = first_used(block, from, base::round_up(from, sizeof(Pair)));
    if (at % sizeof(Pair) != 0 && at < to)
        base::report_overflow(block, usable - slack, at - (usable - slack));
    const auto* const start = static_cast<const unsigned char*>(block);
    if (is_zero(reinterpret_cast<const Pair*>(start + at),
                reinterpret_cast<const Pair*>(start + to))) [[likely]]
        return;
    at = first_used(block, at, to);
    base::report_overflow(block, usable - slack, at - (usable - slack));
}

void clear_between(void* block, std::size_t usable, std::size_t old_slack,
                   std::size_t slack) noexcept {
    const std::size_t old_end = usable - (old_slack > kCanary ? old_slack - kCanary : 0);
    const std::size_t from = usable - (old_slack > slack ? old_slack : slack);
    if (from < old_end) std::memset(static_cast<char*>(block) + from, 0, old_end - from);
}

}  // namespace ashlar::checks
