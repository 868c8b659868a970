#include "shared/api/survey.hpp"

#include <bit>

#include "base/bits.hpp"

namespace ashlar::shared {

using base::acq;
using base::full_word;
using base::kClasses;
using base::kGeometry;
using base::kUnitShift;
using base::kUnitSize;
using base::rlx;

namespace {

std::size_t ones(Word word) noexcept { return static_cast<std::size_t>(std::popcount(word)); }

void count_slab(Mapping& mapping, UnitId slab, Bin c, SharedStatistics& found) noexcept {
    const Segment& segment = mapping.segment();
    const base::ClassGeometry& g = kGeometry[c];
    for (std::uint32_t w = 0; w < g.words; ++w) {
        // Relaxed, as below: exact only while the heap is quiet.
        found.free += ones(segment.bits(slab, w).load(rlx) & full_word(g, w)) * g.size;
    }
    for (std::uint32_t number = 0; number < g.blocks; ++number) {
        if (!is_live(segment.tag(slab, number).load(rlx))) continue;
        const Blocks::Found block =
            mapping.blocks().find(mapping.blocks().offset_of(Block{slab, number, c}));
        if (block.fault != Fault::none) continue;
        ++found.blocks;
        found.used += block.size;
        found.rounding += g.size - block.size;
    }
}

void count_unit(Mapping& mapping, UnitId unit, SharedStatistics& found) noexcept {
    const UnitState state = mapping.segment().state(unit, acq);  // [E46]
    if (state.is_backed()) found.free += kUnitSize;
    if (state.kind() == Kind::large) {
        const std::size_t bytes = std::size_t{state.units()} << kUnitShift;
        ++found.blocks;
        found.used += bytes - state.slack();
        found.rounding += state.slack();
    }
    const Bin c = state.size_class();
    if (state.is_slab() && c >= kFirstClass && c < kClasses) count_slab(mapping, unit, c, found);
}

}  // namespace

Kept kept_by(const Slot& slot) noexcept {
    Kept kept{0, 0};
    for (Bin c = kFirstClass; c < kClasses; ++c) {
        const std::size_t blocks = ones(slot.mask[c].load(rlx));  // relaxed: a snapshot
        kept.blocks += blocks;
        kept.bytes += blocks * kGeometry[c].size;
    }
    for (Bin c = kFirstClass; c < kSpareClasses; ++c) {
        const std::size_t blocks = slot.spares[c].load(rlx) % (kSpares + 1);  // relaxed: a snapshot
        kept.blocks += blocks;
        kept.bytes += blocks * kGeometry[c].size;
    }
    return kept;
}

SharedStatistics survey(Mapping& mapping) noexcept {
    SharedStatistics found{};
    const Segment& segment = mapping.segment();
    found.limit = std::size_t{segment.end() - 1} << kUnitShift;
    found.file = mapping.file().pages();
    found.metadata = segment.metadata_bytes();
    for (UnitId unit = 1; unit < segment.covered(); ++unit) count_unit(mapping, unit, found);
    each_thread(mapping, [&](const Slot& slot) noexcept {
        ++found.threads;
        found.kept += kept_by(slot).bytes;
    });
    mapping.doubts().each([&](Blocks::Found) noexcept { ++found.doubts; });
    return found;
}

}  // namespace ashlar::shared
