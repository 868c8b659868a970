#include "command/compare.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "command/elf_file.hpp"
#include "command/output.hpp"
#include "command/program.hpp"

namespace ashlar::command {
namespace {

bool wanted(const Options& options, const std::string& name) {
    return options.only.empty() ||
           std::find(options.only.begin(), options.only.end(), name) != options.only.end();
}

std::vector<Series>::iterator find(std::vector<Series>& series, const std::string& name) {
    return std::find_if(series.begin(), series.end(),
                        [&](const Series& one) { return one.allocator.name == name; });
}

// libc itself is preloaded for the row "system": so this is libc's malloc also
// where the program links another allocator, and all rows pay for a preload.
std::vector<Series> choose(const Options& options) {
    std::vector<Series> all;
    all.push_back({{kSystem, kLibc}, {}, false, {}});
    all.push_back({{kAshlar, {}}, {}, false, {}});
    for (auto& allocator : find_installed()) all.push_back({std::move(allocator), {}, false, {}});
    for (const auto& word : options.added) {
        Allocator allocator = named_allocator(word);
        if (allocator.name == kSystem)
            throw Failure(2, "-a " + word + ": the name 'system' is taken");
        if (const auto same = find(all, allocator.name); same != all.end()) {
            same->allocator = std::move(allocator);
        } else {
            all.push_back({std::move(allocator), {}, false, {}});
        }
    }
    for (const auto& name : options.only) {
        if (find(all, name) != all.end()) continue;
        std::string names;
        for (const auto& one : all) names += " " + one.allocator.name;
        throw Failure(2,
                      "--only " + name + ": there is no such allocator here; there are:" + names);
    }
    std::vector<Series> chosen;
    for (auto& one : all) {
        if (one.allocator.name != kSystem && !wanted(options, one.allocator.name)) continue;
        // Looked for only where it is wanted: it is an error if it is missing.
        if (one.allocator.library.empty()) one.allocator.library = find_ashlar();
        chosen.push_back(std::move(one));
    }
    return chosen;
}

// Warns of another malloc that the program is linked with: then the row
// "system" is not the program as it usually runs.
void warn_of_linked_allocator(const std::string& program, std::vector<std::string>& warnings) {
    const auto file = read_elf(program);
    if (!file) return;
    for (const auto& library : file->needed) {
        if (library.find("malloc") != std::string::npos) {
            warnings.push_back(program + " links " + library +
                               " itself; the row 'system' is libc's malloc all the same");
        }
    }
}

class Rounds {
  public:
    Rounds(const Command& command, const Options& options, std::vector<Series>& series)
        : command_(command), options_(options), series_(series),
          quiet_(options.show_output || ::isatty(STDERR_FILENO) == 0) {}

    // Each round begins one allocator further on. Without the system malloc
    // there is nothing to compare with: then it ends.
    void run() {
        const auto count = series_.size();
        for (int round = 0; round < options_.warmup + options_.runs; ++round) {
            for (std::size_t i = 0; i < count; ++i) {
                Series& one = series_[(i + static_cast<std::size_t>(round)) % count];
                if (!one.failed) run_one(one, round);
                if (series_.front().failed) break;
            }
            if (series_.front().failed) break;
        }
        if (!quiet_) std::fprintf(stderr, "\r\033[K");
    }

  private:
    void run_one(Series& one, int round) {
        if (!quiet_) {
            if (round < options_.warmup) {
                std::fprintf(stderr, "\r\033[Kwarm-up: %s", one.allocator.name.c_str());
            } else {
                std::fprintf(stderr, "\r\033[Kround %d of %d: %s", round - options_.warmup + 1,
                             options_.runs, one.allocator.name.c_str());
            }
        }
        Run run = measure(command_, preload_value(one.allocator.library));
        // Then it has libc's malloc anyway.
        if (one.allocator.name == kSystem) run.not_loaded = false;
        if (run.failed()) {
            one.failed = true;
            one.failure = run;
        } else if (round >= options_.warmup) {
            one.runs.push_back(std::move(run));
        }
    }

    const Command& command_;
    const Options& options_;
    std::vector<Series>& series_;
    bool quiet_;
};

}  // namespace

int compare(const Options& options) {
    const std::string path = find_program(options.program.front());
    Comparison comparison;
    comparison.warnings = preload_warnings(path);
    warn_of_linked_allocator(path, comparison.warnings);
    for (const auto& warning : comparison.warnings)
        std::fprintf(stderr, "ashlar: warning: %s\n", warning.c_str());

    comparison.series = choose(options);
    const Command command{path, options.program, options.show_output};
    Rounds(command, options, comparison.series).run();
    if (options.json) {
        print_json(options, comparison);
    } else {
        print_table(options, comparison);
    }
    const auto ashlar = find(comparison.series, kAshlar);
    const bool ashlar_failed = ashlar != comparison.series.end() && ashlar->failed;
    return comparison.series.front().failed || ashlar_failed ? 1 : 0;
}

}  // namespace ashlar::command
