// ASHLAR_STATS=1: a line about the process's memory on stderr at exit, and the
// report. In the drop-in only. Ignored in setuid programs.
#include <fcntl.h>
#include <unistd.h>

#include "base/line.hpp"
#include "malloc/api/snapshot.hpp"
#include "malloc/settings/settings.hpp"

namespace {

int descriptor = -1;  // a copy of stderr, which many programs close as they exit

[[gnu::constructor]] void prepare() noexcept {
    if (ashlar::settings::environment().statistics)
        descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
}

[[gnu::destructor]] void print() noexcept {
    if (descriptor < 0) return;
    const ash_stats totals = ashlar::api::statistics(nullptr);
    ashlar::base::Line line;
    line.text("ashlar: pid ")
        .number(static_cast<std::uint64_t>(getpid()))
        .text(": peak ")
        .size(totals.peak)
        .text(" held, ");
    line.size(totals.live)
        .text(" live in blocks at exit, ")
        .size(totals.reserved)
        .text(" reserved")
        .write(descriptor);
    static_cast<void>(ashlar::api::report(descriptor, false));
}

}  // namespace
