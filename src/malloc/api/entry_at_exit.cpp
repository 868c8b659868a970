// At exit, a look at the blocks that still lie in caches: those that were freed
// twice, or that are no blocks, are told. Before that, the levels from `full`
// on compare all blocks. In the drop-in only, and not at the level `off`. The
// child of a fork does not look: its caches hold the faults of its parent.
#include <unistd.h>

#include "malloc/process/process.hpp"

namespace {

pid_t started = 0;

[[gnu::constructor]] void prepare() noexcept { started = getpid(); }

// After the statistics at exit, which count what lies in caches.
[[gnu::destructor(101)]] void look() noexcept {
    if (getpid() != started) return;
    if (ashlar::cache::check_level() == ashlar::cache::CheckLevel::off) return;
    ashlar::cache::compare_blocks();
    ashlar::cache::look_at_caches();
}

}  // namespace
