#include "core/arena/block_states.hpp"

namespace ashlar::arena {

using base::rlx;

void BlockStates::clear(base::UnitId slab, base::Bin c, std::uint32_t from,
                        std::uint32_t to) const noexcept {
    // Relaxed: the caller owns the slab, and a second free finds 0 or a free
    // block.
    for (std::uint32_t number = from; number < to; ++number) {
        const std::size_t at = place(slab, c, number);
        narrow(c) ? narrow_at(at).store(0, rlx) : wide_at(at).store(0, rlx);
    }
}

}  // namespace ashlar::arena
