// The table of all settings. The parser and the command `ashlar doctor` read
// it, and tests compare docs/tuning.md with it. Pure: it neither reads the
// environment nor prints.
#ifndef ASHLAR_MALLOC_SETTINGS_TABLE_HPP
#define ASHLAR_MALLOC_SETTINGS_TABLE_HPP

#include <cstddef>
#include <span>

#include "malloc/settings/settings.hpp"

namespace ashlar::settings {

// Which program reads a variable.
enum class Reader : std::uint8_t { library, command };

struct Setting {
    const char* name;
    const char* fallback;  // its default
    const char* unit;
    const char* expected;  // the values that it may have
    const char* effect;
    Reader reader;
    // False: the text is no such value, and nothing has changed.
    bool (*read)(const char* text, Settings& into) noexcept;
};

[[nodiscard]] std::span<const Setting> table() noexcept;
// The setting of that name, or nullptr. `length`: of the name.
[[nodiscard]] const Setting* find(const char* name, std::size_t length) noexcept;
// The setting with the least edit distance to the name.
[[nodiscard]] const Setting& nearest(const char* name, std::size_t length) noexcept;

// A variable that has no effect, though its name begins as those of settings.
struct Complaint {
    const char* name;  // not ended by a zero
    std::size_t length;
    const char* value;
    const Setting* setting;  // its value is wrong; nullptr: there is none of that name
};
using Report = void (*)(void* context, const Complaint& complaint) noexcept;

// Reads an environment: "NAME=value" strings, with a nullptr at the end. Empty
// values count as absent.
[[nodiscard]] Settings read(const char* const* variables, Report report, void* context) noexcept;

}  // namespace ashlar::settings

#endif
