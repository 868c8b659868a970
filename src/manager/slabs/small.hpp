// Small blocks of a MemoryManager: caches in front of the slabs. A cache is a
// shard that a thread holds for a few instructions at a time. A shard is tried,
// never waited for: a thread that gets none uses the slabs themselves.
// Lock-free, any thread, unless a comment asks for "the lock": that of the
// range allocator from which slabs come. A manager for one thread has one
// shard. Only freeze() makes others wait.
//
//   shard   | busy | net counts | how many of each class | places of free blocks, a stack for each
//   class |
//
// A block is live when its tag says so; between its tag and its free bit it
// belongs to one thread or one shard.
#ifndef ASHLAR_MANAGER_SLABS_SMALL_HPP
#define ASHLAR_MANAGER_SLABS_SMALL_HPP

#include <cstdint>
#include <span>

#include "manager/base/thread_numbers.hpp"
#include "manager/slabs/slabs.hpp"

namespace ashlar::manager {

class Small {
  public:
    // For a buffer that may grow to `limit` bytes. shape.shift == 0: there are
    // no small blocks, and only class_of() and look-ups of offsets may be
    // called, which then find none. `shared`: many threads.
    void layout(region::Carver& carver, const Shape& shape, bool shared) noexcept;
    [[nodiscard]] const Shape& shape() const noexcept { return slabs_.shape(); }
    // See Slabs.
    [[nodiscard]] bool open_with_slabs(const void* table, std::size_t entry_bytes) noexcept {
        return slabs_.open_with_slabs(table, entry_bytes);
    }

    // 0: not for slabs. size >= 1; `alignment` is a power of two.
    [[nodiscard]] Class class_of(Size size, Size alignment) const noexcept {
        return shape().class_of(size, alignment);
    }

    // A block of class_of(size, ...); kNoOffset: no slab has room. `thread`:
    // thread_number().
    [[nodiscard]] Offset take(std::uint32_t thread, Class c, Size size) noexcept;
    // Stores up to out.size() such blocks; returns how many.
    [[nodiscard]] std::size_t take_batch(std::uint32_t thread, Class c, Size size,
                                         std::span<Offset> out) noexcept;
    // The same for a manager for one thread whose shard has a block. kNoOffset:
    // the caller calls take().
    [[nodiscard]] Offset take_alone(Class c, Size size) noexcept;
    // The same with the lock, after take() found none. source.take_slab()
    // returns a block of slab_size() bytes at a multiple of it, or kNoOffset;
    // source.give_slab(start) gives one back.
    template <class Source>
    [[nodiscard]] Offset take_locked(std::uint32_t thread, Class c, Size size,
                                     Source& source) noexcept {
        // Another thread may have added a slab, or have hidden free blocks
        // while it tried to retire one.
        if (const Offset found = take(thread, c, size); found != kNoOffset) return found;
        const Offset start = source.take_slab();
        if (start == kNoOffset) return kNoOffset;
        const Place place = slabs_.add(start, c);
        if (place != Slabs::kNone) return allocated(thread, c, place, size);
        source.give_slab(start);
        return kNoOffset;
    }
    // A free block of a larger class, of the smallest one that has any, after
    // take() found none. It is at most kMostSlack bytes too large.
    [[nodiscard]] Offset take_larger(std::uint32_t thread, Class c, Size size,
                                     Size alignment) noexcept;
    // Bytes in slabs. Relaxed: exact under the lock.
    [[nodiscard]] Size held() const noexcept { return Size{slabs_.count()} << shape().shift; }
    // The lock: gives empty slabs back. all: empties the caches first, and
    // gives the spare of each class too; for trim(), and for when nothing fits.
    // Caches that a thread holds at that moment are left out.
    template <class Source>
    void reclaim(bool all, Source& source) noexcept {
        if (all) flush();
        slabs_.reclaim(all, [&source](Offset start) noexcept { source.give_slab(start); });
    }

    // Quiet, and the lock: frees all blocks and empties the caches. The slabs'
    // ranges are the caller's to free.
    void clear() noexcept;

    // Quiet, and the lock, for a saved state: makes the range allocator's block
    // at `start` a slab of class c whose blocks are free. False: the table of
    // slabs is full.
    [[nodiscard]] bool restore_slab(Offset start, Class c) noexcept;
    // Likewise: makes a free block of such a slab live, of `size` bytes.
    void restore(Offset start, Size size) noexcept;
    // The block size of a slab's class; 0: it is no slab. The lock.
    [[nodiscard]] Size stride(SlabId slab) const noexcept {
        return kSizes[slabs_.class_of(slab)].size;
    }

    enum class Given : std::uint8_t {
        given,
        given_last,  // the same, and reclaim(false) has work
        not_small,   // lies in no slab
        not_live,    // is not the start of a live block
    };
    // Of two threads that give the same block one gets not_live.
    Given give(std::uint32_t thread, Offset offset) noexcept;
    // Frees the first of these, up to one that give() would not; returns how
    // many. `last`: one was given_last.
    [[nodiscard]] std::size_t give_batch(std::uint32_t thread, std::span<const Offset> offsets,
                                         bool& last) noexcept;
    // Frees a block of a manager for one thread, if no cycle runs and its shard
    // has room. False: the caller calls give().
    [[nodiscard]] bool give_alone(Offset offset) noexcept;
    [[nodiscard]] bool alone() const noexcept { return alone_ != nullptr; }

    // The block with that byte; exact for a block that the caller may use.
    struct Found {
        enum class Kind : std::uint8_t { not_small, not_live, block } kind;
        Offset start;
        Size size;  // as asked for
    };
    [[nodiscard]] Found find(Offset offset) const noexcept;
    // The number of the block with that byte, which the caller may use: below
    // most_blocks(), and the same for its whole life.
    [[nodiscard]] std::size_t number_of(Offset offset) const noexcept {
        return slabs_.number_of(slabs_.locate(offset).place);
    }
    // Of all slabs; a multiple of 64.
    [[nodiscard]] std::size_t most_blocks() const noexcept {
        return shape().shift == 0 ? 0 : (std::size_t{shape().slabs} + 1) * shape().most_blocks();
    }
    // Resizes in place. False: no live block starts there, or its class does
    // not suit the size.
    [[nodiscard]] bool resize(std::uint32_t thread, Offset offset, Size size) noexcept;

    // Sums over the shards, each read at a moment of its own. They are limited
    // to the capacity of the slabs: a block that one shard has not counted yet
    // may be subtracted in another one already.
    struct Totals {
        std::uint64_t blocks;
        Size bytes;  // as asked for
        Size held;   // in slabs
        bool operator==(const Totals&) const noexcept = default;
    };
    [[nodiscard]] Totals totals() const noexcept;
    // Calls visit(start, size) for the live blocks of one slab, by address. The
    // lock; exact if no other thread is at work.
    template <class Visit>
    void each(SlabId slab, Visit visit) const noexcept {
        each_from(slab, 0, [&visit](Offset start, Size size) {
            visit(start, size);
            return true;
        });
    }
    // The same for the blocks that end behind `from`, until it returns false.
    template <class Visit>
    void each_from(SlabId slab, Offset from, Visit visit) const noexcept {
        const Class c = slabs_.class_of(slab);
        if (c == 0) return;
        const Offset start = slabs_.start(slab);
        auto block = from > start ? static_cast<std::uint32_t>((from - start) / kSizes[c].size) : 0;
        for (; block < shape().blocks(c); ++block) {
            const Place place = Place::of(slab, block);
            // Relaxed: a moment's view.
            const std::uint32_t tag = slabs_.tag(place).load(base::rlx);
            if (tag != 0 && !visit(slabs_.offset_of(place, c), Size{kSizes[c].size - (tag - 1)}))
                return;
        }
    }
    // Bytes of tables in use; the lock.
    [[nodiscard]] Size metadata() const noexcept {
        return shape().shift == 0 ? 0 : slabs_.metadata();
    }
    // The lock: gives back the tables of slabs that were retired; see
    // Slabs::trim().
    [[nodiscard]] SlabId trim(SlabId from, SmallAnnotations& annotations) noexcept {
        return slabs_.trim(from, annotations);
    }
    // The lock: blocks that tables in use are for.
    [[nodiscard]] std::size_t table_blocks() const noexcept {
        return shape().shift == 0 ? 0 : slabs_.table_blocks();
    }
    // The lock, and many threads: stops small blocks. Returns when no thread is
    // inside take(), give() or resize(); calls that begin now wait for thaw().
    // In between, tags, free bits, shards and counters agree.
    void freeze() noexcept;
    void thaw() noexcept;
    // The slab whose bytes begin there; 0: none does. For each(); the lock.
    [[nodiscard]] SlabId slab_at(Offset start) const noexcept;
    // The number of broken invariants. The lock, and quiet or frozen.
    [[nodiscard]] std::size_t check() const noexcept;

    // ------------------------------------------------- marks (small_marks.cpp)

    // A cycle of the collector: begin_cycle(); whiten() until it has visited
    // all slabs; mark() from the roots; sweep() until it has visited all slabs;
    // end_cycle(). A block is white if it was live when whiten() visited it,
    // and was neither freed nor marked since. All others count as marked, so
    // that threads that allocate during the cycle have nothing to do for it.
    void begin_cycle() noexcept;
    void end_cycle() noexcept;
    // The lock. Whitens up to `slabs` slabs from number `from` on, 0 at first.
    // Returns the next number, 0: done.
    [[nodiscard]] std::uint32_t whiten(std::uint32_t from, std::uint32_t slabs) noexcept;
    // Marks the live block with that byte; true: it was white until now. O(1),
    // lock-free: also for the write barrier.
    bool mark(Offset offset) noexcept;
    [[nodiscard]] bool is_marked(Offset start) const noexcept;
    // The lock. As whiten(): calls visit(context, start, size) for each white
    // block, which is freed where it returns true; reclaim(false) may then have
    // work.
    using Visit = bool (*)(void* context, Offset start, Size size);
    [[nodiscard]] std::uint32_t sweep(std::uint32_t from, std::uint32_t slabs, Visit visit,
                                      void* context) noexcept;
    // Makes the live block that starts there a root until it is freed. No cycle
    // may begin between the allocation and this call.
    void make_root(Offset start) noexcept;
    [[nodiscard]] bool is_root(Offset start) const noexcept;
    // Whether a deallocation has more to do than usual: a cycle runs, or a
    // block was made a root. Relaxed: for the manager's only thread.
    [[nodiscard]] bool watched() const noexcept { return cycle_->load(base::rlx) != 0; }

  private:
    static constexpr std::uint32_t kShards = 32;
    static constexpr std::uint32_t kTries = 4;
    static constexpr std::uint32_t kMostCached = 64;
    static constexpr std::uint32_t kCycle = 1, kRoots = 2;

    struct alignas(base::kCacheLine) Shard {
        base::Atomic<std::uint32_t> busy;
        // Net of frees in this shard; written by its holder,.
        base::Atomic<std::uint64_t> blocks, bytes;
        // As all that follows, or by the manager's only thread.
        std::uint8_t count[kClasses];
        Place places[kClasses][kMostCached];
    };

    [[nodiscard]] static std::uint32_t shards_of(const Shape& shape) noexcept;
    [[nodiscard]] Totals sums() const noexcept;
    class Call;

    [[nodiscard]] Shard* enter(std::uint32_t thread) noexcept;
    void enter_directly() noexcept;
    void leave_directly() noexcept;
    static void leave(Shard& shard) noexcept;
    static void note(Shard& shard, std::uint64_t blocks, Size bytes) noexcept;
    void note(std::uint32_t thread, std::uint64_t blocks, Size bytes) noexcept;
    [[nodiscard]] Offset allocated(std::uint32_t thread, Class c, Place place, Size size) noexcept;
    [[nodiscard]] Offset hand_out(Place place, Class c, Size size) noexcept;
    [[nodiscard]] Given withdraw(Offset offset, const Slabs::Where& at, Size& size) noexcept;
    [[nodiscard]] bool put_back(Shard* shard, const Slabs::Where& at) noexcept;
    [[nodiscard]] bool overflow(Shard& shard, Class c) noexcept;
    void flush() noexcept;
    void sweep_slab(SlabId slab, Visit visit, void* context) noexcept;

    Slabs slabs_;
    std::uint32_t shards_mask_;  // of as many as there are, a power of two
    Shard* shards_;
    Shard* alone_;                         // the only one; null: there are kShards
    base::Atomic<std::uint64_t>* direct_;  // net blocks and bytes of calls that found no shard
    base::Atomic<std::uint32_t>* calls_;   // calls without a shard, in progress
    base::Atomic<std::uint32_t>* frozen_;  // 1: they wait
    // KCycle: the collector is at work; kRoots: a block was made a root.
    base::Atomic<std::uint32_t>* cycle_;
    std::uint8_t cached_[kClasses];  // how many free blocks of a class a shard may keep
};

}  // namespace ashlar::manager

#endif
