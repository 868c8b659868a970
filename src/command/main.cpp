// The command line: options, and the text of --help.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>

#include "command/compare.hpp"
#include "command/core.hpp"
#include "command/doctor.hpp"
#include "command/help.hpp"
#include "command/map.hpp"
#include "command/metrics.hpp"
#include "command/program.hpp"
#include "command/report.hpp"
#include "command/run.hpp"
#include "command/shared.hpp"
#include "command/top.hpp"
#include "command/top_table.hpp"

namespace ashlar::command {
namespace {

constexpr int kUsage = 2;

// Where PROGRAM begins: at the first word that is neither an option nor the
// value of one, or after "--". CLI11 does not see the words from there on: it
// would take some as its own.
struct Split {
    std::vector<std::string> own;
    std::vector<std::string> program;
};
bool takes_program(const CLI::App& command) {
    return command.get_option_no_throw("PROGRAM") != nullptr;
}

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
        if (!is_option && command != nullptr && takes_program(*command)) break;
        result.own.push_back(word);
        if (!is_option && command == nullptr) {
            const auto commands =
                app.get_subcommands([&](CLI::App* one) { return one->get_name() == word; });
            if (commands.empty()) break;
            command = commands.front();
            continue;
        }
        if (command != nullptr && !takes_program(*command)) continue;
        const CLI::Option* option =
            command == nullptr ? nullptr : command->get_option_no_throw(word);
        const bool takes_value = option != nullptr && option->get_items_expected_max() > 0;
        if (takes_value && i + 1 < words.size()) result.own.push_back(words[++i]);
    }
    result.program.assign(words.begin() + static_cast<std::ptrdiff_t>(std::min(i, words.size())),
                          words.end());
    return result;
}

constexpr const char* kProgram = "The program and its arguments; -- may stand before it";

CLI::App* add_run(CLI::App& app, bool& with_statistics, std::string& placeholder) {
    CLI::App* command = app.add_subcommand("run", "Run a program with Ashlar as its malloc");
    command->add_flag("--stats", with_statistics,
                      "Print a report on stderr at exit: where the memory is");
    command->add_option("PROGRAM", placeholder, kProgram)->required();
    command->footer(kRunHelp);
    return command;
}

CLI::App* add_compare(CLI::App& app, Options& options, std::string& placeholder) {
    CLI::App* command =
        app.add_subcommand("compare", "Compare allocators on a program: time, CPU time, memory");
    command->add_option("-n,--runs", options.runs, "Runs under each allocator")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    command->add_option("--warmup", options.warmup, "Rounds before these that don't count")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    command
        ->add_option("-a,--allocator", options.added,
                     "Add NAME=LIB, a library to preload; may be repeated")
        ->allow_extra_args(false);
    command
        ->add_option("--only", options.only,
                     "Only these, and the system malloc: names, separated by commas")
        ->delimiter(',')
        ->allow_extra_args(false);
    command->add_flag("--json", options.json,
                      "Print one JSON object, with all runs, instead of the table");
    command->add_flag("--show-output", options.show_output,
                      "Let the program's stdout and stderr through, to stderr");
    command->add_option("PROGRAM", placeholder, kProgram)->required();
    command->footer(kCompareHelp);
    return command;
}

CLI::App* add_heap(CLI::App& app, HeapQuestion& question) {
    CLI::App* command = app.add_subcommand("heap", "Look at a heap that processes share");
    command->add_flag("--json", question.json, "Print one JSON object instead of text");
    command->add_flag("--check", question.check, "Verify the heap's invariants");
    command->add_flag("--recover", question.recover,
                      "First give back what dead threads had in their hands");
    command->add_option("HEAP", question.place, "Its name or path")->required();
    command->footer(kHeapHelp);
    return command;
}

constexpr const char* kAddress =
    "Instead say which block lies at this address, in base 16: live or free, and its neighbours";
constexpr const char* kOutput = "The HTML file";

CLI::App* add_map(CLI::App& app, MapQuestion& question) {
    CLI::App* command =
        app.add_subcommand("map", "Draw the heap of a running process, as an HTML file");
    command->add_option("-o,--output", question.output, kOutput)->required();
    command->add_option("--snapshots", question.snapshots, "How many, with a slider between them")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    command->add_option("--every", question.every, "Milliseconds from one to the next")
        ->check(CLI::Range(1, 3600 * 1000))
        ->capture_default_str();
    command->add_option("PID", question.process, "The process")
        ->required()
        ->check(CLI::PositiveNumber);
    command->footer(kMapHelp);
    return command;
}

CLI::App* add_core(CLI::App& app, CoreQuestion& question) {
    CLI::App* command =
        app.add_subcommand("core", "Show where the memory of a process was, by its core file");
    command->add_flag("--json", question.json, "Print one JSON object instead of text");
    CLI::Option* address = command->add_option("--address", question.address, kAddress);
    command->add_option("-o,--output", question.output, "Instead draw the heap, as this HTML file")
        ->excludes(address);
    command->add_option("FILE", question.file, "The core file")->required();
    command->add_option("EXECUTABLE", question.executable,
                        "Refuse the core file if it is of another program");
    command->footer(kCoreHelp);
    return command;
}

CLI::App* add_report(CLI::App& app, ReportQuestion& question) {
    CLI::App* command =
        app.add_subcommand("report", "Show where the memory of a running process is");
    command->add_flag("--json", question.json, "Print one JSON object instead of text");
    command->add_option("--address", question.address, kAddress);
    command->add_option("PID", question.process, "The process")
        ->required()
        ->check(CLI::PositiveNumber);
    command->footer(kReportHelp);
    return command;
}

CLI::App* add_doctor(CLI::App& app, DoctorQuestion& question, std::string& placeholder) {
    CLI::App* command =
        app.add_subcommand("doctor", "Say whether Ashlar is in effect, and what is misconfigured");
    command->add_flag("--json", question.json, "Print one JSON object instead of text");
    command->add_option("PROGRAM", placeholder, "A process by its number, or a program");
    command->footer(kDoctorHelp);
    return command;
}

CLI::App* add_top(CLI::App& app, TopQuestion& question) {
    CLI::App* command = app.add_subcommand("top", "Watch where the memory of processes is");
    command->add_option("--sort", question.sort, "The column to sort by")
        ->check([](const std::string& name) {
            return column_of(name) ? "" : "there is no column '" + name + "'";
        })
        ->capture_default_str();
    command->add_option("--every", question.milliseconds, "Milliseconds from look to look")
        ->check(CLI::Range(10, 3600000))
        ->capture_default_str();
    command->add_flag("--once", question.once, "Look twice, print, and end");
    command->add_flag("--json", question.json, "Print one JSON object in a line for each look");
    command->add_option("PID", question.processes, "The processes; without any, all")
        ->check(CLI::PositiveNumber);
    command->footer(kTopHelp);
    return command;
}

CLI::App* add_metrics(CLI::App& app, MetricsQuestion& question) {
    CLI::App* command =
        app.add_subcommand("metrics", "Print metrics of running processes for Prometheus");
    command->add_flag("--prometheus", question.prometheus,
                      "In the older text format, as files for node_exporter have it");
    command->add_option("PID", question.processes, "The processes; without any, all")
        ->check(CLI::PositiveNumber);
    command->footer(kMetricsHelp);
    return command;
}

// The questions that a command line may ask.
struct Questions {
    std::string placeholder;  // stands for the whole program, so that help and errors name it
    bool with_statistics = false;
    Options options;
    HeapQuestion heap;
    ReportQuestion report;
    TopQuestion top;
    MetricsQuestion metrics;
    MapQuestion map;
    CoreQuestion core;
    DoctorQuestion doctor;
};

using Words = std::vector<std::string>;

struct Command {
    const CLI::App* app;
    std::function<int(Words& program)> run;
};

std::vector<Command> add_commands(CLI::App& app, Questions& all) {
    return {
        {add_run(app, all.with_statistics, all.placeholder),
         [&all](Words& program) -> int { run(program, all.with_statistics); }},
        {add_compare(app, all.options, all.placeholder),
         [&all](Words& program) {
             all.options.program = std::move(program);
             return compare(all.options);
         }},
        {add_heap(app, all.heap), [&all](Words&) { return look_at_heap(all.heap); }},
        {add_report(app, all.report), [&all](Words&) { return report_process(all.report); }},
        {add_top(app, all.top), [&all](Words&) { return watch_processes(all.top); }},
        {add_metrics(app, all.metrics), [&all](Words&) { return print_metrics(all.metrics); }},
        {add_map(app, all.map), [&all](Words&) { return draw_map(all.map); }},
        {add_core(app, all.core), [&all](Words&) { return look_at_core(all.core); }},
        {add_doctor(app, all.doctor, all.placeholder),
         [&all](Words& program) {
             all.doctor.words = std::move(program);
             return examine(all.doctor);
         }},
    };
}

int start(const std::vector<std::string>& words) {
    CLI::App app(
        "Ashlar, a lock-free concurrent malloc: run a program with it, compare allocators on a "
        "program, look at a shared heap, a running process or a core file, find what is "
        "misconfigured.",
        "ashlar");
    app.set_version_flag("--version", "ashlar " ASHLAR_VERSION);
    app.require_subcommand(1);
    app.footer(kExamples);
    Questions all;
    const std::vector<Command> commands = add_commands(app, all);
    Split parts = split(app, words);
    if (!parts.program.empty()) parts.own.insert(parts.own.end(), {"--", "PROGRAM"});
    std::reverse(parts.own.begin(), parts.own.end());  // CLI11 takes them from the back
    try {
        app.parse(parts.own);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : kUsage;
    }
    const auto asked = std::find_if(commands.begin(), commands.end(),
                                    [](const Command& each) { return each.app->parsed(); });
    return asked->run(parts.program);
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
