// The collector's marks on small blocks. A block is white if its mark bit is 0;
// only whiten() clears mark bits.
#include "manager/slabs/small.hpp"

namespace ashlar::manager {

using base::acq;
using base::kWordBits;
using base::rel;
using base::rlx;
using base::seq_cst;
using base::Word;

void Small::begin_cycle() noexcept {
    // [E27] seq_cst, before the looks at the tags in whiten(); pairs with
    // give().
    cycle_->fetch_or(kCycle, seq_cst);
}

void Small::end_cycle() noexcept {
    cycle_->fetch_and(~kCycle, rlx);  // relaxed: a mark too much does no harm
}

std::uint32_t Small::whiten(std::uint32_t from, std::uint32_t slabs) noexcept {
    SlabId slab = from == 0 ? 1 : from;
    for (; slab < slabs_.created() && slabs != 0; ++slab, --slabs) {
        const Class c = slabs_.class_of(slab);
        for (std::uint32_t w = 0; c != 0 && w < shape().words(c); ++w) {
            const Place first = Place::of(slab, w * kWordBits);
            // Clears all marks, then marks the blocks that are not live. A
            // block that is freed in between is marked by both threads. [E27]
            // seq_cst, before the loads of the tags: a thread that frees a
            // block later also marks it later.
            slabs_.mark_word(first).store(0, seq_cst);
            Word dead = 0;
            for (std::uint32_t i = 0; i < kWordBits && first.block() + i < shape().blocks(c); ++i) {
                // [E27] seq_cst, after the begin of the cycle
                if (slabs_.tag({first.raw + i}).load(seq_cst) == 0) dead |= base::bit(i);
            }
            // Relaxed: sweep() is this thread's, or ordered by the lock.
            slabs_.mark_word(first).fetch_or(dead, rlx);
        }
    }
    return slab < slabs_.created() ? slab : 0;
}

bool Small::mark(Offset offset) noexcept {
    const Slabs::Where at = slabs_.locate(offset);
    if (at.c == 0) return false;
    // Relaxed, all of it: a block that the caller has no claim to may be
    // marked, and is then only kept.
    const std::uint32_t tag = slabs_.tag(at.place).load(rlx);
    if (tag == 0 || at.within + (tag - 1) >= kSizes[at.c].size) return false;
    base::Atomic<Word>& word = slabs_.mark_word(at.place);
    if ((word.load(rlx) & at.place.bit()) != 0) return false;
    return (word.fetch_or(at.place.bit(), rlx) & at.place.bit()) == 0;
}

bool Small::is_marked(Offset start) const noexcept {
    const Slabs::Where at = slabs_.locate(start);
    // Relaxed: as in mark().
    return at.c != 0 && (slabs_.mark_word(at.place).load(rlx) & at.place.bit()) != 0;
}

void Small::make_root(Offset start) noexcept {
    const Slabs::Where at = slabs_.locate(start);
    // Relaxed, all of it: the hand-over of the block orders this before its
    // deallocation, and the gate or the lock before a cycle.
    if ((cycle_->load(rlx) & kRoots) == 0) cycle_->fetch_or(kRoots, rlx);
    slabs_.root_word(at.place).fetch_or(at.place.bit(), rlx);
}

bool Small::is_root(Offset start) const noexcept {
    const Slabs::Where at = slabs_.locate(start);
    // Relaxed: as in make_root().
    return at.c != 0 && (slabs_.root_word(at.place).load(rlx) & at.place.bit()) != 0;
}

std::uint32_t Small::sweep(std::uint32_t from, std::uint32_t slabs, Visit visit,
                           void* context) noexcept {
    SlabId slab = from == 0 ? 1 : from;
    for (; slab < slabs_.created() && slabs != 0; ++slab, --slabs) sweep_slab(slab, visit, context);
    return slab < slabs_.created() ? slab : 0;
}

void Small::sweep_slab(SlabId slab, Visit visit, void* context) noexcept {
    const Class c = slabs_.class_of(slab);
    for (std::uint32_t block = 0; c != 0 && block < shape().blocks(c); ++block) {
        const Place place = Place::of(slab, block);
        // [E23] acquire: the mark that the block's last freeing in this cycle
        // left is seen with the tag of its new life.
        const std::uint32_t seen = slabs_.tag(place).load(acq);
        // Relaxed: see the tag.
        if (seen == 0 || (slabs_.mark_word(place).load(rlx) & place.bit()) != 0) continue;
        if (!visit(context, slabs_.offset_of(place, c), Size{kSizes[c].size - (seen - 1)}))
            continue;
        const std::uint32_t tag = slabs_.tag(place).exchange(0, acq);  // [E23] acquire, as above
        // Its holder freed it, though nothing reaches it.
        if (tag == 0) continue;
        if ((slabs_.mark_word(place).load(rlx) & place.bit()) != 0) {  // relaxed: see the tag
            // Its holder has just freed it, and another thread has it: put
            // back. [E23] release
            slabs_.tag(place).store(static_cast<std::uint8_t>(tag), rel);
            continue;
        }
        // Relaxed: the next holder is ordered after this.
        slabs_.mark_word(place).fetch_or(place.bit(), rlx);
        slabs_.give(c, &place, 1);
        direct_[0].fetch_sub(1, rlx);  // relaxed: counters
        direct_[1].fetch_sub(kSizes[c].size - (tag - 1), rlx);
    }
}

}  // namespace ashlar::manager
