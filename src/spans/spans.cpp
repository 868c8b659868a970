#include "spans/spans.hpp"

#include "base/report.hpp"

namespace ashlar::spans {

using base::ar;
using base::Atomic;
using base::Index;
using base::kNoUnit;
using base::kWordBits;
using base::rel;
using base::rlx;
using base::sc;
using base::UnitId;
using base::Word;

namespace {

constexpr std::uint32_t kDrainBound =
    1024;                             // words brought up to date by one holder of the lock; the bits are the truth anyway
constexpr std::uint32_t kTries = 16;  // for the lock, before the bits are searched without it

void layout_index(region::Carver& carver, Index& index, std::uint32_t ids) noexcept {
    for (std::uint32_t level = 0; level < Index::levels(ids); ++level) {
        index.attach(level, carver.array<Atomic<Word>>(Index::words_of_level(ids, level)), 1);
    }
}

// Calls f(word, mask) for each word that a run has units in, upwards; stops and returns false when f does.
template <class F>
bool each_word(UnitId start, std::uint32_t units, F f) noexcept {
    const UnitId end = start + units;
    while (start < end) {
        const std::uint32_t in_word = start % kWordBits;
        const std::uint32_t room = kWordBits - in_word;
        const std::uint32_t n = end - start < room ? end - start : room;
        if (!f(start / kWordBits, base::mask(in_word, n))) return false;
        start += n;
    }
    return true;
}

}  // namespace

void Spans::layout(region::Carver& carver, const region::Region& region) noexcept {
    region_ = region;
    const std::uint32_t words = Index::words_of_level(region.end, 0);
    layout_index(carver, free_, region.end);
    layout_index(carver, look_, words);
    state_ = carver.array<Atomic<std::uint32_t>>(region.end);
    map_ = carver.array<Atomic<std::uint8_t>>(region.end);
    young_ = carver.array<Atomic<Word>>(words);
    aged_ = carver.array<Atomic<Word>>(words);
    holes_.layout(carver, region.end);
    frontier_.store(1, rlx);  // relaxed: the heap is not published yet
}

// All units or none. What a failing claim held for a moment it puts back, and has the map look again: a run that others saw
// broken meanwhile must not be forgotten.
bool Spans::claim(UnitId start, std::uint32_t units) noexcept {
    UnitId held_end = start;
    const bool all = each_word(start, units, [&](std::uint32_t word, Word mask) noexcept {
        const Word got = free_.take_mask(word, mask);
        if (got == mask) {
            held_end = (word + 1) * kWordBits;
            return true;
        }
        if (got != 0) {
            free_.give_mask(word, got);
            look_.insert(word);
        }
        return false;
    });
    if (all) return true;
    if (held_end > start) release(start, held_end - start);
    nudge();
    return false;
}

// Sets the units' bits and notes the words for the map.
void Spans::release(UnitId start, std::uint32_t units) noexcept {
    each_word(start, units, [&](std::uint32_t word, Word mask) noexcept {
        if (free_.give_mask(word, mask) != 0) {
            base::report_corruption(reinterpret_cast<void*>(region_.address(start)), "units freed twice");
        }
        look_.insert(word);
        return true;
    });
}

// Brings the map up to date, or leaves that to who holds the lock: the holder looks again after its unlock [E9]. Reads the
// leaves, so that a summary bit which a stopped thread left behind can't keep anybody here.
void Spans::nudge() noexcept {
    while (look_.any()) {
        if (!lock_.try_lock()) return;
        drain();
        lock_.unlock();
    }
}

std::uint32_t Spans::drain() noexcept {
    std::uint32_t done = 0;
    for (; done < kDrainBound; ++done) {
        const std::uint32_t word = look_.take_lowest();
        if (word == Index::kNone) break;
        rescan(word * kWordBits, (word + 1) * kWordBits);
    }
    return done;
}

// Where the run of ones that ends before or reaches `at` begins.
UnitId Spans::run_begin(UnitId at) const noexcept {
    while (at > 0) {
        const std::uint32_t in_word = (at - 1) % kWordBits;
        const Word below = free_.leaf_word((at - 1) / kWordBits) << (kWordBits - 1 - in_word);
        const auto ones = static_cast<std::uint32_t>(std::countl_one(below));
        at -= ones;
        if (ones <= in_word) break;
    }
    return at;
}

// Where the run of ones that begins at `at` ends.
UnitId Spans::run_end(UnitId at, UnitId last) const noexcept {
    while (at < last) {
        const std::uint32_t in_word = at % kWordBits;
        const auto ones = static_cast<std::uint32_t>(std::countr_one(free_.leaf_word(at / kWordBits) >> in_word));
        at += ones;
        if (ones < kWordBits - in_word) break;
    }
    return at;
}

// Span lock. Makes the map say what the bits say about every free run that meets [from, to). A hole that is dropped is looked
// at to its end: its rest may still be free, and nobody else would tell.
void Spans::rescan(UnitId from, UnitId to) noexcept {
    const UnitId dropped = holes_.erase_within(from, to);
    if (dropped > to) to = dropped;
    const UnitId last = region_.end;  // not the frontier: what we knew of that could be older than the hint that led here
    UnitId at = from;
    while (at < to && at < last) {
        const Word rest = free_.leaf_word(at / kWordBits) >> at % kWordBits;
        if (rest == 0) {
            at = (at / kWordBits + 1) * kWordBits;
            continue;
        }
        at += base::lowest(rest);
        const UnitId start = at == from ? run_begin(at) : at;
        const UnitId end = run_end(at, last);
        if (end == at) continue;  // taken since we looked
        const UnitId more = holes_.erase_within(start, end);
        if (more > to) to = more;
        holes_.insert(start, end - start);
        at = end;
    }
}

// Tries for about a microsecond: most holders need no longer, and the map finds a fit where a scan of the bits meets everybody
// else who scans.
bool Spans::lock_soon() noexcept {
    for (std::uint32_t tries = 0; tries < kTries; ++tries) {
        if (!lock_.looks_taken() && lock_.try_lock()) return true;
        base::pause();
    }
    return false;
}

UnitId Spans::take_fit(std::uint32_t units) noexcept {
    if (!lock_soon()) return kNoUnit;
    drain();
    UnitId start = holes_.best_fit(units);
    while (start != kNoUnit) {
        const std::uint32_t length = holes_.length(start);
        if (claim(start, units)) {
            holes_.erase(start);
            holes_.insert(start + units, length - units);
            break;
        }
        rescan(start, start + length);  // a stale hole is never just dropped
        start = holes_.best_fit(units);
    }
    lock_.unlock();
    return start;
}

// A run of ones that can be claimed: no lock, no map. O(words that may have free units). Each search begins elsewhere, so that
// threads that search at once meet less, at the beginning of a run, so that runs are not taken from the middle; it ends behind
// a run that may have come to reach across that place.
UnitId Spans::take_scan(std::uint32_t units) noexcept {
    // [E19] seq_cst, as the bits that are read after it: pairs with the CAS in take_frontier() and extend(). A stopped holder
    // of the lock may be all that this thread has seen of others, which orders nothing: an old frontier would hide what lies
    // above it.
    const UnitId frontier = frontier_.load(sc);
    constexpr std::uint32_t kGolden = 0x9e3779b9;
    const std::uint32_t turn = searches_.fetch_add(1, rlx) * kGolden;  // relaxed: any number will do
    const UnitId from = run_begin(static_cast<UnitId>(std::uint64_t{turn} * frontier >> 32));
    const UnitId start = take_within(from, frontier, units);
    return start != kNoUnit ? start : take_within(0, from + units < frontier ? from + units : frontier, units);
}

// The first such run in [from, to).
UnitId Spans::take_within(UnitId from, UnitId to, std::uint32_t units) noexcept {
    const std::uint32_t words = (to + kWordBits - 1) / kWordBits;
    UnitId start = from;  // of the run of ones that ends at `at`
    UnitId at = from;
    while (at < to) {
        const std::uint32_t word = at / kWordBits;
        const Word rest = free_.leaf_word(word) >> at % kWordBits;
        if (rest == 0) {
            at = free_.next_word(word + 1, words) * kWordBits;
            start = at;
            continue;
        }
        if ((rest & 1) == 0) {
            at += base::lowest(rest);
            start = at;
            continue;
        }
        at += static_cast<std::uint32_t>(std::countr_one(rest));
        if (at - start >= units) {
            if (claim(start, units)) {
                each_word(start, units, [this](std::uint32_t changed, Word) noexcept {
                    look_.insert(changed);
                    return true;
                });
                return start;
            }
            start = at;
        }
    }
    return kNoUnit;
}

UnitId Spans::take_frontier(std::uint32_t units) noexcept {
    UnitId start = frontier_.load(rlx);
    // The CAS only divides ids: nobody has written about these units yet. [E19] seq_cst, before their bits are ever set.
    while (units <= region_.end - start) {
        if (frontier_.cas(start, start + units, sc, rlx)) return start;
    }
    return kNoUnit;
}

std::uint32_t Spans::soiled(UnitId start, std::uint32_t units) const noexcept {
    std::uint32_t n = 0;
    each_word(start, units, [&](std::uint32_t word, Word mask) noexcept {
        // Relaxed: written by the last holders of these units, before they gave them [E8].
        n += base::count((young_[word].load(rlx) | aged_[word].load(rlx)) & mask);
        return true;
    });
    return n;
}

void Spans::soil(UnitId start, std::uint32_t units) noexcept {
    each_word(start, units, [&](std::uint32_t word, Word mask) noexcept {
        // Relaxed: the caller holds the units; [E8] publishes it.
        if ((~young_[word].load(rlx) & mask) != 0) young_[word].fetch_or(mask, rlx);
        if ((aged_[word].load(rlx) & mask) != 0) aged_[word].fetch_and(~mask, rlx);
        return true;
    });
}

Run Spans::taken(UnitId start, std::uint32_t units) noexcept {
    if (start == kNoUnit) return {kNoUnit, false};
    const std::uint32_t held = held_.fetch_add(units, rlx) + units;  // relaxed: counters
    std::uint32_t peak = peak_.load(rlx);
    while (held > peak && !peak_.cas(peak, held, rlx, rlx)) {
    }
    const std::uint32_t dirty = soiled(start, units);
    if (dirty != 0) dirty_.fetch_sub(dirty, rlx);
    return {start, dirty == 0};
}

Run Spans::take(std::uint32_t units, bool may_grow) noexcept {
    if (units < kRecent) {
        // [E14] acquire, pairs with the CAS in give(): the run's records, as its last holder left them. Relaxed before: a look.
        const UnitId kept = recent_[units].load(rlx) != kNoUnit ? recent_[units].exchange(kNoUnit, ar) : kNoUnit;
        if (kept != kNoUnit) return {kept, false};
    }
    UnitId start = take_fit(units);
    if (start == kNoUnit) start = take_scan(units);
    const bool fresh = start == kNoUnit;
    if (fresh && may_grow) start = take_frontier(units);
    const Run run = taken(start, units);
    if (run.zero && !fresh && purged_amount_.load(rlx) != 0) {  // purged too early: allow more dirt for a while
        purged_amount_.store(0, rlx);
        const std::uint32_t cap = cap_.load(rlx);
        cap_.store((cap < kMinCap ? kMinCap : cap) * 4, rlx);  // relaxed: a heuristic; a lost update does no harm
    }
    nudge();
    return run;
}

void Spans::give(UnitId start, std::uint32_t units) noexcept {
    soil(start, units);
    if (units < kRecent) {
        UnitId none = kNoUnit;
        // [E14] release, pairs with the exchange in take(): all that we wrote about the run. Relaxed: a look, or a failure.
        if (recent_[units].load(rlx) == kNoUnit && recent_[units].cas(none, start, rel, rlx)) return tick();
    }
    held_.fetch_sub(units, rlx);
    dirty_.fetch_add(units, rlx);
    release(start, units);
    nudge();
    tick();
}

void Spans::give_recent() noexcept {
    for (std::uint32_t units = 1; units < kRecent; ++units) {
        const UnitId start = recent_[units].exchange(kNoUnit, ar);  // [E14] as in take()
        if (start == kNoUnit) continue;
        held_.fetch_sub(units, rlx);
        dirty_.fetch_add(units, rlx);
        release(start, units);
    }
    nudge();
}

bool Spans::extend(UnitId end, std::uint32_t more) noexcept {
    UnitId expected = end;
    bool got = false;
    if (more <= region_.end - end) {
        if (end == frontier_.load(rlx)) {                        // relaxed, here and below: the CAS or the claim decides
            got = frontier_.cas(expected, end + more, sc, rlx);  // [E19] as in take_frontier()
        } else if (end + more <= frontier_.load(rlx) && free_.contains(end) && claim(end, more)) {
            got = true;
            each_word(end, more, [this](std::uint32_t word, Word) noexcept {
                look_.insert(word);
                return true;
            });
            nudge();
        }
    }
    if (got) taken(end, more);
    return got;
}

void Spans::adopt_fork() noexcept {
    lock_.reset();
    const UnitId frontier = frontier_.load(rlx);  // relaxed: alone here
    holes_.clear(frontier);
    const std::uint32_t words = (frontier + kWordBits - 1) / kWordBits;
    for (std::uint32_t w = free_.next_word(0, words); w < words; w = free_.next_word(w + 1, words)) look_.insert(w);
}

UnitCounts Spans::counts() const noexcept {
    const std::size_t held = held_.load(rlx);                                 // relaxed: counters
    return {held, frontier() - 1 - held, peak_.load(rlx), dirty_.load(rlx)};  // relaxed
}

}  // namespace ashlar::spans
