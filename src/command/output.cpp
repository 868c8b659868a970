#include "command/output.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command/statistics.hpp"

namespace ashlar::command {
namespace {

struct Metric {
    const char* key;
    const char* title;
    double (*of)(const Run&);
    std::string (*text)(double);
};

std::string number(double value, const char* unit) {
    std::array<char, 32> text{};
    const int digits = value < 10 ? 3 : value < 100 ? 2 : 1;
    std::snprintf(text.data(), text.size(), "%.*f %s", digits, value, unit);
    return text.data();
}
std::string seconds_text(double value) {
    return value < 1 ? number(value * 1e3, "ms") : number(value, "s");
}
std::string kib_text(double value) {
    return value < 1048576 ? number(value / 1024, "MiB") : number(value / 1048576, "GiB");
}

constexpr std::array<Metric, 3> kMetrics = {{
    {"wall_seconds", "wall time", [](const Run& run) { return run.wall_seconds; }, seconds_text},
    {"cpu_seconds", "CPU time",
     [](const Run& run) { return run.user_seconds + run.system_seconds; }, seconds_text},
    {"peak_kib", "peak memory", [](const Run& run) { return static_cast<double>(run.peak_kib); },
     kib_text},
}};

std::vector<double> values(const Series& series, const Metric& metric) {
    std::vector<double> result;
    for (const Run& run : series.runs) result.push_back(metric.of(run));
    return result;
}

const char* verdict(Outcome outcome) {
    switch (outcome) {
        case Outcome::less: return "less";
        case Outcome::more: return "more";
        case Outcome::too_few: return "too few runs";
        case Outcome::no_difference: break;
    }
    return "no difference";
}

std::string ratio_text(const Difference& difference) {
    if (difference.outcome == Outcome::no_difference) return verdict(difference.outcome);
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f%s", difference.ratio,
                  difference.outcome == Outcome::too_few ? " ?" : "");
    return text.data();
}

void print_row(const Series& one, const Series& system) {
    std::printf("%-12s", one.allocator.name.c_str());
    if (one.failed) {
        std::printf(" failed\n");
        return;
    }
    for (const Metric& metric : kMetrics) {
        const auto own = values(one, metric);
        const Spread range = spread(own);
        const bool baseline = &one == &system;
        const std::string ratio =
            baseline ? "1" : ratio_text(difference(own, values(system, metric)));
        const bool last = &metric == &kMetrics.back();
        std::printf(last ? " %9s ±%3.0f%%  %s" : " %9s ±%3.0f%%  %-14s",
                    metric.text(range.median).c_str(), 100 * range.relative(), ratio.c_str());
    }
    std::printf("\n");
}

void print_failure(const Series& one) {
    std::printf("%s: failed: %s", one.allocator.name.c_str(),
                describe_failure(one.failure).c_str());
    if (one.failure.last_lines.empty()) {
        std::printf("\n");
        return;
    }
    std::printf("; the last of its stderr:\n    ");
    for (const char character : one.failure.last_lines)
        std::printf(character == '\n' ? "\n    " : "%c", character);
    std::printf("\n");
}

std::string joined(const std::vector<std::string>& words) {
    std::string line;
    for (const auto& word : words) line += (line.empty() ? "" : " ") + word;
    constexpr std::size_t kWidth = 100;
    return line.size() <= kWidth ? line : line.substr(0, kWidth - 3) + "...";
}

nlohmann::json series_json(const Series& one, const Series& system) {
    nlohmann::json object = {
        {"name", one.allocator.name}, {"library", one.allocator.library}, {"failed", nullptr}};
    object["runs"] = nlohmann::json::array();
    for (const Run& run : one.runs) {
        object["runs"].push_back({{"wall_seconds", run.wall_seconds},
                                  {"user_seconds", run.user_seconds},
                                  {"system_seconds", run.system_seconds},
                                  {"peak_kib", run.peak_kib}});
    }
    if (one.failed) {
        object["failed"] = {{"reason", describe_failure(one.failure)},
                            {"stderr", one.failure.last_lines}};
        return object;
    }
    if (system.failed) return object;
    for (const Metric& metric : kMetrics) {
        const auto own = values(one, metric);
        const Spread range = spread(own);
        const Difference against = difference(own, values(system, metric));
        object[metric.key] = {{"median", range.median},
                              {"min", range.low},
                              {"max", range.high},
                              {"ratio", against.ratio},
                              {"ratio_low", against.low},
                              {"ratio_high", against.high},
                              {"verdict", verdict(against.outcome)}};
    }
    return object;
}

}  // namespace

void print_table(const Options& options, const Comparison& comparison) {
    std::printf("%s\n%d run%s each, in turn, after %d to warm up\n\n",
                joined(options.program).c_str(), options.runs, options.runs == 1 ? "" : "s",
                options.warmup);
    std::printf("%-12s", "");
    for (const Metric& metric : kMetrics) {
        std::printf(&metric == &kMetrics.back() ? " %15s  %s" : " %15s  %-14s", metric.title,
                    "ratio");
    }
    std::printf("\n");
    const Series& system = comparison.series.front();
    if (!system.failed) {
        for (const Series& one : comparison.series) print_row(one, system);
        std::printf(
            "\nMedian, half the range in percent, ratio to the system malloc. Memory: of the "
            "largest process.\n");
        if (interval_rank(options.runs) == 0)
            std::printf("?: fewer than 5 runs can't tell a difference from noise.\n");
    } else {
        std::printf("%-12s failed\n\n", kSystem);
    }
    for (const Series& one : comparison.series) {
        if (one.failed) print_failure(one);
    }
}

void print_json(const Options& options, const Comparison& comparison) {
    nlohmann::json object = {{"ashlar", ASHLAR_VERSION},
                             {"program", options.program},
                             {"rounds", options.runs},
                             {"warmup", options.warmup},
                             {"processors", ::sysconf(_SC_NPROCESSORS_ONLN)},
                             {"warnings", comparison.warnings}};
    object["allocators"] = nlohmann::json::array();
    for (const Series& one : comparison.series)
        object["allocators"].push_back(series_json(one, comparison.series.front()));
    // The name of a program and its output need not be UTF-8.
    std::printf("%s\n",
                object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace ashlar::command
