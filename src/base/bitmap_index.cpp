#include "base/bitmap_index.hpp"

namespace ashlar::base {

bool BitmapIndex::insert(std::uint32_t id) noexcept {
    Atomic<Word>& word = leaf(id / kWordBits);
    const Word own = bit(id % kWordBits);
    // [E3] seq_cst test and set of the hint, after the caller's write of the
    // state; pairs with take_leaf()'s fetch_and and the claim after it. [E4]
    // the set comes before the tests of the summaries in raise().
    const bool missing =
        (word.load(seq_cst) & own) == 0 && (word.fetch_or(own, seq_cst) & own) == 0;
    raise(id / kWordBits);
    return missing;
}

// To the top, always: an inserter that stops where it sees a bit set could be
// fooled by a thread that stopped before it.
void BitmapIndex::raise(std::uint32_t word) noexcept {
    const std::size_t stride = stride_;
    Atomic<Word>* const* const end = level_ + depth_;
    for (Atomic<Word>* const* level = level_ + 1; level != end; ++level) {
        const Word some = bit(word % kFan);
        word /= kFan;
        Atomic<Word>& summary = (*level)[word * stride];
        // [E4] seq_cst test and set after the child's bit, pairs with clear():
        // `some` off, then its look at the child.
        if ((summary.load(seq_cst) & some) == 0) summary.fetch_or(some, seq_cst);
    }
}

// `child`, a word of level - 1, was seen empty. `busy` is a try-lock per bit:
// clears of one bit never overlap, and during a clear the summary says "maybe".
// A thread that finds it taken returns. It may stay taken for ever, which costs
// each search one look.
void BitmapIndex::clear(std::uint32_t level, std::uint32_t child) noexcept {
    for (; level < depth_; ++level) {
        Atomic<Word>& summary = at(level, child / kFan);
        const Word some = bit(child % kFan);
        const Word busy = some << kFan;
        // [E4] seq_cst, `some` off and then the look at the child; pairs with
        // insert() and raise(): child, then `some`.
        if ((summary.fetch_or(busy, seq_cst) & busy) != 0) return;
        summary.fetch_and(~some, seq_cst);
        if (at(level - 1, child).load(seq_cst) != 0) summary.fetch_or(some, seq_cst);
        if ((summary.fetch_and(~busy, seq_cst) & ~busy) != 0) return;
        child /= kFan;
    }
}

bool BitmapIndex::remove(std::uint32_t id) noexcept {
    const Word own = bit(id % kWordBits);
    // [E3] seq_cst, as in take_leaf(): its caller retires what the id names.
    // [E20] or looks whether it should have stayed.
    const Word old = leaf(id / kWordBits).fetch_and(~own, seq_cst);
    if (old == own) clear(1, id / kWordBits);
    return (old & own) != 0;
}

std::uint32_t BitmapIndex::take_leaf(std::uint32_t word) noexcept {
    Word seen = leaf(word).load(rlx);  // only a choice: the fetch_and decides
    while (seen != 0) {
        const Word own = bit(lowest(seen));
        // [E3] seq_cst, the hint is taken before the claim of what it names;
        // pairs with insert() after the state.
        const Word old = leaf(word).fetch_and(~own, seq_cst);
        if ((old & own) != 0) {
            if (old == own) clear(1, word);
            return word * kWordBits + lowest(own);
        }
        seen = old;
    }
    return kNone;
}

// The first id that `look(word)` finds in a leaf. It works on a copy of each
// word and never starts again, so that no thread waits; an id inserted behind
// the search may be missed.
template <class Leaf>
std::uint32_t BitmapIndex::find_in(std::uint32_t level, std::uint32_t word, Leaf look) noexcept {
    if (level == 0) return look(word);
    // Relaxed: only where to look.
    for (Word left = maybe(at(level, word).load(rlx)); left != 0; left &= left - 1) {
        const std::uint32_t child = word * kFan + lowest(left);
        if (at(level - 1, child).load(rlx) == 0) {
            clear(level, child);
            continue;
        }
        const std::uint32_t id = find_in(level - 1, child, look);
        if (id != kNone) return id;
    }
    return kNone;
}

std::uint32_t BitmapIndex::take_lowest() noexcept {
    return find_in(depth_ - 1, 0, [this](std::uint32_t word) noexcept { return take_leaf(word); });
}

std::uint32_t BitmapIndex::lowest_id() noexcept {
    return find_in(depth_ - 1, 0, [this](std::uint32_t word) noexcept {
        // Relaxed: the caller finds out whether the id is still right.
        const Word here = leaf(word).load(rlx);
        return here != 0 ? word * kWordBits + lowest(here) : kNone;
    });
}

bool BitmapIndex::any_in(std::uint32_t level, std::uint32_t word) const noexcept {
    // [E9] seq_cst, after the unlock; pairs with the insert before a failing
    // try_lock.
    const Word here = at(level, word).load(seq_cst);
    if (level == 0) return here != 0;
    for (Word left = maybe(here); left != 0; left &= left - 1) {
        if (any_in(level - 1, word * kFan + lowest(left))) return true;
    }
    return false;
}

std::uint32_t BitmapIndex::next_word(std::uint32_t word, std::uint32_t end) const noexcept {
    while (word < end && depth_ > 1) {
        // [E4] seq_cst, pairs with the set in raise(). Nothing else orders the
        // freeing thread before this search, which would pass by free ids.
        const Word here = maybe(at(1, word / kFan).load(seq_cst)) >> (word % kFan);
        if (here != 0) return word + lowest(here) < end ? word + lowest(here) : end;
        word = (word / kFan + 1) * kFan;
    }
    return word < end ? word : end;
}

}  // namespace ashlar::base
