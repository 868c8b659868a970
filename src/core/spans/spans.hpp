// Runs of units, coalesced for the whole heap. One bit per unit is the truth: 1
// means that it is free and that any thread may claim it. The map of holes
// behind the span lock is a hint that finds the best fit. The lock is only ever
// tried, so that a stopped holder neither blocks a thread nor makes memory
// grow. Any thread may call any function here, except where noted.
#ifndef ASHLAR_CORE_SPANS_SPANS_HPP
#define ASHLAR_CORE_SPANS_SPANS_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/bitmap_index.hpp"
#include "core/region/committed.hpp"
#include "core/region/region.hpp"
#include "core/spans/holes.hpp"
#include "core/spans/page_map.hpp"

namespace ashlar::spans {

// The state of a unit. It is `none` except at the first unit of a slab or of a
// large run.
//   31           2 1    0
//   | class, units | kind |
enum class Kind : std::uint32_t { none = 0, owned = 1, shared = 2, large = 3 };

struct UnitState {
    std::uint32_t raw;
    static constexpr UnitState none() noexcept { return {0}; }
    static constexpr UnitState of(Kind kind, std::uint32_t value) noexcept {
        return {value << 2 | static_cast<std::uint32_t>(kind)};
    }
    [[nodiscard]] constexpr Kind kind() const noexcept { return static_cast<Kind>(raw & 3); }
    // Class of a slab, units of a run.
    [[nodiscard]] constexpr std::uint32_t value() const noexcept { return raw >> 2; }
    constexpr bool operator==(const UnitState&) const noexcept = default;
};

struct Run {
    base::UnitId start;   // kNoUnit: there is none
    bool zero;            // its pages are known to read as zero
    std::uint32_t clean;  // how many of its units are known to read as zero
    explicit operator bool() const noexcept { return start != base::kNoUnit; }
};

struct UnitCounts {
    std::size_t held, free, peak, dirty;
};

// Where the tables and counters lie, for readers from outside.
struct SpansTables {
    const base::Atomic<std::uint32_t>* state;
    const base::Atomic<base::Word>* free;
    std::size_t free_stride;  // in words
    const base::Atomic<base::Word>*dirty, *aged;
    const base::Atomic<base::UnitId>*recent, *frontier, *committed;
    std::uint32_t recent_count;
    const base::Atomic<std::uint32_t>*peak, *lock_taken, *lock_refused;
    const base::Atomic<base::Word>* reach;  // Committed::reach_word()
};

class Spans {
  public:
    // `guarded`: see Guards below.
    void layout(region::Carver& carver, const region::Region& region,
                bool guarded = false) noexcept;
    // After the layout of everything that has tables. False: the system
    // refuses.
    [[nodiscard]] bool start(const region::Tables& tables) noexcept {
        return committed_.start(region_, tables, guarded_);
    }

    // Takes `units` contiguous units, best fit, at an address that is a
    // multiple of `align` units (a power of two). The frontier rises only when
    // nothing fits, and only with may_grow. Lock-free; O(log holes) with the
    // lock, else a scan of the bits.
    [[nodiscard]] Run take(std::uint32_t units, bool may_grow = true,
                           std::uint32_t align = 1) noexcept;
    // The caller holds the run, and its states are `none`.
    void give(base::UnitId start, std::uint32_t units) noexcept;
    // Claims the units behind a run that the caller holds. False: one of them
    // is not free, or the system refuses.
    [[nodiscard]] bool extend(base::UnitId end, std::uint32_t more) noexcept;

    // Large runs. The state word of the first unit is their record.
    [[nodiscard]] Run take_large(std::uint32_t units, std::uint32_t align,
                                 bool may_grow = true) noexcept;
    // False: no large run starts here (any more). `closed`: close() has closed
    // the run, and its units are zero.
    [[nodiscard]] bool give_large(base::UnitId start, bool closed = false) noexcept;
    // In place; the caller owns the run. False: nothing changed.
    [[nodiscard]] bool resize_large(base::UnitId start, std::uint32_t from,
                                    std::uint32_t to) noexcept;

    // Frees the runs that are kept for exact reuse.
    void give_recent() noexcept;
    // Purges dirty units beyond the cap. Once in each tick it also purges aged
    // units and ages the dirty ones. Cheap otherwise. For callers on slow
    // paths.
    void tick() noexcept;
    // Whether one thread alone uses the heap, so that nothing returns what it
    // keeps if it stops calling: then less is kept. Initially false. Relaxed,
    // both: a heuristic.
    void set_alone(bool alone) noexcept { alone_.store(alone ? 1 : 0, base::rlx); }
    [[nodiscard]] bool alone() const noexcept { return alone_.load(base::rlx) != 0; }
    // By how many units the cap of dirty units is raised at the moment, because
    // the program took purged units again. Relaxed: a heuristic.
    [[nodiscard]] std::uint32_t learned() const noexcept { return learned_.load(base::rlx); }
    // After a thread has given its runs: purges dirty units beyond a quarter of
    // the heap, or beyond a small number if that is more.
    void thread_ended() noexcept;
    // Returns pages to the system: those of aged free units, or of all free
    // units. Returns how many dirty units it purged.
    std::uint32_t purge(bool all) noexcept;

    // Returns the pages of dirty units to the system, of runs of at least
    // `least` units. Returns how many system calls that took.
    std::uint32_t purge_dirty(std::uint32_t least) noexcept;

    // Discards the table entries of those units of a word of 64 that are free:
    // the pages with no other unit's entries. Returns how many system calls
    // that took.
    std::uint32_t discard_tables(std::uint32_t word, base::Word units) noexcept;
    // Which units of a word are free. Relaxed: a choice.
    [[nodiscard]] base::Word free_word(std::uint32_t word) const noexcept {
        return free_.leaf_word(word);
    }

    // Purges up to `units` dirty units at once. For a program that has just
    // freed as much elsewhere.
    void purge_some(std::uint32_t units) noexcept;

    // In the child of a fork, where only the caller runs. The map of holes is
    // rebuilt from the bits.
    void adopt_fork() noexcept;

    [[nodiscard]] const region::Region& region() const noexcept { return region_; }
    // Units below it are committed, with their tables.
    [[nodiscard]] base::UnitId committed() const noexcept { return committed_.end(); }
    [[nodiscard]] base::UnitId limit() const noexcept { return committed_.limit(); }
    // Bytes of its units and tables that are reserved in steps.
    [[nodiscard]] std::size_t reserved() const noexcept { return committed_.reserved(); }
    // Whether the address lies in a committed unit, so that it has table
    // entries.
    [[nodiscard]] bool contains(std::uintptr_t at) const noexcept {
        return (at - region_.base) >> base::kUnitShift < committed();
    }
    // Releases the address space that was never used. Returns whether there was
    // any.
    bool shed() noexcept { return committed_.shed(); }
    // Releases units and tables, before the rest of the heap. No thread uses
    // the heap any more.
    void release() noexcept { committed_.release(); }
    [[nodiscard]] base::Atomic<std::uint32_t>& state_word(base::UnitId unit) noexcept {
        return state_[unit];
    }
    [[nodiscard]] UnitState state(base::UnitId unit, base::Order order) const noexcept {
        return {state_[unit].load(order)};
    }
    [[nodiscard]] base::Atomic<std::uint8_t>* page_map() const noexcept { return page_map_; }
    [[nodiscard]] PageMap pages() const noexcept { return {region_.base, committed(), page_map_}; }
    // [none: a bound for walks]
    [[nodiscard]] base::UnitId frontier() const noexcept { return frontier_.load(base::acq); }
    [[nodiscard]] bool is_free(base::UnitId unit) const noexcept { return free_.contains(unit); }
    // Units that are in use or dirty. Relaxed: counters.
    [[nodiscard]] std::size_t resident() const noexcept {
        return std::size_t{held_.load(base::rlx)} + dirty_units_.load(base::rlx);
    }
    // Units; relaxed: a counter.
    [[nodiscard]] std::size_t held() const noexcept { return held_.load(base::rlx); }
    [[nodiscard]] UnitCounts counts() const noexcept;
    [[nodiscard]] SpansTables tables() const noexcept;
    // Milliseconds of a coarse clock that never goes back.
    [[nodiscard]] static std::uint64_t now_ms() noexcept;
    // A number that changes with each tick.
    // Relaxed: a hint.
    [[nodiscard]] std::uint64_t last_tick() const noexcept { return last_tick_.load(base::rlx); }

    // Sets the bin of these units in the page map; 0: none.
    void mark(base::UnitId start, std::uint32_t units, std::uint32_t bin) noexcept {
        // Relaxed: see PageMap::bin_of().
        for (std::uint32_t i = 0; i < units; ++i)
            page_map_[start + i].store(static_cast<std::uint8_t>(bin), base::rlx);
    }

    // Guards: a run of a guarded heap has one unit more, its last one, which
    // can't be touched. Nor can free units. A heap with very many runs goes on
    // without: the system bounds the number of mappings.
    [[nodiscard]] bool guarded() const noexcept { return guarded_; }
    // Closes a run of a guarded heap before it is given: it can't be touched
    // any more. The caller holds the run.
    void close(base::UnitId start, std::uint32_t units) noexcept { close_units(start, units); }

    // Asked after units were taken of which some are not dirty. False: they
    // are put back. nullptr: always true. Set before the heap is published.
    bool (*admits)() noexcept;

  private:
    static constexpr std::uint32_t kRecent = 17;  // runs of 1 .. 16 units

    // take(), give() and extend(), of units without guards.
    [[nodiscard]] Run take_units(std::uint32_t units, bool may_grow, std::uint32_t align) noexcept;
    void give_units(base::UnitId start, std::uint32_t units) noexcept;
    [[nodiscard]] bool extend_units(base::UnitId end, std::uint32_t more) noexcept;
    // spans_guards.cpp
    [[nodiscard]] bool open_run(base::UnitId start, std::uint32_t units) noexcept;
    void close_units(base::UnitId start, std::uint32_t units) noexcept;
    void shrink(base::UnitId start, std::uint32_t from, std::uint32_t to) noexcept;
    void give_closed(base::UnitId start, std::uint32_t units) noexcept;

    // Units from `start` to the next multiple of `align`.
    [[nodiscard]] std::uint32_t pad(base::UnitId start, std::uint32_t align) const noexcept {
        return static_cast<std::uint32_t>(-(region_.address(start) >> base::kUnitShift)) &
               (align - 1);
    }
    bool claim(base::UnitId start, std::uint32_t units) noexcept;
    void release(base::UnitId start, std::uint32_t units) noexcept;
    void put_free(base::UnitId start, std::uint32_t units) noexcept;
    void sync_holes() noexcept;
    void sync_holes_locked() noexcept;
    void rescan(base::UnitId from, base::UnitId to) noexcept;
    [[nodiscard]] base::UnitId run_begin(base::UnitId at) const noexcept;
    [[nodiscard]] base::UnitId run_end(base::UnitId at, base::UnitId last) const noexcept;
    base::UnitId take_recent(std::uint32_t units, std::uint32_t align) noexcept;
    [[nodiscard]] base::UnitId fit(std::uint32_t units, std::uint32_t align) const noexcept;
    base::UnitId take_fit(std::uint32_t units, std::uint32_t align) noexcept;
    base::UnitId take_scan(std::uint32_t units, std::uint32_t align) noexcept;
    base::UnitId take_within(base::UnitId from, base::UnitId to, std::uint32_t units,
                             std::uint32_t align) noexcept;
    base::UnitId take_frontier(std::uint32_t units, std::uint32_t align) noexcept;
    Run taken(base::UnitId start, std::uint32_t units) noexcept;
    Run refuse(const Run& run, std::uint32_t units) noexcept;
    void mark_dirty(base::UnitId start, std::uint32_t units) noexcept;
    std::uint32_t count_dirty(base::UnitId start, std::uint32_t units) const noexcept;

    // spans_purge.cpp
    class Purger;
    void age() noexcept;
    [[nodiscard]] base::Word dirt(std::uint32_t word) const noexcept;
    std::uint32_t clean(base::UnitId start, std::uint32_t units) noexcept;
    [[nodiscard]] std::uint32_t cap(std::uint32_t least) const noexcept;
    void learn(const Run& run) noexcept;
    [[nodiscard]] bool purge_held(base::UnitId start, std::uint32_t units) noexcept;
    void purge_aged(std::uint32_t calls) noexcept;
    void note_purged(std::uint32_t units) noexcept;
    void purge_amount(std::uint32_t least) noexcept;
    void purge_down_to(std::uint32_t target, std::uint32_t calls) noexcept;

    region::Region region_;
    region::Committed committed_;
    bool guarded_;
    base::Atomic<std::uint32_t> guards_;    // runs that have one; relaxed: a bound
    base::Atomic<std::uint32_t> unclosed_;  // 1: free units may be accessible; relaxed: a hint
    base::BitmapIndex free_;                // leaf bits: 1 for each free unit
    // Hint: words of free_ that the map of holes must be compared with.
    base::BitmapIndex pending_words_;
    base::Atomic<std::uint32_t>* state_;  // per unit, UnitState
    // Per unit: the bin of the slab or run that covers it, 0: ask the slow
    // path.
    base::Atomic<std::uint8_t>* page_map_;
    // A bit per unit: may not read as zero, and freed in this tick.
    base::Atomic<base::Word>* dirty_bits_;
    // The same, freed before. Both clear: zero. Only the unit's holder writes.
    base::Atomic<base::Word>* aged_bits_;
    Holes holes_;  // span lock
    // [E14] exchange and CAS only; a run's unit bits are 0 while it is here.
    base::Atomic<base::UnitId> recent_[kRecent];

    alignas(base::kCacheLine) base::Atomic<base::UnitId> frontier_;  // first unit never handed out
    base::TryLock lock_;
    // How often take_fit() got the lock; written by its holder. Relaxed, both.
    base::Atomic<std::uint32_t> lock_taken_;
    base::Atomic<std::uint32_t> lock_refused_;  // how often it did not
    // Units in use, for statistics and the purge cap; relaxed.
    alignas(base::kCacheLine) base::Atomic<std::uint32_t> held_;
    base::Atomic<std::uint32_t> peak_;
    // Free units that are not known to read as zero; approximate.
    base::Atomic<std::uint32_t> dirty_units_;
    // 1: a long run was given since one was taken; relaxed, a heuristic.
    base::Atomic<std::uint32_t> freed_long_;
    // By how many units the cap of dirty_units_ was raised; decays.
    base::Atomic<std::uint32_t> learned_;
    // Units that were purged and soon taken again; decays.
    base::Atomic<std::uint32_t> in_vain_;
    // How often purges beyond the cap followed such takes; decays. 1: there was
    // such a take since the last purge.
    base::Atomic<std::uint32_t> rounds_;
    base::Atomic<std::uint32_t> taken_in_vain_;
    base::Atomic<std::uint32_t> purged_amount_;  // units purged by amount since the last tick
    base::Atomic<std::uint32_t> cursor_;         // where purge_aged() goes on
    base::Atomic<std::uint64_t> last_tick_;      // milliseconds, 0: never
    base::Atomic<std::uint32_t> searches_;       // searches by take_scan() so far
    base::Atomic<std::uint32_t> alone_;
};

}  // namespace ashlar::spans

#endif
