// ASHLAR_LIMIT: limits of the process's memory, in bytes or percent of what it
// may have. In the drop-in only. Ignored in setuid programs.
#include "malloc/process/limits.hpp"
#include "malloc/settings/machine.hpp"

namespace {

namespace settings = ashlar::settings;

[[gnu::constructor]] void prepare() noexcept {
    const settings::Settings wish = settings::environment();
    const settings::Amount soft = wish.soft_limit;
    const settings::Amount hard = wish.hard_limit;
    if (soft.value == 0 && hard.value == 0) return;
    const std::uint64_t whole =
        soft.percent || hard.percent ? settings::available_memory() : settings::kUnlimited;
    ashlar::cache::limits.set({settings::bytes_of(soft, whole), settings::bytes_of(hard, whole)});
}

}  // namespace
