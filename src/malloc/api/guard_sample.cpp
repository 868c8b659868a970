// ASHLAR_GUARD_SAMPLE=N: about one block in N misses lies beside pages without
// access. In the drop-in only, also in setuid programs. Not at the level
// `paranoid`, where all blocks have guards.
#include <unistd.h>

#include "base/line.hpp"
#include "malloc/guards/fault_handler.hpp"
#include "malloc/guards/guarded_blocks.hpp"
#include "malloc/process/fault_report.hpp"
#include "malloc/settings/settings.hpp"

namespace {

[[gnu::constructor]] void prepare() noexcept {
    const ashlar::settings::Settings& settings = ashlar::settings::environment();
    const std::uint32_t every = settings.guard_sample;
    if (every == 0 || settings.check == ashlar::settings::CheckLevel::paranoid) return;
    ashlar::cache::arm_reports();  // a guarded block may be the program's first
    if (ashlar::guards::guarded_blocks.start(every) && ashlar::guards::handle_faults()) return;
    ashlar::base::Line line;
    line.text("ashlar: ASHLAR_GUARD_SAMPLE: no address space for guarded blocks, there are none");
    line.write(STDERR_FILENO);
}

}  // namespace
