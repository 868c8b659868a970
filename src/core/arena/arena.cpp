#include "core/arena/arena.hpp"

#include "base/report.hpp"

namespace ashlar::arena {

using base::acq;
using base::Atomic;
using base::Bin;
using base::BitmapIndex;
using base::kGeometry;
using base::kNoUnit;
using base::rel;
using base::rlx;
using base::seq_cst;
using base::UnitId;
using base::Word;

void Arena::layout(region::Carver& carver, spans::Spans& spans, bool with_states) noexcept {
    spans_ = &spans;
    const UnitId end = spans.region().end;
    bits_ = carver.table<Atomic<Word>>(end, 0, base::kMaxSlabWords, true);
    notes_ = carver.table<Note>(end);
    region::layout_index(carver, index_, base::kClasses, end, 0);
    reclaimable_ = index_[0];  // class 0 has no slabs, and its words lie beside the others
    if (with_states) states_.layout(carver, end);
}

// --------------------------------------------------------------- taking blocks

// The caller owns the slab. Only the owner clears bits, so that a bit seen set
// stays set until the owner takes it.
std::uint32_t Arena::take_from(UnitId slab, Bin c, void** out, std::uint32_t want,
                               bool& fresh) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    const std::uintptr_t start = spans_->region().address(slab);
    std::uint32_t n = 0;
    for (std::uint32_t w = 0; w < g.words && n < want; ++w) {
        Atomic<Word>& word = words(slab)[w];
        const Word seen = word.load(rlx);  // relaxed: a choice; the fetch_and takes
        if (seen == 0) continue;
        const Word mine = base::lowest_ones(seen, want - n);
        // [E5] acquire, pairs with the release in give_word(): the blocks' last
        // users are done with them.
        word.fetch_and(~mine, acq);
        if (base::knows_fresh(c)) use_fresh(slab, w, mine, fresh);
        if (mine == ~Word{0}) {  // a whole word, as new slabs have: needs no search for bits
            const std::uintptr_t first = start + std::uintptr_t{w} * base::kWordBits * g.size;
            for (std::uintptr_t at = first + base::kWordBits * std::uintptr_t{g.size};
                 at != first;) {
                out[n++] = reinterpret_cast<void*>(at -= g.size);
            }
            continue;
        }
        for (Word left = mine; left != 0;) {
            const unsigned top = base::highest(left);
            left &= ~base::bit(top);
            out[n++] =
                reinterpret_cast<void*>(start + std::uintptr_t{w * base::kWordBits + top} * g.size);
        }
    }
    return n;
}

// Relaxed: only the slab's owner reads and writes these words. [E7] hands
// ownership on.
void Arena::use_fresh(UnitId slab, std::uint32_t w, Word taken, bool& fresh) noexcept {
    Atomic<Word>& word = words(slab)[base::kFreshWord + w];
    const Word before = word.load(rlx);
    fresh = (taken & ~before) == 0;
    if ((taken & before) != 0) word.store(before & ~taken, rlx);
}

std::uint32_t Arena::take(Bin c, Atomic<UnitId>& cur, void** out, std::uint32_t want, bool& fresh,
                          bool may_grow) noexcept {
    fresh = false;
    for (;;) {
        UnitId slab = cur.load(rlx);  // relaxed: the caller's own
        if (slab != kNoUnit) {
            const std::uint32_t n = take_from(slab, c, out, want, fresh);
            if (n != 0) return n;
            leave(c, cur);
        }
        slab = index_[c].take_lowest();
        if (slab != BitmapIndex::kNone) {
            if (claim(slab, c)) {
                cur.store(slab, rlx);              // after the claim
                notes_[slab].taken.store(1, rlx);  // relaxed: a heuristic
            }
            continue;  // a hint whose claim fails is dropped: its slab has an owner, or was retired
        }
        slab = create(c, may_grow);
        if (slab == kNoUnit) return 0;
        cur.store(slab, rlx);
    }
}

// Takes an aligned group of free bits: no other thread has a block in the cache
// lines of this group.
std::uint32_t Arena::take_group(UnitId slab, Bin c, void** out) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    for (std::uint32_t w = 0; w < g.words; ++w) {
        const Word seen = words(slab)[w].load(rlx);  // relaxed: a choice; the fetch_and takes
        for (unsigned at = 0; at < base::kWordBits; at += kGroup) {
            const Word mine = base::mask(at, kGroup);
            if ((seen & mine) != mine) continue;
            words(slab)[w].fetch_and(~mine, acq);  // [E5] as in take_from()
            const std::uintptr_t first =
                spans_->region().address(slab) + std::uintptr_t{w * base::kWordBits + at} * g.size;
            for (std::uint32_t i = 0; i < kGroup; ++i)
                out[i] = reinterpret_cast<void*>(first + std::uintptr_t{kGroup - 1 - i} * g.size);
            return kGroup;
        }
    }
    return 0;
}

std::uint32_t Arena::take_first(Bin c, Atomic<UnitId>& cur, void** out, bool may_grow) noexcept {
    static_assert(kGroup * base::kMinAlignment % base::kCacheLine == 0);
    if (cur.load(rlx) != kNoUnit) return 0;  // relaxed: the caller's own
    UnitId slab = index_[c].take_lowest();
    if (slab == BitmapIndex::kNone) {
        slab = create(c, may_grow);
        if (slab == kNoUnit) return 0;
    } else if (!claim(slab, c)) {
        return 0;
    }
    cur.store(slab, rlx);              // after the claim
    notes_[slab].taken.store(1, rlx);  // relaxed: a heuristic
    const std::uint32_t n = take_group(slab, c, out);
    leave(c, cur);
    return n;
}

// shared -> owned
bool Arena::claim(UnitId slab, Bin c) noexcept {
    std::uint32_t expected = State::of(Kind::shared, c).raw;
    // [E3] seq_cst, also on failure: this thread has taken the hint before.
    // Pairs with publish() and reindex(), which write the state, then the hint.
    // [E7] acquire: everything that the last owner wrote.
    return spans_->state_word(slab).cas(expected, State::of(Kind::owned, c).raw, seq_cst, seq_cst);
}

// none -> owned. kNoUnit: out of memory.
UnitId Arena::create(Bin c, bool may_grow) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    const spans::Run run = spans_->take(g.units, may_grow);
    const UnitId slab = run.start;
    if (slab == kNoUnit) return kNoUnit;
    base::expect(spans_->state(slab, rlx).kind() == Kind::none, words(slab),
                 "creation of a slab on units in use");
    // Relaxed: ours alone.
    for (std::uint32_t w = 0; w < g.words; ++w) words(slab)[w].store(base::full_word(g, w), rlx);
    for (std::uint32_t w = 0; base::knows_fresh(c) && w < g.words; ++w) {
        words(slab)[base::kFreshWord + w].store(run.zero ? base::full_word(g, w) : 0, rlx);
    }
    for (std::uint32_t i = 0; i < g.units; ++i) {
        notes_[slab + i].within.store(static_cast<std::uint8_t>(i), rlx);
        notes_[slab + i].pages.store(0, rlx);
    }
    notes_[slab].looks.store(0, rlx);
    const std::uintptr_t offset = std::uintptr_t{slab} << base::kUnitShift;
    if (states_.on()) states_.clear(c, offset, offset + std::size_t{g.units} * base::kUnitSize);
    spans_->mark(slab, g.units, c);
    spans_->state_word(slab).store(State::of(Kind::owned, c).raw, rel);  // [E17] pairs with check()
    return slab;
}

// --------------------------------------------------------------- giving blocks

// Finds the places of blocks of one class. It copies the fields that it needs:
// otherwise the compiler would load them again after each atomic operation.
class Arena::Locator {
  public:
    Locator(const Arena& arena, Bin c) noexcept
        : base_(arena.spans_->region().base), units_(arena.spans_->committed()),
          map_(arena.spans_->page_map()), notes_(kGeometry[c].units == 1 ? nullptr : arena.notes_),
          c_(c), size_(kGeometry[c].size), blocks_(kGeometry[c].blocks),
          reciprocal_(kGeometry[c].reciprocal) {}

    // The place of a block that the caller says it holds. Ends the program if
    // it is no block of the class.
    [[nodiscard]] Place place(const void* block) const noexcept {
        std::size_t offset = reinterpret_cast<std::uintptr_t>(block) - base_;
        std::size_t slab = offset >> base::kUnitShift;
        // Relaxed: the program's hand-over of the block orders it. If the unit
        // has another class, the block was freed before.
        if (slab >= units_ || map_[slab].load(rlx) != c_) [[unlikely]]
            base::report_double_free(block, size_);
        if (notes_ != nullptr) slab -= notes_[slab].within.load(rlx);  // relaxed, as the map
        offset -= slab << base::kUnitShift;
        const std::uint64_t number = (offset * reciprocal_) >> 40;
        if (number * size_ != offset || number >= blocks_) [[unlikely]]
            base::report_inside(block, size_);
        return {slab << 32 | number};
    }

    // The blocks at the beginning of `blocks`, the first at `place`, that lie
    // side by side in its word, upwards or downwards: their number and their
    // bits. Blocks that were allocated in a row are often freed in a row.
    struct Row {
        std::uint32_t length;
        Word bits;
    };
    [[nodiscard]] Row row(void* const* blocks, std::uint32_t n, Place place,
                          Word valid) const noexcept {
        const unsigned first = base::lowest(place.bit());
        if (n == 1) return {1, place.bit()};
        const std::uintptr_t step = distance(blocks[0], blocks[1]);
        const bool up = step == size_;
        if (!up && step != ~size_ + 1) return {1, place.bit()};
        const std::uint32_t room = up ? base::highest(valid) + 1 - first : first + 1;
        const std::uint32_t most = n < room ? n : room;
        std::uint32_t length = 1;
        while (length < most && distance(blocks[length - 1], blocks[length]) == step) ++length;
        return {length, base::mask(up ? first : first + 1 - length, length)};
    }

  private:
    static std::uintptr_t distance(const void* from, const void* to) noexcept {
        return reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from);
    }

    std::uintptr_t base_;
    std::size_t units_;
    const Atomic<std::uint8_t>* map_;
    const Note* notes_;
    Bin c_;
    std::size_t size_;
    std::size_t blocks_;
    std::uint64_t reciprocal_;
};

// The slabs of one batch that are not reindexed yet. One reindex() for each
// slab is enough, after its last word.
class Arena::Pending {
  public:
    void note(Arena& arena, UnitId slab, Bin c, bool look) noexcept {
        const std::uint32_t at = slab % kSlabs;
        if (slabs_[at] != slab) {
            if (slabs_[at] != kNoUnit) reindex(arena, at, c);
            slabs_[at] = slab;
        }
        if (look) look_ |= base::bit(at);
    }
    void reindex_all(Arena& arena, Bin c) noexcept {
        for (std::uint32_t at = 0; at < kSlabs; ++at) {
            if (slabs_[at] != kNoUnit) reindex(arena, at, c);
        }
        if (completed_) arena.bound_reclaimable(c);
    }

  private:
    static constexpr std::uint32_t kSlabs = 16;
    void reindex(Arena& arena, std::uint32_t at, Bin c) noexcept {
        completed_ = arena.reindex(slabs_[at], c, (look_ & base::bit(at)) != 0) || completed_;
        look_ &= ~base::bit(at);
    }

    UnitId slabs_[kSlabs] = {};
    Word look_ = 0;  // a bit for each: its words must be read
    bool completed_ = false;
};

void Arena::report_twice(Place place, Bin c, Word bits) const noexcept {
    const std::size_t number = std::size_t{place.word()} * base::kWordBits + base::lowest(bits);
    const std::uintptr_t start =
        spans_->region().address(place.slab()) + number * kGeometry[c].size;
    base::report_double_free(reinterpret_cast<void*>(start), kGeometry[c].size);
}

// The caller holds the blocks of `mask`, so that the slab can't be retired
// before they are given. Returns the old word.
inline Word Arena::give_word(Place place, Bin c, Word mask) noexcept {
    // [E1] [E2] seq_cst: the bits are set before reindex() reads the state and
    // the other words. Pairs with publish(), which writes the state, then reads
    // the bits, and with other freeing threads. [E5] [E6] release: our accesses
    // to the blocks come before those of their next users.
    const Word old = words(place.slab())[place.word()].fetch_or(mask, seq_cst);
    if ((old & mask) != 0) [[unlikely]]
        report_twice(place, c, old & mask);
    return old;
}

void Arena::give(Bin c, void* const* blocks, std::uint32_t n) noexcept {
    const Locator locate(*this, c);
    Pending pending;
    Place next = locate.place(blocks[0]);
    for (std::uint32_t i = 0; i < n;) {
        const Place place = next;
        const Word valid = base::full_word(kGeometry[c], place.word());
        Word mask = 0;
        do {  // blocks of the same word go back together
            const auto [length, bits] = locate.row(blocks + i, n - i, next, valid);
            if ((mask & bits) != 0) [[unlikely]]
                report_twice(place, c, mask & bits);
            mask |= bits;
            i += length;
            if (i == n) break;
            next = locate.place(blocks[i]);
        } while (next.same_word(place));
        const Word old = give_word(place, c, mask);
        const bool complete = (old | mask) == valid;
        // Only the first and the last free into a word update the index (A3 of
        // docs/states.md): if the word had a free block, its slab is in the
        // index, or another thread is about to insert it.
        if (old == 0 || complete) pending.note(*this, place.slab(), c, complete);
    }
    pending.reindex_all(*this, c);
}

void Arena::adopt(Bin c, void* block) noexcept {
    const Place place = Locator(*this, c).place(block);
    // As give_word(), [E1] [E2] [E5] [E6]. A fork may have cut a move between
    // two places, so that the block was given already: that is no fault.
    const Word old = words(place.slab())[place.word()].fetch_or(place.bit(), seq_cst);
    if ((old & place.bit()) == 0) reindex(place.slab(), c, true);
}

bool Arena::complete(UnitId slab, Bin c, base::Order order) const noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    for (std::uint32_t w = 0; w < g.words; ++w) {
        if (words(slab)[w].load(order) != base::full_word(g, w)) return false;
    }
    return true;
}

// Called after bits were set or a slab was published. Inserts a shared slab
// with a free block into the index of its class, and a complete one into
// reclaimable_. Another thread may own, retire or reuse the slab meanwhile, so
// that it is only read, and only hints are inserted. True: it was inserted into
// reclaimable_.
bool Arena::reindex(UnitId slab, Bin c, bool look) noexcept {
    // [E1] seq_cst, after the caller's bits; pairs with publish(). If the slab
    // has an owner, that reindexes it when it publishes.
    if (spans_->state(slab, seq_cst) != State::of(Kind::shared, c)) return false;
    bool noted = false;
    if (look) {
        const base::ClassGeometry& g = kGeometry[c];
        bool any = false;
        bool all = true;
        for (std::uint32_t w = 0; w < g.words && (all || !any); ++w) {
            // [E1] [E2] seq_cst, after our own bit or publish.
            const Word word = words(slab)[w].load(seq_cst);
            any = any || word != 0;
            all = all && word == base::full_word(g, w);
        }
        if (!any) return false;
        noted = all && reclaimable_.insert(slab);         // [E15] after the bits
        if (noted) reclaimable_count_.fetch_add(1, rlx);  // relaxed: a bound
    }
    index_[c].insert(slab);  // [E3] after the state
    return noted;
}

// owned -> shared. After the store the slab is no longer ours: reindex() only
// reads it. Returns what reindex() returns.
bool Arena::publish(UnitId slab, Bin c) noexcept {
    base::expect(spans_->state(slab, rlx) == State::of(Kind::owned, c), words(slab),
                 "publishing a slab that is not owned");
    // [E1] seq_cst, before reindex() reads the bits; pairs with give_word(),
    // which sets bits, then reads the state. [E7] release: pairs with claim().
    spans_->state_word(slab).store(State::of(Kind::shared, c).raw, seq_cst);
    return reindex(slab, c, true);
}

void Arena::find_again() noexcept {
    const UnitId end = spans_->frontier();
    for (UnitId unit = 1; unit < end; ++unit) {
        const State state = spans_->state(unit, rlx);  // relaxed: only a choice; reindex() decides
        if (state.kind() == Kind::shared) reindex(unit, state.value(), true);
    }
}

void Arena::leave(Bin c, Atomic<UnitId>& cur) noexcept {
    const UnitId slab = cur.load(rlx);  // relaxed, as the store below: the caller's own
    if (slab == kNoUnit) return;
    cur.store(kNoUnit, rlx);  // before the publish
    base::compiler_fence();
    if (publish(slab, c)) bound_reclaimable(c);  // threads that end leave complete slabs behind
}

}  // namespace ashlar::arena
