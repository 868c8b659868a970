// The report, as text that Prometheus can scrape. No malloc. Any
// thread.
#ifndef ASHLAR_MALLOC_INSPECT_METRICS_HPP
#define ASHLAR_MALLOC_INSPECT_METRICS_HPP

#include "malloc/inspect/survey.hpp"

namespace ashlar::inspect {

// OpenMetrics 1.0, or the older text format of Prometheus, 0.0.4. They differ
// in the names of counters' families, in units and in the last line.
enum class MetricsFormat { openmetrics, prometheus };

struct MetricsSource {
    const Result* result;
    // Labels of each sample; nullptr: none. Any bytes.
    const char* process;
    const char* command;
};

// One text about all sources, whose labels must differ. False: it could not be
// written.
[[nodiscard]] bool write_metrics(const MetricsSource* sources, std::size_t count,
                                 MetricsFormat format, int descriptor) noexcept;

}  // namespace ashlar::inspect

#endif
