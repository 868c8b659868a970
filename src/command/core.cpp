#include "command/core.hpp"

#include <cinttypes>
#include <cstdio>

#include "command/address.hpp"
#include "command/core_file.hpp"
#include "command/map.hpp"
#include "command/program.hpp"
#include "command/report.hpp"

namespace ashlar::command {
namespace {

constexpr int kAnother = 2;

}  // namespace

int look_at_core(const CoreQuestion& question) {
    const CoreFile core(question.file);
    if (!question.executable.empty() && !core.is_of(question.executable))
        throw Failure(kAnother, question.file + " is no core file of " + question.executable);
    const Target target(core);
    if (core.missing() != 0) {
        std::fprintf(stderr, "ashlar: %s is truncated: %" PRIu64 " bytes are missing\n",
                     question.file.c_str(), core.missing());
    }
    if (!question.address.empty())
        return print_address(look_up(target, parse_address(question.address)), question.json);
    if (!question.output.empty()) return draw_map(target, question.output);
    return print_report(target, question.json);
}

}  // namespace ashlar::command
