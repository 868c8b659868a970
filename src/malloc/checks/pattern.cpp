#include "malloc/checks/pattern.hpp"

#include "base/report.hpp"

namespace ashlar::checks {

namespace {

// Sixteen bytes at a time: blocks are multiples of that, and begin at one.
using Pair [[gnu::vector_size(16), gnu::may_alias]] = std::uint64_t;

constexpr std::size_t filled_bytes(std::size_t usable) noexcept {
    return usable < kMostFilled ? usable : kMostFilled;
}

// The first byte in [0, bytes) that is not that of `word`; kUnchanged: none.
std::size_t first_other(const void* block, std::size_t bytes, std::uint64_t word) noexcept {
    const auto* const pairs = static_cast<const Pair*>(block);
    const Pair expected = {word, word};
    Pair other = {0, 0};
    for (std::size_t i = 0; i < bytes / sizeof(Pair); ++i) other |= pairs[i] ^ expected;
    if ((other[0] | other[1]) == 0) [[likely]]
        return kUnchanged;
    const auto* const all = static_cast<const unsigned char*>(block);
    std::size_t at = 0;
    while (all[at] == static_cast<unsigned char>(word)) ++at;
    return at;
}

}  // namespace

void fill(void* block, std::size_t usable) noexcept {
    auto* const pairs = static_cast<Pair*>(block);
    for (std::size_t i = 0; i < filled_bytes(usable) / sizeof(Pair); ++i)
        pairs[i] = Pair{kPattern, kPattern};
}

void check_filled(const void* block, std::size_t usable) noexcept {
    const std::size_t at = first_other(block, filled_bytes(usable), kPattern);
    if (at != kUnchanged) [[unlikely]]
        base::report_write_after_free(block, usable, at);
}

void check_zero(const void* block, std::size_t usable) noexcept {
    const std::size_t at = first_other(block, filled_bytes(usable), 0);
    if (at != kUnchanged) [[unlikely]]
        base::report_write_after_free(block, usable, at);
}

}  // namespace ashlar::checks
