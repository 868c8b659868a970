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

// Sixteen pairs in a step.
bool is_zero(const Pair* at, const Pair* end) noexcept {
    for (; end - at >= 16; at += 16) {
        if (!begins_zero(at, 16 * sizeof(Pair))) return false;
    }
    Pair all = {0, 0};
    for (; at != end; ++at) all |= *at;
    return !any(all);
}

// Of any bytes.
bool is_zero_between(const unsigned char* at, const unsigned char* end) noexcept {
    constexpr std::ptrdiff_t kPair = sizeof(Pair);
    const auto bytes = static_cast<std::size_t>(end - at);
    if (end - at < kPair) return first_used(at, 0, bytes) == bytes;
    Pair all = *reinterpret_cast<const LoosePair*>(end - kPair);
    for (; end - at > kPair; at += kPair) all |= *reinterpret_cast<const LoosePair*>(at);
    return !any(all);
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

void clear_long(void* block, std::size_t usable) noexcept {
    // A page fault costs more than to clear the page.
    if (usable > base::kUnitSize && region::kSystem.purge(block, usable)) return;
    std::memset(block, 0, usable);
}

void check_clear_long(const void* block, std::size_t usable) noexcept {
    const std::size_t bytes = usable <= base::kMaxSmall ? usable : kMostFilled;
    const auto* const pairs = static_cast<const Pair*>(block);
    if (is_zero(pairs, pairs + bytes / sizeof(Pair))) [[likely]]
        return;
    base::report_write_after_free(block, usable, first_used(block, 0, bytes));
}

void check_long_rest(const void* block, std::size_t usable, std::size_t slack) noexcept {
    const std::size_t from = usable - slack + kCanary;
    const std::size_t page_end = base::round_up(from, region::page_size());
    const std::size_t to = usable <= base::kMaxSmall || page_end > usable ? usable : page_end;
    const auto* const start = static_cast<const unsigned char*>(block);
    if (is_zero_between(start + from, start + to)) [[likely]]
        return;
    base::report_overflow(block, usable - slack, first_used(block, from, to) - (usable - slack));
}

void clear_between(void* block, std::size_t usable, std::size_t old_slack,
                   std::size_t slack) noexcept {
    const std::size_t old_end = usable - (old_slack > kCanary ? old_slack - kCanary : 0);
    const std::size_t from = usable - (old_slack > slack ? old_slack : slack);
    if (from < old_end) std::memset(static_cast<char*>(block) + from, 0, old_end - from);
}

}  // namespace ashlar::checks
