// ASHLAR_CHECK: the level of the process heap. In the drop-in only. Setuid
// programs may have a higher level than the default, and no lower one.
#include "malloc/process/process.hpp"
#include "malloc/settings/settings.hpp"

namespace ashlar::cache {

CheckLevel start_level() noexcept { return settings::environment().check; }

}  // namespace ashlar::cache
