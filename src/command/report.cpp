#include "command/report.hpp"

#include <unistd.h>

#include "command/address.hpp"
#include "command/program.hpp"
#include "malloc/inspect/report.hpp"

namespace ashlar::command {
namespace {

constexpr int kCannotWrite = 2;

}  // namespace

int print_report(const Target& target, bool json) {
    const SurveyPointer survey = target.survey(nullptr);
    const bool written = json ? inspect::write_json(survey->result(), STDOUT_FILENO)
                              : inspect::write_text(survey->result(), STDOUT_FILENO);
    if (!written) throw Failure(kCannotWrite, "the report could not be written");
    return 0;
}

int report_process(const ReportQuestion& question) {
    const Target target(question.process);
    if (question.address.empty()) return print_report(target, question.json);
    return print_address(look_up(target, parse_address(question.address)), question.json);
}

}  // namespace ashlar::command
