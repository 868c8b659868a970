// The settings that the user gives in the environment. Read once, by the first
// caller; table.hpp has their names. No allocation, no constructor needed,
// lock-free, any thread. setuid programs have the defaults, but may have a
// higher level of checks, and guarded blocks.
#ifndef ASHLAR_MALLOC_SETTINGS_SETTINGS_HPP
#define ASHLAR_MALLOC_SETTINGS_SETTINGS_HPP

#include <cstddef>
#include <cstdint>

#include "malloc/settings/check_level.hpp"

namespace ashlar::settings {

enum class Background : std::uint8_t { off, on, automatic };

// Which allocations fail, of those of at least `least` bytes, numbered from 1.
// `first` is the first that fails; 0: none fails. `every` is the distance from
// it to each further one; 0: there are no further ones.
struct FailurePlan {
    std::uint64_t first;
    std::uint64_t every;
    std::size_t least;
    bool operator==(const FailurePlan&) const noexcept = default;
};

// Bytes, or percent of the memory that the process may have. 0: no limit.
struct Amount {
    std::uint64_t value;
    bool percent;
    bool operator==(const Amount&) const noexcept = default;
};

// How much a report of a fault says. `automatic`: full if the checks are.
enum class ReportLevel : std::uint8_t { automatic, line, full };

// How a program ends after a report. `value`: the exit status, or the signal.
// `automatic`: by abort(), or by the SIGSEGV that was reported.
struct ReportAction {
    enum class Kind : std::uint8_t { automatic, abort, exit, signal };
    Kind kind = Kind::automatic;
    std::uint8_t value = 0;
    bool operator==(const ReportAction&) const noexcept = default;
};

// The name of a file, with a zero behind it. Empty: there is none.
struct FileName {
    static constexpr std::size_t kMost = 255;
    char text[kMost + 1] = {};
    bool operator==(const FileName&) const noexcept = default;
};

struct Settings {
    Background background = Background::automatic;
    CheckLevel check = CheckLevel::standard;
    bool statistics = false;
    bool signals = false;   // whether handlers of signals are wrapped
    bool failures = false;  // whether allocations are counted, and fail by the plan
    FailurePlan plan = {};
    Amount soft_limit = {};
    Amount hard_limit = {};
    std::uint32_t guard_sample = 0;  // misses for each guarded block; 0: there are none
    ReportLevel report = ReportLevel::automatic;
    ReportAction report_action = {};
    std::uint32_t stacks = 0;  // calls whose stacks are kept
    FileName report_file = {};
    bool operator==(const Settings&) const noexcept = default;
};

// The settings that a setuid program obeys: the defaults, a level of checks
// above the default, and guarded blocks.
[[nodiscard]] Settings secure(const Settings& wish) noexcept;

// The settings in the environment. The first call prints a line on stderr for
// each variable that is unknown or cannot be read. It may come before libc has
// the environment (initial_environment.hpp). Where no environment is known, it
// returns the defaults, and a later call reads it. O(1) after that.
[[nodiscard]] Settings environment() noexcept;

}  // namespace ashlar::settings

#endif
