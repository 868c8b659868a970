// ASHLAR_FAIL_NTH makes chosen allocations fail, so that a program's handling
// of that can be tested. In the drop-in only. Ignored in setuid programs.
//
//   N       the N-th allocation fails, once
//   N+      it and all after it
//   N+K     it and every K-th after it
//   0       none does: they are only counted
//   …@SIZE  only allocations of at least SIZE bytes are counted and fail;
//           K, M, G: KiB, MiB, GiB
#include <fcntl.h>
#include <unistd.h>
#include <cstdint>

#include "base/line.hpp"
#include "malloc/process/injection.hpp"

namespace {

int descriptor = -1;  // a copy of stderr, which many programs close as they exit

[[gnu::constructor]] void prepare() noexcept {
    const ashlar::settings::Settings settings = ashlar::settings::environment();
    if (!settings.failures) return;
    descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
    ashlar::cache::injection.start(settings.plan, descriptor);
}

[[gnu::destructor]] void print() noexcept {
    if (descriptor < 0) return;
    const ashlar::cache::Injection::Counts counts = ashlar::cache::injection.counts();
    ashlar::base::Line line;
    line.text("ashlar: pid ")
        .number(static_cast<std::uint64_t>(getpid()))
        .text(": ")
        .number(counts.counted);
    line.text(" allocations counted, ").number(counts.refused).text(" failed").write(descriptor);
}

}  // namespace
