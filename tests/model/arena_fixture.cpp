#include "arena_fixture.hpp"

#include <algorithm>

// Of the global namespace, as PrivateMember is.
struct HolesOfSpans {
    using Type = ashlar::spans::Holes ashlar::spans::Spans::*;
    friend Type member_of(HolesOfSpans);
};
struct LookOfSpans {
    using Type = ashlar::base::BitmapIndex ashlar::spans::Spans::*;
    friend Type member_of(LookOfSpans);
};
template struct PrivateMember<HolesOfSpans, &ashlar::spans::Spans::holes_>;
template struct PrivateMember<LookOfSpans, &ashlar::spans::Spans::pending_words_>;

namespace interleave {

using namespace ashlar;
using base::Bin;
using base::UnitId;

void require_holes(spans::Spans& spans) {
    const base::BitmapIndex& look = spans.*member_of(LookOfSpans{});
    const spans::Holes& holes = spans.*member_of(HolesOfSpans{});
    require(!look.any(), "P7: a hint is left");
    const UnitId frontier = spans.frontier();
    for (UnitId start = 1; start < frontier; ++start) {
        if (!spans.is_free(start)) continue;
        UnitId end = start;
        while (end < frontier && spans.is_free(end)) ++end;
        bool known = false;
        for (UnitId hole = 1; hole <= start; ++hole) {
            const std::uint32_t length = holes.length(hole);
            known = known || (length != 0 && hole + length >= end);
        }
        require(known, "P7: a free run that the map of holes does not know");
        start = end;
    }
}

void require_units(spans::Spans& spans, const std::vector<Span>& held) {
    for (UnitId unit = 1; unit < spans.frontier(); ++unit) {
        const auto holders = std::count_if(held.begin(), held.end(), [unit](const Span& span) {
            return unit >= span.start && unit < span.start + span.units;
        });
        require(holders + (spans.is_free(unit) ? 1 : 0) == 1, "P6: a unit has two holders or none");
    }
}

void ArenaScenario::set_up() {
    layers_ = &lay<Layers>(units_);
    prepare();
    ledger_.remember();
    for (unsigned t = 0; t < threads; ++t) {
        for (Bin c = 1; c < base::kClasses; ++c)
            first_current_[t][c] = current_[t][c].load(base::rlx);
    }
}

void ArenaScenario::begin() {
    ledger_.begin();
    for (unsigned t = 0; t < threads; ++t) {
        for (Bin c = 1; c < base::kClasses; ++c)
            current_[t][c].store(first_current_[t][c], base::rlx);
    }
}

std::uint32_t ArenaScenario::take(unsigned thread, Bin c, std::uint32_t n, void** out) {
    const std::uint32_t got = arena().take(c, current_[thread][c], out, n);
    for (std::uint32_t i = 0; i < got; ++i) ledger_.take(out[i], base::kGeometry[c].size);
    return got;
}

std::uint32_t ArenaScenario::take(unsigned thread, Bin c, std::uint32_t n) {
    void* out[64];
    return take(thread, c, n, out);
}

void* ArenaScenario::take_one(unsigned thread, Bin c) {
    void* block;
    bool fresh;
    if (arena().take(c, current_[thread][c], &block, 1, fresh) == 0) return nullptr;
    ledger_.take(block, base::kGeometry[c].size, fresh);
    return block;
}

void ArenaScenario::give(Bin c, void* const* blocks, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) ledger_.give(blocks[i]);
    arena().give(c, blocks, n);
}

void ArenaScenario::take_slabs(unsigned thread, Bin c, std::uint32_t slabs) {
    std::uint32_t left = slabs * base::kGeometry[c].blocks;
    const std::uint32_t from = block_count_;
    while (left > 0) {
        const std::uint32_t got = take(thread, c, std::min(left, 64U), blocks_ + block_count_);
        require(got != 0, "no memory for the set-up");
        left -= got;
        block_count_ += got;
    }
    std::sort(blocks_ + from, blocks_ + block_count_);
}

// When all threads have ended, no operation is in progress: every slab and unit
// must be where it belongs.
void ArenaScenario::end(unsigned stopped) {
    if (stopped != 0) return;
    check(false);
    ledger_.give_all([this](void* block, std::size_t bytes) {
        arena().give(base::class_of_size(bytes), &block, 1);
    });
    check(false);
    for (unsigned t = 0; t < threads; ++t) {
        for (Bin c = 1; c < base::kClasses; ++c) leave(t, c);
    }
    check(true);
    arena().retire_reclaimable();
    spans().give_recent();
    require(spans().held() == 0, "units were lost");
    require_units(spans(), {});
    require_holes(spans());
}

void ArenaScenario::check(bool whole) {
    std::set<UnitId> current;
    for (unsigned t = 0; t < threads && !whole; ++t) {
        for (const auto& slab : current_[t]) current.insert(slab.load(base::rlx));
    }
    require_holes(spans());  // first, because the next checks update the map
    const std::string faults = Quiet(spans(), arena()).faults(current);
    require(faults.empty(), faults.c_str());
}

}  // namespace interleave
