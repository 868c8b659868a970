#include "manager/slabs.hpp"

#include <cassert>

namespace ashlar::manager {

using base::acq;
using base::ar;
using base::Atomic;
using base::Index;
using base::kWordBits;
using base::rlx;
using base::sc;
using base::Word;

// Words of one level of all indexes lie side by side, so that a small buffer's touch few pages.
void Slabs::attach(region::Carver& carver, Index* indexes, std::uint32_t count) noexcept {
    const std::uint32_t ids = shape_.slabs + 1;
    for (std::uint32_t level = 0; level < Index::levels(ids); ++level) {
        auto* words = carver.array<Atomic<Word>>(std::size_t{Index::words_of_level(ids, level)} * count);
        for (std::uint32_t i = 0; i < count; ++i) indexes[i].attach(level, words + i, count);
    }
}

void Slabs::layout(region::Carver& carver, const Shape& shape) noexcept {
    shape_ = shape;
    words_of_slab_ = shape.most_words();
    tags_of_slab_ = shape.most_blocks();
    const std::size_t ids = std::size_t{shape.slabs} + 1;
    attach(carver, index_, kClasses);
    attach(carver, &complete_, 1);
    spare_ = carver.array<Atomic<SlabId>>(kClasses);
    born_ = carver.array<SlabId>(1);
    count_ = carver.array<Atomic<std::uint32_t>>(1);
    page_ = carver.array<Atomic<std::uint32_t>>(shape.pages);
    place_ = carver.array<std::uint32_t>(ids);
    bits_ = carver.array<Atomic<Word>>(ids * words_of_slab_);
    marks_ = carver.array<Atomic<Word>>(ids * words_of_slab_);
    tags_ = carver.array<Atomic<std::uint8_t>>(ids * tags_of_slab_);
}

// -------------------------------------------------------------------------------------------------------------- taking

std::uint32_t Slabs::take(Class c, Place* out, std::uint32_t want) noexcept {
    for (;;) {
        const std::uint32_t slab = index_[c].lowest_id();
        if (slab == Index::kNone) return 0;
        const std::uint32_t n = take_from(slab, c, out, want);
        if (n != 0) return n;
        forget(slab, c);
    }
}

std::uint32_t Slabs::take_from(SlabId slab, Class c, Place* out, std::uint32_t want) noexcept {
    std::uint32_t n = 0;
    for (std::uint32_t w = 0; w < shape_.words(c) && n < want; ++w) {
        Atomic<Word>& word = bits(slab)[w];
        const Word seen = word.load(rlx);  // only a choice: the fetch_and decides
        if (seen == 0) continue;
        const Word wanted = base::lowest_ones(seen, want - n);
        // [E21] acquire, pairs with the release in give_word(): the blocks' bytes and tags as their last users left them.
        Word got = word.fetch_and(~wanted, acq) & wanted;
        // [E22] The bits pin the slab, and its class is what add() wrote before them. A hint may be of an earlier life.
        if (n == 0 && got != 0 && class_of(slab) != c) {
            give_word(slab, class_of(slab), w, got);
            return 0;
        }
        for (; got != 0; got &= got - 1) out[n++] = Place::of(slab, w * kWordBits + base::lowest(got));
    }
    return n;
}

// The hint led to nothing. Taken out first, then a look: who frees into an empty word does the opposite.
void Slabs::forget(SlabId slab, Class c) noexcept {
    index_[c].remove(slab);
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
        // [E20] seq_cst, after the removal; pairs with give_word() and add(): the bits, then the hint.
        if (bits(slab)[w].load(sc) == 0) continue;
        const Class now = class_of(slab);  // not older than these bits
        if (now != 0) index_[now].insert(slab);
        return;
    }
}

// ------------------------------------------------------------------------------------------------------------- giving

bool Slabs::give(Class c, const Place* blocks, std::uint32_t n) noexcept {
    bool any = false;
    for (std::uint32_t i = 0; i < n;) {
        const Place first = blocks[i];
        Word mask = 0;
        for (; i < n && blocks[i].same_word(first); ++i) mask |= blocks[i].bit();
        any |= give_word(first.slab(), c, first.word(), mask);
    }
    return any;
}

// The caller holds the blocks, so that the slab is one of class c until the bits are set. From then on it may be anything: what
// follows are hints.
bool Slabs::give_word(SlabId slab, Class c, std::uint32_t w, Word mask) noexcept {
    // [E21] release, pairs with the acquire in take_from() and retire(). [E20] seq_cst, before the hint; [E24] and before the
    // look at the other words.
    const Word old = bits(slab)[w].fetch_or(mask, sc);
    assert((old & mask) == 0);
    // Where there was a free block already, its giver put the hint there, or is about to.
    if (old == 0) index_[c].insert(slab);
    if ((old | mask) != shape_.full(c, w) || !complete(slab, c)) return false;
    // [E24] seq_cst, after the bits; pairs with keep(): the new spare, then the look at the old one.
    if (spare_[c].load(sc) == slab) return false;
    complete_.insert(slab);
    return true;
}

bool Slabs::complete(SlabId slab, Class c) const noexcept {
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
        // [E24] seq_cst: of two givers of a slab's last blocks one sees the other's.
        if (bits(slab)[w].load(sc) != shape_.full(c, w)) return false;
    }
    return true;
}

// ------------------------------------------------------------------------------------------------- births and retirement

Place Slabs::add(Offset start, Class c) noexcept {
    Atomic<std::uint32_t>& page = page_[start >> shape_.shift];
    SlabId slab = page.load(rlx) >> kClassBits;  // relaxed: written under the lock, as all of this
    if (slab == 0) {
        if (*born_ == shape_.slabs) return kNone;
        slab = ++*born_;
        place_[slab] = static_cast<std::uint32_t>(start >> shape_.shift);
    }
    // Relaxed: [E22] publishes the class with the bits. Nobody holds a block of a slab that is none yet, so that nobody else
    // writes to these words; an old hint may lead somebody to the bits at once.
    page.store(slab << kClassBits | c, rlx);
    count_->store(count_->load(rlx) + 1, rlx);
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
        // Relaxed: read by the collector, which has the lock or a live block.
        marks(slab)[w].store(~Word{0}, rlx);
    }
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
        // [E22] release, pairs with the acquire in take_from(). [E20] seq_cst, before the hint.
        bits(slab)[w].store(w == 0 ? shape_.full(c, w) & ~Word{1} : shape_.full(c, w), sc);
    }
    index_[c].insert(slab);
    return Place::of(slab, 0);
}

// Whether a slab may stay though it is complete: one of each class.
bool Slabs::keep(SlabId slab, bool all) noexcept {
    const Class c = class_of(slab);
    if (c == 0 || !complete(slab, c)) return true;
    if (all) return false;
    const SlabId old = spare_[c].load(rlx);  // relaxed: written under the lock
    if (old == slab) return true;
    if (old != 0 && complete(old, c)) return false;
    // [E24] seq_cst, then the look at the old one: its last giver may have taken it for the spare.
    spare_[c].store(slab, sc);
    if (old != 0 && complete(old, c)) complete_.insert(old);
    return true;
}

// All blocks claimed: nobody has one, nobody can take one, and who still has a hint finds nothing. Else all are put back;
// whoever missed them meanwhile asks again with the lock in hand.
bool Slabs::retire(SlabId slab) noexcept {
    const Class c = class_of(slab);
    if (c == 0) return false;
    // Relaxed: written under the lock. [E24] before the words: who completes the slab after this has read one of the exchanges.
    if (spare_[c].load(rlx) == slab) spare_[c].store(0, rlx);
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
        // [E21] acquire, pairs with the release in give_word(): the bytes, for whoever gets them from the heap. [E24] release.
        Word got = bits(slab)[w].exchange(0, ar);
        if (got == shape_.full(c, w)) continue;
        for (std::uint32_t back = w;; got = shape_.full(c, --back)) {
            if (got != 0) give_word(slab, c, back, got);
            if (back == 0) return false;
        }
    }
    index_[c].remove(slab);
    // Relaxed: who gets these bytes next has the lock after this one. The place stays this slab's.
    page_[place_[slab]].store(slab << kClassBits, rlx);
    count_->store(count_->load(rlx) - 1, rlx);
    return true;
}

// ---------------------------------------------------------------------------------------------------------- inspection

std::uint32_t Slabs::free_blocks(SlabId slab, Class c) const noexcept {
    std::uint32_t n = 0;
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) n += base::count(bits(slab)[w].load(rlx));  // relaxed: a moment's view
    return n;
}

// Who takes or gives a block without the lock changes bits of places where a block is, of a slab that is one.
std::size_t Slabs::check_places() const noexcept {
    std::size_t faults = 0;
    std::uint32_t slabs = 0;
    for (SlabId slab = 1; slab < born(); ++slab) {
        const Class c = class_of(slab);
        for (std::uint32_t w = 0; w < words_of_slab_; ++w) {
            const Word valid = c != 0 && w < shape_.words(c) ? shape_.full(c, w) : 0;
            // Relaxed: what is valid changes under the lock only.
            if ((bits(slab)[w].load(rlx) & ~valid) != 0) ++faults;
        }
        if (c != 0) ++slabs;
    }
    return faults + (slabs != count() ? 1 : 0);
}

std::size_t Slabs::check_blocks() const noexcept {
    std::size_t faults = 0;
    for (SlabId slab = 1; slab < born(); ++slab) {
        const Class c = class_of(slab);
        bool any = false;
        for (std::uint32_t w = 0; c != 0 && w < shape_.words(c); ++w) {
            const Word free = bits(slab)[w].load(acq);  // acquire for tidiness only: nobody changes it
            any |= free != 0;
            for (Word left = free & shape_.full(c, w); left != 0; left &= left - 1) {
                const Place place = Place::of(slab, w * kWordBits + base::lowest(left));
                if (tag(place).load(acq) != 0) ++faults;  // free and live
            }
        }
        if (any && !index_[c].contains(slab)) ++faults;
    }
    return faults;
}

}  // namespace ashlar::manager
