#include "command/metrics.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "command/processes.hpp"
#include "command/program.hpp"
#include "command/target.hpp"
#include "malloc/inspect/metrics.hpp"

namespace ashlar::command {
namespace {

constexpr int kCannotWrite = 2;

struct Answer {
    Process process;
    inspect::Result result;
    std::string pid;
};

std::vector<Answer> ask(const MetricsQuestion& question) {
    const bool all = question.processes.empty();
    std::vector<int> pids = all ? all_processes() : question.processes;
    std::sort(pids.begin(), pids.end());
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    std::vector<Answer> answers;
    for (const int pid : pids) {
        Answer answer{{}, {}, std::to_string(pid)};
        const inspect::Found found = find(pid, !all, answer.process);
        if (found == inspect::Found::heap && observe(answer.process, answer.result)) {
            answers.push_back(std::move(answer));
        } else if (!all) {
            if (found != inspect::Found::heap) explain(Target(pid).name(), found);
            errno = ESRCH;  // it has ended meanwhile
            explain(Target(pid).name(), inspect::Found::no_process);
        }
    }
    return answers;
}

}  // namespace

int print_metrics(const MetricsQuestion& question) {
    const std::vector<Answer> answers = ask(question);
    std::vector<inspect::MetricsSource> sources;
    sources.reserve(answers.size());
    for (const Answer& each : answers)
        sources.push_back({&each.result, each.pid.c_str(), each.process.command.c_str()});
    const auto format = question.prometheus ? inspect::MetricsFormat::prometheus
                                            : inspect::MetricsFormat::openmetrics;
    if (!inspect::write_metrics(sources.data(), sources.size(), format, STDOUT_FILENO))
        throw Failure(kCannotWrite, "the metrics could not be written");
    return 0;
}

}  // namespace ashlar::command
