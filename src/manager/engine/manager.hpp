// The implementation of a MemoryManager. Blocks come from slabs, without the
// lock, or from the range allocator, under it. When nothing fits, empty slabs
// go back to the range allocator, and the buffer grows. All that changes lies
// in the store, as indices. The rest are addresses of tables, the user's
// callbacks, and annotations.
//
// Locks, in the order in which they may be taken: growth (held while a callback
// of the user runs), range allocator, annotations.
#ifndef ASHLAR_MANAGER_ENGINE_MANAGER_HPP
#define ASHLAR_MANAGER_ENGINE_MANAGER_HPP

#include <algorithm>
#include <ashlar/memory_manager.hpp>
#include <memory>

#include "base/bits.hpp"
#include "manager/base/block_annotations.hpp"
#include "manager/base/buffer.hpp"
#include "manager/base/lock.hpp"
#include "manager/base/store.hpp"
#include "manager/collector/collector.hpp"
#include "manager/collector/collector_thread.hpp"
#include "manager/engine/allocation_counts.hpp"
#include "manager/engine/relocation.hpp"
#include "manager/engine/snapshot.hpp"
#include "manager/moves/moves.hpp"
#include "manager/ranges/range_allocator.hpp"
#include "manager/slabs/small_inline.hpp"

namespace ashlar::manager {

class StateRoom;
class Views;
struct SavedBlock;
struct SavedState;

class Manager {
  public:
    // Throws BadSize, BadAlignment, std::bad_alloc.
    Manager(Buffer buffer, Size initial, ManagerOptions options);
    ~Manager();

    [[nodiscard]] Status allocate(Size size, Size alignment, Offset& at);
    // allocate() is one of these two.
    [[nodiscard]] Status allocate_plain(Size size, Size alignment, Offset& at);
    [[gnu::noinline]] [[nodiscard]] Status allocate_with_extras(Size size, Size alignment,
                                                                Offset& at);
    // Whether requests have a budget, or new blocks are wiped or counted.
    // Relaxed: see wipes().
    [[nodiscard]] bool has_extras() const noexcept { return extras_.load(base::rlx) != 0; }
    // The same in a few instructions, for small blocks of a manager for one
    // thread. kNoOffset, false: nothing was done, and the caller calls the
    // other function.
    [[nodiscard]] Offset allocate_alone(Size size, Size alignment) noexcept;
    [[nodiscard]] bool deallocate_alone(Offset offset) noexcept;
    // Throws std::bad_alloc if an annotation can't be stored; then there is no
    // block.
    [[nodiscard]] Status allocate(const BlockRequest& request, Block& block);
    [[nodiscard]] Status allocate_movable(Size size, Size alignment, Handle& handle);
    [[nodiscard]] Status allocate_root(Size size, Size alignment, Offset& at);
    [[nodiscard]] Status allocate_at(Offset start, Size size, std::uint32_t flags) noexcept;
    [[nodiscard]] Status deallocate(Offset offset) noexcept;
    // In place, with growth of the buffer behind its last block.
    [[nodiscard]] Status resize(Offset offset, Size size);
    // In place, or to another place: `at` is the old offset, and becomes the
    // new one.
    [[nodiscard]] Status reallocate(Offset& at, Size size, Size alignment);
    [[nodiscard]] Status resize(Handle handle, Size size);
    [[nodiscard]] Status read(Offset start, std::span<std::byte> out) const noexcept;
    [[nodiscard]] Status write(Offset start, std::span<const std::byte> data) noexcept;

    // The size of the live block that begins there; 0: none does. With
    // `targets` also of the range that a pass moves a block to.
    [[nodiscard]] Size size_of(Offset offset, bool targets = false) const noexcept;
    // A collector without a visitor is going to read blocks: those of the
    // future are wiped.
    void wipe_from_now_on() noexcept;
    [[nodiscard]] Status set_user(Offset offset, std::uint64_t value);
    [[nodiscard]] Status user(Offset offset, std::uint64_t& value) const noexcept;
    [[nodiscard]] Status set_name(Offset offset, std::string_view name);
    [[nodiscard]] Status name(Offset offset, std::string& name) const;

    Size trim() noexcept;
    [[nodiscard]] Status set_limit(Size limit) noexcept;
    // Adds to the buffer at once: ok, no_room. Passes on exceptions of
    // next_part().
    [[nodiscard]] Status extend(Size bytes);
    // Stores as many as fit, and returns how many. On an exception of a
    // callback there is none.
    [[nodiscard]] Status allocate_batch(Size size, Size alignment, std::span<Offset> out,
                                        std::size_t& count);
    // Frees up to the first that is not the offset of a block, and returns how
    // many.
    [[nodiscard]] std::size_t deallocate_batch(std::span<const Offset> offsets) noexcept;
    // Frees every block: ok, pinned, in_callback.
    [[nodiscard]] Status clear() noexcept;

    // Rounds a request to at least one byte and to multiples of the
    // granularity. no_room: it can never fit.
    [[nodiscard]] Status shape(Size& size, Size& alignment) const noexcept {
        if (!base::is_power_of_two(alignment)) [[unlikely]]
            return Status::bad_alignment;
        if (size > highest_) [[unlikely]]
            return Status::no_room;
        size = (size + (size == 0) + grain_) & ~grain_;
        // All offsets of the range allocator are multiples of the granularity.
        if (alignment <= grain_ + 1) alignment = 1;
        return Status::ok;
    }
    // The purpose of growth; looked at under the lock, each time after `take`.
    struct Need {
        Size size, alignment;  // of a block
        // That begins there already, if nothing but free bytes is behind it.
        Offset behind = kNoOffset;
        bool only_behind = false;  // otherwise it may be a new one
    };
    // For a caller that found that nothing fits: empty slabs go back to the
    // range allocator, then the buffer grows, then the user is asked. Calls
    // `take` under the lock until it returns true. False: no more space can be
    // gained. Passes on exceptions of the user's callbacks.
    template <class Take>
    [[nodiscard]] bool take_again(const Need& need, Take& take) {
        reclaim(true);
        return locked(take) ||
               gain([](void* taker) { return (*static_cast<Take*>(taker))(); }, &take, need);
    }
    template <class Take>
    [[nodiscard]] bool take_again(Size size, Size alignment, Take take) {
        return take_again(Need{size, alignment}, take);
    }

    // Throws the exception of a status, with a message. `member` is the name of
    // the member function.
    [[noreturn]] void refuse(Status status, const char* member, Offset offset, Size size) const;
    [[noreturn]] void refuse(Status status, const char* member, Handle handle) const;
    [[noreturn]] static void refuse_move(const Move& move);
    // Throws ManagerError in a callback for growth and in a callback of a
    // cycle. A thread that waits there for a cycle would wait for itself, or
    // for a cycle that waits for growth.
    void refuse_in_callback(const char* member) const;
    [[nodiscard]] bool in_callback() const noexcept;
    [[noreturn]] void refuse_limit(Size limit) const;
    [[noreturn]] void refuse_alignment(const char* member, Size size, Size alignment) const;

    [[nodiscard]] ManagerStatistics statistics() const noexcept;
    // manager_budget.cpp
    [[nodiscard]] ManagerCounters counters() const noexcept;
    void reset_counters() noexcept;
    void set_budget(Size bytes) noexcept;
    [[nodiscard]] ManagerBudget budget() const noexcept;
    // Without the lock. Relaxed: the hand-over of a block orders the growth
    // before it.
    [[nodiscard]] Size capacity() const noexcept { return capacity_.load(base::rlx); }
    [[nodiscard]] Snapshot snapshot() const;
    // The next few parts of the buffer, by address; false: there is none.
    [[nodiscard]] bool next_parts(Parts& parts) const noexcept;
    [[nodiscard]] std::size_t check(std::ostream* out) const;
    // manager_state.cpp: all blocks, at one moment. restore() is for a fresh
    // manager of that capacity and granularity, which is to be destroyed if it
    // fails: bad_options: records or handles do not suffice; bad_state: a
    // handle comes twice.
    [[nodiscard]] SavedState state() const;
    [[nodiscard]] Status restore(const SavedState& state);

    [[nodiscard]] const ManagerOptions& options() const noexcept { return options_; }
    [[nodiscard]] const Policy& policy() const noexcept { return *policy_; }
    [[nodiscard]] Size granularity() const noexcept { return grain_ + 1; }
    [[nodiscard]] const Buffer& buffer() const noexcept { return buffer_; }
    [[nodiscard]] BlockAnnotations& annotations() const noexcept { return annotations_; }
    [[nodiscard]] ranges::RangeAllocator& allocator() const noexcept { return allocator_; }
    [[nodiscard]] Lock& lock() const noexcept { return lock_; }
    [[nodiscard]] Moves& moves() noexcept { return moves_; }
    [[nodiscard]] const Moves& moves() const noexcept { return moves_; }
    [[nodiscard]] Collector& collector() noexcept { return collector_; }
    [[nodiscard]] CollectorThread& collector_thread() noexcept { return collector_thread_; }
    [[nodiscard]] Small& small() const noexcept { return small_; }
    [[nodiscard]] bool has_small() const noexcept { return small_.shape().shift != 0; }
    // The object of the user's that has this manager now. Not while other calls
    // are in progress. manager_fork.cpp: all managers of the process, between
    // two operations while it forks.
    [[nodiscard]] Manager* next() const noexcept { return next_; }
    [[nodiscard]] bool try_hold() noexcept { return lock_.try_lock(); }
    void let_go() noexcept { lock_.unlock(); }
    void freeze() noexcept;
    void thaw() noexcept;
    void continue_in_child() noexcept;
    // The object of the user's that has this manager now. Not while other calls
    // are in progress.
    [[nodiscard]] MemoryManager* holder() const noexcept { return holder_; }
    void set_holder(MemoryManager* holder) noexcept { holder_ = holder; }

  private:
    // At the beginning of the store: the words that belong to no table.
    struct Shared {
        base::TryLock allocator_lock, growth_lock;
    };
    // The source of slabs for small blocks; under the lock.
    struct SlabSource {
        const Manager& manager;
        [[nodiscard]] Offset take_slab() noexcept;
        [[nodiscard]] bool may_take() const noexcept;
        void give_slab(Offset start) noexcept;
    };
    class Requested;
    // Holds the growth lock. False: within a callback of this thread's own
    // growth.
    class Growing {
      public:
        explicit Growing(Manager& manager) noexcept;
        ~Growing();
        Growing(const Growing&) = delete;
        Growing& operator=(const Growing&) = delete;
        explicit operator bool() const noexcept { return first_; }

      private:
        Manager& manager_;
        bool first_;
    };

    template <class Take>
    [[nodiscard]] bool locked(Take& take) const {
        const Guard guard(lock_);
        return take();
    }
    [[nodiscard]] bool attach(std::uint32_t most);
    // kNoOffset: nothing fits.
    [[nodiscard]] Offset allocate_small(Size size, Size alignment, Class c);
    [[nodiscard]] Offset allocate_large(Size size, Size alignment);
    [[gnu::noinline]] [[nodiscard]] Offset allocate_slowly(Size size, Size alignment, Class c);
    void reclaim(bool all) noexcept;
    [[nodiscard]] std::size_t take_small_batch(Size size, Class c, std::span<Offset> out) noexcept;
    [[nodiscard]] std::size_t take_large_batch(Size size, Size alignment,
                                               std::span<Offset> out) noexcept;
    [[nodiscard]] std::size_t give_small_batch(std::span<const Offset> offsets) noexcept;
    [[nodiscard]] std::size_t give_large_batch(std::span<const Offset> offsets) noexcept;
    [[nodiscard]] bool take_prepared(Strategy strategy, Requested& requested) noexcept;
    // Relaxed: a block that is not wiped yet may at worst keep others alive.
    [[nodiscard]] bool wipes() const noexcept { return (extras_.load(base::rlx) & kWipes) != 0; }
    // Relaxed: the budget itself is read under the lock.
    [[nodiscard]] bool has_budget() const noexcept {
        return (extras_.load(base::rlx) & kBudget) != 0;
    }
    // Not from inside the gate: what a new block needs beyond its place.
    void finish(Offset start, Size size) noexcept;
    void count_allocation() noexcept;
    // Returns the status, and counts it if it is no_room.
    [[gnu::cold]] Status refused(Status status) noexcept;
    // Under the lock.
    [[nodiscard]] bool within_budget(Size size) const noexcept {
        const Size used = allocator_.totals().used;
        return used < budget_ && size <= budget_ - used;
    }
    // The end of take_again(): by growth, or by what the user frees. False: the
    // failure is counted.
    [[nodiscard]] bool gain(bool (*take)(void*), void* taker, const Need& need);
    // Under the growth lock: whether the user wants another try.
    [[nodiscard]] bool ask_for_room(Size size, Size alignment);
    // Fills bytes of a block that only the caller knows, so that the collector
    // finds no reference there. Not from inside the gate.
    [[gnu::noinline]] void wipe(Offset start, Size size) noexcept;
    // The same from inside the gate, without a cycle, or under the lock.
    void wipe_now(Offset start, Size size) noexcept;
    // Before the block is free: the next block at the offset begins without
    // annotations.
    void erase_small_annotation(Offset offset) noexcept;
    // Makes room for annotations of small blocks, or throws std::bad_alloc.
    void annotate_small();
    // Under the lock: the link to a block that a user may free, or nullptr.
    [[nodiscard]] RangeId* link_of_user(Offset offset) noexcept;
    static constexpr std::uint32_t kNotTheUsers =
        ranges::kSlab | ranges::kMovable | ranges::kTarget;
    [[nodiscard]] Status deallocate_large(Offset offset) noexcept;
    [[gnu::cold]] [[nodiscard]] Status deallocate_while_marking(Offset offset) noexcept;
    // Under the growth lock: adds as much as the callbacks grant, and takes
    // from it, in one step for other threads.
    [[nodiscard]] bool grow(bool (*take)(void*), void* taker, const Need& need);
    // Under the growth lock: adds bytes, of that part if there is one, and
    // calls `take` in the same step. False: nothing changed.
    [[nodiscard]] bool append(Size added, std::span<std::byte> part, bool (*take)(void*),
                              void* taker);
    // Bytes to add behind the end, at least `needed`; 0: the callbacks grant
    // none.
    [[nodiscard]] Size ask(Size capacity, Size needed, std::span<std::byte>& part);
    // Under the growth lock alone: returns a part to the user, by the callback.
    void hand_back(std::span<std::byte> part) const noexcept;
    // Under the growth lock alone: drops the last part if it is free, and
    // returns its bytes, else 0.
    [[nodiscard]] Size drop_part() noexcept;
    // Under the lock, after the end of the range allocator has moved.
    void note_capacity() noexcept {
        const Size capacity = allocator_.totals().capacity;
        peak_capacity_ = std::max(peak_capacity_, capacity);
        capacity_.store(capacity, base::rlx);  // relaxed: see capacity()
    }
    [[nodiscard]] Size free_tail() const noexcept;
    // Give pages back to the system, with the lock for a bounded time at once.
    void purge_holes() const noexcept;
    void trim_tables() noexcept;
    // Bytes to add so that the request fits at the end, 0: none would help;
    // under the lock.
    [[nodiscard]] Size wanted(const Need& need) const noexcept;
    [[nodiscard]] Size wanted(Size size, Size alignment) const noexcept;
    [[nodiscard]] bool worth_growing(const Need& need) const noexcept;
    [[nodiscard]] Size wanted_behind(Offset offset, Size size) const noexcept;
    // Under the lock: the block of the range allocator that begins there, or
    // no_range.
    [[nodiscard]] RangeId block_at(Offset offset) const noexcept;
    [[nodiscard]] Status resize_in_place(Offset offset, Size size) noexcept;
    [[nodiscard]] Status resize_by_growth(Offset offset, Size size);
    // Under the lock: resizes in place. If empty slabs are in the way, they go
    // back first.
    [[nodiscard]] bool resize_range(RangeId block, Size size) noexcept;
    [[nodiscard]] bool only_slabs_in_the_way(RangeId block, Size size) const noexcept;
    // Under the lock, but for a small block.
    [[nodiscard]] Subject subject(Offset offset) const noexcept;
    // Under the lock: false if another thread has freed the old block.
    [[nodiscard]] bool still_there(Relocation& job, Subject& old) const noexcept;
    [[nodiscard]] Status relocate(Relocation& job);
    [[nodiscard]] bool relocate_small(Relocation& job, Class c) noexcept;
    [[nodiscard]] bool relocate_locked(Relocation& job, Class c) noexcept;
    void relocate_lengthy(Relocation& job) noexcept;
    void copy_into(const Relocation& job) noexcept;
    void copy_in_cycle(const Relocation& job) noexcept;
    [[nodiscard]] Small::Given succeed(Offset from, RangeId old, Offset to) noexcept;
    // Under the lock: a block from slabs or ranges, as allocate_slowly() does;
    // kNoOffset: nothing fits.
    [[nodiscard]] Offset take_anywhere(Size size, Size alignment, Class c) noexcept;
    [[nodiscard]] Status resize_movable(const Moves::Subject& block, Size size) noexcept;
    // Calls act(small, range) for the live block that begins there, the range
    // under the lock and null for a small block.
    template <class Act>
    [[nodiscard]] Status with_block(Offset offset, Act act, bool targets = false) const;
    // Calls copy(bytes) for [start, start + length), if that lies in one live
    // block.
    template <class Copy>
    [[nodiscard]] Status access(Offset start, Size length, Copy copy) const noexcept;
    // The same while a cycle of the collector runs: under the lock, and the
    // collector is told.
    [[nodiscard]] Status deallocate_in_cycle(Offset offset) noexcept;
    [[nodiscard]] Status write_in_cycle(Offset start, std::span<const std::byte> data) noexcept;
    [[nodiscard]] Status write_piece(Offset start, std::span<const std::byte> data,
                                     Size length) noexcept;
    [[nodiscard]] bool live_at(Offset offset, Offset& start, Size& size) const noexcept;
    [[nodiscard]] Status resize_in_cycle(Offset offset, Size size) noexcept;
    void report_live() noexcept;
    void enlist();
    void delist() noexcept;
    [[nodiscard]] bool grows_here() const noexcept;
    [[nodiscard]] ManagerStatistics totals() const noexcept;
    // Under the lock.
    [[nodiscard]] std::size_t faults_of_small() const noexcept;
    RangeId copy_views(Views& views, RangeId first) const noexcept;
    void copy_slab(Views& views, const Range& slab) const noexcept;
    void add_user_data(std::span<BlockView> views) const noexcept;
    [[nodiscard]] RangeId range_from(Offset offset, RangeId hint) const noexcept;
    [[nodiscard]] std::string explain(Offset offset) const;
    // Under the lock; small blocks are stopped.
    void copy_state(SavedState& state, StateRoom& room) const noexcept;
    void copy_saved(StateRoom& room, const Range& range) const noexcept;
    void copy_saved_slab(StateRoom& room, const Range& slab) const noexcept;
    void copy_notes(StateRoom& room, SavedBlock& block) const noexcept;
    // Under the lock of a fresh manager.
    [[nodiscard]] bool restore_slab(const SavedBlock& slab);
    void restore_small(const SavedBlock& block, std::string_view name);
    [[nodiscard]] Status restore_range(const SavedBlock& block, std::string_view name);

    ManagerOptions options_;
    std::unique_ptr<Policy> policy_;  // of the program's, or one of ours
    Buffer buffer_;
    Size grain_;              // granularity - 1
    Size initial_, highest_;  // highest_: that the limit may ever have
    Size limit_;              // written under the growth lock and the lock
    Store store_;
    mutable ranges::RangeAllocator allocator_;  // looking for an interior offset adds to its tree
    mutable Small small_{};
    mutable Lock lock_, growth_;
    base::Atomic<const void*> grower_{nullptr};  // the thread with the growth lock
    static constexpr std::uint32_t kWipes = 1, kCounts = 2, kBudget = 4;
    base::Atomic<std::uint32_t> extras_{0};  // of new blocks
    Size budget_ = no_budget, peak_capacity_ = 0;
    base::Atomic<std::uint64_t> failures_{0};
    std::unique_ptr<AllocationCounts> counts_;  // null: nothing is counted
    // When the counters were reset last: failures, allocations, and blocks that
    // were live.
    std::uint64_t failures_from_ = 0, counts_from_ = 0, live_from_ = 0;
    // The range allocator's, for those without the lock; written under it.
    base::Atomic<Size> capacity_{0};
    mutable BlockAnnotations annotations_;
    Collector collector_{allocator_, small_, lock_, buffer_, annotations_};
    Moves moves_{allocator_, lock_, buffer_, annotations_, collector_};
    MemoryManager* holder_ = nullptr;
    Manager *next_ = nullptr, *last_ = nullptr;     // of all managers
    CollectorThread collector_thread_{collector_};  // the last: it ends first
};

}  // namespace ashlar::manager

#endif
