// At exit, a look at the blocks that still lie in caches: those that were freed
// twice, or that are no blocks, are told. In the drop-in only, and not at the
// level `off`.
#include "malloc/process/process.hpp"

namespace {

[[gnu::destructor]] void look() noexcept {
    if (ashlar::cache::check_level() != ashlar::cache::CheckLevel::off)
        ashlar::cache::look_at_caches();
}

}  // namespace
