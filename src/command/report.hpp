// `ashlar report`: what a running process holds, seen from outside.
#ifndef ASHLAR_COMMAND_REPORT_HPP
#define ASHLAR_COMMAND_REPORT_HPP

namespace ashlar::command {

struct ReportQuestion {
    int process = 0;
    bool json = false;
};

/// Prints the report. Returns the exit status. Throws Failure if the process
/// cannot be read, or has no heap of this library.
int report_process(const ReportQuestion& question);

}  // namespace ashlar::command

#endif
