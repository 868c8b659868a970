// `ashlar metrics`: what running processes hold, for Prometheus.
#ifndef ASHLAR_COMMAND_METRICS_HPP
#define ASHLAR_COMMAND_METRICS_HPP

#include <vector>

namespace ashlar::command {

struct MetricsQuestion {
    std::vector<int> processes;  // none: all with a heap that may be read
    bool prometheus = false;     // the older text format
};

/// Prints the metrics. Returns the exit status. Throws Failure if a process
/// that the user named cannot be read, or has no heap of this library.
int print_metrics(const MetricsQuestion& question);

}  // namespace ashlar::command

#endif
