// The command line: what the user asks for, and what help says.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>

#include "command/compare.hpp"
#include "command/output.hpp"
#include "command/program.hpp"
#include "command/run.hpp"

namespace ashlar::command {
namespace {

constexpr int kUsage = 2;

constexpr const char* kExamples =
    "Examples:\n"
    "  ashlar run python3 script.py            runs it with Ashlar as its malloc\n"
    "  ashlar run --stats -- ls -l             and says at the end what the heap held\n"
    "  ashlar compare -n 9 -- ./server --bench all allocators that are installed here, 9 runs each\n"
    "  ashlar compare -- sh -c 'zcat log.gz | sort | uniq -c'\n"
    "  ashlar compare -a mine=./libmine.so --only mine,ashlar --json -- ./program\n"
    "Each command has its own --help.\n";

constexpr const char* kRunHelp =
    "Replaces itself by PROGRAM, with libashlar.so in front of LD_PRELOAD; exit status and signals are the program's. Found is the\n"
    "libashlar.so of this command's build tree or installation; ASHLAR_LIBRARY names another. Statically linked and setuid programs\n"
    "keep their own malloc: it says so, and runs them. Exit status where PROGRAM can't be started: 127 if it does not exist, 126 if\n"
    "it is not executable, 2 if the command line is wrong or there is no libashlar.so.\n";

constexpr const char* kCompareHelp =
    "Runs PROGRAM under the system malloc, under Ashlar and under each allocator found in the linker's directories, in rounds: each\n"
    "round runs every allocator once and begins with another one. Everything that PROGRAM starts has the same allocator; one program\n"
    "may be a pipeline: -- sh -c 'a | b'. It runs with no input (-- sh -c 'program < file'), its output is dropped, and each run must\n"
    "end with exit status 0; a run that does not ends its allocator's series, whose row says 'failed'.\n"
    "The row 'system' preloads libc itself, so that it is libc's malloc also where the program links another allocator.\n"
    "\n"
    "Measured: wall time; CPU time, user and system, of the program and the descendants that were waited for; peak memory: the\n"
    "largest resident set that any one of these processes had (not their sum; what is below about 0.6 MiB can't be seen).\n"
    "\n"
    "'ratio' is the median of the ratios to the system malloc within each round. A difference is claimed only where the interval\n"
    "from the k-th smallest to the k-th largest of these ratios, which covers the true median with probability 15/16 or more, lies\n"
    "wholly beyond one percent from 1; else it says 'no difference'. Fewer than 5 runs are never enough for that: '?'.\n"
    "\n"
    "Exit status: 0, or 1 if the program failed under the system malloc or under Ashlar; 127 and 126 as for run; 2 for a wrong\n"
    "command line.\n"
    "\n";

// Where PROGRAM begins: the first word that is neither an option nor the value of one, or what follows "--". The words from there
// on are not CLI11's business: it would read some of them as its own.
struct Split {
    std::vector<std::string> own;
    std::vector<std::string> program;
};
Split split(CLI::App& app, const std::vector<std::string>& words) {
    Split result;
    CLI::App* command = nullptr;
    std::size_t i = 0;
    for (; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "--") {
            ++i;
            break;
        }
        const bool is_option = word.size() > 1 && word.front() == '-';
        if (!is_option && command != nullptr) break;
        result.own.push_back(word);
        if (!is_option) {
            const auto commands = app.get_subcommands([&](CLI::App* one) { return one->get_name() == word; });
            if (commands.empty()) break;
            command = commands.front();
            continue;
        }
        const CLI::Option* option = command == nullptr ? nullptr : command->get_option_no_throw(word);
        const bool takes_value = option != nullptr && option->get_items_expected_max() > 0;
        if (takes_value && i + 1 < words.size()) result.own.push_back(words[++i]);
    }
    result.program.assign(words.begin() + static_cast<std::ptrdiff_t>(std::min(i, words.size())), words.end());
    return result;
}

int start(const std::vector<std::string>& words) {
    CLI::App app("Ashlar, a lock-free concurrent malloc: run a program with it, or compare it with others on your program.", "ashlar");
    app.set_version_flag("--version", "ashlar " ASHLAR_VERSION);
    app.require_subcommand(1);
    app.footer(kExamples);
    std::string placeholder;  // stands for the whole program, so that help and errors name it

    bool with_statistics = false;
    CLI::App* run_command = app.add_subcommand("run", "Run a program with Ashlar as its malloc");
    run_command->add_flag("--stats", with_statistics, "Print one line on stderr at exit: what the heap held (ASHLAR_STATS=1)");
    run_command->add_option("PROGRAM", placeholder, "The program and its arguments; -- may stand before it")->required();
    run_command->footer(kRunHelp);

    Options options;
    CLI::App* compare_command = app.add_subcommand("compare", "Compare allocators on a program: time, CPU time, memory");
    compare_command->add_option("-n,--runs", options.runs, "Runs under each allocator")
        ->check(CLI::Range(1, 100000))->capture_default_str();
    compare_command->add_option("--warmup", options.warmup, "Rounds before these that don't count")
        ->check(CLI::Range(0, 1000))->capture_default_str();
    compare_command->add_option("-a,--allocator", options.added, "Add NAME=LIB, a library to preload; may be repeated")
        ->allow_extra_args(false);
    compare_command->add_option("--only", options.only, "Only these, and the system malloc: names, separated by commas")
        ->delimiter(',')->allow_extra_args(false);
    compare_command->add_flag("--json", options.json, "Print one JSON object, with all runs, instead of the table");
    compare_command->add_flag("--show-output", options.show_output, "Let the program's stdout and stderr through, to stderr");
    compare_command->add_option("PROGRAM", placeholder, "The program and its arguments; -- may stand before it")->required();
    compare_command->footer(kCompareHelp + std::string(kJsonHelp));

    Split parts = split(app, words);
    if (!parts.program.empty()) parts.own.insert(parts.own.end(), {"--", "PROGRAM"});
    std::reverse(parts.own.begin(), parts.own.end());  // CLI11 takes them from the back
    try {
        app.parse(parts.own);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : kUsage;
    }
    if (run_command->parsed()) run(parts.program, with_statistics);
    options.program = std::move(parts.program);
    return compare(options);
}

}  // namespace
}  // namespace ashlar::command

int main(int count, char** words) {
    try {
        return ashlar::command::start({words + 1, words + count});
    } catch (const ashlar::command::Failure& failure) {
        std::fprintf(stderr, "ashlar: %s\n", failure.what());
        return failure.status();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ashlar: %s\n", error.what());
        return ashlar::command::kUsage;
    }
}
