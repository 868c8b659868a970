#include "core/spans/spans.hpp"

#include "base/report.hpp"
#include "core/spans/each_word.hpp"

namespace ashlar::spans {

using base::acq_rel;
using base::Atomic;
using base::BitmapIndex;
using base::kNoUnit;
using base::kWordBits;
using base::rel;
using base::rlx;
using base::seq_cst;
using base::UnitId;
using base::Word;

namespace {

// Words that one holder of the lock rescans. More would hold it for long, and
// the map is only a hint.
constexpr std::uint32_t kSyncBound = 1024;
// How often a thread tries the lock before it scans the bits without it. Most
// holders leave the lock before that. A scan is worse: it competes with other
// scans for the same units.
constexpr std::uint32_t kTries = 16;

constexpr std::uint32_t kFitTries = 32;  // holes that fit() tries for an aligned run

}  // namespace

void Spans::layout(region::Carver& carver, const region::Region& region, bool guarded) noexcept {
    region_ = region;
    guarded_ = guarded;
    const std::uint32_t words = BitmapIndex::words_of_level(region.end, 0);
    region::layout_index(carver, &free_, 1, region.end, 0);
    region::layout_index(carver, &pending_words_, 1, words, base::kWordShift);
    state_ = carver.table<Atomic<std::uint32_t>>(region.end);
    page_map_ = carver.table<Atomic<std::uint8_t>>(region.end);
    dirty_bits_ = carver.table<Atomic<Word>>(region.end, base::kWordShift);
    aged_bits_ = carver.table<Atomic<Word>>(region.end, base::kWordShift);
    holes_.layout(carver, region.end);
    frontier_.store(1, rlx);  // relaxed: the heap is not published yet
}

// Claims all units or none. A failing claim gives back the units that it held
// for a moment, and notes their words in pending_words_. Otherwise a thread
// that saw the run broken meanwhile could drop it from the map for good.
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
            pending_words_.insert(word);
        }
        return false;
    });
    if (all) return true;
    if (held_end > start) release(start, held_end - start);
    sync_holes();
    return false;
}

// Sets the bits of the units, and notes their words for the map of holes.
void Spans::release(UnitId start, std::uint32_t units) noexcept {
    each_word(start, units, [&](std::uint32_t word, Word mask) noexcept {
        if (free_.give_mask(word, mask) != 0) {
            base::report_corruption(reinterpret_cast<void*>(region_.address(start)),
                                    "units freed twice");
        }
        pending_words_.insert(word);
        return true;
    });
}

// Brings the map up to date, or leaves that to the holder of the lock: the
// holder looks again after its unlock [E9]. any() reads the leaves, so that a
// summary bit of a stopped thread keeps no thread in this loop.
void Spans::sync_holes() noexcept {
    while (pending_words_.any()) {
        if (!lock_.try_lock()) return;
        sync_holes_locked();
        lock_.unlock();
    }
}

void Spans::sync_holes_locked() noexcept {
    // Takes neighbouring words together: a long run is scanned once, not once
    // for each of its words.
    for (std::uint32_t done = 0; done < kSyncBound;) {
        const std::uint32_t first = pending_words_.take_lowest();
        if (first == BitmapIndex::kNone) return;
        std::uint32_t end = first + 1;
        while (end * kWordBits < region_.end && end - first < kSyncBound &&
               pending_words_.contains(end) && pending_words_.remove(end))
            ++end;
        rescan(first * kWordBits, end * kWordBits);
        done += end - first;
    }
}

// The first unit of the free run that ends at `at` or contains it.
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

// The end of the free run that begins at `at`.
UnitId Spans::run_end(UnitId at, UnitId last) const noexcept {
    while (at < last) {
        const std::uint32_t in_word = at % kWordBits;
        const auto ones =
            static_cast<std::uint32_t>(std::countr_one(free_.leaf_word(at / kWordBits) >> in_word));
        at += ones;
        if (ones < kWordBits - in_word) break;
    }
    return at;
}

// Under the span lock. Makes the map agree with the bits about every free run
// that meets [from, to). If a dropped hole ends beyond `to`, it is rescanned to
// its end: that part may still be free, and no hint leads there.
void Spans::rescan(UnitId from, UnitId to) noexcept {
    const UnitId dropped = holes_.erase_within(from, to);
    if (dropped > to) to = dropped;
    // Not the frontier: the value seen here may be older than the hint.
    const UnitId last = region_.end;
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
        if (end == at) continue;  // taken meanwhile
        const UnitId more = holes_.erase_within(start, end);
        if (more > to) to = more;
        holes_.insert(start, end - start);
        at = end;
    }
}

// Under the span lock. The shortest hole with an aligned run, of the first few
// that are long enough. If none of them has one, a hole so long that it must
// have one.
UnitId Spans::fit(std::uint32_t units, std::uint32_t align) const noexcept {
    UnitId start = holes_.best_fit(units);
    for (std::uint32_t tries = 0; start != kNoUnit && tries < kFitTries; ++tries) {
        if (pad(start, align) + units <= holes_.length(start)) return start;
        start = holes_.next_fit(start);
    }
    return start == kNoUnit ? kNoUnit : holes_.best_fit(units + align - 1);
}

UnitId Spans::take_fit(std::uint32_t units, std::uint32_t align) noexcept {
    // Relaxed, both: counters.
    if (!lock_.lock_soon(kTries)) {
        lock_refused_.fetch_add(1, rlx);
        return kNoUnit;
    }
    lock_taken_.store(lock_taken_.load(rlx) + 1, rlx);
    sync_holes_locked();
    UnitId run = kNoUnit;
    for (UnitId start = fit(units, align); start != kNoUnit; start = fit(units, align)) {
        const std::uint32_t length = holes_.length(start);
        const std::uint32_t before = pad(start, align);
        if (claim(start + before, units)) {
            run = start + before;
            holes_.erase(start);
            holes_.insert(start, before);
            holes_.insert(run + units, length - before - units);
            break;
        }
        rescan(start, start + length);  // a stale hole is rescanned: a part may be free
    }
    lock_.unlock();
    return run;
}

// Claims a run without the lock and the map, by a search of the bits. O(words
// that may have free units). Each search begins elsewhere, so that concurrent
// searches meet less. It begins at the start of a run, so that runs are not
// taken from the middle. It ends behind a run that may have come to reach
// across that place.
UnitId Spans::take_scan(std::uint32_t units, std::uint32_t align) noexcept {
    // [E19] seq_cst, as the reads of the bits after it; pairs with the CAS in
    // take_frontier() and extend(). A failed try for the lock may be all that
    // orders this thread after others, and that orders nothing. An old frontier
    // would hide the units above it.
    const UnitId frontier = frontier_.load(seq_cst);
    constexpr std::uint32_t kGolden = 0x9e3779b9;
    // Relaxed: any number will do.
    const std::uint32_t turn = searches_.fetch_add(1, rlx) * kGolden;
    const UnitId from = run_begin(static_cast<UnitId>(std::uint64_t{turn} * frontier >> 32));
    const UnitId start = take_within(from, frontier, units, align);
    const std::uint32_t most = units + align - 1;
    return start != kNoUnit
               ? start
               : take_within(0, from + most < frontier ? from + most : frontier, units, align);
}

// Claims the first run in [from, to) that is long enough.
UnitId Spans::take_within(UnitId from, UnitId to, std::uint32_t units,
                          std::uint32_t align) noexcept {
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
        const UnitId run = start + pad(start, align);
        if (run + units <= at) {
            if (claim(run, units)) {
                each_word(run, units, [this](std::uint32_t changed, Word) noexcept {
                    pending_words_.insert(changed);
                    return true;
                });
                return run;
            }
            start = at;
        }
    }
    return kNoUnit;
}

UnitId Spans::take_frontier(std::uint32_t units, std::uint32_t align) noexcept {
    UnitId start = frontier_.load(rlx);
    for (;;) {
        const std::uint32_t before = pad(start, align);
        if (std::uint64_t{before} + units > region_.end - start ||
            !committed_.cover(start + before + units))
            return kNoUnit;
        // The CAS only divides ids: no thread has written to the records of
        // these units yet. [E19] seq_cst, before their bits are ever set.
        if (frontier_.cas(start, start + before + units, seq_cst, rlx)) {
            if (before != 0) release(start, before);
            return start + before;
        }
    }
}

std::uint32_t Spans::count_dirty(UnitId start, std::uint32_t units) const noexcept {
    std::uint32_t n = 0;
    each_word(start, units, [&](std::uint32_t word, Word mask) noexcept {
        // Relaxed: written by the last holders of these units, before they gave
        // them [E8].
        n += base::count((dirty_bits_[word].load(rlx) | aged_bits_[word].load(rlx)) & mask);
        return true;
    });
    return n;
}

void Spans::mark_dirty(UnitId start, std::uint32_t units) noexcept {
    each_word(start, units, [&](std::uint32_t word, Word mask) noexcept {
        // Relaxed: the caller holds the units; [E8] publishes it.
        if ((~dirty_bits_[word].load(rlx) & mask) != 0) dirty_bits_[word].fetch_or(mask, rlx);
        if ((aged_bits_[word].load(rlx) & mask) != 0) aged_bits_[word].fetch_and(~mask, rlx);
        return true;
    });
}

Run Spans::taken(UnitId start, std::uint32_t units) noexcept {
    if (start == kNoUnit) return {kNoUnit, false, 0};
    if (freed_long_.load(rlx) != 0) freed_long_.store(0, rlx);       // relaxed: a heuristic
    const std::uint32_t held = held_.fetch_add(units, rlx) + units;  // relaxed: counters
    const std::uint32_t dirty = count_dirty(start, units);
    if (dirty != 0) dirty_units_.fetch_sub(dirty, rlx);
    const Run run{start, dirty == 0, units - dirty};
    if (admits != nullptr && dirty != units && !admits()) return refuse(run, units);
    std::uint32_t peak = peak_.load(rlx);
    while (held > peak && !peak_.cas(peak, held, rlx, rlx)) {
    }
    return run;
}

UnitId Spans::take_recent(std::uint32_t units, std::uint32_t align) noexcept {
    const UnitId seen = recent_[units].load(rlx);  // relaxed: the exchange decides
    if (seen == kNoUnit || pad(seen, align) != 0) return kNoUnit;
    // [E14] acquire, pairs with the CAS in give(): the run's records, as its
    // last holder left them.
    const UnitId kept = recent_[units].exchange(kNoUnit, acq_rel);
    if (kept == kNoUnit || pad(kept, align) == 0) return kept;
    put_free(kept, units);  // another thread has replaced the run
    return kNoUnit;
}

Run Spans::take_units(std::uint32_t units, bool may_grow, std::uint32_t align) noexcept {
    if (units < kRecent) {
        const UnitId kept = take_recent(units, align);
        if (kept != kNoUnit) return {kept, false, 0};
    }
    UnitId start = take_fit(units, align);
    if (start == kNoUnit) start = take_scan(units, align);
    const bool fresh = start == kNoUnit;
    if (fresh && may_grow) start = take_frontier(units, align);
    const Run run = taken(start, units);
    if (!fresh) learn(run);
    sync_holes();
    return run;
}

void Spans::give_units(UnitId start, std::uint32_t units) noexcept {
    if (units < kRecent) {
        mark_dirty(start, units);
        UnitId none = kNoUnit;
        // [E14] release, pairs with the exchange in take_recent(): all that we
        // wrote to the run's records. Relaxed for the look before it, and on
        // failure.
        if (recent_[units].load(rlx) == kNoUnit && recent_[units].cas(none, start, rel, rlx))
            return tick();
    } else if (purge_held(start, units)) {
        return tick();
    } else {
        mark_dirty(start, units);
    }
    put_free(start, units);
    sync_holes();
    tick();
}

// Frees a run whose units are marked dirty.
void Spans::put_free(UnitId start, std::uint32_t units) noexcept {
    held_.fetch_sub(units, rlx);  // relaxed, both: counters
    dirty_units_.fetch_add(units, rlx);
    release(start, units);
}

void Spans::give_recent() noexcept {
    for (std::uint32_t units = 1; units < kRecent; ++units) {
        const UnitId start = recent_[units].exchange(kNoUnit, acq_rel);  // [E14] as in take()
        if (start != kNoUnit) put_free(start, units);
    }
    sync_holes();
}

bool Spans::extend_units(UnitId end, std::uint32_t more) noexcept {
    if (more > region_.end - end) return false;
    UnitId frontier = frontier_.load(rlx);  // relaxed: the claim and the CAS decide
    if (end > frontier) return false;
    const std::uint32_t below = end + more < frontier ? more : frontier - end;
    const std::uint32_t above = more - below;
    if (below != 0 && (!free_.contains(end) || !claim(end, below))) return false;
    // [E19] as in take_frontier()
    if (above != 0 && !(committed_.cover(end + more) &&
                        frontier_.cas(frontier, frontier + above, seq_cst, rlx))) {
        if (below != 0) release(end, below);
        sync_holes();
        return false;
    }
    if (below != 0) {
        each_word(end, below, [this](std::uint32_t word, Word) noexcept {
            pending_words_.insert(word);
            return true;
        });
        sync_holes();
    }
    const Run run = taken(end, more);
    if (above == 0) learn(run);
    sync_holes();
    return static_cast<bool>(run);
}

void Spans::adopt_fork() noexcept {
    lock_.reset();
    committed_.adopt_fork();
    const UnitId frontier = frontier_.load(rlx);  // relaxed: no other thread runs
    holes_.clear(frontier);
    const std::uint32_t words = (frontier + kWordBits - 1) / kWordBits;
    for (std::uint32_t w = free_.next_word(0, words); w < words; w = free_.next_word(w + 1, words))
        pending_words_.insert(w);
}

}  // namespace ashlar::spans
