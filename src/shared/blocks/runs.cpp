#include "shared/blocks/runs.hpp"

#include "base/bits.hpp"
#include "core/spans/each_word.hpp"

namespace ashlar::shared {

using base::acq;
using base::acq_rel;
using base::Atomic;
using base::kNoUnit;
using base::kWordBits;
using base::rel;
using base::rlx;
using spans::each_word;

namespace {

// Units whose tables are put into the file at once: an eighth of what there is.
constexpr UnitId kLeastGrowth = 16;
// Pages of so many free units may stay in the file, or of an eighth of those in
// use.
constexpr std::uint32_t kLeastBacked = 256;
// A run of so many units loses its own pages, in one call.
constexpr std::uint32_t kLongRun = 64;

// Whether a unit is of a run that `slot` holds and that begins at `start`.
constexpr bool is_part(UnitState unit, SlotId slot, UnitId start) noexcept {
    return unit == UnitState::inside(start) || unit == UnitState::held(slot, 0) ||
           unit == UnitState::held(slot, 1);
}

}  // namespace

// -------------------------------------------------------------------- claiming

// Takes the hints of all units or of none. The acquire of take_mask() [E8] sees
// the state that was stored before the hint was set.
bool Runs::take_hints(UnitId start, std::uint32_t units) noexcept {
    UnitId end = start;
    const bool all = each_word(start, units, [&](std::uint32_t word, Word mask) noexcept {
        const Word got = segment_.free_units.take_mask(word, mask);
        if (got == mask) {
            end = (word + 1) * kWordBits;
            return true;
        }
        if (got != 0) segment_.free_units.give_mask(word, got);
        return false;
    });
    if (!all && end > start) give_hints(start, end - start);
    return all;
}

void Runs::give_hints(UnitId start, std::uint32_t units) noexcept {
    each_word(start, units, [&](std::uint32_t word, Word mask) noexcept {
        segment_.free_units.give_mask(word, mask);
        return true;
    });
}

// Claims units from `start` until one is not free, or has no pages if it must
// have some. Returns how many, and how many of these have pages: held(slot, 1)
// says that a unit has.
Runs::Claimed Runs::claim_states(SlotId slot, UnitId start, std::uint32_t units,
                                 bool only_backed) noexcept {
    Claimed claimed{0, 0};
    while (claimed.units < units) {
        Atomic<Word>& word = segment_.state_word(start + claimed.units);
        UnitState found{word.load(rlx)};  // relaxed: the CAS decides
        if (!found.is_free() || (only_backed && found.kind() != Kind::backed)) break;
        // [E45] acq_rel: the unit's last holder is done with it.
        const bool backed = found.kind() == Kind::backed;
        if (!word.cas(found.raw, UnitState::held(slot, backed ? 1 : 0).raw, acq_rel, rlx)) break;
        ++claimed.units;
        if (backed) ++claimed.backed;
    }
    return claimed;
}

// A hint may be wrong: the claim of the states decides. The hint of a unit that
// was not free stays away, since its holder sets it again.
Runs::Claim Runs::claim(SlotId slot, UnitId start, std::uint32_t units, bool only_backed) noexcept {
    if (!take_hints(start, units)) return Claim::taken;
    const Claimed claimed = claim_states(slot, start, units, only_backed);
    const bool all = claimed.units == units;
    if (all && (claimed.backed == units || segment_.commit(start, units))) {
        Header& header = segment_.header();
        segment_.state_word(start).store(UnitState::held(slot, units).raw, rlx);  // relaxed: ours
        base::compiler_fence();  // before the others: a death then frees the whole run
        for (std::uint32_t i = 1; i < units; ++i)
            segment_.state_word(start + i).store(UnitState::inside(start).raw, rlx);
        header.units_used.fetch_add(units, rlx);  // relaxed: approximate
        header.units_backed.fetch_sub(claimed.backed, rlx);
        return Claim::done;
    }
    for (std::uint32_t i = 0; i < claimed.units; ++i) {
        // Relaxed: ours.
        const bool backed = segment_.state(start + i, rlx) == UnitState::held(slot, 1);
        segment_.state_word(start + i).store(UnitState::free(backed).raw, rel);  // [E45]
    }
    if (claimed.units != 0) give_hints(start, claimed.units);
    const std::uint32_t skipped = only_backed ? 0 : 1;  // the unit without pages may still be free
    if (claimed.units + skipped < units)
        give_hints(start + claimed.units + skipped, units - claimed.units - skipped);
    return all ? Claim::full : Claim::taken;
}

// First fit by the hints. `full`: whether the file had no room for a run that
// was found.
UnitId Runs::search(SlotId slot, std::uint32_t units, bool only_backed, bool& full) noexcept {
    const UnitId to = segment_.covered();
    const std::uint32_t words = (to + kWordBits - 1) / kWordBits;
    UnitId start = 1;  // of the run of ones that ends at `at`
    UnitId at = 1;
    while (at < to) {
        const std::uint32_t word = at / kWordBits;
        const Word rest = segment_.free_units.leaf_word(word) >> at % kWordBits;
        if (rest == 0) {
            start = at = segment_.free_units.next_word(word + 1, words) * kWordBits;
            continue;
        }
        if ((rest & 1) == 0) {
            start = at += base::lowest(rest);
            continue;
        }
        at += static_cast<std::uint32_t>(std::countr_one(rest));
        if (at > to) at = to;
        if (start + units > at) continue;
        const Claim claimed = claim(slot, start, units, only_backed);
        if (claimed == Claim::done) return start;
        if (claimed == Claim::full) {
            full = true;
            return kNoUnit;
        }
        at = ++start;
    }
    return kNoUnit;
}

// Covers more units than those searched. Their hints come first: a thread that
// stops in between would hide them. Until the units are covered no thread
// follows the hints.
bool Runs::grow(UnitId searched, std::uint32_t units) noexcept {
    const UnitId from = segment_.covered();
    const UnitId end = segment_.end();
    if (from != searched) return true;  // another thread added units meanwhile
    if (from >= end) return false;
    const UnitId share = from / 8 > kLeastGrowth ? from / 8 : kLeastGrowth;
    const UnitId wanted = units > share ? units : share;
    UnitId to = wanted < end - from ? from + wanted : end;
    if (!segment_.commit_tables(to)) {
        if (units >= to - from || !segment_.commit_tables(from + units)) return false;
        to = from + units;
    }
    const UnitId first = from == 0 ? 1 : from;
    give_hints(first, to - first);
    segment_.raise_covered(to);
    return true;
}

UnitId Runs::take(SlotId slot, std::uint32_t units) noexcept {
    if (units == 0 || units >= segment_.end()) return kNoUnit;
    for (;;) {
        const UnitId searched = segment_.covered();
        bool full = false;
        const UnitId start = search(slot, units, false, full);
        if (start != kNoUnit) return start;
        if (full) return search(slot, units, true, full);
        if (!grow(searched, units)) return kNoUnit;
    }
}

// --------------------------------------------------------------------- freeing

// [E48] A read-modify-write even if the hint is there: a thread that takes it
// later must see the state.
void Runs::find_again(UnitId unit) noexcept { give_hints(unit, 1); }

std::uint32_t Runs::most_backed() const noexcept {
    return kLeastBacked + segment_.header().units_used.load(rlx) / 8;  // relaxed: approximate
}

// From the end, and the head last: until then it tells recovery of the rest.
void Runs::give(SlotId slot, UnitId start, std::uint32_t units, bool backed) noexcept {
    Header& header = segment_.header();
    // Relaxed: approximate.
    const bool excess = backed && header.units_backed.load(rlx) > most_backed();
    if (excess && units >= kLongRun && segment_.punch(start, units)) backed = false;
    const Word freed = UnitState::free(backed).raw;
    for (std::uint32_t i = units; i-- > 1;) {
        // Relaxed: ours while the head is held.
        if (is_part(segment_.state(start + i, rlx), slot, start))
            segment_.state_word(start + i).store(freed, rel);  // [E45] pairs with claim_states()
    }
    segment_.state_word(start).store(freed, rel);  // [E45]
    header.units_used.fetch_sub(units, rlx);
    if (backed) header.units_backed.fetch_add(units, rlx);
    give_hints(start, units);
    if (excess && backed) punch(slot, most_backed() / 4);
}

// The pages go: which of the units have some is not known.
void Runs::give_dead(SlotId dead, UnitId start, std::uint32_t units) noexcept {
    std::uint32_t left = 1;
    // [E45]
    while (left < units && is_part(segment_.state(start + left, acq), dead, start)) ++left;
    segment_.punch(start, left);
    give(dead, start, left, false);
}

// From the end: first fit takes the other end, so that these units are needed
// last. In batches: a search for each freed run would cost more than its pages.
std::uint32_t Runs::punch(SlotId slot, std::uint32_t most) noexcept {
    std::uint32_t punched = 0;
    for (UnitId unit = segment_.covered(); unit-- > 1 && punched < most;) {
        UnitState found = segment_.state(unit, rlx);  // relaxed: the CAS decides
        if (found.kind() != Kind::backed) continue;
        // [E45] as claim_states()
        if (!segment_.state_word(unit).cas(found.raw, UnitState::held(slot, 0).raw, acq_rel, rlx))
            continue;
        const bool done = segment_.punch(unit, 1);
        segment_.state_word(unit).store(UnitState::free(!done).raw, rel);  // [E45]
        find_again(unit);
        if (!done) break;
        segment_.header().units_backed.fetch_sub(1, rlx);  // relaxed: approximate
        ++punched;
    }
    return punched;
}

// ---------------------------------------------------------------- large blocks

void Runs::make_large(UnitId start, std::uint32_t units, std::uint32_t slack,
                      SlotId pending) noexcept {
    // [E46] pairs with head().
    segment_.state_word(start).store(UnitState::large(units, slack, pending).raw, rel);
}

std::uint32_t Runs::end_large(SlotId slot, UnitId start) noexcept {
    UnitState found = segment_.state(start, rlx);  // relaxed: the CAS decides
    while (found.kind() == Kind::large) {
        const std::uint32_t units = length(found);
        if (units == 0 || units > segment_.end() - start) return 0;
        // [E46] acq_rel: of two frees one succeeds, and sees what the other's
        // hand-over published.
        if (segment_.state_word(start).cas(found.raw, UnitState::held(slot, units).raw, acq_rel,
                                           rlx))
            return units;
    }
    return 0;
}

bool Runs::resize_large(Slot& mine, SlotId slot, UnitId start, std::uint32_t units,
                        std::uint32_t slack) noexcept {
    UnitState found = segment_.state(start, rlx);  // relaxed: the caller holds the block
    if (found.kind() != Kind::large || units == 0 || units >= segment_.end() - start) return false;
    const std::uint32_t before = found.units();
    if (before == 0 || before > segment_.end() - start) return false;
    const UnitId end = start + before;
    const UnitId to = units > before ? start + units : end;
    // Relaxed: read after this thread's death [E43].
    mine.record.store(Record::tail(start, to).raw, rlx);
    base::compiler_fence();
    const bool grows = units > before;
    bool done = !grows || (to <= segment_.covered() &&
                           claim(slot, end, units - before, false) == Claim::done);
    // From the end: the head of the new units tells recovery of the rest.
    for (UnitId unit = to; grows && done && unit-- > end;)
        segment_.state_word(unit).store(UnitState::inside(start).raw, rlx);
    base::compiler_fence();
    if (done) {
        // [E46] the CAS fails if another thread frees the block meanwhile: a
        // fault of the caller.
        done = segment_.state_word(start).cas(found.raw, UnitState::large(units, slack).raw,
                                              acq_rel, rlx);
        const UnitId kept = grows ? end : start + units;
        if (grows != done && kept < to) give_tail(slot, kept, to);
    }
    base::compiler_fence();
    mine.record.store(Record::none().raw, rlx);
    return done;
}

// A death leaves units inside the old run, which the record names, and held
// ones.
void Runs::give_tail(SlotId slot, UnitId from, UnitId to) noexcept {
    // Relaxed: ours.
    for (UnitId unit = to; unit-- > from;)
        segment_.state_word(unit).store(UnitState::held(slot, 0).raw, rlx);
    segment_.state_word(from).store(UnitState::held(slot, to - from).raw, rlx);
    base::compiler_fence();
    give(slot, from, to - from);
}

// The head is read after the unit: the unit may belong to a later run that
// begins at `start` too, and then its head reaches the unit.
void Runs::hold_tail(SlotId dead, UnitId start, UnitId to) noexcept {
    for (UnitId unit = start + 1; unit < to && unit < segment_.covered(); ++unit) {
        Word inside = UnitState::inside(start).raw;
        // [E46] pairs with the last holder's CAS.
        if (segment_.state(unit, acq).raw != inside) continue;
        if (unit - start < length(segment_.state(start, acq))) continue;                    // [E46]
        segment_.state_word(unit).cas(inside, UnitState::held(dead, 0).raw, acq_rel, rlx);  // [E45]
    }
}

// ------------------------------------------------------------------- questions

std::uint32_t Runs::length(UnitState head) noexcept {
    switch (head.kind()) {
        case Kind::owned:
        case Kind::shared:
            return head.size_class() < base::kClasses ? base::kGeometry[head.size_class()].units
                                                      : 0;
        case Kind::large:
        case Kind::held: return head.units();
        default: return 0;
    }
}

UnitId Runs::head(UnitId unit) const noexcept {
    const UnitId end = segment_.covered();
    if (unit == kNoUnit || unit >= end) return kNoUnit;
    const UnitState state = segment_.state(unit, acq);  // [E46]
    const UnitId start = state.kind() == Kind::inside ? state.unit() : unit;
    if (start == kNoUnit || start > unit) return kNoUnit;
    const std::uint32_t units = length(segment_.state(start, acq));  // [E46]
    return unit - start < units && units <= end - start ? start : kNoUnit;
}

}  // namespace ashlar::shared
