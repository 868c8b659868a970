// A cache: the fields of the hit path, the current slabs, and the slots of the
// bins. Its functions serve the misses of the hit path, inside an OwnerScope.
// One thread at a time uses a cache; a shared cache belongs to the holder of
// its `busy` flag. Any thread may collect() from a cache while its owner hits.
#ifndef ASHLAR_MALLOC_CACHE_CACHE_HPP
#define ASHLAR_MALLOC_CACHE_CACHE_HPP

#include <span>

#include "malloc/cache/back_end.hpp"
#include "malloc/cache/quarantine.hpp"
#include "malloc/cache/thread_cache.hpp"

namespace ashlar::cache {

// The capacity of a bin in blocks. Up to 1 KiB: two batches. Larger blocks: 48
// KiB, and at least 16. Runs: 512 KiB, at least one and at most four.
constexpr std::uint32_t capacity_of_bin(base::Bin bin) noexcept {
    if (bin == 0) return 0;
    if (base::is_run(bin)) {
        const std::uint32_t runs = 8 / base::units_of_run(bin);
        return runs > 4 ? 4 : runs < 1 ? 1 : runs;
    }
    const std::uint32_t size = base::kGeometry[bin].size;
    if (size <= depot::kMaxMany) return 2 * depot::batch_of_class(bin);
    return 48 * 1024 / size > 16 ? 48 * 1024 / size : 16;
}

// The open bins of runs hold at most so many units together, or the capacity of
// one bin. A bin of runs is closed until it misses, so that a thread caches
// only the lengths that it uses. Its limit is its top at all times: the hit
// path pushes no run. push_run() does, which looks at the pointer closer.
inline constexpr std::uint32_t kMostRunUnits = 16;

// As a table: no division on a miss.
inline constexpr auto kCapacityOfBin = [] {
    std::array<std::uint32_t, base::kBins> table{};
    for (base::Bin bin = 0; bin < base::kBins; ++bin) table[bin] = capacity_of_bin(bin);
    return table;
}();

// A bin begins with few slots. Those of all bins lie together, so that a thread
// with few blocks touches few pages. A bin that grows moves to slots of its
// own.
inline constexpr std::uint32_t kFewSlots = arena::Arena::kGroup;
constexpr std::uint32_t few_slots(base::Bin bin) noexcept {
    return capacity_of_bin(bin) < kFewSlots ? capacity_of_bin(bin) : kFewSlots;
}

// Where the slots of each bin begin. Slot 0 of each is its null.
struct Slots {
    std::array<std::uint32_t, base::kBins> few;  // of a bin that has not grown
    // Of one that has; the same if it never needs more.
    std::array<std::uint32_t, base::kBins> many;
    std::uint32_t all;
};
inline constexpr Slots kSlots = [] {
    Slots slots{};
    std::uint32_t next = 0;
    for (base::Bin bin = 0; bin < base::kBins; ++bin) {
        slots.few[bin] = slots.many[bin] = next + 1;
        next += 1 + few_slots(bin);
    }
    for (base::Bin bin = 0; bin < base::kBins; ++bin) {
        if (capacity_of_bin(bin) == few_slots(bin)) continue;
        slots.many[bin] = next + 1;
        next += 1 + capacity_of_bin(bin);
    }
    slots.all = next;
    return slots;
}();

// How much of the quarantine's bound a block takes. The pages of a run of
// several units have gone back to the system.
constexpr std::size_t weight_of_bin(base::Bin bin) noexcept {
    return bin > base::bin_of_run(1) ? kSizeOfBin[bin] / 16 : kSizeOfBin[bin];
}

// Whole pages, so that an idle cache can be returned to the system.
inline constexpr std::size_t kCachePage = 4096;

// Misses of a cache. The thread that uses the cache writes them, others read
// them at any time. Relaxed: sums.
struct MissCounts {
    base::Atomic<std::uint64_t> refills[base::kBins];
    base::Atomic<std::uint64_t> overflows, depot_takes, depot_gives;
    static void add(base::Atomic<std::uint64_t>& count) noexcept {
        count.store(count.load(base::rlx) + 1, base::rlx);
    }
    // Any thread may call it; no other thread uses `from`. Relaxed: sums.
    void take_over(MissCounts& from) noexcept {
        const auto move = [](base::Atomic<std::uint64_t>& to,
                             base::Atomic<std::uint64_t>& counted) noexcept {
            const std::uint64_t n = counted.load(base::rlx);
            if (n == 0) return;
            to.fetch_add(n, base::rlx);
            counted.store(0, base::rlx);
        };
        for (base::Bin bin = 1; bin < base::kBins; ++bin) move(refills[bin], from.refills[bin]);
        move(overflows, from.overflows);
        move(depot_takes, from.depot_takes);
        move(depot_gives, from.depot_gives);
    }
};

class alignas(kCachePage) Cache : public ThreadCache {
  public:
    void attach(BackEnd& owner, std::uint32_t number) noexcept;
    [[nodiscard]] bool attached() const noexcept { return heap != nullptr; }

    // Refills an empty bin, and takes a block. `zeroed`: prefers a block that
    // is known to read as zero.
    [[nodiscard]] Allocation refill(base::Bin bin, bool zeroed = false) noexcept;
    // The newest run of a bin, or nullptr. A cached run that does not begin at
    // a unit was freed by a pointer into it: that ends the program, before the
    // run is allocated again.
    [[nodiscard]] void* pop_run(base::Bin bin) noexcept;
    // The same in a scope of its own: the hit path of runs. nullptr also while
    // a collector works on the cache.
    [[nodiscard, gnu::always_inline]] inline void* pop_run_in_scope(base::Bin bin) noexcept;
    // Frees a run. False: nothing was done, since the bin is closed or full.
    // Ends the program over a pointer into the run, and over a run that the bin
    // has already.
    [[nodiscard, gnu::always_inline]] inline bool push_run(void* block, base::Bin bin) noexcept;
    // Frees a block whose bin was found full.
    void overflow(void* block, base::Bin bin) noexcept;
    // Hit and miss together, for callers outside the hit path.
    [[nodiscard]] void* take(base::Bin bin) noexcept;
    void give(void* block, base::Bin bin) noexcept;

    // Up to n blocks of a small class into out[]; fewer: out of memory.
    [[nodiscard]] std::size_t take_batch(base::Bin bin, void** out, std::size_t n) noexcept;

    // Collects idle bins, if it is time.
    void look_at_clock() noexcept;
    // Gives the cached runs back, and closes their bins.
    void close_runs() noexcept;
    // Updates the number of units in `pages`: more may be committed by now.
    void see_committed() noexcept;

    // Gives everything back: all bins, all current slabs.
    void flush() noexcept;

    // The cache of a new thread, complete after attach(): from now on others
    // may collect.
    void open_to_collectors() noexcept;
    // The owner ends. True: the cache is its own, and no collector works on it
    // any more. False: the collector that works on it ends it.
    [[nodiscard]] bool close_to_collectors() noexcept;
    // In the child of a fork, which has no collector: as its own thread's
    // cache, or as one that is left behind.
    void continue_in_child(bool own) noexcept;
    enum class Collected : std::uint8_t { nothing, blocks, ended };
    // Whether the owner is in a slow path. Of a cache that no code of its
    // thread uses any more: it was left there, by a siglongjmp() out of a
    // signal handler. For the owner.
    [[nodiscard]] bool cut() const noexcept {
        return inside_.load(base::rlx) != 0;  // relaxed: only the owner writes it
    }
    // Empties a cut cache, so that it may be used again. False: a collector
    // works on it, and nothing changed. May itself be cut, and called again.
    [[nodiscard]] bool mend() noexcept;
    // For any thread: gives back what the cache holds and its owner's hits
    // can't reach meanwhile. That is all but the newest block of each class.
    // `only_idle`: only if no bin has moved since the last call. ended: the
    // owner has ended, and the caller must flush the cache and give it back.
    [[nodiscard]] Collected collect(bool only_idle) noexcept;
    // The same for several caches, which share three barriers. False: the cache
    // can't be collected now. Else end_collections() must follow.
    struct Collection;
    static constexpr std::uint32_t kMostCollections = 8;  // 6 KiB on the stack
    [[nodiscard]] bool begin_collection(Collection& out, bool only_idle) noexcept;
    static void end_collections(std::span<Collection> begun, bool only_idle) noexcept;
    // As flush(), for a cache that was cut in the middle of an operation: by a
    // fork that its thread does not survive, or by siglongjmp().
    void adopt() noexcept;

    // Calls f(block) for each cached block of a bin.
    template <class F>
    void visit(base::Bin bin, F f) noexcept {
        for (void** at = top[bin] - 1; *at != nullptr; --at) f(*at);
    }

    // Paranoid heaps. A random block of a bin, or nullptr.
    [[nodiscard]] void* pop_random(base::Bin bin) noexcept;
    // As give(), after a while in the quarantine (quarantine_inline.hpp).
    template <class F>
    void put_in_quarantine(void* block, base::Bin bin, F check) noexcept;

    // The scope of such a hit; the cache's thread calls leave() after it.
    // False: a collector works on the cache or did, and there is no scope.
    [[nodiscard]] bool enter_quickly() noexcept;
    void leave() noexcept;

    // Where the slots lie, for readers from outside.
    [[nodiscard]] const void* slots() const noexcept { return slots_; }

    MissCounts counts;
    // Shared caches: held by exchange(1, acq), left by store(0, rel).
    base::Atomic<std::uint32_t> busy;
    std::uint32_t exit_rounds;  // how often the destructor of the thread's exit has run
    // Of a thread's cache of a paranoid heap, or null. Set before the cache is
    // open to collectors. Before the slots: all threads write it.
    Quarantine* quarantine;

  private:
    friend class OwnerScope;
    // The values of `state_`.
    static constexpr std::uint32_t kUnused = 0;      // no thread's, or shared
    static constexpr std::uint32_t kOwned = 1;       // its thread's
    static constexpr std::uint32_t kCollecting = 2;  // a collector works on the slots
    static constexpr std::uint32_t kCollected = 3;   // its thread must close the gaps
    static constexpr std::uint32_t kAbandoned = 4;   // its thread ended during kCollecting

    static constexpr std::uint8_t kNew = 0;       // never refilled
    static constexpr std::uint8_t kRefilled = 1;  // once, and still in its few slots
    static constexpr std::uint8_t kGrown = 2;     // in slots of its own

    [[nodiscard]] void** bottom(base::Bin bin) noexcept {
        return slots_ + (stage_[bin] == kGrown ? kSlots.many : kSlots.few)[bin];
    }
    // How many blocks the bin can hold where it is.
    [[nodiscard]] std::uint32_t slots_of(base::Bin bin) const noexcept {
        return stage_[bin] == kGrown ? kCapacityOfBin[bin] : few_slots(bin);
    }
    void grow(base::Bin bin) noexcept;
    [[nodiscard]] void* refill_few(base::Bin bin) noexcept;
    [[nodiscard]] void** first_limit(base::Bin bin) noexcept;
    void open(base::Bin bin) noexcept;
    void open_runs(base::Bin bin) noexcept;
    void move_top(base::Bin bin, std::ptrdiff_t slots) noexcept;
    [[noreturn, gnu::cold, gnu::noinline]] void report_run(const void* block,
                                                           base::Bin bin) noexcept;
    [[nodiscard]] Allocation take_run(base::Bin bin) noexcept;
    void count_miss() noexcept;
    void flush_bin(base::Bin bin) noexcept;
    void collect_idle() noexcept;
    void flush_idle_bin(base::Bin bin) noexcept;
    void shrink(base::Bin bin) noexcept;
    void make_room(base::Bin bin) noexcept;
    [[nodiscard]] bool draining() const noexcept;
    void drain(base::Bin bin) noexcept;
    void flush_idle_depot(base::Bin bin) noexcept;

    [[nodiscard]] std::size_t take_random_batch(base::Bin bin, void** out, std::size_t n) noexcept;
    void drain_quarantine() noexcept;
    void adopt_quarantine() noexcept;

    [[nodiscard]] bool enter() noexcept;
    [[gnu::noinline]] void* pop_run_after_collection(base::Bin bin) noexcept;
    void close_gaps() noexcept;
    void settle_doubt(base::Bin bin) noexcept;
    void empty_bins() noexcept;
    void rebuild() noexcept;
    void take_back(std::uint32_t seen) noexcept;
    [[nodiscard]] std::uintptr_t sum_of_tops() const noexcept;
    [[nodiscard]] bool may_collect(bool only_idle) noexcept;
    void mark(Collection& own) noexcept;
    void compare_tops(Collection& own) noexcept;
    void collect_runs(const Collection& own) noexcept;
    void collect_classes(const Collection& own, bool ordered) noexcept;
    [[nodiscard]] Collected leave_collection(const Collection& own) noexcept;
    void give_below(base::Bin c, void** mark, void* block) noexcept;

    base::Atomic<std::uint32_t> state_;     // [E54] [E55]
    base::OwnedCount inside_;               // scopes of the owner [E54]
    std::uint32_t misses_;                  // since the last collect_idle()
    std::uint32_t run_units_;               // capacity of the open bins of runs
    void** run_limit_[base::kMaxRunUnits];  // where push_run() stops; the bottom: closed
    // When collect_idle() was last called, in milliseconds.
    std::uint64_t collected_;
    // 1: the last collect_idle() came by time, before kCollectMisses misses.
    std::uint32_t quiet_;
    void** seen_[base::kBins];                // tops at the last collect_idle()
    std::uint8_t idle_[base::kBins];          // how far flush_idle_bin() has come with each bin
    std::uint8_t remote_frees_[base::kBins];  // blocks that came to a closed bin
    std::uint8_t stage_[base::kBins];         // of each bin: kNew, kRefilled or kGrown
    depot::DepotHandle depot_handle_;
    std::uint64_t depot_seen_[base::kClasses];  // Depot::version() of each class, as last read
    base::Atomic<base::UnitId>
        current_[base::kClasses];  // slabs that this cache owns; relaxed; set after the claim,
                                   // cleared before the publish
    // Bytes that went in batches since the last refill, and how many of them
    // may go before a thread alone drains its bins.
    std::size_t freed_;
    std::size_t drain_after_;
    std::uintptr_t sum_;  // sum_of_tops() at the last collect()
    void* slots_[kSlots.all];
    // For the holder of kCollecting, then for the owner. A block that a
    // collector took out of a slot, while the owner may have popped it. Behind
    // the slots, where the owner touches no page.
    struct Doubt {
        void** slot;  // null: none
        void* block;
    };
    Doubt doubts_[base::kClasses];
};

// A cache that a collector works on, and what it knows of it.
struct Cache::Collection {
    Cache* cache;
    Collected result;      // set by end_collections()
    std::uint32_t before;  // the cache's state
    bool done;             // the owner was outside, and all steps follow
    bool sure[base::kClasses];
    Doubt marks[base::kClasses];
    std::uint8_t runs[base::kMaxRunUnits];  // of each bin of runs
};

// The owner's slow paths, and every pop of a run. No collector works on the
// cache meanwhile. If one does already, the scope has no cache: then the caller
// uses the shared caches. Scopes may nest.
class OwnerScope {
  public:
    explicit OwnerScope(Cache* cache) noexcept
        : cache_(cache != nullptr && cache->enter() ? cache : nullptr) {}
    ~OwnerScope() {
        if (cache_ != nullptr) cache_->leave();
    }
    OwnerScope(const OwnerScope&) = delete;
    OwnerScope& operator=(const OwnerScope&) = delete;
    [[nodiscard]] Cache* cache() const noexcept { return cache_; }

  private:
    Cache* cache_;
};

// [E54] The count comes first for the compiler: a collector puts the barrier
// between it and the load.
inline bool Cache::enter() noexcept {
    inside_.increment();
    // [E55] acquire, pairs with the exchange in collect(): the slots as the
    // collector left them.
    std::uint32_t seen = state_.load(base::acq);
    if (seen == kOwned) [[likely]]
        return true;
    // [E55] acquire, likewise.
    if (seen == kCollected && state_.cas(seen, kOwned, base::acq, base::acq)) {
        close_gaps();
        return true;
    }
    leave();
    return false;
}

// [E54] [E55] acquire, as in enter().
inline bool Cache::enter_quickly() noexcept {
    inside_.increment();
    const bool entered = state_.load(base::acq) == kOwned;
    if (!entered) [[unlikely]]
        leave();
    return entered;
}

// [E54] release, pairs with the acquire in collect(): the owner's slots.
inline void Cache::leave() noexcept { inside_.decrement(); }

// Of a bin of runs.
inline void Cache::move_top(base::Bin bin, std::ptrdiff_t slots) noexcept {
    void** const to = top[bin] + slots;
    base::owned_store(top[bin], to);
    limit[bin] = to;
}

// The bin has four slots at most, above a null; a collector may put another
// null between. No scope: a collector's barrier orders the slot and the top,
// [E56].
inline bool Cache::push_run(void* block, base::Bin bin) noexcept {
    void** const at = top[bin];
    if (reinterpret_cast<std::uintptr_t>(block) % base::kUnitSize != 0) [[unlikely]]
        report_run(block, bin);
    for (void** slot = at - 1; void* cached = base::owned_load(*slot); --slot) {
        if (cached == block) [[unlikely]]
            report_run(block, bin);
    }
    if (at == run_limit_[bin - base::kClasses]) return false;
    base::owned_store(*at, block);
    base::compiler_fence();  // the slot, then the top: a fork may cut between
    move_top(bin, 1);
    return true;
}

// A free that the hit path has refused, if it is that of a run. False: nothing
// was done.
[[nodiscard, gnu::always_inline]] inline bool push_run(void* block) noexcept {
    ThreadCache* const own = tls_cache;
    // The constant caches have no pages.
    if (!own->pages.contains(block)) return false;
    const auto bin = static_cast<base::Bin>(own->pages.bin_within(block));
    return base::is_run(bin) && static_cast<Cache*>(own)->push_run(block, bin);
}

}  // namespace ashlar::cache

#endif
