#include "manager/slabs/small_inline.hpp"

#include <algorithm>
#include <span>

#include "manager/base/backoff.hpp"

namespace ashlar::manager {

using base::acq;
using base::Atomic;
using base::rel;
using base::rlx;
using base::seq_cst;

// At most a twenty-fourth of the buffer, where it is not the least.
std::uint32_t Small::shards_of(const Shape& shape) noexcept {
    const Size wanted = (shape.pages << shape.shift) / (24 * sizeof(Shard));
    return static_cast<std::uint32_t>(std::bit_floor(std::clamp<Size>(wanted, kTries, kShards)));
}

void Small::layout(region::Carver& carver, const Shape& shape, bool shared) noexcept {
    slabs_.layout(carver, shape);
    shards_mask_ = shared ? shards_of(shape) - 1 : 0;
    shards_ = carver.array<Shard>(shape.shift != 0 ? shards_mask_ + 1 : 0);
    alone_ = shape.shift != 0 && !shared ? shards_ : nullptr;
    direct_ = carver.array<Atomic<std::uint64_t>>(2);
    calls_ = carver.array<Atomic<std::uint32_t>>(1);
    frozen_ = carver.array<Atomic<std::uint32_t>>(1);
    cycle_ = carver.array<Atomic<std::uint32_t>>(1);
    // One shard instead of 32; kMostCached still limits it.
    const Size cached = shared ? shape.cached : 4 * shape.cached;
    for (Class c = 1; c < kClasses; ++c) {
        cached_[c] =
            static_cast<std::uint8_t>(std::clamp<Size>(cached / kSizes[c].size, 2, kMostCached));
    }
}

// ---------------------------------------------------------------------- shards

Small::Shard* Small::enter(std::uint32_t thread) noexcept {
    for (std::uint32_t i = 0; i < kTries; ++i) {
        Shard& shard = shards_[(thread + i) & shards_mask_];
        // [E26] acquire, pairs with the release in leave(): the shard as its
        // last user left it.
        if (shard.busy.exchange(1, acq) == 0) return &shard;
    }
    return nullptr;
}

void Small::leave(Shard& shard) noexcept {
    shard.busy.store(0, rel);  // [E26] release
}

void Small::enter_directly() noexcept {
    for (Backoff frozen;; frozen.wait()) {
        // [E41] seq_cst, before the look; pairs with freeze().
        calls_->fetch_add(1, seq_cst);
        if (frozen_->load(seq_cst) == 0) return;  // [E41] seq_cst, after the call is counted
        calls_->fetch_sub(1, rlx);                // relaxed: nothing was done
    }
}

void Small::leave_directly() noexcept {
    calls_->fetch_sub(1, rel);  // [E41] release, pairs with the load in freeze(): what was done
}

// A call that is inside: it holds a shard or, if it got none, counts as a
// direct call.
class Small::Call {
  public:
    Call(Small& small, std::uint32_t thread) noexcept : small_(small), shard_(small.enter(thread)) {
        if (shard_ == nullptr) [[unlikely]]
            small_.enter_directly();
    }
    ~Call() { shard_ != nullptr ? leave(*shard_) : small_.leave_directly(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    [[nodiscard]] Shard* shard() const noexcept { return shard_; }
    void note(std::uint64_t blocks, Size bytes) const noexcept {
        if (shard_ != nullptr) return Small::note(*shard_, blocks, bytes);
        small_.direct_[0].fetch_add(blocks, rlx);  // relaxed: counters
        small_.direct_[1].fetch_add(bytes, rlx);
    }

  private:
    Small& small_;
    Shard* shard_;
};

void Small::freeze() noexcept {
    frozen_->store(1, seq_cst);  // [E41] seq_cst, before the look at the calls
    for (std::uint32_t i = 0; i <= shards_mask_; ++i) {
        // [E26] acquire, as in enter()
        for (Backoff holder; shards_[i].busy.exchange(1, acq) != 0;) holder.wait();
    }
    // [E41] seq_cst, after the store; acquire, pairs with leave_directly()
    for (Backoff calls; calls_->load(seq_cst) != 0;) calls.wait();
}

void Small::thaw() noexcept {
    frozen_->store(0, rlx);  // relaxed: the shards publish what the holder of the lock did
    for (std::uint32_t i = 0; i <= shards_mask_; ++i) leave(shards_[i]);
}

void Small::note(std::uint32_t thread, std::uint64_t blocks, Size bytes) noexcept {
    if (Shard* shard = enter(thread); shard != nullptr) {
        note(*shard, blocks, bytes);
        return leave(*shard);
    }
    direct_[0].fetch_add(blocks, rlx);  // relaxed: counters
    direct_[1].fetch_add(bytes, rlx);
}

// ------------------------------------------------------------------ take, give

// The tag is written while the shard is held, so that freeze() finds the block
// either free or live.
Offset Small::take(std::uint32_t thread, Class c, Size size) noexcept {
    const Call call(*this, thread);
    Place place = Slabs::kNone;
    if (Shard* shard = call.shard(); shard != nullptr) [[likely]] {
        std::uint32_t n = shard->count[c];
        if (n == 0) n = slabs_.take(c, shard->places[c], (cached_[c] + 1U) / 2);
        if (n == 0) return kNoOffset;
        place = shard->places[c][--n];
        shard->count[c] = static_cast<std::uint8_t>(n);
    } else if (slabs_.take(c, &place, 1) == 0) {
        return kNoOffset;
    }
    call.note(1, size);
    return hand_out(place, c, size);
}

std::size_t Small::take_batch(std::uint32_t thread, Class c, Size size,
                              std::span<Offset> out) noexcept {
    const Call call(*this, thread);
    Shard* const shard = call.shard();
    std::size_t done = 0;
    while (done < out.size()) {
        Place places[kMostCached];
        const auto want =
            static_cast<std::uint32_t>(std::min<std::size_t>(out.size() - done, kMostCached));
        std::uint32_t n = shard != nullptr ? std::min<std::uint32_t>(shard->count[c], want) : 0;
        if (n != 0) {
            shard->count[c] = static_cast<std::uint8_t>(shard->count[c] - n);
            std::copy_n(shard->places[c] + shard->count[c], n, places);
        } else {
            n = slabs_.take(c, places, want);
        }
        if (n == 0) break;
        for (std::uint32_t i = 0; i < n; ++i) out[done++] = hand_out(places[i], c, size);
    }
    call.note(done, done * size);
    return done;
}

Offset Small::take_larger(std::uint32_t thread, Class c, Size size, Size alignment) noexcept {
    for (++c; c < kClasses && kSizes[c].size - size <= kMostSlack; ++c) {
        if (!shape().suits(c, alignment)) continue;
        if (const Offset found = take(thread, c, size); found != kNoOffset) return found;
    }
    return kNoOffset;
}

Offset Small::allocated(std::uint32_t thread, Class c, Place place, Size size) noexcept {
    note(thread, 1, size);
    return hand_out(place, c, size);
}

// A block that was live is the caller's from now on, to be put back.
[[gnu::always_inline]] inline Small::Given Small::withdraw(Offset offset, const Slabs::Where& at,
                                                           Size& size) noexcept {
    // [E23] acquire, pairs with the release in hand_out(). [E27] seq_cst,
    // before the look at the cycle.
    const std::uint32_t tag = slabs_.tag(at.place).exchange(0, seq_cst);
    if (tag == 0) return Given::not_live;
    if (!slabs_.still(offset, at.c)) [[unlikely]] {
        // Freed long ago: the slab has another class now, and the tag belongs
        // to another block. [E23] release
        slabs_.tag(at.place).store(static_cast<std::uint8_t>(tag), rel);
        return Given::not_live;
    }
    // [E27] seq_cst, all of it: the tag, the look at the cycle, the mark; pairs
    // with whiten(): the cycle, the mark, the look at the tag. The next holder
    // of the block must find it marked.
    if (cycle_->load(seq_cst) != 0) [[unlikely]] {
        slabs_.mark_word(at.place).fetch_or(at.place.bit(), seq_cst);
        // Relaxed: the next holder is ordered after this.
        slabs_.root_word(at.place).fetch_and(~at.place.bit(), rlx);
    }
    size = kSizes[at.c].size - (tag - 1);
    return Given::given;
}

// True: reclaim(false) has work.
[[gnu::always_inline]] inline bool Small::put_back(Shard* shard, const Slabs::Where& at) noexcept {
    if (shard == nullptr) [[unlikely]]
        return slabs_.give(at.c, &at.place, 1);
    bool last = false;
    if (shard->count[at.c] == cached_[at.c]) last = overflow(*shard, at.c);
    shard->places[at.c][shard->count[at.c]++] = at.place;
    return last;
}

Small::Given Small::give(std::uint32_t thread, Offset offset) noexcept {
    const Slabs::Where at = slabs_.locate(offset);
    if (at.c == 0) return Given::not_small;
    if (at.within != 0) return Given::not_live;
    const Call call(*this, thread);
    Size size = 0;
    if (withdraw(offset, at, size) != Given::given) return Given::not_live;
    const bool last = put_back(call.shard(), at);
    call.note(~std::uint64_t{0}, Size{0} - size);
    return last ? Given::given_last : Given::given;
}

std::size_t Small::give_batch(std::uint32_t thread, std::span<const Offset> offsets,
                              bool& last) noexcept {
    const Call call(*this, thread);
    std::uint64_t blocks = 0;
    Size bytes = 0;
    for (const Offset offset : offsets) {
        const Slabs::Where at = slabs_.locate(offset);
        Size size = 0;
        if (at.c == 0 || at.within != 0 || withdraw(offset, at, size) != Given::given) break;
        last |= put_back(call.shard(), at);
        ++blocks;
        bytes += size;
    }
    call.note(0 - blocks, 0 - bytes);
    return blocks;
}

// Gives the newer half, straight from the shard.
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

void Small::clear() noexcept {
    if (shape().shift == 0) return;
    slabs_.clear();
    for (Shard& shard : std::span(shards_, shards_mask_ + 1)) {
        // Relaxed, all of it: as in Slabs::clear(). A shard that no thread has
        // used is only read, so that it needs no memory.
        const bool used = shard.blocks.load(rlx) != 0 || shard.bytes.load(rlx) != 0 ||
                          std::any_of(std::begin(shard.count), std::end(shard.count),
                                      [](std::uint8_t n) { return n != 0; });
        if (!used) continue;
        std::fill(std::begin(shard.count), std::end(shard.count), std::uint8_t{0});
        shard.blocks.store(0, rlx);
        shard.bytes.store(0, rlx);
    }
    direct_[0].store(0, rlx);
    direct_[1].store(0, rlx);
    cycle_->fetch_and(~kRoots, rlx);
}

bool Small::restore_slab(Offset start, Class c) noexcept {
    const Place first = slabs_.add(start, c);
    if (first == Slabs::kNone) return false;
    static_cast<void>(slabs_.give(c, &first, 1));
    return true;
}

void Small::restore(Offset start, Size size) noexcept {
    const Slabs::Where at = slabs_.locate(start);
    slabs_.claim(at.place);
    static_cast<void>(allocated(0, at.c, at.place, size));
}

// ---------------------------------------------------------------- about blocks

Small::Found Small::find(Offset offset) const noexcept {
    const Slabs::Where at = slabs_.locate(offset);
    if (at.c == 0) return {Found::Kind::not_small, 0, 0};
    // Relaxed: the block's hand-over orders its tag.
    const std::uint32_t tag = slabs_.tag(at.place).load(rlx);
    const Size size = tag != 0 ? kSizes[at.c].size - (tag - 1) : 0;
    if (at.within >= size) return {Found::Kind::not_live, 0, 0};
    return {Found::Kind::block, offset - at.within, size};
}

bool Small::resize(std::uint32_t thread, Offset offset, Size size) noexcept {
    const Slabs::Where at = slabs_.locate(offset);
    const Size room = kSizes[at.c].size;
    if (at.c == 0 || at.within != 0 || size > room || room - size > kMostSlack) return false;
    const Call call(*this, thread);
    Atomic<std::uint8_t>& tag = slabs_.tag(at.place);
    std::uint8_t old = tag.load(rlx);  // relaxed: the block's hand-over orders its tag
    // Relaxed: a CAS continues the release sequence [E23] of the tag's writer,
    // which handed the block over.
    if (old == 0 || !tag.cas(old, static_cast<std::uint8_t>(1 + room - size), rlx, rlx))
        return false;
    call.note(0, size - (room - (old - 1U)));
    return true;
}

Small::Totals Small::sums() const noexcept {
    Totals totals = {direct_[0].load(rlx), direct_[1].load(rlx), held()};  // relaxed: counters
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

std::size_t Small::check() const noexcept {
    if (shape().shift == 0) return 0;
    std::uint64_t live = 0, free = 0, places = 0;
    Size bytes = 0;
    for (SlabId slab = 1; slab < slabs_.created(); ++slab) {
        const Class c = slabs_.class_of(slab);
        if (c == 0) continue;
        places += shape().blocks(c);
        free += slabs_.free_blocks(slab, c);
        each(slab, [&](Offset, Size size) noexcept {
            ++live;
            bytes += size;
        });
    }
    for (std::uint32_t i = 0; i <= shards_mask_; ++i) {
        for (const std::uint8_t cached : shards_[i].count) free += cached;
    }
    const Totals counted = sums();
    return slabs_.check() + (live + free != places ? 1U : 0U) + (counted.blocks != live ? 1U : 0U) +
           (counted.bytes != bytes ? 1U : 0U);
}

}  // namespace ashlar::manager
