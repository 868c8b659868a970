// Reads numbers, sizes and times from text. Each function moves `at` past what
// it has read. False: there is no such value, or it is too large. Pure, so
// that the command `ashlar` uses it too.
#ifndef ASHLAR_MALLOC_SETTINGS_VALUES_HPP
#define ASHLAR_MALLOC_SETTINGS_VALUES_HPP

#include <cstdint>

#include "malloc/settings/settings.hpp"

namespace ashlar::settings {

// Up to 18 digits.
[[nodiscard]] bool read_number(const char*& at, std::uint64_t& value) noexcept;
// Bytes, or with a suffix KiB (K), MiB (M) or GiB (G). Less than an exbibyte.
[[nodiscard]] bool read_size(const char*& at, std::uint64_t& bytes) noexcept;
// A size, or percent up to all of it. Not 0.
[[nodiscard]] bool read_amount(const char*& at, Amount& amount) noexcept;
// Milliseconds (ms) or seconds (s); the suffix may not be left out.
[[nodiscard]] bool read_time(const char*& at, std::uint64_t& milliseconds) noexcept;
// Moves past the word, if it is there.
[[nodiscard]] bool skip(const char*& at, const char* word) noexcept;

}  // namespace ashlar::settings

#endif
