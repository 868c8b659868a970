// The segregated free lists: slabs of equal blocks, a free block a 1 in an atomic word outside the block. Anybody sets bits;
// only a slab's owner clears them, purges its pages or retires it. Lock-free, any thread (src/STATES.md).
//
//   slab      | block 0 | block 1 | block 2 | ...      1 to 5 units
//   bits      word 0: blocks 0..63, word 1: blocks 64..127, ...   at bits_[first unit * 64 + word]
//   index[c]  hint: these slabs of class c are shared and have a free block
#ifndef ASHLAR_ARENA_ARENA_HPP
#define ASHLAR_ARENA_ARENA_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/index.hpp"
#include "base/size_class.hpp"
#include "spans/spans.hpp"

namespace ashlar::arena {

// Called for each block that the program may hold: address, bytes. Returns false to stop.
using BlockVisitor = bool (*)(void* context, void* block, std::size_t size);
// Clears from `bits` (kMaxSlabWords words) what is free or cached elsewhere, for visit().
using Mask = void (*)(void* context, base::Bin c, std::uintptr_t slab, base::Word* live);

class Arena {
  public:
    void layout(region::Carver& carver, spans::Spans& spans) noexcept;

    // Up to `want` blocks of class c into out[], highest address first within a slab; 0: out of memory. `cur` is the caller's
    // current slab of that class, owned by it, and is changed.
    [[nodiscard]] std::uint32_t take(base::Bin c, base::Atomic<base::UnitId>& cur, void** out, std::uint32_t want) noexcept;
    // Gives blocks of class c back to their slabs, n > 0. What is not a block that somebody holds ends the program.
    void give(base::Bin c, void* const* blocks, std::uint32_t n) noexcept;
    // The same for one block that may be free already, without a report: for the caches of threads that a fork left behind.
    void adopt(base::Bin c, void* block) noexcept;
    // In the child of a fork: looks after all shared slabs, since a thread that is gone may have stopped between a block's bit
    // and its slab's hint. O(units).
    void find_again() noexcept;
    // Gives up the current slab.
    void leave(base::Bin c, base::Atomic<base::UnitId>& cur) noexcept;
    // Complete slabs stay in their index for reuse, up to an eighth of the heap or 8 MiB. Retires up to `most` of them; returns
    // how many it has looked at.
    std::uint32_t retire_ripe(std::uint32_t most = ~0U) noexcept;
    // Retires those that have waited for a tick of the spans, some at each call. Cheap if there is nothing to do.
    void tick() noexcept;
    // How many threads there may be at a time: what each uses a little of need not be resident as a whole.
    void expect_threads(std::uint32_t n) noexcept;
    // take(may_grow) takes units: the frontier rises only when nothing fits and few complete slabs are left to make room.
    template <class Take>
    [[nodiscard]] spans::Run with_room(Take take) noexcept {
        for (std::uint32_t most = 4; ripe_count_.load(base::rlx) > kSparedRipe; most *= 2) {  // relaxed: a hint
            const spans::Run run = take(false);
            if (run.start != base::kNoUnit) return run;
            if (retire_ripe(most) == 0) break;
        }
        const spans::Run run = take(true);
        return run.start == base::kNoUnit && retire_ripe() != 0 ? take(true) : run;
    }
    [[nodiscard]] bool is_ripe(base::UnitId slab) const noexcept { return ripe_.contains(slab); }
    // Gives the pages of free blocks in shared slabs back to the system. Returns whether there were any.
    bool purge() noexcept;

    // The class of the slab and the start of the block that `pointer` lies in. `size` 0: not in a slab.
    struct Block {
        std::uintptr_t start;
        std::size_t size;
        base::Bin bin;
        bool free;  // its bit is set; a block in a cache is not free in this sense
    };
    [[nodiscard]] Block find(std::uintptr_t pointer) const noexcept;

    // The functions below read a moving heap, and are exact only while nobody changes it.
    bool visit(Mask mask, void* mask_context, BlockVisitor visitor, void* context) noexcept;
    [[nodiscard]] std::size_t live_bytes() const noexcept;
    [[nodiscard]] std::size_t check() const noexcept;

  private:
    static constexpr std::int32_t kSparedRipe = 8;  // what a class has touched before it soon wants again
    using State = spans::UnitState;
    using Kind = spans::Kind;
    // A block by its slab and number, in one word: two blocks share a word of bits when their places differ in the low 6 bits
    // only.
    struct Place {
        std::uint64_t slab_number;
        [[nodiscard]] base::UnitId slab() const noexcept { return static_cast<base::UnitId>(slab_number >> 32); }
        [[nodiscard]] std::uint32_t word() const noexcept { return static_cast<std::uint32_t>(slab_number) / base::kWordBits; }
        [[nodiscard]] base::Word bit() const noexcept { return base::bit(slab_number % base::kWordBits); }
        [[nodiscard]] bool same_word(Place other) const noexcept { return (slab_number ^ other.slab_number) < base::kWordBits; }
    };
    class Pending;
    class Locator;
    [[nodiscard]] base::UnitId first_unit(base::UnitId unit, base::Bin c) const noexcept;
    [[noreturn]] void report_twice(Place place, base::Bin c, base::Word bits) const noexcept;
    [[nodiscard]] base::Word give_word(Place place, base::Bin c, base::Word mask) noexcept;
    bool settle(base::UnitId slab, base::Bin c, bool look) noexcept;
    [[nodiscard]] bool complete(base::UnitId slab, base::Bin c, base::Order order) const noexcept;
    void publish(base::UnitId slab, base::Bin c) noexcept;
    void bound_ripe(base::Bin c) noexcept;
    void retire(base::UnitId slab, base::Bin c) noexcept;
    [[nodiscard]] bool claim(base::UnitId slab, base::Bin c) noexcept;
    [[nodiscard]] base::UnitId birth(base::Bin c, bool growing) noexcept;
    std::uint32_t take_from(base::UnitId slab, base::Bin c, void** out, std::uint32_t want) noexcept;
    bool purge_slab(base::UnitId slab, base::Bin c) noexcept;
    [[nodiscard]] bool lost(base::UnitId slab, State state) const noexcept;
    [[nodiscard]] std::size_t check_slab(base::UnitId slab, State state) const noexcept;
    [[nodiscard]] base::Atomic<base::Word>* words(base::UnitId slab) const noexcept {
        return bits_ + static_cast<std::size_t>(slab) * base::kMaxSlabWords;
    }

    spans::Spans* spans_;
    base::Atomic<base::Word>* bits_;
    base::Atomic<std::uint8_t>* within_;  // number of a unit within its slab of several units
    base::Index index_[base::kClasses];
    base::Index ripe_;                                                 // hint: these slabs are shared and complete
    alignas(base::kCacheLine) base::Atomic<std::int32_t> ripe_count_;  // ids in it; relaxed, a bound
    base::Atomic<std::uint32_t> populate_from_;                        // units that the heap holds; relaxed, a heuristic
    base::Atomic<std::uint64_t> ripe_tick_;                            // the spans' tick for which they were retired; relaxed
};

}  // namespace ashlar::arena

#endif
