// The way of most small blocks in a manager of one thread: off its only shard
// and onto it. Nothing that is touched here can change meanwhile, so that there
// is no read-modify-write. Whatever is less common is left to take() and
// give().
#ifndef ASHLAR_MANAGER_SLABS_SMALL_INLINE_HPP
#define ASHLAR_MANAGER_SLABS_SMALL_INLINE_HPP

#include "manager/slabs/small.hpp"

namespace ashlar::manager {

// Relaxed: only the holder of the shard writes, or the only thread; readers
// want approximate sums.
inline void Small::note(Shard& shard, std::uint64_t blocks, Size bytes) noexcept {
    shard.blocks.store(shard.blocks.load(base::rlx) + blocks, base::rlx);
    shard.bytes.store(shard.bytes.load(base::rlx) + bytes, base::rlx);
}

[[gnu::always_inline]] inline Offset Small::hand_out(Place place, Class c, Size size) noexcept {
    // [E23] release, pairs with the exchange in give(): that its slab is of
    // this class.
    slabs_.tag(place).store(static_cast<std::uint8_t>(1 + kSizes[c].size - size), base::rel);
    return slabs_.offset_of(place, c);
}

[[gnu::always_inline]] inline Offset Small::take_alone(Class c, Size size) noexcept {
    if (!alone() || alone_->count[c] == 0) return kNoOffset;
    const Place place = alone_->places[c][--alone_->count[c]];
    note(*alone_, 1, size);
    return hand_out(place, c, size);
}

[[gnu::always_inline]] inline bool Small::give_alone(Offset offset) noexcept {
    if (!alone()) return false;
    const Slabs::Where at = slabs_.locate(offset);
    base::Atomic<std::uint8_t>& tag = slabs_.tag(at.place);
    // Relaxed, both: the caller is the only writer.
    const std::uint32_t found = tag.load(base::rlx);
    const std::uint32_t cached = alone_->count[at.c];
    if (at.c == 0 || at.within != 0 || found == 0 || cached == cached_[at.c]) return false;
    tag.store(0, base::rlx);
    alone_->places[at.c][cached] = at.place;
    alone_->count[at.c] = static_cast<std::uint8_t>(cached + 1);
    note(*alone_, ~std::uint64_t{0}, (found - 1) - Size{kSizes[at.c].size});
    return true;
}

}  // namespace ashlar::manager

#endif
