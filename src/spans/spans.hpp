// Runs of units: the global coalescing path. The truth is a bit per unit (1 = free, claimable by anybody); the coalesced map of
// holes behind the span lock is a hint that finds the best fit. The lock is only ever tried, so that a stopped holder neither
// blocks anybody nor makes memory grow. Any thread may call anything here, except where it says
// otherwise.
#ifndef ASHLAR_SPANS_SPANS_HPP
#define ASHLAR_SPANS_SPANS_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/index.hpp"
#include "region/region.hpp"
#include "spans/holes.hpp"

namespace ashlar::spans {

// What a unit is the first of. Not `none` only at the first unit of a slab or of a large run.
//   31           2 1   0
//  | class, units | kind |
enum class Kind : std::uint32_t { none = 0, owned = 1, shared = 2, large = 3 };

struct UnitState {
    std::uint32_t raw;
    static constexpr UnitState none() noexcept { return {0}; }
    static constexpr UnitState of(Kind kind, std::uint32_t value) noexcept {
        return {value << 2 | static_cast<std::uint32_t>(kind)};
    }
    [[nodiscard]] constexpr Kind kind() const noexcept { return static_cast<Kind>(raw & 3); }
    [[nodiscard]] constexpr std::uint32_t value() const noexcept { return raw >> 2; }  // class of a slab, units of a run
    constexpr bool operator==(const UnitState&) const noexcept = default;
};

struct Run {
    base::UnitId start;  // kNoUnit: there is none
    bool zero;           // its pages are known to read as zero
};

struct UnitCounts {
    std::size_t held, free, peak, dirty;
};

class Spans {
  public:
    void layout(region::Carver& carver, const region::Region& region) noexcept;

    // `units` contiguous units, best fit; the frontier rises only when nothing fits, and if it may. Lock-free; O(log holes)
    // when the lock is had.
    [[nodiscard]] Run take(std::uint32_t units, bool may_grow = true) noexcept;
    // The caller holds the run and its records say none.
    void give(base::UnitId start, std::uint32_t units) noexcept;
    // Claims the units behind a run that the caller holds; false: somebody else has one of them.
    [[nodiscard]] bool extend(base::UnitId end, std::uint32_t more) noexcept;

    // Large runs: their record is the word of their first unit. `align` is in units, a power of two.
    [[nodiscard]] Run take_large(std::uint32_t units, std::uint32_t align, bool may_grow = true) noexcept;
    // False: no large run starts here (any more).
    [[nodiscard]] bool give_large(base::UnitId start) noexcept;
    // In place; the caller owns the run. False: nothing changed.
    [[nodiscard]] bool resize_large(base::UnitId start, std::uint32_t from, std::uint32_t to) noexcept;

    // Gives the runs kept for exact reuse to everybody.
    void give_recent() noexcept;
    // Ages what is free, and gives back what has been free long or is too much, if it is time; cheap if not. For callers that
    // come by now and then.
    void tick() noexcept;
    // Gives free pages back to the system: those that nobody wanted for a tick or two; all: every free one. Returns units
    // purged.
    std::uint32_t purge(bool all) noexcept;

    // In the child of a fork, where only the caller runs. The holes are found again from the bits.
    void adopt_fork() noexcept;

    [[nodiscard]] const region::Region& region() const noexcept { return region_; }
    [[nodiscard]] base::Atomic<std::uint32_t>& state_word(base::UnitId unit) noexcept { return state_[unit]; }
    [[nodiscard]] UnitState state(base::UnitId unit, base::Order order) const noexcept { return {state_[unit].load(order)}; }
    [[nodiscard]] base::Atomic<std::uint8_t>* map() const noexcept { return map_; }
    // A bound for walks; acquire for tidiness only.
    [[nodiscard]] base::UnitId frontier() const noexcept { return frontier_.load(base::acq); }
    [[nodiscard]] bool is_free(base::UnitId unit) const noexcept { return free_.contains(unit); }
    [[nodiscard]] std::size_t held() const noexcept { return held_.load(base::rlx); }  // units; relaxed: a counter
    [[nodiscard]] UnitCounts counts() const noexcept;
    // Another number after each tick.
    [[nodiscard]] std::uint64_t last_tick() const noexcept { return last_tick_.load(base::rlx); }  // relaxed: a look

    // Says in the map which bin a pointer into these units belongs to; 0: none.
    void mark(base::UnitId start, std::uint32_t units, std::uint32_t bin) noexcept {
        // Relaxed: whoever reads the entry holds a block in the unit, and had it handed over by the program.
        for (std::uint32_t i = 0; i < units; ++i) map_[start + i].store(static_cast<std::uint8_t>(bin), base::rlx);
    }

  private:
    static constexpr std::uint32_t kRecent = 17;   // runs of 1 .. 16 units
    static constexpr std::uint32_t kMinCap = 512;  // 32 MiB

    bool claim(base::UnitId start, std::uint32_t units) noexcept;
    void release(base::UnitId start, std::uint32_t units) noexcept;
    void nudge() noexcept;
    std::uint32_t drain() noexcept;
    void rescan(base::UnitId from, base::UnitId to) noexcept;
    [[nodiscard]] base::UnitId run_begin(base::UnitId at) const noexcept;
    [[nodiscard]] base::UnitId run_end(base::UnitId at, base::UnitId last) const noexcept;
    [[nodiscard]] bool lock_soon() noexcept;
    base::UnitId take_fit(std::uint32_t units) noexcept;
    base::UnitId take_scan(std::uint32_t units) noexcept;
    base::UnitId take_within(base::UnitId from, base::UnitId to, std::uint32_t units) noexcept;
    base::UnitId take_frontier(std::uint32_t units) noexcept;
    Run taken(base::UnitId start, std::uint32_t units) noexcept;
    void soil(base::UnitId start, std::uint32_t units) noexcept;
    std::uint32_t soiled(base::UnitId start, std::uint32_t units) const noexcept;

    // purge.cpp
    void age() noexcept;
    std::uint32_t purge_word(std::uint32_t word, base::Word wanted) noexcept;
    std::uint32_t purge_aged(std::uint32_t calls) noexcept;
    void purge_amount() noexcept;

    region::Region region_;
    base::Index free_;                    // leaf bits: the truth about units
    base::Index look_;                    // hint: words of free_ that the map of holes should look at
    base::Atomic<std::uint32_t>* state_;  // per unit, UnitState
    base::Atomic<std::uint8_t>* map_;     // per unit: the bin of the slab or run that covers it, 0: ask the slow door
    base::Atomic<base::Word>* young_;     // a bit per unit: written to since it was last purged, and freed in this tick;
    base::Atomic<base::Word>* aged_;      //   or freed before. Both clear: reads as zero. Changed by who holds the unit.
    Holes holes_;                         // span lock
    base::Atomic<base::UnitId> recent_[kRecent];  // [E14] exchange and CAS only; a run's unit bits are 0 while it is here

    alignas(base::kCacheLine) base::Atomic<base::UnitId> frontier_;  // first unit never handed out
    base::TryLock lock_;
    alignas(base::kCacheLine) base::Atomic<std::uint32_t> held_;  // units out, for statistics and the purge cap; relaxed
    base::Atomic<std::uint32_t> peak_;
    base::Atomic<std::uint32_t> dirty_;          // free units whose pages are not known to be zero; about right
    base::Atomic<std::uint32_t> cap_;            // of dirty_, in units, on top of the fixed rule; quadruples and decays
    base::Atomic<std::uint32_t> purged_amount_;  // units purged by amount since the last tick
    base::Atomic<std::uint32_t> cursor_;         // where purge_aged() goes on
    base::Atomic<std::uint64_t> last_tick_;      // milliseconds, 0: never
    base::Atomic<std::uint32_t> searches_;       // of the bits without the map, so far
};

}  // namespace ashlar::spans

#endif
