// Giving free pages back to the system. Dirt is two bits a unit: just freed (young), freed for a tick (aged). Each tick purges
// the aged and ages the young; beyond a cap by amount the excess goes at once. Units are claimed while their dirt changes or
// their pages go, so that nobody takes them for zero, and no lock is held over a system call. After jemalloc's decay, in two
// steps.
#include <ctime>

#include "base/report.hpp"
#include "spans/spans.hpp"

namespace ashlar::spans {

using base::kWordBits;
using base::rlx;
using base::UnitId;
using base::Word;

namespace {

constexpr std::uint64_t kTickMs = 250;
constexpr std::uint32_t kCallsPerTick = 8;  // system calls that one free may be asked to make

std::uint64_t now_ms() noexcept {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000000;
}

}  // namespace

// Claims those of the wanted units of a word that are free, purges them run by run, and puts them back clean.
std::uint32_t Spans::purge_word(std::uint32_t word, Word wanted) noexcept {
    const Word got = free_.take_mask(word, wanted);
    if (got == 0) return 0;
    Word clean = 0;
    for (Word left = got; left != 0;) {
        const unsigned from = base::lowest(left);
        const auto length = static_cast<unsigned>(std::countr_one(left >> from));
        const Word run = base::mask(from, length);
        if (region_.purge(word * kWordBits + from, length)) clean |= run;
        left &= ~run;
    }
    const Word dirty = clean & (young_[word].load(rlx) | aged_[word].load(rlx));  // relaxed: we hold the units
    young_[word].fetch_and(~clean, rlx);
    aged_[word].fetch_and(~clean, rlx);
    dirty_.fetch_sub(base::count(dirty), rlx);
    if (free_.give_mask(word, got) != 0) {
        base::report_corruption(reinterpret_cast<void*>(region_.address(word * kWordBits)), "units freed twice");
    }
    look_.insert(word);
    return base::count(dirty);
}

// What is free, young, and not claimed by anybody becomes aged.
void Spans::age() noexcept {
    const std::uint32_t words = (frontier() + kWordBits - 1) / kWordBits;
    for (std::uint32_t w = free_.next_word(0, words); w < words; w = free_.next_word(w + 1, words)) {
        const Word young = free_.leaf_word(w) & young_[w].load(rlx);
        const Word got = young != 0 ? free_.take_mask(w, young) : 0;
        if (got == 0) continue;
        const Word still = got & young_[w].load(rlx);  // somebody may have purged them before they were ours
        aged_[w].fetch_or(still, rlx);                 // relaxed: we hold the units; [E8] publishes it
        young_[w].fetch_and(~still, rlx);
        free_.give_mask(w, got);
        look_.insert(w);
    }
}

std::uint32_t Spans::purge_aged(std::uint32_t calls) noexcept {
    const std::uint32_t words = (frontier() + kWordBits - 1) / kWordBits;
    std::uint32_t purged = 0;
    std::uint32_t w = free_.next_word(cursor_.load(rlx), words);
    for (; w < words && calls > 0; w = free_.next_word(w + 1, words)) {
        const Word aged = free_.leaf_word(w) & aged_[w].load(rlx);
        if (aged == 0) continue;
        purged += purge_word(w, aged);
        --calls;
    }
    cursor_.store(w < words ? w : 0, rlx);  // relaxed: only where to go on
    return purged;
}

// Down to three quarters of the cap, from the high end: the low units are the next to be taken.
void Spans::purge_amount() noexcept {
    const std::uint32_t dirty = dirty_.load(rlx);
    if (dirty <= kMinCap) return;
    const std::uint32_t held = held_.load(rlx);
    std::uint32_t cap = held / 4 > kMinCap ? held / 4 : kMinCap;
    // What was wanted back soon raises the cap; but a program that has freed more than it holds may not want it any more.
    const std::uint32_t most = held > 4 * kMinCap ? held : 4 * kMinCap;
    const std::uint32_t wanted = cap_.load(rlx) < most ? cap_.load(rlx) : most;
    if (cap < wanted) cap = wanted;
    if (dirty <= cap) return;
    std::uint32_t calls = kCallsPerTick;
    // Relaxed: amounts, and which units to try for.
    for (std::uint32_t w = (frontier() - 1) / kWordBits + 1; w-- > 0 && calls > 0 && dirty_.load(rlx) > cap - cap / 4;) {
        const Word dirt = free_.leaf_word(w) & (young_[w].load(rlx) | aged_[w].load(rlx));  // relaxed, as above
        if (dirt == 0) continue;
        purged_amount_.fetch_add(purge_word(w, dirt), rlx);  // relaxed: a heuristic
        --calls;
    }
    nudge();
}

void Spans::tick() noexcept {
    purge_amount();
    const std::uint64_t now = now_ms();
    std::uint64_t last = last_tick_.load(rlx);
    // Relaxed: whoever moves the time on does the tick; nothing else depends on it.
    if (now < last + kTickMs || !last_tick_.cas(last, now, rlx, rlx)) return;
    const std::uint32_t cap = cap_.load(rlx);
    cap_.store(cap - cap / 4, rlx);
    purged_amount_.store(0, rlx);
    give_recent();
    purge_aged(kCallsPerTick);
    age();
    nudge();
}

std::uint32_t Spans::purge(bool all) noexcept {
    give_recent();
    std::uint32_t purged = 0;
    const std::uint32_t words = (frontier() + kWordBits - 1) / kWordBits;
    for (std::uint32_t w = free_.next_word(0, words); w < words; w = free_.next_word(w + 1, words)) {
        // Relaxed, here and above: which units to try for; purge_word() claims them first.
        const Word dirt = free_.leaf_word(w) & (aged_[w].load(rlx) | (all ? young_[w].load(rlx) : 0));
        if (dirt != 0) purged += purge_word(w, dirt);
    }
    nudge();
    return purged;
}

}  // namespace ashlar::spans
