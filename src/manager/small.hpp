// Small blocks of a MemoryManager: caches of the threads in front of the slabs. A cache is a shard that a thread has for a few
// instructions at a time; it is tried, never waited for, and who gets none goes to the slabs themselves. Lock-free, any
// thread, except where "the lock" is asked for: that of the heap which slabs come from. One thread alone has one shard.
//
//   shard   | busy | net counts | how many of each class | places of free blocks, a stack for each class |
//
// A block is live when its tag says so; between its tag and its free bit it belongs to one thread or one shard.
#ifndef ASHLAR_MANAGER_SMALL_HPP
#define ASHLAR_MANAGER_SMALL_HPP

#include <cstdint>

#include "manager/slabs.hpp"
#include "manager/thread_numbers.hpp"

namespace ashlar::manager {

class Small {
  public:
    // For a buffer that may grow to `limit` bytes. shape.shift == 0: there are no small blocks, and nothing may be called but
    // class_of() and locate-like questions, which say so. `shared`: many threads.
    void layout(region::Carver& carver, const Shape& shape, bool shared) noexcept;
    [[nodiscard]] const Shape& shape() const noexcept { return slabs_.shape(); }

    // 0: not for slabs. size >= 1; `alignment` is a power of two.
    [[nodiscard]] Class class_of(Size size, Size alignment) const noexcept { return shape().class_of(size, alignment); }

    // A block of class_of(size, ...); kNoOffset: no slab has room. `thread`: thread_number().
    [[nodiscard]] Offset take(std::uint32_t thread, Class c, Size size) noexcept;
    // The same where one thread only has anything to do with this, and its shard has a block; kNoOffset: by take().
    [[nodiscard]] Offset take_alone(Class c, Size size) noexcept;
    // The same with the lock, when that had none. source.take_slab() is a block of slab_size() bytes at a multiple of it, or
    // kNoOffset; source.give_slab(start) gives one back.
    template <class Source>
    [[nodiscard]] Offset take_locked(std::uint32_t thread, Class c, Size size, Source& source) noexcept {
        // Somebody may have brought a slab, or have hidden free blocks while it tried to retire one.
        if (const Offset found = take(thread, c, size); found != kNoOffset) return found;
        const Offset start = source.take_slab();
        if (start == kNoOffset) return kNoOffset;
        const Place place = slabs_.add(start, c);
        if (place != Slabs::kNone) return born(thread, c, place, size);
        source.give_slab(start);
        return kNoOffset;
    }
    // The lock: gives empty slabs back; all: with what the caches hold and the spare of each class, for when nothing fits and
    // for trim(). Caches that are in somebody's hands right now are left out.
    template <class Source>
    void reclaim(bool all, Source& source) noexcept {
        if (all) flush();
        slabs_.reclaim(all, [&source](Offset start) noexcept { source.give_slab(start); });
    }

    enum class Given : std::uint8_t {
        given,
        given_last,  // the same, and reclaim(false) has work
        not_small,   // lies in no slab
        not_live,    // is not the start of a live block
    };
    // Of two that give the same block one is told that it is not live.
    Given give(std::uint32_t thread, Offset offset) noexcept;
    // given, where one thread only has anything to do with this, no cycle runs, and its shard has room; false: by give().
    [[nodiscard]] bool give_alone(Offset offset) noexcept;
    [[nodiscard]] bool alone() const noexcept { return alone_ != nullptr; }

    // Of the block with that byte; exact for a block that the caller may use.
    struct Found {
        enum class Kind : std::uint8_t { not_small, not_live, block } kind;
        Offset start;
        Size size;  // as asked for
    };
    [[nodiscard]] Found find(Offset offset) const noexcept;
    // In place; false: it starts no live block, or its class is not right for that size.
    [[nodiscard]] bool resize(std::uint32_t thread, Offset offset, Size size) noexcept;

    // Sums over the shards, each right for a moment of its own: kept within what the slabs can hold, since a block that one
    // shard has not counted yet may be subtracted in another one already.
    struct Totals {
        std::uint64_t blocks;
        Size bytes;  // as asked for
        Size held;   // in slabs
        bool operator==(const Totals&) const noexcept = default;
    };
    [[nodiscard]] Totals totals() const noexcept;
    // Calls visit(start, size) for the live blocks of one slab, by address. The lock; exact where nobody else is at work.
    template <class Visit>
    void each(SlabId slab, Visit visit) const noexcept {
        const Class c = slabs_.class_of(slab);
        for (std::uint32_t block = 0; c != 0 && block < shape().blocks(c); ++block) {
            const Place place = Place::of(slab, block);
            const std::uint32_t tag = slabs_.tag(place).load(base::rlx);  // relaxed: a moment's view
            if (tag != 0) visit(slabs_.offset_of(place, c), Size{kSizes[c].size - (tag - 1)});
        }
    }
    // The slab whose bytes begin there; 0: none does. For each(); the lock.
    [[nodiscard]] SlabId slab_at(Offset start) const noexcept;
    // The lock: broken invariants. What threads change without the lock may look broken while somebody is in the middle of it.
    struct Look {
        std::size_t broken;         // whatever others do
        std::size_t open;           // or somebody is at work
        std::uint64_t live, bytes;  // by the tags
        Totals sums;                // by the counters, as they are
        bool operator==(const Look&) const noexcept = default;
    };
    [[nodiscard]] Look look() const noexcept;
    // Quiet: broken invariants.
    [[nodiscard]] std::size_t check() const noexcept {
        const Look seen = look();
        return seen.broken + seen.open;
    }

    // ----------------------------------------------------------------------------------------------- marks (marks.cpp)

    // A cycle of the collector: begin_cycle(); whiten() until it has been everywhere; then the roots, mark() from there,
    // sweep() until it has been everywhere; end_cycle(). White are the blocks that were live when whiten() came by and have
    // been neither freed nor marked since: all others count as marked, so that blocks born meanwhile need no care of those who
    // take them.
    void begin_cycle() noexcept;
    void end_cycle() noexcept;
    // The lock. Up to `slabs` slabs from number `from` on, 0 at first; returns where to go on, 0: done.
    [[nodiscard]] std::uint32_t whiten(std::uint32_t from, std::uint32_t slabs) noexcept;
    // The live block with that byte; true: it was white until now. O(1), lock-free: also for the write barrier.
    bool mark(Offset offset) noexcept;
    [[nodiscard]] bool is_marked(Offset start) const noexcept;
    // The lock. As whiten(): calls visit(context, start, size) for each white block, which is freed where it returns true;
    // reclaim(false) may then have work.
    using Visit = bool (*)(void* context, Offset start, Size size);
    [[nodiscard]] std::uint32_t sweep(std::uint32_t from, std::uint32_t slabs, Visit visit, void* context) noexcept;

  private:
    static constexpr std::uint32_t kShards = 32;
    static constexpr std::uint32_t kTries = 4;
    static constexpr std::uint32_t kMostCached = 64;

    struct alignas(base::kCacheLine) Shard {
        base::Atomic<std::uint32_t> busy;
        base::Atomic<std::uint64_t> blocks, bytes;  // net: what others free is subtracted there. Written by who is busy,
        std::uint8_t count[kClasses];               // or the manager's only thread, and all that follows
        Place places[kClasses][kMostCached];
    };

    [[nodiscard]] Totals sums() const noexcept;
    [[nodiscard]] Shard* enter(std::uint32_t thread) noexcept;
    static void leave(Shard& shard) noexcept;
    static void note(Shard& shard, std::uint64_t blocks, Size bytes) noexcept;
    void note(std::uint32_t thread, std::uint64_t blocks, Size bytes) noexcept;
    [[nodiscard]] Offset born(std::uint32_t thread, Class c, Place place, Size size) noexcept;
    [[nodiscard]] Offset hand_out(Place place, Class c, Size size) noexcept;
    [[nodiscard]] Place take_directly(Class c, Size size) noexcept;
    [[nodiscard]] bool overflow(Shard& shard, Class c) noexcept;
    void flush() noexcept;
    void sweep_slab(SlabId slab, Visit visit, void* context) noexcept;

    Slabs slabs_;
    std::uint32_t shards_mask_;  // of as many as there are, a power of two
    Shard* shards_;
    Shard* alone_;                         // the only one; null: there are kShards
    base::Atomic<std::uint64_t>* direct_;  // net blocks and bytes of who found no shard
    base::Atomic<std::uint32_t>* cycle_;   // 1: the collector is at work
    std::uint8_t cached_[kClasses];        // how many free blocks of a class a shard may keep
};

}  // namespace ashlar::manager

#endif
