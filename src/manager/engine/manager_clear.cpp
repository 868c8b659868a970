// Frees every block at once. No other thread calls meanwhile, so that nothing
// is freed one by one. The collector's thread may be in a cycle, which ends
// first.
#include "manager/engine/manager.hpp"

namespace ashlar::manager {

Status Manager::clear() noexcept {
    if (in_callback()) return Status::in_callback;
    const Collector::Pause pause(collector_);
    const Guard guard(lock_);
    if (!moves_.clear()) return Status::pinned;
    annotations_.clear();
    small_.clear();
    allocator_.clear();
    return Status::ok;
}

}  // namespace ashlar::manager
