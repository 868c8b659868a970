#include "manager/slabs/slabs.hpp"

#include <algorithm>
#include <cassert>

namespace ashlar::manager {

using base::acq;
using base::acq_rel;
using base::Atomic;
using base::BitmapIndex;
using base::kWordBits;
using base::rlx;
using base::seq_cst;
using base::Word;

// Words of one level of all indexes lie side by side, so that those of a small
// buffer touch few pages.
void Slabs::attach(region::Carver& carver, BitmapIndex* indexes, std::uint32_t count) noexcept {
    const std::uint32_t ids = shape_.slabs + 1;
    for (std::uint32_t level = 0; level < BitmapIndex::levels(ids); ++level) {
        auto* words = carver.array<Atomic<Word>>(
            std::size_t{BitmapIndex::words_of_level(ids, level)} * count);
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
    attach(carver, &retired_, 1);
    spare_ = carver.array<Atomic<SlabId>>(kClasses);
    created_ = carver.array<SlabId>(1);
    opened_ = carver.array<SlabId>(1);
    clean_ = carver.array<SlabId>(1);
    clean_bits_ = carver.array<Word>(ids / kWordBits + 1);
    count_ = carver.array<Atomic<std::uint32_t>>(1);
    page_ = carver.array<Atomic<std::uint32_t>>(shape.pages);
    place_ = carver.array<Atomic<std::uint32_t>>(ids);
    // Of offsets in no slab the tag of slab 0 is read, which is 0.
    tags_ = carver.stepped<Atomic<std::uint8_t>>(ids * tags_of_slab_, tags_of_slab_);
    bits_ = carver.stepped<Atomic<Word>>(ids * words_of_slab_);
    marks_ = carver.stepped<Atomic<Word>>(ids * words_of_slab_);
    roots_ = carver.stepped<Atomic<Word>>(ids * words_of_slab_);
    steps_ = region::StepTables(carver.open_end());
    for (const auto* table : {bits_, marks_, roots_})
        steps_.add(table, words_of_slab_ * sizeof(Word));
    steps_.add(tags_, tags_of_slab_);
}

// ---------------------------------------------------------------------- taking

std::uint32_t Slabs::take(Class c, Place* out, std::uint32_t want) noexcept {
    for (;;) {
        const std::uint32_t slab = index_[c].lowest_id();
        if (slab == BitmapIndex::kNone) return 0;
        const std::uint32_t n = take_from(slab, c, out, want);
        if (n != 0) return n;
        forget(slab, c);
    }
}

std::uint32_t Slabs::take_from(SlabId slab, Class c, Place* out, std::uint32_t want) noexcept {
    std::uint32_t n = 0;
    for (std::uint32_t w = 0; w < shape_.words(c) && n < want; ++w) {
        Atomic<Word>& word = bits(slab)[w];
        const Word seen = word.load(rlx);  // relaxed: a choice; the fetch_and decides
        if (seen == 0) continue;
        const Word wanted = base::lowest_ones(seen, want - n);
        // [E21] acquire, pairs with the release in give_word(): the blocks'
        // bytes and tags as their last users left them.
        Word got = word.fetch_and(~wanted, acq) & wanted;
        // [E22] The bits pin the slab, and its class is what add() wrote before
        // them. A hint may be of an earlier life.
        if (n == 0 && got != 0 && class_of(slab) != c) {
            give_word(slab, class_of(slab), w, got);
            return 0;
        }
        for (; got != 0; got &= got - 1)
            out[n++] = Place::of(slab, w * kWordBits + base::lowest(got));
    }
    return n;
}

// The hint led to no free block. It is removed before the bits are checked
// again: a thread that frees into an empty word sets the bit first, then the
// hint.
void Slabs::forget(SlabId slab, Class c) noexcept {
    index_[c].remove(slab);
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
        // [E20] seq_cst, after the removal; pairs with give_word() and add():
        // the bits, then the hint.
        if (bits(slab)[w].load(seq_cst) == 0) continue;
        const Class now = class_of(slab);  // not older than these bits
        if (now != 0) index_[now].insert(slab);
        return;
    }
}

// ---------------------------------------------------------------------- giving

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

// The caller holds the blocks, so that the slab has class c until the bits are
// set. After that it may change at any time: all that follows are hints.
bool Slabs::give_word(SlabId slab, Class c, std::uint32_t w, Word mask) noexcept {
    // [E21] release, pairs with the acquire in take_from() and retire(). [E20]
    // seq_cst, before the hint; [E24] and before the look at the other words.
    const Word old = bits(slab)[w].fetch_or(mask, seq_cst);
    assert((old & mask) == 0);
    // Otherwise the first freeing thread has inserted the hint, or is about to.
    if (old == 0) index_[c].insert(slab);
    if ((old | mask) != shape_.full(c, w) || !complete(slab, c)) return false;
    // [E24] seq_cst, after the bits; pairs with keep(): the new spare, then the
    // look at the old one.
    if (spare_[c].load(seq_cst) == slab) return false;
    complete_.insert(slab);
    return true;
}

bool Slabs::complete(SlabId slab, Class c) const noexcept {
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
        // [E24] seq_cst: of two givers of a slab's last blocks one sees the
        // other's.
        if (bits(slab)[w].load(seq_cst) != shape_.full(c, w)) return false;
    }
    return true;
}

// ---------------------------------------------------- creations and retirement

bool Slabs::open_id(SlabId slab) noexcept {
    if (slab >= *opened_) *opened_ = steps_.open(*opened_, slab + 1, shape_.slabs + 1);
    return slab < *opened_;
}

// An id for a place that has none; 0: all are slabs now. When no new one can be
// had, a retired slab leaves its id. A stale hint, or a stale offset in its old
// place, finds no class there or another one, as after any retirement.
SlabId Slabs::new_id(Size page) noexcept {
    SlabId slab = 0;
    if (*created_ != shape_.slabs && open_id(*created_ + 1)) {
        slab = ++*created_;
    } else {
        slab = retired_.lowest_id();
        if (slab == BitmapIndex::kNone) return 0;
        page_[place_[slab].load(rlx)].store(0, rlx);  // relaxed: see class_of() and still()
    }
    place_[slab].store(static_cast<std::uint32_t>(page), rlx);
    return slab;
}

Place Slabs::add(Offset start, Class c) noexcept {
    Atomic<std::uint32_t>& page = page_[start >> shape_.shift];
    SlabId slab = page.load(rlx) >> kClassBits;  // relaxed: written under the lock, as all of this
    if (slab == 0) slab = new_id(start >> shape_.shift);
    if (slab == 0) return kNone;
    retired_.remove(slab);
    set_clean(slab, false);
    // Relaxed: [E22] publishes the class with the bits. No thread holds a block
    // here yet, so that no other thread writes these words. An old hint may
    // lead a thread to the bits at once.
    page.store(slab << kClassBits | c, rlx);
    count_->store(count_->load(rlx) + 1, rlx);
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
        // Relaxed: read by the collector, which has the lock or a live block.
        marks(slab)[w].store(~Word{0}, rlx);
    }
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
        // [E22] release, pairs with the acquire in take_from(). [E20] seq_cst,
        // before the hint.
        bits(slab)[w].store(w == 0 ? shape_.full(c, w) & ~Word{1} : shape_.full(c, w), seq_cst);
    }
    index_[c].insert(slab);
    return Place::of(slab, 0);
}

// Whether a complete slab may stay: one of each class may, its spare.
bool Slabs::keep(SlabId slab, bool all) noexcept {
    const Class c = class_of(slab);
    if (c == 0 || !complete(slab, c)) return true;
    if (all) return false;
    const SlabId old = spare_[c].load(rlx);  // relaxed: written under the lock
    if (old == slab) return true;
    if (old != 0 && complete(old, c)) return false;
    // [E24] seq_cst, then the look at the old one: its last giver may have
    // taken it for the spare.
    spare_[c].store(slab, seq_cst);
    if (old != 0 && complete(old, c)) complete_.insert(old);
    return true;
}

// Claims all blocks: then no thread has one or can take one, and a hint leads
// to no free block. If some are in use, all claimed ones are put back. A thread
// that missed them meanwhile asks again with the lock held.
bool Slabs::retire(SlabId slab) noexcept {
    const Class c = class_of(slab);
    if (c == 0) return false;
    // Relaxed: written under the lock. [E24] before the words: a thread that
    // completes the slab after this has read one of the exchanges.
    if (spare_[c].load(rlx) == slab) spare_[c].store(0, rlx);
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
        // [E21] acquire, pairs with the release in give_word(): the bytes, for
        // their next user. [E24] release.
        Word got = bits(slab)[w].exchange(0, acq_rel);
        if (got == shape_.full(c, w)) continue;
        for (std::uint32_t back = w;; got = shape_.full(c, --back)) {
            if (got != 0) give_word(slab, c, back, got);
            if (back == 0) return false;
        }
    }
    index_[c].remove(slab);
    // Relaxed, both: the next user of these bytes takes the lock after this.
    // The place keeps this slab's id.
    page_[place_[slab].load(rlx)].store(slab << kClassBits, rlx);
    retired_.insert(slab);
    count_->store(count_->load(rlx) - 1, rlx);
    return true;
}

// Relaxed, all of it: no other thread calls meanwhile, and the caller orders
// the next ones. Hints that stay lead to no block.
void Slabs::clear() noexcept {
    for (SlabId slab = 1; slab < created(); ++slab) {
        const Class c = class_of(slab);
        if (c == 0) continue;
        for (std::uint32_t w = 0; w < shape_.words(c); ++w) {
            bits(slab)[w].store(0, rlx);
            roots_[std::size_t{slab} * words_of_slab_ + w].store(0, rlx);
        }
        for (std::uint32_t block = 0; block < shape_.blocks(c); ++block)
            tag(Place::of(slab, block)).store(0, rlx);
        index_[c].remove(slab);
        page_[place_[slab].load(rlx)].store(slab << kClassBits, rlx);
        retired_.insert(slab);
    }
    for (Class c = 1; c < kClasses; ++c) spare_[c].store(0, rlx);
    count_->store(0, rlx);
}

// ---------------------------------------------------------------------- tables

void Slabs::set_clean(SlabId slab, bool clean) noexcept {
    if (is_clean(slab) == clean) return;
    clean_bits_[slab / kWordBits] ^= base::bit(slab % kWordBits);
    *clean_ += clean ? 1 : ~SlabId{0};
}

// Tags, bits and roots of retired slabs are 0, and add() writes the marks:
// other threads see no difference.
void Slabs::give_back_tables(SlabId from, SlabId to, SmallAnnotations& annotations) noexcept {
    const auto purge = [from, to](auto* table, std::size_t per) {
        region::purge_within(region::kSystem, table + from * per, table + to * per);
    };
    purge(tags_, tags_of_slab_);
    purge(bits_, words_of_slab_);
    purge(marks_, words_of_slab_);
    purge(roots_, words_of_slab_);
    annotations.give_back(std::size_t{from} * tags_of_slab_, std::size_t{to} * tags_of_slab_);
    for (SlabId slab = from; slab < to; ++slab) set_clean(slab, true);
}

SlabId Slabs::trim(SlabId from, SmallAnnotations& annotations) noexcept {
    constexpr std::uint32_t kSlabs = 1024;
    constexpr unsigned kRuns = 16;
    unsigned runs = 0;
    SlabId slab = from == 0 ? 1 : from;
    const SlabId end =
        static_cast<SlabId>(std::min<std::uint64_t>(created(), std::uint64_t{slab} + kSlabs));
    while (slab < end && runs < kRuns) {
        const SlabId first = slab;
        bool clean = true;
        for (; slab < end && class_of(slab) == 0; ++slab) clean = clean && is_clean(slab);
        if (!clean) {
            give_back_tables(first, slab, annotations);
            ++runs;
        }
        if (slab == first) ++slab;
    }
    return slab < created() ? slab : 0;
}

// ------------------------------------------------------------------ inspection

std::uint32_t Slabs::free_blocks(SlabId slab, Class c) const noexcept {
    std::uint32_t n = 0;
    // Relaxed: a moment's view.
    for (std::uint32_t w = 0; w < shape_.words(c); ++w) n += base::count(bits(slab)[w].load(rlx));
    return n;
}

// Takes and gives without the lock change only bits of existing blocks of
// existing slabs.
std::size_t Slabs::check_places() const noexcept {
    std::size_t faults = 0;
    std::uint32_t slabs = 0;
    for (SlabId slab = 1; slab < created(); ++slab) {
        const Class c = class_of(slab);
        for (std::uint32_t w = 0; w < words_of_slab_; ++w) {
            const Word valid = c != 0 && w < shape_.words(c) ? shape_.full(c, w) : 0;
            // Relaxed: the valid bits change under the lock only.
            if ((bits(slab)[w].load(rlx) & ~valid) != 0) ++faults;
        }
        if (c != 0) ++slabs;
    }
    return faults + (slabs != count() ? 1 : 0);
}

std::size_t Slabs::check_blocks() const noexcept {
    std::size_t faults = 0;
    for (SlabId slab = 1; slab < created(); ++slab) {
        const Class c = class_of(slab);
        bool any = false;
        for (std::uint32_t w = 0; c != 0 && w < shape_.words(c); ++w) {
            // [none: quiet, no thread changes bits and tags].
            const Word free = bits(slab)[w].load(acq);
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
