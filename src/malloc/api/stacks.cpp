// ASHLAR_STACKS keeps the stacks of the last allocations and frees, for
// reports. In the drop-in only. Ignored in setuid programs.
#include "malloc/process/process.hpp"
#include "malloc/process/recorded_stacks.hpp"
#include "malloc/settings/settings.hpp"

namespace {

namespace cache = ashlar::cache;

[[gnu::constructor]] void prepare() noexcept {
    cache::recorded_stacks.start(ashlar::settings::environment().stacks);
    if (cache::recorded_stacks.on()) cache::hide_own_cache();
}

}  // namespace
