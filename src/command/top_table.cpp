#include "command/top_table.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

namespace ashlar::command {
namespace {

constexpr std::size_t kRefills = 2;
constexpr std::size_t kCalls = 3;
constexpr std::array<const char*, kTopColumns> kTitles = {"RSS",    "LIVE",   "REFILL/s", "CALL/s",
                                                          "MAPPED", "CACHES", "DEPOT",    "SLABS",
                                                          "KEPT",   "DIRTY",  "META",     "OTHER"};
constexpr int kWidth = 9;
constexpr const char* kUnknown = "-";

bool is_rate(std::size_t column) { return column == kRefills || column == kCalls; }

std::string format(const char* pattern, double value, const char* unit) {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), pattern, value, unit);
    return text.data();
}

// At most 7 characters.
std::string bytes_text(double value) {
    constexpr std::array<const char*, 5> kUnits = {"K", "M", "G", "T", "P"};
    value /= 1024;
    std::size_t unit = 0;
    for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
    return format("%.1f%s", value, kUnits[unit]);
}

std::string count_text(double value) {
    if (value < 100000) return format("%.0f%s", value, "");
    return value < 1e8 ? format("%.0f%s", value / 1e3, "k") : format("%.0f%s", value / 1e6, "M");
}

std::string change_text(const std::optional<double>& change) {
    return change ? format("%+.0f%s", *change, "") : kUnknown;
}

std::string right(const std::string& text, std::size_t width) {
    return std::string(width > text.size() ? width - text.size() : 1, ' ') + text;
}

// Per second. Counters go on while they are read: a rate is never negative.
std::optional<double> rate(std::uint64_t before, std::uint64_t now, double seconds) {
    if (seconds <= 0) return {};
    return now > before ? static_cast<double>(now - before) / seconds : 0;
}

std::uint64_t refills(const inspect::Result& result) {
    return result.lasting.misses[static_cast<unsigned>(inspect::Miss::refills)];
}

std::uint64_t calls(const inspect::Result& result) {
    return std::accumulate(result.calls, result.calls + inspect::kCalls, std::uint64_t{0});
}

std::vector<TopClass> classes_of(const Looks& looks) {
    std::vector<TopClass> classes;
    for (base::Bin bin = 0; bin < base::kBins; ++bin) {
        const inspect::ClassCounts& now = looks.now.counts.bins[bin];
        if (now.slabs == 0) continue;
        TopClass each{bin == 0 ? 0 : base::size_of_bin(bin),
                      now.slabs,
                      now.live(),
                      now.cached,
                      now.in_depot,
                      now.blocks - now.in_use,
                      now.used.bytes + now.free.bytes + now.rest.bytes,
                      rate(looks.before.counts.bins[bin].refills, now.refills, looks.seconds),
                      {}};
        if (looks.seconds > 0) {
            const auto before = static_cast<double>(looks.before.counts.bins[bin].live());
            each.change = (static_cast<double>(each.live) - before) / looks.seconds;
        }
        classes.push_back(each);
    }
    std::stable_sort(classes.begin(), classes.end(),
                     [](const TopClass& a, const TopClass& b) { return a.bytes > b.bytes; });
    return classes;
}

}  // namespace

std::optional<std::size_t> column_of(const std::string& name) {
    if (name == "pid") return kTopColumns;
    const auto* const at = std::find(kTopColumnNames.begin(), kTopColumnNames.end(), name);
    if (at == kTopColumnNames.end()) return {};
    return static_cast<std::size_t>(at - kTopColumnNames.begin());
}

TopRow row_of(const Looks& looks) {
    const inspect::Result& now = looks.now;
    const inspect::HeapCounts& counts = now.counts;
    const inspect::Sums sums = inspect::sums_of(counts);
    const auto bytes = [](std::uint64_t value) { return static_cast<double>(value); };
    TopRow row;
    row.pid = looks.process.pid;
    row.command = looks.process.command;
    row.values = {bytes(now.rss),
                  bytes(sums.live.resident),
                  rate(refills(looks.before), refills(now), looks.seconds),
                  rate(calls(looks.before), calls(now), looks.seconds),
                  bytes(now.mapped.resident),
                  bytes(sums.cached.resident),
                  bytes(sums.in_depot.resident),
                  bytes(sums.free_in_slabs.resident + sums.rests.resident),
                  bytes(counts.kept.resident),
                  bytes(counts.dirty.resident + counts.aged.resident + counts.clean.resident +
                        counts.fresh.resident),
                  bytes(now.metadata_resident + now.guarded_resident),
                  std::accumulate(now.others, now.others + inspect::kOthers, 0.0)};
    row.classes = classes_of(looks);
    return row;
}

void sort(std::vector<TopRow>& rows, std::size_t column) {
    std::stable_sort(rows.begin(), rows.end(), [&](const TopRow& a, const TopRow& b) {
        if (column >= kTopColumns) return a.pid < b.pid;
        return a.values[column].value_or(0) > b.values[column].value_or(0);
    });
}

std::string printable(const std::string& text) {
    std::string result = text;
    for (char& each : result) {
        if (each < ' ' || each > '~') each = '?';
    }
    return result;
}

std::string title_line(std::size_t column, std::size_t width) {
    std::string line =
        column == kTopColumns ? "   *PID COMMAND        " : "    PID COMMAND        ";
    for (std::size_t i = 0; i < kTopColumns && line.size() + kWidth <= width; ++i)
        line += right((i == column ? "*" : "") + std::string(kTitles[i]), kWidth);
    return line + '\n';
}

std::string process_line(const TopRow& row, std::size_t width) {
    std::array<char, 64> head{};
    std::snprintf(head.data(), head.size(), "%7d %-15.15s", row.pid,
                  printable(row.command).c_str());
    std::string line = head.data();
    for (std::size_t i = 0; i < kTopColumns && line.size() + kWidth <= width; ++i) {
        const std::optional<double>& value = row.values[i];
        line += right(!value       ? kUnknown
                      : is_rate(i) ? count_text(*value)
                                   : bytes_text(*value),
                      kWidth);
    }
    return line + '\n';
}

std::string class_lines(const TopRow& row, std::size_t most) {
    std::string text =
        "   SIZE    BYTES    SLABS REFILL/s     LIVE   LIVE/s   CACHES    DEPOT     FREE\n";
    for (std::size_t i = 0; i < row.classes.size() && i < most; ++i) {
        const TopClass& each = row.classes[i];
        text += right(each.size == 0     ? ">2.0M"
                      : each.size < 1024 ? std::to_string(each.size)
                                         : bytes_text(static_cast<double>(each.size)),
                      7);
        text += right(bytes_text(static_cast<double>(each.bytes)), kWidth);
        text += right(count_text(static_cast<double>(each.slabs)), kWidth);
        text += right(each.refills ? count_text(*each.refills) : kUnknown, kWidth);
        text += right(count_text(static_cast<double>(each.live)), kWidth);
        text += right(change_text(each.change), kWidth);
        for (const std::uint64_t blocks : {each.cached, each.depot, each.free})
            text += right(count_text(static_cast<double>(blocks)), kWidth);
        text += '\n';
    }
    return text;
}

std::string json_line(const std::vector<TopRow>& rows, const std::vector<TopNote>& notes,
                      double seconds) {
    using nlohmann::ordered_json;
    const auto number = [](const std::optional<double>& value) {
        return value ? ordered_json(*value) : ordered_json(nullptr);
    };
    ordered_json object = {{"seconds", seconds},
                           {"processes", ordered_json::array()},
                           {"gone", ordered_json::array()}};
    for (const TopRow& row : rows) {
        ordered_json one = {{"pid", row.pid}, {"command", row.command}};
        for (std::size_t i = 0; i < kTopColumns; ++i) {
            if (is_rate(i)) {
                one[std::string(kTopColumnNames[i]) + "_per_second"] = number(row.values[i]);
            } else {
                one[kTopColumnNames[i]] = static_cast<std::uint64_t>(*row.values[i]);
            }
        }
        one["classes"] = ordered_json::array();
        for (const TopClass& each : row.classes) {
            one["classes"].push_back({{"size", each.size},
                                      {"bytes", each.bytes},
                                      {"slabs", each.slabs},
                                      {"refills_per_second", number(each.refills)},
                                      {"live", each.live},
                                      {"live_per_second", number(each.change)},
                                      {"cached", each.cached},
                                      {"depot", each.depot},
                                      {"free", each.free}});
        }
        object["processes"].push_back(std::move(one));
    }
    for (const TopNote& each : notes)
        object["gone"].push_back(
            {{"pid", each.pid}, {"command", each.command}, {"reason", each.text}});
    return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace ashlar::command
