// Arena: complete slabs, whose blocks are all free. Some are kept for reuse by
// their class. The others are retired, and their units are free again. Only the
// owner of a slab retires it. Lock-free, any thread.
#include <algorithm>

#include "base/report.hpp"
#include "core/arena/arena.hpp"

namespace ashlar::arena {

using base::acq;
using base::Bin;
using base::BitmapIndex;
using base::kGeometry;
using base::rel;
using base::rlx;
using base::seq_cst;
using base::UnitId;

namespace {

// Units kept after a thread has ended: no other call may ever follow.
constexpr std::size_t kReclaimableOfEnded = 32;
// With one thread alone, and as many more as the cap of dirty units has
// learned.
constexpr std::size_t kReclaimableAlone = 32;
constexpr std::uint32_t kReclaimablePerCall = 64;

}  // namespace

// owned -> none. The order matters: the hint, the page map and the state are
// cleared before another thread can claim the units.
void Arena::retire(UnitId slab, Bin c) noexcept {
    base::expect(complete(slab, c, rlx), words(slab), "retiring a slab with live blocks");
    if (states_.on()) states_.forget(slab, kGeometry[c].units);
    index_[c].remove(slab);
    spans_->mark(slab, kGeometry[c].units, 0);
    spans_->state_word(slab).store(State::none().raw, rel);  // [E8] is the units' own
    spans_->give(slab, kGeometry[c].units);
}

void Arena::bound_reclaimable(Bin c, std::size_t least) noexcept {
    if (spans_->alone() && !spans_->guarded())
        least = std::min(least, kReclaimableAlone + spans_->learned());
    const std::size_t share = spans_->held() / 8;
    const auto most =
        static_cast<std::int32_t>((share > least ? share : least) / kGeometry[c].units);
    const std::int32_t count = reclaimable_count_.load(rlx);  // relaxed: a bound
    if (count > most) retire_reclaimable(static_cast<std::uint32_t>(count - most));
}

// Takes hints to complete slabs. A slab that still is complete is claimed,
// checked again, and retired.
std::uint32_t Arena::retire_reclaimable(std::uint32_t most) noexcept {
    std::uint32_t looked = 0;
    for (; looked < most; ++looked) {
        const UnitId slab = reclaimable_.take_lowest();
        if (slab == BitmapIndex::kNone) break;
        reclaimable_count_.fetch_sub(1, rlx);
        // [E15] seq_cst: the hint was taken before these reads. Pairs with
        // give_word() and reindex(), which set bits, then insert the hint.
        const State state = spans_->state(slab, seq_cst);
        const Bin c = state.value();
        if (state.kind() != Kind::shared || !complete(slab, c, seq_cst))
            continue;  // stale: the thread that completes it again inserts it again
        if (!claim(slab, c)) continue;  // its owner reindexes it when it publishes
        // [E6] acquire: all users are done with the blocks. Stable now: it is
        // ours.
        if (complete(slab, c, acq)) {
            retire(slab, c);
        } else {
            publish(slab, c);
        }
    }
    return looked;
}

void Arena::thread_ended() noexcept { bound_reclaimable(1, kReclaimableOfEnded); }

void Arena::tick() noexcept {
    const std::uint64_t last = spans_->last_tick();
    if (reclaimable_tick_.load(rlx) == last || reclaimable_count_.load(rlx) <= 0)
        return;  // relaxed: only when to retire, and how often
    if (retire_reclaimable(kReclaimablePerCall) < kReclaimablePerCall)
        reclaimable_tick_.store(last, rlx);
}

}  // namespace ashlar::arena
