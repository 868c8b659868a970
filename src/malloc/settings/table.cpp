#include "malloc/settings/table.hpp"

#include <cstring>

#include "malloc/settings/values.hpp"

namespace ashlar::settings {

namespace {

constexpr char kPrefix[] = "ASHLAR_";
constexpr std::size_t kPrefixLength = sizeof kPrefix - 1;
// Of names that nearest() compares; the rest of a longer one is left out.
constexpr std::size_t kMostLength = 48;

bool is(const char* text, const char* word) noexcept { return std::strcmp(text, word) == 0; }

bool read_background(const char* text, Settings& into) noexcept {
    if (is(text, "auto")) {
        into.background = Background::automatic;
    } else if (is(text, "0") || is(text, "1")) {
        into.background = *text == '1' ? Background::on : Background::off;
    } else {
        return false;
    }
    return true;
}

bool read_check(const char* text, Settings& into) noexcept {
    // In the order of CheckLevel.
    constexpr const char* kNames[] = {"off", "default", "full", "paranoid"};
    for (unsigned i = 0; i < sizeof kNames / sizeof *kNames; ++i) {
        if (!is(text, kNames[i])) continue;
        into.check = static_cast<CheckLevel>(i);
        return true;
    }
    return false;
}

bool read_fail_nth(const char* at, Settings& into) noexcept {
    FailurePlan plan = {};
    if (!read_number(at, plan.first)) return false;
    if (skip(at, "+")) {
        plan.every = 1;
        if (*at >= '0' && *at <= '9' && (!read_number(at, plan.every) || plan.every == 0))
            return false;
    }
    if (skip(at, "@") && !read_size(at, plan.least)) return false;
    if (*at != '\0') return false;
    into.plan = plan;
    into.failures = true;
    return true;
}

bool read_guard_sample(const char* at, Settings& into) noexcept {
    constexpr std::uint64_t kMost = 1000000000;
    std::uint64_t every = 0;
    if (!read_number(at, every) || *at != '\0' || every > kMost) return false;
    into.guard_sample = static_cast<std::uint32_t>(every);
    return true;
}

bool read_limit(const char* at, Settings& into) noexcept {
    Amount soft = {};
    Amount hard = {};
    do {
        const bool is_soft = skip(at, "soft:");
        if (!is_soft && !skip(at, "hard:")) return false;
        Amount& amount = is_soft ? soft : hard;
        if (amount.value != 0 || !read_amount(at, amount)) return false;
    } while (skip(at, ","));
    const bool reversed =
        hard.value != 0 && soft.percent == hard.percent && soft.value > hard.value;
    if (*at != '\0' || reversed) return false;
    into.soft_limit = soft;
    into.hard_limit = hard;
    return true;
}

bool read_report(const char* text, Settings& into) noexcept {
    if (!is(text, "line") && !is(text, "full")) return false;
    into.report = is(text, "full") ? ReportLevel::full : ReportLevel::line;
    return true;
}

bool read_report_action(const char* at, Settings& into) noexcept {
    constexpr std::uint64_t kMostStatus = 255, kMostSignal = 64;
    ReportAction action;
    if (is(at, "abort")) {
        action.kind = ReportAction::Kind::abort;
        into.report_action = action;
        return true;
    }
    action.kind = skip(at, "exit:") ? ReportAction::Kind::exit : ReportAction::Kind::signal;
    const bool exits = action.kind == ReportAction::Kind::exit;
    std::uint64_t value = 0;
    if ((!exits && !skip(at, "signal:")) || !read_number(at, value) || *at != '\0') return false;
    if (value > (exits ? kMostStatus : kMostSignal) || (!exits && value == 0)) return false;
    action.value = static_cast<std::uint8_t>(value);
    into.report_action = action;
    return true;
}

bool read_report_file(const char* text, Settings& into) noexcept {
    const std::size_t length = std::strlen(text);
    if (length > FileName::kMost) return false;
    into.report_file = {};
    std::memcpy(into.report_file.text, text, length);
    return true;
}

bool read_stacks(const char* at, Settings& into) noexcept {
    constexpr std::uint64_t kMost = 10000000;
    std::uint64_t calls = 0;
    if (!read_number(at, calls) || *at != '\0' || calls > kMost) return false;
    into.stacks = static_cast<std::uint32_t>(calls);
    return true;
}

bool read_statistics(const char* text, Settings& into) noexcept {
    if (!is(text, "0") && !is(text, "1")) return false;
    into.statistics = *text == '1';
    return true;
}

bool read_signals(const char* text, Settings& into) noexcept {
    if (!is(text, "0") && !is(text, "1")) return false;
    into.signals = *text == '1';
    return true;
}

bool accept(const char*, Settings&) noexcept { return true; }

constexpr Setting kTable[] = {
    {"ASHLAR_BACKGROUND", "auto", "", "0, 1 or auto",
     "whether a thread of the library returns free memory while the program sleeps",
     Reader::library, read_background},
    {"ASHLAR_CHECK", "default", "", "off, default, full or paranoid",
     "how much the library checks what the program does with blocks", Reader::library, read_check},
    {"ASHLAR_FAIL_NTH", "none", "allocations", "N, N+ or N+K, then perhaps @SIZE",
     "lets chosen allocations fail", Reader::library, read_fail_nth},
    {"ASHLAR_GUARD_SAMPLE", "0", "misses", "0, or N up to 1000000000",
     "puts a block in about N misses beside guard pages, to find overflows and uses after free",
     Reader::library, read_guard_sample},
    {"ASHLAR_LIBRARY", "beside the command", "path", "a path",
     "the libashlar.so that the command ashlar uses", Reader::command, accept},
    {"ASHLAR_LIMIT", "none", "bytes, K, M, G or %",
     "soft:SIZE, hard:SIZE or both with a comma, soft not above hard",
     "above soft, free memory is returned at once; at hard, allocations fail", Reader::library,
     read_limit},
    {"ASHLAR_REPORT", "line", "", "line or full",
     "how much a report of a fault says; full is the default with ASHLAR_CHECK=full or paranoid",
     Reader::library, read_report},
    {"ASHLAR_REPORT_ACTION", "abort", "", "abort, exit:STATUS or signal:NUMBER",
     "how the program ends after a report", Reader::library, read_report_action},
    {"ASHLAR_REPORT_FILE", "none", "path", "a path of up to 255 bytes, perhaps with %p",
     "appends reports to a file too; %p stands for the process ID", Reader::library,
     read_report_file},
    {"ASHLAR_SIGNALS", "0", "", "0 or 1",
     "whether handlers of signals may allocate and free memory", Reader::library, read_signals},
    {"ASHLAR_STACKS", "0", "calls", "0, or N up to 10000000",
     "keeps the stacks of the last N allocations and frees for reports", Reader::library,
     read_stacks},
    {"ASHLAR_STATS", "0", "", "0 or 1",
     "prints a line about the process's memory, and the report, at exit", Reader::library,
     read_statistics},
};

// Insertions, deletions and replacements from one name to the other. By rows
// (Wagner and Fischer, 1974).
std::size_t distance(const char* a, std::size_t a_length, const char* b,
                     std::size_t b_length) noexcept {
    std::size_t row[kMostLength + 1];
    for (std::size_t j = 0; j <= b_length; ++j) row[j] = j;
    for (std::size_t i = 1; i <= a_length; ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b_length; ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
            const std::size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[b_length];
}

}  // namespace

std::span<const Setting> table() noexcept { return kTable; }

const Setting* find(const char* name, std::size_t length) noexcept {
    for (const Setting& setting : kTable) {
        if (std::strlen(setting.name) == length && std::memcmp(setting.name, name, length) == 0)
            return &setting;
    }
    return nullptr;
}

const Setting& nearest(const char* name, std::size_t length) noexcept {
    const Setting* best = nullptr;
    std::size_t least = 0;
    for (const Setting& setting : kTable) {
        const std::size_t compared = length < kMostLength ? length : kMostLength;
        const std::size_t edits = distance(name, compared, setting.name, std::strlen(setting.name));
        if (best != nullptr && edits >= least) continue;
        best = &setting;
        least = edits;
    }
    return *best;
}

Settings read(const char* const* variables, Report report, void* context) noexcept {
    Settings result;
    for (; variables != nullptr && *variables != nullptr; ++variables) {
        const char* const name = *variables;
        if (std::strncmp(name, kPrefix, kPrefixLength) != 0) continue;
        const char* const equals = std::strchr(name, '=');
        if (equals == nullptr || equals[1] == '\0') continue;
        const auto length = static_cast<std::size_t>(equals - name);
        const Setting* setting = find(name, length);
        if (setting == nullptr || !setting->read(equals + 1, result))
            report(context, {name, length, equals + 1, setting});
    }
    return result;
}

}  // namespace ashlar::settings
