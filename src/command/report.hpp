// `ashlar report`: what a running process holds, seen from outside.
#ifndef ASHLAR_COMMAND_REPORT_HPP
#define ASHLAR_COMMAND_REPORT_HPP

#include <string>

#include "command/target.hpp"

namespace ashlar::command {

struct ReportQuestion {
    int process = 0;
    std::string address;  // empty: the report
    bool json = false;
};

/// Prints the report, or what lies at the address. Returns the exit status.
/// Throws Failure if the process cannot be read, or has no heap of this
/// library.
int report_process(const ReportQuestion& question);
int print_report(const Target& target, bool json);

}  // namespace ashlar::command

#endif
