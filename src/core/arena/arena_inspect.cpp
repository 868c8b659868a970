// Arena: finding a block, visiting live blocks, counting and checking. The
// functions only read. Lock-free, any thread.
#include <ctime>

#include "base/report.hpp"
#include "core/arena/arena.hpp"

namespace ashlar::arena {

using base::acq;
using base::Bin;
using base::kGeometry;
using base::rlx;
using base::seq_cst;
using base::UnitId;
using base::Word;

Arena::Block Arena::find(std::uintptr_t pointer) const noexcept {
    const region::Region& region = spans_->region();
    if (!spans_->contains(pointer)) return {};
    const UnitId unit = region.unit(pointer);
    const Bin c = spans_->page_map()[unit].load(rlx);  // relaxed: see Spans::mark()
    if (c == 0 || base::is_run(c)) return {};
    const UnitId slab = first_unit(unit, c);
    const base::ClassGeometry& g = kGeometry[c];
    const std::uint32_t number = base::block_of_offset(g, pointer - region.address(slab));
    if (number >= g.blocks) return {};
    const Word word = words(slab)[number / base::kWordBits].load(rlx);
    return {region.address(slab) + std::uintptr_t{number} * g.size, g.size, c,
            (word >> number % base::kWordBits & 1) != 0};
}

bool Arena::visit(Mask mask, void* mask_context, BlockVisitor visitor, void* context) noexcept {
    const UnitId end = spans_->frontier();
    for (UnitId unit = 1; unit < end; ++unit) {
        const State state = spans_->state(unit, acq);  // [E17]
        const std::uintptr_t start = spans_->region().address(unit);
        if (state.kind() == Kind::none) continue;
        if (state.kind() == Kind::large) {
            Word live = 1;
            mask(mask_context, base::bin_of_run(state.value()), start, &live);
            if (live != 0 &&
                !visitor(context, reinterpret_cast<void*>(start), state.value() * base::kUnitSize))
                return false;
            continue;
        }
        const base::ClassGeometry& g = kGeometry[state.value()];
        Word live[base::kMaxSlabWords];
        // [E5]
        for (std::uint32_t w = 0; w < g.words; ++w)
            live[w] = base::full_word(g, w) & ~words(unit)[w].load(acq);
        mask(mask_context, state.value(), start, live);
        for (std::uint32_t i = 0; i < g.blocks; ++i) {
            if ((live[i / base::kWordBits] >> i % base::kWordBits & 1) == 0) continue;
            if (!visitor(context, reinterpret_cast<void*>(start + std::uintptr_t{i} * g.size),
                         g.size))
                return false;
        }
    }
    return true;
}

std::size_t Arena::live_bytes() const noexcept {
    std::size_t bytes = 0;
    const UnitId end = spans_->frontier();
    for (UnitId unit = 1; unit < end; ++unit) {
        const State state = spans_->state(unit, acq);  // [E17]
        if (state.kind() == Kind::large) bytes += state.value() * base::kUnitSize;
        if (state.kind() != Kind::owned && state.kind() != Kind::shared) continue;
        const base::ClassGeometry& g = kGeometry[state.value()];
        std::uint32_t free = 0;
        for (std::uint32_t w = 0; w < g.words; ++w)
            free += base::count(words(unit)[w].load(rlx));  // relaxed: a sum over a moving heap
        bytes += std::size_t{g.blocks - free} * g.size;
    }
    return bytes;
}

// Whether a shared slab with free blocks is missing from its index, and stays
// so. A thread that gave a block, published the slab or took its hint may be
// about to insert it, or may be preempted. This waits for it, half a second at
// most: it is a check, not an allocation.
bool Arena::lost(UnitId slab, State state) const noexcept {
    constexpr timespec kPause = {0, 1000000};
    for (int tries = 0; tries < 500; ++tries) {
        // [E3] seq_cst, as the reads of a taking thread
        if (index_[state.value()].contains(slab) || spans_->state(slab, seq_cst) != state)
            return false;
        nanosleep(&kPause, nullptr);
    }
    return true;
}

std::size_t Arena::check_slab(UnitId slab, State state) const noexcept {
    const Bin c = state.value();
    const auto* where = reinterpret_cast<void*>(spans_->region().address(slab));
    if (c == 0 || c >= base::kClasses) {
        base::report_finding(where, "slab of an unknown size class");
        return 1;
    }
    const base::ClassGeometry& g = kGeometry[c];
    std::size_t faults = 0;
    bool any = false;
    bool stray = false;
    bool unmapped = false;
    for (std::uint32_t w = 0; w < g.words; ++w) {
        const Word word = words(slab)[w].load(seq_cst);  // [E1] as the publisher's read
        any = any || word != 0;
        stray = stray || (word & ~base::full_word(g, w)) != 0;
    }
    // Relaxed: counts only if the state is the same afterwards.
    for (std::uint32_t i = 0; i < g.units; ++i) {
        unmapped =
            unmapped || spans_->page_map()[slab + i].load(rlx) != c || spans_->is_free(slab + i);
    }
    // Other threads may change the slab meanwhile. A finding counts only if the
    // state is still the one of the beginning.
    const auto count = [&](bool fault, const char* what) noexcept {
        // [E1] after the bits, as a freeing thread's read.
        if (!fault || spans_->state(slab, seq_cst) != state) return;
        base::report_finding(where, what);
        ++faults;
    };
    count(stray, "bits of blocks that a slab does not have");
    count(unmapped, "unit of a slab that is free or in the map as another");
    if (state.kind() == Kind::shared && any)
        count(lost(slab, state), "shared slab with free blocks, not in its index");
    return faults;
}

std::size_t Arena::check() const noexcept {
    std::size_t faults = 0;
    const UnitId end = spans_->frontier();
    for (UnitId unit = 1; unit < end; ++unit) {
        const State state = spans_->state(unit, acq);  // [E17]
        if (state.kind() == Kind::owned || state.kind() == Kind::shared)
            faults += check_slab(unit, state);
    }
    return faults;
}

}  // namespace ashlar::arena
