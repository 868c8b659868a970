#include "arena/arena.hpp"

#include "base/report.hpp"

namespace ashlar::arena {

using base::acq;
using base::Atomic;
using base::Bin;
using base::Index;
using base::kGeometry;
using base::kNoUnit;
using base::rel;
using base::rlx;
using base::sc;
using base::UnitId;
using base::Word;

namespace {

constexpr std::uint32_t kPopulateFrom = 128;  // units that the heap holds: 8 MiB
constexpr std::uint32_t kPopulatePerThread = 32;
constexpr std::size_t kLeastRipe = 128;  // units in complete slabs that are kept: 8 MiB, or an eighth of the heap
constexpr std::uint32_t kRipePerCall = 64;

}  // namespace

void Arena::layout(region::Carver& carver, spans::Spans& spans) noexcept {
    spans_ = &spans;
    expect_threads(0);
    const UnitId end = spans.region().end;
    bits_ = carver.array<Atomic<Word>>(static_cast<std::size_t>(end) * base::kMaxSlabWords);
    within_ = carver.array<Atomic<std::uint8_t>>(end);
    // The indexes of all classes lie side by side, so that a small heap touches one page a level, not one a class.
    for (std::uint32_t level = 0; level < Index::levels(end); ++level) {
        auto* words = carver.array<Atomic<Word>>(std::size_t{Index::words_of_level(end, level)} * base::kClasses);
        for (Bin c = 0; c < base::kClasses; ++c) index_[c].attach(level, words + c, base::kClasses);
        ripe_.attach(level, carver.array<Atomic<Word>>(Index::words_of_level(end, level)), 1);
    }
}

// ---------------------------------------------------------------------------------------------------------- taking blocks

// The owner's side: only it clears bits, so that a bit that it has seen stays until it takes it.
std::uint32_t Arena::take_from(UnitId slab, Bin c, void** out, std::uint32_t want) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    const std::uintptr_t start = spans_->region().address(slab);
    std::uint32_t n = 0;
    for (std::uint32_t w = 0; w < g.words && n < want; ++w) {
        Atomic<Word>& word = words(slab)[w];
        const Word seen = word.load(rlx);  // relaxed: a choice; the fetch_and takes
        if (seen == 0) continue;
        const Word mine = base::lowest_ones(seen, want - n);
        // [E5] acquire, pairs with the release in give_word(): what the blocks' last users did to them.
        word.fetch_and(~mine, acq);
        if (mine == ~Word{0}) {  // a whole word, as fresh slabs have: no bit to look for
            const std::uintptr_t first = start + std::uintptr_t{w} * base::kWordBits * g.size;
            for (std::uintptr_t at = first + base::kWordBits * std::uintptr_t{g.size}; at != first;) {
                out[n++] = reinterpret_cast<void*>(at -= g.size);
            }
            continue;
        }
        for (Word left = mine; left != 0;) {
            const unsigned top = base::highest(left);
            left &= ~base::bit(top);
            out[n++] = reinterpret_cast<void*>(start + std::uintptr_t{w * base::kWordBits + top} * g.size);
        }
    }
    return n;
}

std::uint32_t Arena::take(Bin c, Atomic<UnitId>& cur, void** out, std::uint32_t want) noexcept {
    bool growing = false;
    for (;;) {
        UnitId slab = cur.load(rlx);  // relaxed: the caller's own
        if (slab != kNoUnit) {
            const std::uint32_t n = take_from(slab, c, out, want);
            if (n != 0) return n;
            growing = true;
            leave(c, cur);
        }
        slab = index_[c].take_lowest();
        if (slab != Index::kNone) {
            if (claim(slab, c)) cur.store(slab, rlx);  // after the claim
            continue;                                  // a hint that fails is dropped: its slab has an owner, or is no more
        }
        slab = birth(c, growing);
        if (slab == kNoUnit) return 0;
        cur.store(slab, rlx);
    }
}

// shared -> owned
bool Arena::claim(UnitId slab, Bin c) noexcept {
    std::uint32_t expected = State::of(Kind::shared, c).raw;
    // [E3] seq_cst, also when it fails: the hint was taken before, pairs with publish() and settle(): `unit`, then the hint.
    // [E7] acquire: what the last owner left in the record.
    return spans_->state_word(slab).cas(expected, State::of(Kind::owned, c).raw, sc, sc);
}

// none -> owned. Of a heap that has grown, and for somebody who has used up a slab of the class, the pages come at once: a
// fault for each of them would cost more than all the rest. A thread that wants few blocks touches few pages.
UnitId Arena::birth(Bin c, bool growing) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    const spans::Run run = with_room([&](bool may_grow) noexcept { return spans_->take(g.units, may_grow); });
    const UnitId slab = run.start;
    if (slab == kNoUnit) return kNoUnit;
    if (run.zero && growing && spans_->held() >= populate_from_.load(rlx)) spans_->region().populate(slab, g.units);
    base::expect(spans_->state(slab, rlx).kind() == Kind::none, words(slab), "birth of a slab on units in use");
    for (std::uint32_t w = 0; w < g.words; ++w) words(slab)[w].store(base::full_word(g, w), rlx);  // relaxed: ours alone
    for (std::uint32_t i = 1; i < g.units; ++i) within_[slab + i].store(static_cast<std::uint8_t>(i), rlx);
    within_[slab].store(0, rlx);
    spans_->mark(slab, g.units, c);
    spans_->state_word(slab).store(State::of(Kind::owned, c).raw, rel);  // [E17] pairs with check()
    return slab;
}

// ---------------------------------------------------------------------------------------------------------- giving blocks

UnitId Arena::first_unit(UnitId unit, Bin c) const noexcept {
    // Relaxed, as the map: the caller holds a block of the slab.
    return kGeometry[c].units == 1 ? unit : unit - within_[unit].load(rlx);
}

// Finds the places of blocks of one class. A copy of what it needs, so that atomic operations between two looks don't make the
// compiler fetch it again.
class Arena::Locator {
  public:
    Locator(const Arena& arena, Bin c) noexcept
        : base_(arena.spans_->region().base), units_(arena.spans_->region().end), map_(arena.spans_->map()),
          within_(kGeometry[c].units == 1 ? nullptr : arena.within_), c_(c), size_(kGeometry[c].size),
          blocks_(kGeometry[c].blocks), reciprocal_(kGeometry[c].reciprocal) {}

    // Which bit stands for a block that the caller says it holds.
    [[nodiscard]] Place place(const void* block) const noexcept {
        std::size_t offset = reinterpret_cast<std::uintptr_t>(block) - base_;
        std::size_t slab = offset >> base::kUnitShift;
        // Relaxed: the block's hand-over orders it. What is of another class by now was freed before.
        if (slab >= units_ || map_[slab].load(rlx) != c_) [[unlikely]]
            base::report_double_free(block, size_);
        if (within_ != nullptr) slab -= within_[slab].load(rlx);  // relaxed, as the map
        offset -= slab << base::kUnitShift;
        const std::uint64_t number = (offset * reciprocal_) >> 40;
        if (number * size_ != offset || number >= blocks_) [[unlikely]]
            base::report_inside(block, size_);
        return {slab << 32 | number};
    }

    // How many of the n blocks, of which the first is at `place`, lie side by side in its word, upwards or downwards, and their
    // bits. Blocks that were allocated in a row are often freed in a row.
    struct Row {
        std::uint32_t length;
        Word bits;
    };
    [[nodiscard]] Row row(void* const* blocks, std::uint32_t n, Place place, Word valid) const noexcept {
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
    const Atomic<std::uint8_t>* within_;
    Bin c_;
    std::size_t size_;
    std::size_t blocks_;
    std::uint64_t reciprocal_;
};

// Slabs that a batch has given to and not settled yet: once for each is enough, after its last word.
class Arena::Pending {
  public:
    void note(Arena& arena, UnitId slab, Bin c, bool look) noexcept {
        const std::uint32_t at = slab % kSlabs;
        if (slabs_[at] != slab) {
            if (slabs_[at] != kNoUnit) settle(arena, at, c);
            slabs_[at] = slab;
        }
        if (look) look_ |= base::bit(at);
    }
    void settle_all(Arena& arena, Bin c) noexcept {
        for (std::uint32_t at = 0; at < kSlabs; ++at) {
            if (slabs_[at] != kNoUnit) settle(arena, at, c);
        }
        if (ripened_) arena.bound_ripe(c);
    }

  private:
    static constexpr std::uint32_t kSlabs = 16;
    void settle(Arena& arena, std::uint32_t at, Bin c) noexcept {
        ripened_ = arena.settle(slabs_[at], c, (look_ & base::bit(at)) != 0) || ripened_;
        look_ &= ~base::bit(at);
    }

    UnitId slabs_[kSlabs] = {};
    Word look_ = 0;  // a bit for each of them
    bool ripened_ = false;
};

void Arena::report_twice(Place place, Bin c, Word bits) const noexcept {
    const std::size_t number = std::size_t{place.word()} * base::kWordBits + base::lowest(bits);
    const std::uintptr_t start = spans_->region().address(place.slab()) + number * kGeometry[c].size;
    base::report_double_free(reinterpret_cast<void*>(start), kGeometry[c].size);
}

// The caller holds blocks `mask` of the word, so that the slab can't be retired before they are given. Returns what was free in
// it before.
inline Word Arena::give_word(Place place, Bin c, Word mask) noexcept {
    // [E1] [E2] seq_cst, the bits before the look at `unit` and at the other words in settle(); pairs with publish(): `unit`,
    // then the bits, and with the other givers. [E5] [E6] release: our bytes, for the block's next user.
    const Word old = words(place.slab())[place.word()].fetch_or(mask, sc);
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
        // A word that had a free block has somebody who looks after its slab (A3 of STATES.md): who gave that block, or who
        // publishes. Only the first of a word must, and the last, who may have completed the slab.
        if (old == 0 || complete) pending.note(*this, place.slab(), c, complete);
    }
    pending.settle_all(*this, c);
}

void Arena::adopt(Bin c, void* block) noexcept {
    const Place place = Locator(*this, c).place(block);
    // As give_word(), but a copy of a block that an interrupted move had already given is no fault.
    const Word old = words(place.slab())[place.word()].fetch_or(place.bit(), sc);
    if ((old & place.bit()) == 0) settle(place.slab(), c, true);
}

bool Arena::complete(UnitId slab, Bin c, base::Order order) const noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    for (std::uint32_t w = 0; w < g.words; ++w) {
        if (words(slab)[w].load(order) != base::full_word(g, w)) return false;
    }
    return true;
}

// After bits were set or a slab published: puts a shared slab with a free block into its index, and notes a complete one. From
// its first line on the slab may be anything: it is read, hints are inserted, nothing else. Returns whether it noted one.
bool Arena::settle(UnitId slab, Bin c, bool look) noexcept {
    // [E1] seq_cst, after the caller's bits; pairs with publish(). An owner looks after everything when it publishes.
    if (spans_->state(slab, sc) != State::of(Kind::shared, c)) return false;
    bool noted = false;
    if (look) {
        const base::ClassGeometry& g = kGeometry[c];
        bool any = false;
        bool all = true;
        for (std::uint32_t w = 0; w < g.words && (all || !any); ++w) {
            const Word word = words(slab)[w].load(sc);  // [E1] [E2] seq_cst, after our own bit or publish
            any = any || word != 0;
            all = all && word == base::full_word(g, w);
        }
        if (!any) return false;
        noted = all && ripe_.insert(slab);         // [E15] after the bits
        if (noted) ripe_count_.fetch_add(1, rlx);  // relaxed: a bound
    }
    index_[c].insert(slab);  // [E3] after `unit`
    return noted;
}

// owned -> shared. Nothing may touch the record between the two lines.
void Arena::publish(UnitId slab, Bin c) noexcept {
    base::expect(spans_->state(slab, rlx) == State::of(Kind::owned, c), words(slab), "publishing a slab that is not owned");
    // [E1] seq_cst, before the look at the bits; pairs with give_word(): bits, then `unit`. [E7] release: pairs with claim().
    spans_->state_word(slab).store(State::of(Kind::shared, c).raw, sc);
    settle(slab, c, true);
}

void Arena::find_again() noexcept {
    const UnitId end = spans_->frontier();
    for (UnitId unit = 1; unit < end; ++unit) {
        const State state = spans_->state(unit, rlx);  // relaxed: which to look at; settle() decides
        if (state.kind() == Kind::shared) settle(unit, state.value(), true);
    }
}

void Arena::leave(Bin c, Atomic<UnitId>& cur) noexcept {
    const UnitId slab = cur.load(rlx);
    if (slab == kNoUnit) return;
    cur.store(kNoUnit, rlx);  // before the publish
    base::compiler_fence();
    publish(slab, c);
}

// owned -> none. The order matters: the hint, the map and the record are clean before anybody else can have the units.
void Arena::retire(UnitId slab, Bin c) noexcept {
    base::expect(complete(slab, c, rlx), words(slab), "retiring a slab with live blocks");
    index_[c].remove(slab);
    spans_->mark(slab, kGeometry[c].units, 0);
    spans_->state_word(slab).store(State::none().raw, rel);  // [E8] is the units' own
    spans_->give(slab, kGeometry[c].units);
}

void Arena::expect_threads(std::uint32_t n) noexcept {
    populate_from_.store(kPopulateFrom + n * kPopulatePerThread, rlx);  // relaxed: a heuristic
}

void Arena::bound_ripe(Bin c) noexcept {
    const std::size_t share = spans_->held() / 8;
    const auto most = static_cast<std::int32_t>((share > kLeastRipe ? share : kLeastRipe) / kGeometry[c].units);
    const std::int32_t count = ripe_count_.load(rlx);  // relaxed: a bound
    if (count > most) retire_ripe(static_cast<std::uint32_t>(count - most));
}

// Of slabs that were complete, those that still are: claimed, looked at once more, retired.
std::uint32_t Arena::retire_ripe(std::uint32_t most) noexcept {
    std::uint32_t looked = 0;
    for (; looked < most; ++looked) {
        // [E15] seq_cst, the hint is taken before the look at the bits; pairs with give_word() and settle(): bits, then the
        // hint.
        const UnitId slab = ripe_.take_lowest();
        if (slab == Index::kNone) break;
        ripe_count_.fetch_sub(1, rlx);
        const State state = spans_->state(slab, sc);
        const Bin c = state.value();
        if (state.kind() != Kind::shared || !complete(slab, c, sc)) continue;  // stale: who completes it again notes it again
        if (!claim(slab, c)) continue;                                         // the winner looks when it publishes
        if (complete(slab, c, acq)) {  // [E6] acquire: everybody's bytes. Stable now: it is ours.
            retire(slab, c);
        } else {
            publish(slab, c);
        }
    }
    return looked;
}

void Arena::tick() noexcept {
    const std::uint64_t last = spans_->last_tick();
    if (ripe_tick_.load(rlx) == last || ripe_count_.load(rlx) <= 0) return;  // relaxed: whoever comes by, and how often
    if (retire_ripe(kRipePerCall) < kRipePerCall) ripe_tick_.store(last, rlx);
}

}  // namespace ashlar::arena
