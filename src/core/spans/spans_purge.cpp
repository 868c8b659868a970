// Spans: returning free pages to the system. A dirty unit has one of two bits:
// freed in this tick (dirty), or before (aged). Each tick purges the aged
// units, then ages the dirty ones. Beyond a cap the excess is purged at once.
// Units are claimed while their bits change or their pages go, so that no
// thread takes them for zero. No lock is held over a system call. After
// jemalloc's decay, in two steps.
#include <algorithm>
#include <ctime>
#include <initializer_list>

#include "base/report.hpp"
#include "core/spans/each_word.hpp"
#include "core/spans/spans.hpp"

namespace ashlar::spans {

using base::kWordBits;
using base::rlx;
using base::UnitId;
using base::Word;

namespace {

constexpr std::uint64_t kTickMs = 1000;
constexpr std::uint32_t kCallsPerFree = 8;  // system calls that one free makes at most
// That a tick makes, or a quarter of the dirty units if that is more.
constexpr std::uint32_t kCallsPerTick = 64;
// Claimed for one call: no other thread can take them meanwhile.
constexpr std::uint32_t kMostUnits = 256;
// The least number of dirty units that are kept: of long runs that are freed
// one after another, and in all. A program that only frees long runs has no use
// for them, and may never call again.
constexpr std::uint32_t kKeptLong = 16;
constexpr std::uint32_t kKept = 512;
// With one thread alone: it may sleep after its last call.
constexpr std::uint32_t kKeptAlone = 64;
// After a thread has ended: no other call may ever follow.
constexpr std::uint32_t kKeptOfEnded = 32;
// Units of a long run that is kept, if it is the first since a take.
constexpr std::uint32_t kMostSpare = 256;
// Units that the cap may always reach; it may also reach the units in use.
constexpr std::uint32_t kMostKept = 2048;
// With one thread alone the cap reaches fewer units, and one more for so many
// units that were purged in vain.
constexpr std::uint32_t kMostKeptAlone = 224;
constexpr std::uint32_t kInVain = 32;
// Rounds of purges and takes in vain, from which on the cap learns fast also
// beyond kMostKeptAlone.
constexpr std::uint32_t kManyRounds = 12;
// Units of a long run whose table entries are purged with it. Those of a
// shorter one are few pages, and touched only if it was slabs before.
constexpr std::uint32_t kDiscardedAtOnce = 1024;
constexpr std::uint32_t kMostLearned = 1U << 24;

}  // namespace

std::uint64_t Spans::now_ms() noexcept {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000000;
}

// Relaxed: only a choice of units to claim, or the caller holds them.
Word Spans::dirt(std::uint32_t word) const noexcept {
    return dirty_bits_[word].load(rlx) | aged_bits_[word].load(rlx);
}

// The caller holds the units, and their pages are gone. Returns how many were
// dirty.
std::uint32_t Spans::clean(UnitId start, std::uint32_t units) noexcept {
    std::uint32_t dirty = 0;
    each_word(start, units, [&](std::uint32_t word, Word mask) noexcept {
        dirty += base::count(dirt(word) & mask);
        dirty_bits_[word].fetch_and(~mask, rlx);  // relaxed: we hold the units; [E8] publishes it
        aged_bits_[word].fetch_and(~mask, rlx);
        return true;
    });
    return dirty;
}

// Claims free units word by word, and purges each run of neighbours with one
// call.
class Spans::Purger {
  public:
    // Shorter runs than `least` units stay as they are.
    Purger(Spans& spans, std::uint32_t calls, std::uint32_t least = 1) noexcept
        : spans_(spans), calls_(calls), least_(least) {}
    Purger(const Purger&) = delete;
    Purger& operator=(const Purger&) = delete;
    ~Purger() { flush(); }

    // Claims the wanted units that are still free. Words must come in rising
    // order.
    void add(std::uint32_t word, Word wanted) noexcept {
        for (Word left = wanted != 0 ? spans_.free_.take_mask(word, wanted) : 0; left != 0;) {
            const unsigned from = base::lowest(left);
            const auto length = static_cast<unsigned>(std::countr_one(left >> from));
            left &= ~base::mask(from, length);
            const UnitId start = word * kWordBits + from;
            if (start != end_ || end_ - start_ >= kMostUnits) {
                flush();
                start_ = start;
            }
            end_ = start + length;
        }
    }
    void purge(std::uint32_t units) noexcept {
        if (spans_.region_.purge(start_, units)) {
            const std::uint32_t dirty = spans_.clean(start_, units);
            spans_.dirty_units_.fetch_sub(dirty, rlx);  // relaxed: a counter
            purged_ += dirty;
        }
        made_ += 1 + spans_.committed_.discard(start_, end_);
    }
    void flush() noexcept {
        if (start_ == end_) return;
        const std::uint32_t units = end_ - start_;
        if (units >= least_) purge(units);
        spans_.release(start_, units);
        start_ = end_;
        if (calls_ > 0) --calls_;
    }
    // Whether there is a call left.
    [[nodiscard]] bool more() const noexcept { return calls_ > (start_ == end_ ? 0U : 1U); }
    [[nodiscard]] std::uint32_t purged() const noexcept { return purged_; }
    [[nodiscard]] std::uint32_t made() const noexcept { return made_; }

  private:
    Spans& spans_;
    UnitId start_ = 0;  // claimed and not purged yet: [start_, end_)
    UnitId end_ = 0;
    std::uint32_t calls_;
    std::uint32_t least_;
    std::uint32_t purged_ = 0;
    std::uint32_t made_ = 0;  // system calls so far
};

// Makes dirty units aged, if they are free and can be claimed.
void Spans::age() noexcept {
    const std::uint32_t words = (frontier() + kWordBits - 1) / kWordBits;
    for (std::uint32_t w = free_.next_word(0, words); w < words;
         w = free_.next_word(w + 1, words)) {
        const Word dirty = free_.leaf_word(w) & dirty_bits_[w].load(rlx);
        const Word got = dirty != 0 ? free_.take_mask(w, dirty) : 0;
        if (got == 0) continue;
        // Another thread may have purged them before our claim.
        const Word still = got & dirty_bits_[w].load(rlx);
        // Relaxed: we hold the units; [E8] publishes it.
        aged_bits_[w].fetch_or(still, rlx);
        dirty_bits_[w].fetch_and(~still, rlx);
        free_.give_mask(w, got);
        pending_words_.insert(w);
    }
}

void Spans::purge_aged(std::uint32_t calls) noexcept {
    const std::uint32_t words = (frontier() + kWordBits - 1) / kWordBits;
    Purger purger(*this, calls);
    std::uint32_t w = free_.next_word(cursor_.load(rlx), words);
    for (; w < words && purger.more(); w = free_.next_word(w + 1, words)) {
        // Relaxed: which units to try for.
        purger.add(w, free_.leaf_word(w) & aged_bits_[w].load(rlx));
    }
    cursor_.store(w < words ? w : 0, rlx);  // relaxed: only where to go on
}

// How many dirty units may be kept. Units that were wanted back soon after a
// purge raise the number. It does not rise beyond the units in use, or
// kMostKept: a program that has freed more may not want it any more. With one
// thread alone it soon reaches kMostKeptAlone. Beyond that it rises slowly,
// since nothing returns what the thread keeps when it falls asleep. It rises
// fast if the thread goes up and down many times in a second.
std::uint32_t Spans::cap(std::uint32_t least) const noexcept {
    const std::uint32_t held = held_.load(rlx);  // relaxed, as all here: amounts
    std::uint32_t most = kMostKept;
    if (alone()) most = std::min(most, kMostKeptAlone + in_vain_.load(rlx) / kInVain);
    return std::min(least + learned_.load(rlx), std::max(held, most));
}

// Units that were purged beyond the cap and are taken again within a tick or
// two should have been kept. The cap rises by twice their number, so that few
// purges are in vain until it is high enough.
void Spans::learn(const Run& run) noexcept {
    // Relaxed: a heuristic; a lost update does no harm.
    const std::uint32_t purged = purged_amount_.load(rlx);
    if (purged == 0 || run.clean == 0) return;
    const std::uint32_t again = run.clean < purged ? run.clean : purged;
    purged_amount_.store(purged - again, rlx);
    learned_.fetch_add(2 * again, rlx);
    in_vain_.fetch_add(rounds_.load(rlx) > kManyRounds ? again * kInVain : again, rlx);
    taken_in_vain_.store(1, rlx);
}

// After a purge beyond the cap.
void Spans::note_purged(std::uint32_t units) noexcept {
    purged_amount_.fetch_add(units, rlx);  // relaxed, all of it: a heuristic
    if (taken_in_vain_.load(rlx) == 0) return;
    taken_in_vain_.store(0, rlx);
    rounds_.fetch_add(1, rlx);
}

// Purges a long run before it is given, if it would exceed the cap. That is one
// system call, and needs no claim. False: the caller must give the run as it
// is.
bool Spans::purge_held(UnitId start, std::uint32_t units) noexcept {
    const bool between = freed_long_.load(rlx) == 0 && units <= kMostSpare;  // relaxed: a heuristic
    freed_long_.store(1, rlx);
    if (between || dirty_units_.load(rlx) + units <= cap(kKeptLong) || !region_.purge(start, units))
        return false;
    clean(start, units);
    if (units >= kDiscardedAtOnce) committed_.discard(start, start + units);
    note_purged(units);
    held_.fetch_sub(units, rlx);  // relaxed: a counter
    release(start, units);
    sync_holes();
    return true;
}

// Purges dirty units beyond the cap, down to three quarters of it.
void Spans::purge_amount(std::uint32_t least) noexcept {
    if (dirty_units_.load(rlx) <= least) return;  // relaxed, all of it: amounts
    const std::uint32_t share = held_.load(rlx) / 4;
    const std::uint32_t most = cap(share > least ? share : least);
    if (dirty_units_.load(rlx) > most) purge_down_to(most - most / 4, kCallsPerFree);
}

void Spans::purge_some(std::uint32_t units) noexcept {
    const std::uint32_t dirty = dirty_units_.load(rlx);  // relaxed: an amount
    if (dirty <= kKeptLong) return;
    purge_down_to(units < dirty - kKeptLong ? dirty - units : kKeptLong, kCallsPerTick);
}

// Purges from the high end, since the low units are taken first. Relaxed: an
// amount.
void Spans::purge_down_to(std::uint32_t target, std::uint32_t calls) noexcept {
    for (std::uint32_t w = (frontier() - 1) / kWordBits + 1;
         w-- > 0 && calls > 0 && dirty_units_.load(rlx) > target;) {
        const Word wanted = free_.leaf_word(w) & dirt(w);
        if (wanted == 0) continue;
        // Begins where the free run of the lowest wanted unit begins.
        const UnitId lowest = w * kWordBits + base::lowest(wanted);
        UnitId begin = run_begin(lowest);
        if (lowest - begin > kMostUnits) begin = lowest - kMostUnits;
        Purger purger(*this, calls);
        const std::uint32_t first = begin / kWordBits;
        for (std::uint32_t word = first; word <= w; ++word) {
            const Word above = word == first ? ~Word{0} << begin % kWordBits : ~Word{0};
            purger.add(word, free_.leaf_word(word) & dirt(word) & above);
        }
        purger.flush();
        note_purged(purger.purged());
        --calls;
        w = first;
    }
    sync_holes();
}

void Spans::thread_ended() noexcept { purge_amount(kKeptOfEnded); }

void Spans::tick() noexcept {
    purge_amount(alone() ? kKeptAlone : kKept);
    const std::uint64_t now = now_ms();
    std::uint64_t last = last_tick_.load(rlx);
    // Relaxed: the thread that moves the time on does the tick. Nothing else
    // depends on it.
    if (now < last + kTickMs || !last_tick_.cas(last, now, rlx, rlx)) return;
    for (base::Atomic<std::uint32_t>* each : {&learned_, &in_vain_})
        each->store(std::min(each->load(rlx), kMostLearned) / 8 * 7, rlx);
    purged_amount_.store(purged_amount_.load(rlx) / 2, rlx);
    rounds_.store(rounds_.load(rlx) / 2, rlx);
    give_recent();
    const std::uint32_t share = dirty_units_.load(rlx) / 4;
    purge_aged(share > kCallsPerTick ? share : kCallsPerTick);
    age();
    sync_holes();
}

std::uint32_t Spans::purge_dirty(std::uint32_t least) noexcept {
    give_recent();
    const std::uint32_t words = (frontier() + kWordBits - 1) / kWordBits;
    Purger purger(*this, ~0U, least);
    for (std::uint32_t w = free_.next_word(0, words); w < words; w = free_.next_word(w + 1, words))
        purger.add(w, free_.leaf_word(w) & dirt(w));
    purger.flush();
    sync_holes();
    return purger.made();
}

// The units are ours while their entries go.
std::uint32_t Spans::discard_tables(std::uint32_t word, Word units) noexcept {
    const Word got = free_.take_mask(word, units);
    std::uint32_t calls = 0;
    for (Word left = got; left != 0;) {
        const unsigned from = base::lowest(left);
        const auto length = static_cast<unsigned>(std::countr_one(left >> from));
        left &= ~base::mask(from, length);
        calls += committed_.discard(word * kWordBits + from, word * kWordBits + from + length);
    }
    if (got == 0) return 0;
    free_.give_mask(word, got);
    pending_words_.insert(word);
    sync_holes();
    return calls;
}

std::uint32_t Spans::purge(bool all) noexcept {
    give_recent();
    const std::uint32_t words = (frontier() + kWordBits - 1) / kWordBits;
    Purger purger(*this, ~0U);
    for (std::uint32_t w = free_.next_word(0, words); w < words;
         w = free_.next_word(w + 1, words)) {
        // Relaxed: which units to try for.
        purger.add(w, free_.leaf_word(w) & (all ? ~Word{0} : aged_bits_[w].load(rlx)));
    }
    purger.flush();
    sync_holes();
    return purger.purged();
}

}  // namespace ashlar::spans
