// The segregated free lists. A slab holds blocks of one size; a 1 in an atomic
// word outside the slab marks a free block. Any thread sets bits. Only the
// owner of a slab clears them, purges its pages or retires it. Lock-free, any
// thread. The states of a slab are in docs/states.md.
//
//   slab      | block 0 | block 1 | block 2 | ...      1 to 5 units
//   bits      word 0: blocks 0..63, word 1: blocks 64..127, ...
//             at bits_[first unit * kMaxSlabWords + word]
//   index[c]  hint: these slabs of class c are shared and have a free block
#ifndef ASHLAR_CORE_ARENA_ARENA_HPP
#define ASHLAR_CORE_ARENA_ARENA_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/bitmap_index.hpp"
#include "base/size_class.hpp"
#include "core/arena/block_states.hpp"
#include "core/spans/spans.hpp"

namespace ashlar::arena {

// Called for each block that the program may hold: its address and its bytes.
// Returns false to stop the walk.
using BlockVisitor = bool (*)(void* context, void* block, std::size_t size);
// For visit(): clears the bits of cached blocks from `live`. It has the words
// of a slab of class `c`. If `c` is the bin of a run, or 0 for a long run, it
// has one word.
using Mask = void (*)(void* context, base::Bin c, std::uintptr_t slab, base::Word* live);

class Arena {
  public:
    // With a state for each block, or without.
    void layout(region::Carver& carver, spans::Spans& spans, bool with_states = false) noexcept;

    // Takes up to `want` blocks of class c into out[]; within a word of bits,
    // the highest address first. Returns their number; 0: out of memory. `cur`
    // is the caller's current slab of that class, owned by the caller. It may
    // change. With `want` 1, `fresh` says whether the block is known to read as
    // zero. Only classes with knows_fresh() can tell; it is false for the
    // others. The frontier rises for a new slab only with may_grow.
    [[nodiscard]] std::uint32_t take(base::Bin c, base::Atomic<base::UnitId>& cur, void** out,
                                     std::uint32_t want, bool& fresh,
                                     bool may_grow = true) noexcept;
    [[nodiscard]] std::uint32_t take(base::Bin c, base::Atomic<base::UnitId>& cur, void** out,
                                     std::uint32_t want) noexcept {
        bool fresh;
        return take(c, cur, out, want, fresh);
    }
    // Takes kGroup blocks for a thread that has none yet. No other thread has a
    // block in their cache lines, and their slab is shared. 0: no such group
    // was found, or the caller has a current slab. Not for classes with
    // knows_fresh().
    [[nodiscard]] std::uint32_t take_first(base::Bin c, base::Atomic<base::UnitId>& cur, void** out,
                                           bool may_grow = true) noexcept;
    static constexpr std::uint32_t kGroup = 16;
    // Gives n > 0 blocks of class c back to their slabs. A pointer that is no
    // block of the class, or a block whose bit is set already, ends the
    // program.
    void give(base::Bin c, void* const* blocks, std::uint32_t n) noexcept;
    // The same for one block that may be free already, which is not reported.
    // For the caches of threads that a fork left behind.
    void adopt(base::Bin c, void* block) noexcept;
    // In the child of a fork: reindexes all shared slabs. A thread that the
    // child does not have may have set a bit and not yet inserted the hint.
    // O(units).
    void find_again() noexcept;
    // Publishes the current slab, if there is one, and sets `cur` to kNoUnit.
    void leave(base::Bin c, base::Atomic<base::UnitId>& cur) noexcept;
    // Complete slabs are kept for reuse, up to an eighth of the heap or
    // kLeastReclaimable units, whichever is more. Looks at up to `most` of
    // them, and retires those that are still complete. Returns how many it has
    // looked at.
    std::uint32_t retire_reclaimable(std::uint32_t most = ~0U) noexcept;
    // Retires kept complete slabs, some at each call, once for each tick of the
    // spans. Cheap if there is nothing to do.
    void tick() noexcept;
    // After a thread has left its slabs: retires complete slabs beyond an
    // eighth of the heap, or beyond a small number of units if that is more.
    void thread_ended() noexcept;
    // How many complete slabs are kept, approximately.
    // Relaxed: a hint.
    [[nodiscard]] std::int32_t reclaimable() const noexcept {
        return reclaimable_count_.load(base::rlx);
    }
    [[nodiscard]] bool is_reclaimable(base::UnitId slab) const noexcept {
        return reclaimable_.contains(slab);
    }
    // Returns the pages of free blocks in shared slabs to the system. True:
    // there were any.
    bool purge() noexcept;
    // For a background thread, about once a second: returns the pages of blocks
    // that were free at the last call too, in slabs that no thread has taken
    // from for four calls or more. Also the bits of free units. Goes on where
    // the last call ended. Looks at a GiB at most, and makes a system call for
    // each four units that were ever used, at most 2,048.
    void purge_idle() noexcept;

    // Where the bits lie, kMaxSlabWords for each unit, for readers from
    // outside.
    [[nodiscard]] const base::Atomic<base::Word>* bits() const noexcept { return bits_; }

    // The block of a slab that `pointer` lies in. `size` 0: it lies in none.
    struct Block {
        std::uintptr_t start;
        std::size_t size;
        base::Bin bin;
        bool free;  // its bit is set; the bit of a cached block is not
    };
    [[nodiscard]] Block find(std::uintptr_t pointer) const noexcept;

    // Where the states of blocks lie, if the heap has them.
    [[nodiscard]] const BlockStates& states() const noexcept { return states_; }
    // The slab of class `c` that the unit belongs to.
    [[nodiscard]] base::UnitId first_unit(base::UnitId unit, base::Bin c) const noexcept {
        // Relaxed, as the page map: the caller holds a block of the slab.
        return base::kGeometry[c].units == 1 ? unit : unit - notes_[unit].within.load(base::rlx);
    }

    // The functions below are exact only while no other thread changes the
    // heap.
    bool visit(Mask mask, void* mask_context, BlockVisitor visitor, void* context) noexcept;
    [[nodiscard]] std::size_t live_bytes() const noexcept;
    [[nodiscard]] std::size_t check() const noexcept;

  private:
    // Units of complete slabs that may always be kept.
    static constexpr std::size_t kLeastReclaimable = 128;
    // The same in a guarded heap, where two system calls retire and create one.
    static constexpr std::size_t kLeastGuarded = 256;
    using State = spans::UnitState;
    using Kind = spans::Kind;
    // A block, as its slab and its number in the slab. Two blocks share a word
    // of bits if their places differ in the low 6 bits only.
    //
    //   63         32 31          0
    //   |    slab    |   number   |
    struct Place {
        std::uint64_t slab_number;
        [[nodiscard]] base::UnitId slab() const noexcept {
            return static_cast<base::UnitId>(slab_number >> 32);
        }
        [[nodiscard]] std::uint32_t word() const noexcept {
            return static_cast<std::uint32_t>(slab_number) / base::kWordBits;
        }
        [[nodiscard]] base::Word bit() const noexcept {
            return base::bit(slab_number % base::kWordBits);
        }
        [[nodiscard]] bool same_word(Place other) const noexcept {
            return (slab_number ^ other.slab_number) < base::kWordBits;
        }
    };
    // Notes about a unit of a slab. Only the thread that creates the slab
    // writes `within`, before any thread has a block of it. The other fields
    // are for purge_idle(); relaxed, heuristics.
    struct Note {
        // | returned | free |, a bit for each page: only free blocks lie on it,
        // as last seen; it was returned to the system since.
        base::Atomic<std::uint32_t> pages;
        base::Atomic<std::uint8_t>
            within;  // number of the unit within its slab, if that has several
        // Of the first unit.
        base::Atomic<std::uint8_t> taken;  // 1: blocks were taken since the last look
        base::Atomic<std::uint8_t> looks;  // since blocks were taken
        // Its pages stay for 4 * 2^patience looks. Later slabs inherit it.
        base::Atomic<std::uint8_t> patience;
    };
    class Pages;
    class Pending;
    class Locator;
    [[noreturn]] void report_twice(Place place, base::Bin c, base::Word bits) const noexcept;
    [[nodiscard]] base::Word give_word(Place place, base::Bin c, base::Word mask) noexcept;
    bool reindex(base::UnitId slab, base::Bin c, bool look) noexcept;
    [[nodiscard]] bool complete(base::UnitId slab, base::Bin c, base::Order order) const noexcept;
    bool publish(base::UnitId slab, base::Bin c) noexcept;
    void bound_reclaimable(base::Bin c, std::size_t least) noexcept;
    void bound_reclaimable(base::Bin c) noexcept {
        bound_reclaimable(c, spans_->guarded() ? kLeastGuarded : kLeastReclaimable);
    }
    void retire(base::UnitId slab, base::Bin c) noexcept;
    [[nodiscard]] bool claim(base::UnitId slab, base::Bin c) noexcept;
    [[nodiscard]] base::UnitId create(base::Bin c, bool may_grow) noexcept;
    [[nodiscard]] std::uint32_t take_group(base::UnitId slab, base::Bin c, void** out) noexcept;
    std::uint32_t take_from(base::UnitId slab, base::Bin c, void** out, std::uint32_t want,
                            bool& fresh) noexcept;
    void use_fresh(base::UnitId slab, std::uint32_t w, base::Word taken, bool& fresh) noexcept;
    [[nodiscard]] static Pages free_pages(base::Bin c, const base::Word* bits) noexcept;
    void clear_states(base::UnitId slab, base::Bin c, std::size_t from, std::size_t to) noexcept;
    std::uint32_t purge_pages(base::UnitId slab, base::Bin c, Pages& pages) noexcept;
    std::uint32_t purge_slab(base::UnitId slab, base::Bin c, Pages& wanted) noexcept;
    [[nodiscard]] static bool is_idle(Note& note, bool taken, bool returned) noexcept;
    std::uint32_t look_at(base::UnitId slab, base::Bin c) noexcept;
    std::uint32_t discard_bits(std::uint32_t word) noexcept;
    [[nodiscard]] bool lost(base::UnitId slab, State state) const noexcept;
    [[nodiscard]] std::size_t check_slab(base::UnitId slab, State state) const noexcept;
    [[nodiscard]] base::Atomic<base::Word>* words(base::UnitId slab) const noexcept {
        return bits_ + static_cast<std::size_t>(slab) * base::kMaxSlabWords;
    }

    spans::Spans* spans_;
    base::Atomic<base::Word>* bits_;
    BlockStates states_;
    Note* notes_;
    base::BitmapIndex index_[base::kClasses];
    // Hint: these slabs are shared and complete. It has the words of class 0.
    base::BitmapIndex reclaimable_;
    // Ids in it; relaxed, a bound.
    alignas(base::kCacheLine) base::Atomic<std::int32_t> reclaimable_count_;
    // tick() is done for this tick of the spans; relaxed.
    base::Atomic<std::uint64_t> reclaimable_tick_;
    base::Atomic<base::UnitId> cursor_;  // where purge_idle() ended; relaxed
    // 1: the system has refused a purge, as after mlockall(). It ends the pass
    // of purge_idle() that runs; relaxed.
    base::Atomic<std::uint32_t> refused_;
};

}  // namespace ashlar::arena

#endif
