#include "command/report.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "command/program.hpp"
#include "malloc/inspect/report.hpp"
#include "malloc/inspect/survey.hpp"

namespace ashlar::command {
namespace {

constexpr int kCannotRead = 2;
constexpr int kNoHeap = 1;

struct Destroy {
    void operator()(inspect::Survey* survey) const noexcept { inspect::Survey::destroy(survey); }
};

// Says why a process has no heap that can be read.
[[noreturn]] void explain(const std::string& who, inspect::Found found) {
    switch (found) {
        case inspect::Found::no_process:
            throw Failure(kCannotRead, who + ": " + std::strerror(errno));
        case inspect::Found::refused:
            throw Failure(kCannotRead, who +
                                           " may not be read: that needs the rights of a "
                                           "debugger, as root has (see ptrace_scope)");
        case inspect::Found::other_version:
            throw Failure(kNoHeap, who + " has a heap of another version of Ashlar");
        default: throw Failure(kNoHeap, who + " has no heap of Ashlar");
    }
}

}  // namespace

int report_process(const ReportQuestion& question) {
    const std::unique_ptr<inspect::Survey, Destroy> survey(inspect::Survey::make(question.process));
    if (survey == nullptr) throw Failure(kCannotRead, std::strerror(errno));
    std::uint64_t heap = 0;
    errno = 0;
    const inspect::Found found = survey->find_heap(heap);
    if (found != inspect::Found::heap)
        explain("process " + std::to_string(question.process), found);
    survey->take(heap);
    const bool written = question.json ? inspect::write_json(survey->result(), STDOUT_FILENO)
                                       : inspect::write_text(survey->result(), STDOUT_FILENO);
    if (!written) throw Failure(kCannotRead, "the report could not be written");
    return 0;
}

}  // namespace ashlar::command
