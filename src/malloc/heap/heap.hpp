// A heap: a back end (region, spans, arena, depot) and caches. The process heap
// is one, and each ashlar::Heap is one. Lock-free, any thread. During create()
// and destroy() no other thread may use the heap.
#ifndef ASHLAR_MALLOC_HEAP_HEAP_HPP
#define ASHLAR_MALLOC_HEAP_HEAP_HPP

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bitmap_index.hpp"
#include "base/bits.hpp"
#include "malloc/cache/back_end.hpp"
#include "malloc/cache/cache.hpp"
#include "malloc/checks/checks.hpp"
#include "malloc/inspect/layout.hpp"

namespace ashlar::cache {

using checks::CheckLevel;

class Heap : public BackEnd {
  public:
    // A heap of `units` units with room for `caches` thread caches. nullptr:
    // the source refuses.
    [[nodiscard]] static Heap* create(const region::Source& source, base::UnitId units,
                                      std::uint32_t caches,
                                      CheckLevel level = CheckLevel::standard) noexcept;
    static void destroy(Heap* heap) noexcept;

    // Where its tables lie; it begins the heap's mapping, so that readers from
    // outside find it.
    [[nodiscard]] inspect::HeapLayout& description() const noexcept {
        return *static_cast<inspect::HeapLayout*>(mapping_);
    }
    // From the description to the heap.
    static constexpr std::size_t kDescriptionBytes =
        base::round_up(sizeof(inspect::HeapLayout), base::kCacheLine);

    // Bytes of address space that are reserved.
    [[nodiscard]] std::size_t mapped() const noexcept;

    // A cache for the calling thread, empty or not; nullptr: all are in use.
    [[nodiscard]] Cache* take_cache() noexcept;
    // One more for the same thread, for its signal handlers.
    [[nodiscard]] Cache* take_further_cache() noexcept;
    // Reserves address space for more caches, if few of those that are reserved
    // are left. So hardly a thread needs the lock, and meets another that has
    // it. Also for a heap that is not published yet.
    void reserve_caches_ahead() noexcept;
    // Flushes the cache of a thread that ends, and takes it back. If a
    // collector works on it, that does so instead.
    void end_cache(Cache* cache) noexcept;
    // Takes a cache back. The caller has flushed it, and no collector works on
    // it.
    void give_cache(Cache* cache) noexcept;
    // Gives back what the caches of threads hold that are not in a slow path,
    // but for the newest block of each class. `only_idle`: of those that have
    // not changed since the last call. Up to four system calls for each cache.
    void collect_caches(bool only_idle) noexcept;

    // For threads without a cache of their own. They use a shared cache, or the
    // slabs if all shared caches are busy. Of the request only size and
    // alignment count.
    [[nodiscard]] Allocation allocate(const Request& request) noexcept;
    [[nodiscard]] void* take(base::Bin bin) noexcept;
    // `bin` is that of the page map.
    void give(void* block, base::Bin bin) noexcept;

    struct Size {
        base::Bin bin;      // 0: a large run without a bin
        std::size_t bytes;  // 0: the pointer is not the start of a block
    };
    // The size of a block that the program holds. 0 bytes: the pointer is not
    // the start of a block, or the block is free in its slab.
    [[nodiscard]] Size size_of(const void* block) const noexcept;
    // A run, for a request of any size and alignment.
    [[nodiscard]] Allocation allocate_run(const Request& request) noexcept;
    // Grows or shrinks a large block of `from` bytes to hold `to`, in place;
    // false: nothing changed.
    [[nodiscard]] bool resize(void* block, std::size_t from, std::size_t to) noexcept;

    // Checks blocks on their way to the program and back. The callers of
    // allocate() and give() use its hooks if it is on.
    checks::Checks checks;

    // Releases address space that was reserved and never used.
    void shed() noexcept;
    // Gives back what the shared caches hold, and the magazines of the depot,
    // at most so many of each class.
    void flush_cached(std::uint32_t magazines = ~0U) noexcept;
    // Empties the shared caches and the depot, retires complete slabs, and
    // frees runs kept for reuse, as far as no thread is using them.
    void reclaim() noexcept;
    // For a background thread, once a second: gives back what no thread has
    // moved since the last call, in caches and in the depot. Then a tick, and
    // the idle pages of slabs go back to the system.
    void return_idle() noexcept;
    // collect_caches(), reclaim(), and returns the pages of all free memory to
    // the system, and those of caches without a thread. True: there were any.
    bool trim() noexcept;
    // collect_caches(), reclaim(), and returns the pages of free units to the
    // system, of runs of at least `least` units. Returns how many system calls
    // that took.
    std::uint32_t relieve(std::uint32_t least) noexcept;
    // Whether no thread has used the heap without a cache, and none has a cache
    // now but the one of `own`. Exact if no thread begins or ends meanwhile.
    [[nodiscard]] bool has_one_user(const Cache* own) const noexcept;
    // No other thread may use the heap meanwhile. False: the visitor stopped
    // the walk.
    bool visit(arena::BlockVisitor visitor, void* context) noexcept;
    [[nodiscard]] std::size_t check() const noexcept;

    // In the child of a fork, where `own` are the caches of its only thread, or
    // null. The caches of other threads are taken over at the next miss.
    void adopt_fork(Cache* own) noexcept { adopt_fork(std::span<Cache* const>(&own, 1)); }
    void adopt_fork(std::span<Cache* const> own) noexcept;
    // Flushes caches of threads that a fork left behind, if there are any.
    void adopt_orphans() noexcept {
        if (left_behind_.load(base::rlx) != 0) [[unlikely]]  // relaxed: a hint
            adopt_some();
    }

  private:
    static constexpr std::uint32_t kShared = 16;
    // Caches that stay resident when their threads end.
    static constexpr std::uint32_t kIdleResident = 64;

    static std::uint32_t created_of(base::Word word) noexcept {
        return static_cast<std::uint32_t>(word);
    }
    static std::uint32_t most_of(base::Word word) noexcept {
        return static_cast<std::uint32_t>(word >> 32);
    }
    // [E38] acquire, pairs with the store in with_shared().
    [[nodiscard]] bool has_shared() const noexcept {
        return shared_committed_.load(base::acq) != 0;
    }
    [[nodiscard]] bool commit(Cache* first, std::uint32_t n) const noexcept;
    [[nodiscard]] bool reserve_caches(std::uint32_t enough) noexcept;
    void drop(Cache& cache) const noexcept;
    [[nodiscard]] Quarantine* quarantine_of(std::uint32_t id) const noexcept {
        return quarantines_ == nullptr ? nullptr : quarantines_ + id;
    }
    void drop_idle_caches() noexcept;

    void layout(region::Carver& carver, const region::Region& region, std::uint32_t caches,
                CheckLevel level) noexcept;
    void make_quarantines(std::uint32_t caches) noexcept;
    void describe(const region::Carver& carver) const noexcept;
    void describe_caches(inspect::CacheTables& out) const noexcept;
    template <class F>
    bool with_shared(F f) noexcept;
    void adopt_some() noexcept;
    void flush_shared() noexcept;
    static void hide_cached(void* heap, base::Bin c, std::uintptr_t slab,
                            base::Word* live) noexcept;

    void* mapping_;
    std::size_t bytes_;
    Cache* shared_;
    Cache* caches_;
    Quarantine* quarantines_;     // of caches_, in paranoid heaps; null: none
    base::BitmapIndex idle_;      // thread caches without a thread; they are empty
    base::BitmapIndex orphaned_;  // thread caches whose thread a fork left behind
    std::uint32_t most_caches_;   // thread caches that there may ever be
    // Low half: caches [0, created) have been handed out; high half: so many
    // are reserved.
    base::Atomic<base::Word> created_;
    base::TryLock reserving_;  // its holder may change the high half
    base::Atomic<std::uint32_t> shared_committed_;
    std::uint64_t depot_seen_[base::kClasses];  // versions at the last return_idle()
    // 1: caches that a fork left behind are still to be adopted; a hint.
    base::Atomic<std::uint32_t> left_behind_;
    MissCounts past_;  // of threads that have ended; relaxed: sums
};

}  // namespace ashlar::cache

#endif
