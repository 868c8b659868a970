// Pages of free units. A unit keeps its pages for the next run, so that most
// runs need no call of the system. Units that no run needed for a while lose
// them.
#include "shared/blocks/runs.hpp"

namespace ashlar::shared {

using base::acq_rel;
using base::kWordBits;
using base::rel;
using base::rlx;

namespace {

// So many free units may keep their pages for ever, and an eighth of those in
// use.
constexpr std::uint32_t kLeastBacked = 256;
// So many may keep them for a while, and half of those in use.
constexpr std::uint32_t kMostBacked = 1024;
// Frees of runs from one age to the next, while more units have pages than may
// keep them for ever.
constexpr std::uint32_t kFreesToAge = 16384;
// A run of so many units loses its own pages, in one call.
constexpr std::uint32_t kLongRun = 64;
// So many free units may be hidden from other threads by a call of punch().
constexpr std::uint32_t kMostHeld = 64;

// Relaxed, both: approximate.
std::uint32_t kept_for_ever(const Header& header) noexcept {
    return kLeastBacked + header.units_used.load(rlx) / 8;
}
std::uint32_t kept_for_a_while(const Header& header) noexcept {
    return kMostBacked + header.units_used.load(rlx) / 2;
}

}  // namespace

// Takes the pages of free units that it is given one by one; of neighbours by
// one call.
class Runs::Puncher {
  public:
    Puncher(Runs& runs, SlotId slot) noexcept : runs_(runs), slot_(slot) {}
    // False: the unit is not in this state.
    bool take(UnitId unit, UnitState seen) noexcept {
        // [E45] as claim_states()
        if (!runs_.segment_.state_word(unit).cas(seen.raw, UnitState::held(slot_, 0).raw, acq_rel,
                                                 rlx))
            return false;
        const bool neighbour = unit == first_ - 1 || unit == first_ + units_;
        if (units_ != 0 && (!neighbour || units_ == kMostHeld)) punch();
        if (units_ == 0 || unit < first_) first_ = unit;
        ++units_;
        return true;
    }
    // Those that were taken. False: the system refused once.
    bool punch() noexcept {
        if (units_ == 0) return good_;
        const bool done = runs_.segment_.punch(first_, units_);
        for (UnitId unit = first_; unit < first_ + units_; ++unit)
            runs_.segment_.state_word(unit).store(UnitState::free(!done).raw, rel);  // [E45]
        runs_.give_hints(first_, units_);
        if (done) {
            runs_.segment_.header().units_backed.fetch_sub(units_, rlx);  // relaxed: approximate
            punched_ += units_;
        }
        units_ = 0;
        good_ = good_ && done;
        return good_;
    }
    [[nodiscard]] bool good() const noexcept { return good_; }
    [[nodiscard]] std::uint32_t waiting() const noexcept { return units_; }
    [[nodiscard]] std::uint32_t taken() const noexcept { return punched_ + units_; }

  private:
    Runs& runs_;
    SlotId slot_;
    UnitId first_ = 0;
    std::uint32_t units_ = 0;
    std::uint32_t punched_ = 0;
    bool good_ = true;
};

// From the end: first fit takes the other end, so that these units are needed
// last.
std::uint32_t Runs::punch(SlotId slot, std::uint32_t most) noexcept {
    Puncher puncher(*this, slot);
    for (UnitId unit = segment_.covered();
         unit-- > 1 && puncher.good() && puncher.taken() < most;) {
        const UnitState found = segment_.state(unit, rlx);  // relaxed: the CAS decides
        if (found.is_backed()) puncher.take(unit, found);
    }
    static_cast<void>(puncher.punch());
    return puncher.taken();
}

void Runs::age(SlotId slot) noexcept {
    const Header& header = segment_.header();
    Puncher puncher(*this, slot);
    const UnitId to = segment_.covered();
    const std::uint32_t words = (to + kWordBits - 1) / kWordBits;
    std::uint32_t word = segment_.free_units.next_word(0, words);
    for (; word < words && puncher.good(); word = segment_.free_units.next_word(word + 1, words)) {
        for (Word left = segment_.free_units.leaf_word(word); left != 0; left &= left - 1) {
            const UnitId unit = word * kWordBits + base::lowest(left);
            if (unit >= to) break;
            UnitState found = segment_.state(unit, rlx);  // relaxed, as below: the CAS decides
            const std::uint32_t kept = header.units_backed.load(rlx);
            if (found == UnitState::aged()) {
                if (kept > kept_for_ever(header) + puncher.waiting()) puncher.take(unit, found);
            } else if (found.is_backed()) {
                // [E45] the free that came before stays visible.
                segment_.state_word(unit).cas(found.raw, UnitState::aged().raw, rlx, rlx);
            }
        }
    }
    static_cast<void>(puncher.punch());
}

// True: the pages of a long run that is freed are gone, because too many free
// units have some.
bool Runs::bound_long(UnitId start, std::uint32_t units) noexcept {
    const Header& header = segment_.header();
    if (units < kLongRun) return false;
    // Relaxed: approximate.
    const std::uint32_t kept = header.units_backed.load(rlx);
    return kept + units > kept_for_a_while(header) && segment_.punch(start, units);
}

// After a free. In batches: a search for each freed run would cost more than
// its pages.
void Runs::bound_backed(SlotId slot) noexcept {
    Header& header = segment_.header();
    const std::uint32_t kept = header.units_backed.load(rlx);  // relaxed, as below: approximate
    if (kept <= kept_for_ever(header)) return;
    if (kept > kept_for_a_while(header)) {
        punch(slot, kept_for_a_while(header) / 4);
    } else if (header.frees.fetch_add(1, rlx) % kFreesToAge == kFreesToAge - 1) {
        age(slot);
    }
}

}  // namespace ashlar::shared
