#include "manager/small_inline.hpp"

#include <algorithm>

namespace ashlar::manager {

using base::acq;
using base::Atomic;
using base::rel;
using base::rlx;
using base::sc;

void Small::layout(region::Carver& carver, const Shape& shape, bool shared) noexcept {
    slabs_.layout(carver, shape);
    shards_mask_ = shared ? kShards - 1 : 0;
    shards_ = carver.array<Shard>(shape.shift != 0 ? shards_mask_ + 1 : 0);
    alone_ = shape.shift != 0 && !shared ? shards_ : nullptr;
    direct_ = carver.array<Atomic<std::uint64_t>>(2);
    cycle_ = carver.array<Atomic<std::uint32_t>>(1);
    const Size cached = shared ? shape.cached : 4 * shape.cached;  // there are not 32 shards; kMostCached all the same
    for (Class c = 1; c < kClasses; ++c) {
        cached_[c] = static_cast<std::uint8_t>(std::clamp<Size>(cached / kSizes[c].size, 2, kMostCached));
    }
}

// --------------------------------------------------------------------------------------------------------------- shards

Small::Shard* Small::enter(std::uint32_t thread) noexcept {
    for (std::uint32_t i = 0; i < kTries; ++i) {
        Shard& shard = shards_[(thread + i) & shards_mask_];
        // [E26] acquire, pairs with the release in leave(): the shard as its last user left it.
        if (shard.busy.exchange(1, acq) == 0) return &shard;
    }
    return nullptr;
}

void Small::leave(Shard& shard) noexcept {
    shard.busy.store(0, rel);  // [E26] release
}

void Small::note(std::uint32_t thread, std::uint64_t blocks, Size bytes) noexcept {
    if (Shard* shard = enter(thread); shard != nullptr) {
        note(*shard, blocks, bytes);
        return leave(*shard);
    }
    direct_[0].fetch_add(blocks, rlx);  // relaxed: counters
    direct_[1].fetch_add(bytes, rlx);
}

// ------------------------------------------------------------------------------------------------------------ take, give

Offset Small::take(std::uint32_t thread, Class c, Size size) noexcept {
    Place place = Slabs::kNone;
    if (Shard* shard = enter(thread); shard != nullptr) [[likely]] {
        std::uint32_t n = shard->count[c];
        if (n == 0) n = slabs_.take(c, shard->places[c], (cached_[c] + 1U) / 2);
        if (n != 0) {
            place = shard->places[c][--n];
            shard->count[c] = static_cast<std::uint8_t>(n);
            note(*shard, 1, size);
        }
        leave(*shard);
    } else {
        place = take_directly(c, size);
    }
    return place != Slabs::kNone ? hand_out(place, c, size) : kNoOffset;
}

Place Small::take_directly(Class c, Size size) noexcept {
    Place place = Slabs::kNone;
    if (slabs_.take(c, &place, 1) == 0) return Slabs::kNone;
    direct_[0].fetch_add(1, rlx);  // relaxed: counters
    direct_[1].fetch_add(size, rlx);
    return place;
}

Offset Small::born(std::uint32_t thread, Class c, Place place, Size size) noexcept {
    note(thread, 1, size);
    return hand_out(place, c, size);
}

Small::Given Small::give(std::uint32_t thread, Offset offset) noexcept {
    const Slabs::Where at = slabs_.locate(offset);
    if (at.c == 0) return Given::not_small;
    if (at.within != 0) return Given::not_live;
    // [E23] acquire, pairs with the release in hand_out(). [E27] seq_cst, before the look at the cycle.
    const std::uint32_t tag = slabs_.tag(at.place).exchange(0, sc);
    if (tag == 0) return Given::not_live;
    if (!slabs_.still(offset, at.c)) [[unlikely]] {
        // Freed long ago, and the slab is of another class by now: the tag was somebody else's. [E23] release
        slabs_.tag(at.place).store(static_cast<std::uint8_t>(tag), rel);
        return Given::not_live;
    }
    // [E27] seq_cst, all of it: the tag, the look at the cycle, the mark; pairs with whiten(): the cycle, the mark, the look at
    // the tag. Whoever gets the block next is to find it marked.
    if (cycle_->load(sc) != 0) [[unlikely]]
        slabs_.mark_word(at.place).fetch_or(at.place.bit(), sc);
    const Size size = kSizes[at.c].size - (tag - 1);
    bool last = false;
    if (Shard* shard = enter(thread); shard != nullptr) [[likely]] {
        if (shard->count[at.c] == cached_[at.c]) last = overflow(*shard, at.c);
        shard->places[at.c][shard->count[at.c]++] = at.place;
        note(*shard, ~std::uint64_t{0}, Size{0} - size);
        leave(*shard);
    } else {
        last = slabs_.give(at.c, &at.place, 1);
        direct_[0].fetch_sub(1, rlx);  // relaxed: counters
        direct_[1].fetch_sub(size, rlx);
    }
    return last ? Given::given_last : Given::given;
}

// The newer half goes, from where it lies.
bool Small::overflow(Shard& shard, Class c) noexcept {
    const std::uint32_t keep = cached_[c] / 2;
    const std::uint32_t n = shard.count[c] - keep;
    shard.count[c] = static_cast<std::uint8_t>(keep);
    return slabs_.give(c, shard.places[c] + keep, n);
}

void Small::flush() noexcept {
    for (std::uint32_t i = 0; i <= shards_mask_; ++i) {
        Shard& shard = shards_[i];
        if (shard.busy.exchange(1, acq) != 0) continue;  // [E26] acquire, as in enter()
        for (Class c = 1; c < kClasses; ++c) {
            if (shard.count[c] != 0) slabs_.give(c, shard.places[c], shard.count[c]);
            shard.count[c] = 0;
        }
        leave(shard);
    }
}

// ----------------------------------------------------------------------------------------------------------- about blocks

Small::Found Small::find(Offset offset) const noexcept {
    const Slabs::Where at = slabs_.locate(offset);
    if (at.c == 0) return {Found::Kind::not_small, 0, 0};
    const std::uint32_t tag = slabs_.tag(at.place).load(rlx);  // relaxed: whoever may use the block had it handed over
    const Size size = tag != 0 ? kSizes[at.c].size - (tag - 1) : 0;
    if (at.within >= size) return {Found::Kind::not_live, 0, 0};
    return {Found::Kind::block, offset - at.within, size};
}

bool Small::resize(std::uint32_t thread, Offset offset, Size size) noexcept {
    const Slabs::Where at = slabs_.locate(offset);
    const Size room = kSizes[at.c].size;
    if (at.c == 0 || at.within != 0 || size > room || room - size > kMostSlack) return false;
    Atomic<std::uint8_t>& tag = slabs_.tag(at.place);
    std::uint8_t old = tag.load(rlx);  // relaxed: whoever may use the block had it handed over
    // Relaxed: a CAS goes on with the release sequence [E23] of the tag's writer, from whom the block came.
    if (old == 0 || !tag.cas(old, static_cast<std::uint8_t>(1 + room - size), rlx, rlx)) return false;
    note(thread, 0, size - (room - (old - 1U)));
    return true;
}

Small::Totals Small::sums() const noexcept {
    Totals totals = {direct_[0].load(rlx), direct_[1].load(rlx), Size{slabs_.count()} << shape().shift};  // relaxed: counters
    for (std::uint32_t i = 0; i <= shards_mask_; ++i) {
        totals.blocks += shards_[i].blocks.load(rlx);  // relaxed: a moment's view
        totals.bytes += shards_[i].bytes.load(rlx);
    }
    return totals;
}

Small::Totals Small::totals() const noexcept {
    if (shape().shift == 0) return {};
    Totals totals = sums();
    // The sums count modulo 2^64.
    const auto within = [](std::uint64_t sum, std::uint64_t most) noexcept {
        return static_cast<std::int64_t>(sum) < 0 ? 0 : std::min(sum, most);
    };
    totals.blocks = within(totals.blocks, totals.held / kGrain);
    totals.bytes = within(totals.bytes, totals.held);
    return totals;
}

SlabId Small::slab_at(Offset start) const noexcept {
    const Slabs::Where at = slabs_.locate(start);
    return at.c != 0 && at.place.block() == 0 && at.within == 0 ? at.place.slab() : 0;
}

Small::Look Small::look() const noexcept {
    Look seen{};
    if (shape().shift == 0) return seen;
    seen.broken = slabs_.check_places();
    seen.open = slabs_.check_blocks();
    for (SlabId slab = 1; slab < slabs_.born(); ++slab) {
        each(slab, [&](Offset, Size size) noexcept {
            ++seen.live;
            seen.bytes += size;
        });
    }
    seen.sums = sums();
    seen.open += (seen.sums.blocks != seen.live ? 1U : 0U) + (seen.sums.bytes != seen.bytes ? 1U : 0U);
    return seen;
}

}  // namespace ashlar::manager
