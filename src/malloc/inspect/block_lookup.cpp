#include "malloc/inspect/block_lookup.hpp"

#include "base/bits.hpp"
#include "malloc/inspect/free_lists.hpp"

namespace ashlar::inspect {

using base::kGeometry;
using base::kUnitShift;
using base::Word;

namespace {

// As spans::Kind.
constexpr std::uint32_t kNone = 0, kLarge = 3;

}  // namespace

std::uint32_t BlockLookup::number(std::uint64_t address) const noexcept {
    std::uint32_t value = 0;
    return memory_->get(address, value) ? value : 0;
}

BlockState BlockLookup::state_of(base::Bin bin, std::uint64_t block) const noexcept {
    switch (FreeLists(*memory_, *layout_).find(bin, block)) {
        case FreeLists::Place::thread: return BlockState::in_thread;
        case FreeLists::Place::shared: return BlockState::in_shared;
        case FreeLists::Place::depot: return BlockState::in_depot;
        default: return BlockState::live;
    }
}

FoundBlock BlockLookup::block_at(const FoundPlace& slab, std::uint32_t which) const noexcept {
    const std::uint64_t size = kGeometry[slab.bin].size;
    const std::uint64_t start = slab.start + which * size;
    const bool free = (free_[which / base::kWordBits] >> which % base::kWordBits & 1) != 0;
    return {start, size, free ? BlockState::in_slab : state_of(slab.bin, start)};
}

void BlockLookup::look_at_slab(std::uint64_t unit, std::uint64_t address,
                               FoundPlace& out) noexcept {
    const base::ClassGeometry& g = kGeometry[out.bin];
    out.within = Within::damaged;
    if (!memory_->copy(layout_->unit.bits + unit * base::kMaxSlabWords * sizeof(Word), free_,
                       g.words * sizeof(Word)))
        return;
    out.blocks = g.blocks;
    for (std::uint32_t w = 0; w < g.words; ++w)
        out.in_use += base::count(~free_[w] & base::full_word(g, w));
    const std::uint32_t which = base::block_of_offset(g, address - out.start);
    out.within = which < g.blocks ? Within::slab : Within::slab_end;
    out.has_block = which < g.blocks;
    out.has_before = which > 0;
    out.has_after = which + 1 < g.blocks;
    if (out.has_block) out.block = block_at(out, which);
    if (out.has_before) out.before = block_at(out, (which < g.blocks ? which : g.blocks) - 1);
    if (out.has_after) out.after = block_at(out, which + 1);
}

void BlockLookup::look(const Memory& memory, const HeapLayout& layout, std::uint64_t address,
                       FoundPlace& out) noexcept {
    memory_ = &memory;
    layout_ = &layout;
    states_.open(memory);
    out = {};
    out.within = Within::metadata;
    if (address < layout.base) return;
    const std::uint64_t at = (address - layout.base) >> kUnitShift;
    const std::uint64_t frontier = number(layout.unit.frontier);
    out.within = Within::unused;
    if (at >= frontier || at >= layout.units) return;
    std::uint64_t unit = at;
    std::uint32_t state = 0;
    for (;; --unit) {
        out.within = Within::damaged;
        if (!states_.get(layout.unit.state + unit * sizeof state, state)) return;
        if ((state & 3) != kNone || unit <= 1 || at - unit == kMostUnits) break;
    }
    const std::uint32_t value = state >> 2;
    const std::uint32_t kind = state & 3;
    out.within = Within::free_unit;
    if (kind == kNone) return;
    out.start = address_of(unit);
    if (kind == kLarge) {
        if (value <= at - unit || value > layout.units - unit) return;
        out.within = Within::run;
        out.units = value;
        out.bin = base::bin_of_run(value);
        out.has_block = true;
        out.block = {out.start, std::uint64_t{value} << kUnitShift, state_of(out.bin, out.start)};
        return;
    }
    if (value == 0 || value >= base::kClasses) {
        out.within = Within::damaged;
        return;
    }
    if (kGeometry[value].units <= at - unit) return;
    out.units = kGeometry[value].units;
    out.bin = value;
    look_at_slab(unit, address, out);
}

}  // namespace ashlar::inspect
