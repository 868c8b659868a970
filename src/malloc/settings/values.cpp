#include "malloc/settings/values.hpp"

namespace ashlar::settings {

namespace {

// The suffix's exponent of two, and moves past it; 0: there is none.
unsigned read_suffix(const char*& at) noexcept {
    const unsigned shift = *at == 'K' ? 10 : *at == 'M' ? 20 : *at == 'G' ? 30 : 0;
    if (shift != 0) ++at;
    return shift;
}

}  // namespace

bool read_number(const char*& at, std::uint64_t& value) noexcept {
    const char* const begin = at;
    value = 0;
    for (; *at >= '0' && *at <= '9'; ++at) {
        if (at - begin == 18) return false;
        value = value * 10 + static_cast<std::uint64_t>(*at - '0');
    }
    return at != begin;
}

bool read_size(const char*& at, std::uint64_t& bytes) noexcept {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 60;
    std::uint64_t number = 0;
    if (!read_number(at, number)) return false;
    const unsigned shift = read_suffix(at);
    bytes = number << shift;
    return number < kMost >> shift;
}

bool read_amount(const char*& at, Amount& amount) noexcept {
    if (!read_size(at, amount.value)) return false;
    amount.percent = *at == '%';
    const bool bytes_before = amount.percent && (at[-1] < '0' || at[-1] > '9');  // as in "5K%"
    if (amount.percent) ++at;
    return amount.value != 0 && !bytes_before && (!amount.percent || amount.value <= 100);
}

bool read_time(const char*& at, std::uint64_t& milliseconds) noexcept {
    constexpr std::uint64_t kMostSeconds = std::uint64_t{1} << 40;
    if (!read_number(at, milliseconds)) return false;
    if (skip(at, "ms")) return milliseconds < kMostSeconds * 1000;
    if (milliseconds >= kMostSeconds || !skip(at, "s")) return false;
    milliseconds *= 1000;
    return true;
}

bool skip(const char*& at, const char* word) noexcept {
    const char* end = at;
    for (; *word != '\0'; ++word, ++end) {
        if (*end != *word) return false;
    }
    at = end;
    return true;
}

}  // namespace ashlar::settings
