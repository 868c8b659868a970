// BlockLookup: the live block nearest to an address that lies in none.
#include "base/bits.hpp"
#include "malloc/inspect/block_lookup.hpp"

namespace ashlar::inspect {

using base::kGeometry;
using base::kUnitShift;

// Of one slab or run. look() has read the slab's words.
bool BlockLookup::nearest_in(const FoundPlace& place, Side side, std::uint64_t address,
                             FoundBlock& out) noexcept {
    if (place.within == Within::run) {
        out = place.block;
        return out.state == BlockState::live;
    }
    if (place.within != Within::slab && place.within != Within::slab_end) return false;
    const std::uint64_t size = kGeometry[place.bin].size;
    std::uint32_t tries = 0;
    for (std::uint32_t i = 0; i < place.blocks && tries < kMostTries; ++i) {
        const std::uint32_t which = side == Side::before ? place.blocks - 1 - i : i;
        const bool is_free = (free_[which / base::kWordBits] >> which % base::kWordBits & 1) != 0;
        const std::uint64_t start = place.start + which * size;
        if (is_free || (start > address) != (side == Side::after)) continue;
        ++tries;
        out = block_at(place, which);
        if (out.state == BlockState::live) return true;
    }
    return false;
}

// A slab or run that has none is passed in one step.
bool BlockLookup::nearest_on(Side side, std::uint64_t address, FoundBlock& out) noexcept {
    const std::uint64_t own = (address - layout_->base) >> kUnitShift;
    const std::uint64_t first = own > kNearUnits ? own - kNearUnits : 1;
    for (std::uint64_t unit = own; unit >= first && unit <= own + kNearUnits;) {
        look(*memory_, *layout_, address_of(unit), near_);
        if (nearest_in(near_, side, address, out)) return true;
        const std::uint64_t start = near_.units != 0 ? unit_of(near_.start) : unit;
        unit = side == Side::before ? start - 1 : start + (near_.units != 0 ? near_.units : 1);
    }
    return false;
}

bool BlockLookup::nearest(std::uint64_t address, FoundBlock& out) noexcept {
    constexpr std::uint64_t kNear = kNearUnits << kUnitShift;
    FoundBlock before{}, after{};
    bool has_before = address >= layout_->base && nearest_on(Side::before, address, before);
    bool has_after = address >= layout_->base && nearest_on(Side::after, address, after);
    has_before = has_before && distance(before, address) <= kNear;
    has_after = has_after && distance(after, address) <= kNear;
    const bool is_nearer =
        has_before && (!has_after || distance(before, address) < distance(after, address));
    out = is_nearer ? before : after;
    return has_before || has_after;
}

}  // namespace ashlar::inspect
