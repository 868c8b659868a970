// ASHLAR_REPORT, ASHLAR_REPORT_ACTION and ASHLAR_REPORT_FILE: what a report of
// a fault says, and how the program ends. In the drop-in only. Ignored in
// setuid programs.
#include "malloc/process/fault_report.hpp"

namespace ashlar::cache {

settings::Settings report_settings() noexcept { return settings::environment(); }

}  // namespace ashlar::cache
