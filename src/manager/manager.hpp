// What is behind a MemoryManager. Blocks come from the small blocks' slabs, without the lock, or from the heap, under it; when
// nothing fits, slabs give back what is free in them and the buffer grows. All that changes lies in the store, as indices; the
// rest are tables' addresses, the user's callbacks, and notes.
//
// Locks, in the order in which they may be taken: growth (held while a callback of the user runs), heap, notes.
#ifndef ASHLAR_MANAGER_MANAGER_HPP
#define ASHLAR_MANAGER_MANAGER_HPP

#include <ashlar/memory_manager.hpp>
#include <memory>

#include "base/bits.hpp"
#include "manager/buffer.hpp"
#include "manager/collector.hpp"
#include "manager/collector_thread.hpp"
#include "manager/lock.hpp"
#include "manager/moves.hpp"
#include "manager/notes.hpp"
#include "manager/small_inline.hpp"
#include "manager/snapshot.hpp"
#include "ranges/heap.hpp"
#include "ranges/store.hpp"

namespace ashlar::manager {

class Manager {
  public:
    // Throws BadSize, BadAlignment, std::bad_alloc.
    Manager(Buffer buffer, Size initial, ManagerOptions options);

    [[nodiscard]] Status allocate(Size size, Size alignment, Offset& at);
    // The same in a few instructions where one thread takes and gives small blocks; kNoOffset, false: nothing was done, call
    // the other one.
    [[nodiscard]] Offset allocate_alone(Size size, Size alignment) noexcept;
    [[nodiscard]] bool deallocate_alone(Offset offset) noexcept;
    [[nodiscard]] Status allocate_movable(Size size, Size alignment, Handle& handle);
    [[nodiscard]] Status allocate_at(Offset start, Size size, std::uint32_t flags) noexcept;
    [[nodiscard]] Status deallocate(Offset offset) noexcept;
    [[nodiscard]] Status resize(Offset offset, Size size) noexcept;
    [[nodiscard]] Status read(Offset start, std::span<std::byte> out) const noexcept;
    [[nodiscard]] Status write(Offset start, std::span<const std::byte> data) noexcept;

    // The size of the live block that begins there; 0: none does. With `targets`, also of the room that a pass moves one to.
    [[nodiscard]] Size size_of(Offset offset, bool targets = false) const noexcept;
    [[nodiscard]] Status set_user(Offset offset, std::uint64_t value);
    [[nodiscard]] Status user(Offset offset, std::uint64_t& value) const noexcept;
    [[nodiscard]] Status set_name(Offset offset, std::string_view name);
    [[nodiscard]] Status name(Offset offset, std::string& name) const;

    Size trim() noexcept;

    // What a request is brought to: at least one byte, multiples of the granularity; no_room where that can never fit.
    [[nodiscard]] Status shape(Size& size, Size& alignment) const noexcept {
        if (!base::is_power_of_two(alignment)) [[unlikely]]
            return Status::bad_alignment;
        if (size > limit_) [[unlikely]]
            return Status::no_room;
        size = (size + (size == 0) + grain_) & ~grain_;
        if (alignment <= grain_ + 1) alignment = 1;  // all offsets of the heap are multiples of the granularity
        return Status::ok;
    }
    // For who found that nothing fits: what is free in slabs goes back, then the buffer grows. `take` is called under the lock
    // until it is true; false: nothing can be won any more. Throws what the user's callbacks throw.
    template <class Take>
    [[nodiscard]] bool take_again(Size size, Size alignment, Take take) {
        reclaim(true);
        if (locked(take)) return true;
        const Growing growing(*this);
        return growing && grow([](void* taker) { return (*static_cast<Take*>(taker))(); }, &take, size, alignment);
    }

    // Says in words what a status is about, and throws its exception. `member` is the name of the member function.
    [[noreturn]] void refuse(Status status, const char* member, Offset offset, Size size) const;
    [[noreturn]] void refuse(Status status, const char* member, Handle handle) const;
    [[noreturn]] static void refuse_move(const Move& move);
    // Throws ManagerError in a callback for growth and in one of the collector's cycle: whoever waits there for a cycle would
    // wait for itself, or for a cycle that waits for growth.
    void refuse_in_callback(const char* member) const;
    [[noreturn]] void refuse_alignment(const char* member, Size size, Size alignment) const;

    [[nodiscard]] ManagerStatistics statistics() const noexcept;
    // Without the lock. Relaxed: whoever holds a block heard of the growth before it by the way the block came to it.
    [[nodiscard]] Size capacity() const noexcept { return capacity_.load(base::rlx); }
    [[nodiscard]] Snapshot snapshot() const;
    [[nodiscard]] std::size_t check(std::ostream* out) const;

    [[nodiscard]] const ManagerOptions& options() const noexcept { return options_; }
    [[nodiscard]] const Policy& policy() const noexcept { return *options_.policy; }
    [[nodiscard]] Size granularity() const noexcept { return grain_ + 1; }
    [[nodiscard]] const Buffer& buffer() const noexcept { return buffer_; }
    [[nodiscard]] Notes& notes() const noexcept { return notes_; }
    [[nodiscard]] ranges::Heap& heap() const noexcept { return heap_; }
    [[nodiscard]] Lock& lock() const noexcept { return lock_; }
    [[nodiscard]] Moves& moves() noexcept { return moves_; }
    [[nodiscard]] const Moves& moves() const noexcept { return moves_; }
    [[nodiscard]] Collector& collector() noexcept { return collector_; }
    [[nodiscard]] CollectorThread& collector_thread() noexcept { return collector_thread_; }
    [[nodiscard]] Small& small() const noexcept { return small_; }
    [[nodiscard]] bool has_small() const noexcept { return small_.shape().shift != 0; }

  private:
    // Beginning of the store: what no table holds.
    struct Shared {
        base::TryLock heap_lock, growth_lock;
    };
    // Where small blocks have their slabs from; under the lock.
    struct SlabSource {
        Manager& manager;
        [[nodiscard]] Offset take_slab() noexcept;
        void give_slab(Offset start) noexcept;
    };
    // Holds the growth lock; false within a callback that this thread's growth is in already.
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
    // Before the block is free: whoever has the offset next begins without notes.
    void erase_small_note(Offset offset) noexcept;
    [[nodiscard]] Status deallocate_large(Offset offset) noexcept;
    // Under the growth lock: adds as much as the callbacks say, and takes from it, in one step for others.
    [[nodiscard]] bool grow(bool (*take)(void*), void* taker, Size size, Size alignment);
    // What is to be added behind the end, at least `needed`; 0: no more.
    [[nodiscard]] Size ask(Size capacity, Size needed, std::span<std::byte>& part) const;
    // Under the growth lock alone: tells the user that a part is his again.
    void hand_back(std::span<std::byte> part) const noexcept;
    // Under the growth lock alone: the bytes of the last part, if it was free and has gone, else 0.
    [[nodiscard]] Size drop_part() noexcept;
    // Under the lock, when the end of the heap has moved for good.
    void note_capacity() noexcept { capacity_.store(heap_.totals().capacity, base::rlx); }  // relaxed: see capacity()
    [[nodiscard]] Size free_tail() const noexcept;
    // What would have to be added for the request to fit at the end; under the lock.
    [[nodiscard]] Size wanted(Size size, Size alignment) const noexcept;
    // Under the lock: the block of the heap that begins there, or no_range.
    [[nodiscard]] RangeId block_at(Offset offset) const noexcept;
    // Under the lock: in place, and once more where slabs stood in the way in which nothing lives.
    [[nodiscard]] bool resize_range(RangeId block, Size size) noexcept;
    [[nodiscard]] bool only_slabs_in_the_way(RangeId block, Size size) const noexcept;
    // Calls act(small, range) for the live block that begins there, the range under the lock and null for a small block.
    template <class Act>
    [[nodiscard]] Status with_block(Offset offset, Act act, bool targets = false) const;
    // Calls copy(bytes) for [start, start + length), if that lies in one live block.
    template <class Copy>
    [[nodiscard]] Status access(Offset start, Size length, Copy copy) const noexcept;
    // The same while a cycle of the collector runs: under the lock, and it hears of it.
    [[nodiscard]] Status deallocate_in_cycle(Offset offset) noexcept;
    [[nodiscard]] Status write_in_cycle(Offset start, std::span<const std::byte> data) noexcept;
    [[nodiscard]] Status write_piece(Offset start, std::span<const std::byte> data, Size length) noexcept;
    [[nodiscard]] bool live_at(Offset offset, Offset& start, Size& size) const noexcept;
    [[nodiscard]] Status resize_in_cycle(Offset offset, Size size) noexcept;
    [[nodiscard]] ManagerStatistics totals() const noexcept;
    [[nodiscard]] bool small_is_broken() const noexcept;
    [[nodiscard]] bool copy_views(std::vector<BlockView>& views) const noexcept;
    [[nodiscard]] std::string explain(Offset offset) const;

    ManagerOptions options_;  // with the policy, also where it is one of ours
    Buffer buffer_;
    Size grain_;  // granularity - 1
    Size initial_, limit_;
    ranges::Store store_;
    mutable ranges::Heap heap_;  // looking for an interior offset sorts
    mutable Small small_{};
    mutable Lock lock_, growth_;
    base::Atomic<const void*> grower_{nullptr};  // the thread with the growth lock
    base::Atomic<Size> capacity_{0};             // the heap's, for those without the lock; written under it
    mutable Notes notes_;
    Collector collector_{heap_, small_, lock_, buffer_, notes_};
    Moves moves_{heap_, lock_, buffer_, notes_, collector_};
    CollectorThread collector_thread_{collector_};  // the last: it ends first
};

[[gnu::always_inline]] inline Offset Manager::allocate_alone(Size size, Size alignment) noexcept {
    if (!small_.alone() || shape(size, alignment) != Status::ok) return kNoOffset;
    const Class c = small_.shape().known_class_of(size, alignment);
    return c != 0 ? small_.take_alone(c, size) : kNoOffset;
}

[[gnu::always_inline]] inline bool Manager::deallocate_alone(Offset offset) noexcept {
    return small_.alone() && !collector_.gate().runs() && !notes_.any() && small_.give_alone(offset);
}

[[gnu::always_inline]] inline Status Manager::allocate(Size size, Size alignment, Offset& at) {
    const Status shaped = shape(size, alignment);
    if (shaped != Status::ok) [[unlikely]]
        return shaped;
    const Class c = small_.class_of(size, alignment);
    at = c != 0 ? allocate_small(size, alignment, c) : allocate_large(size, alignment);
    return at != kNoOffset ? Status::ok : Status::no_room;
}

inline RangeId Manager::block_at(Offset offset) const noexcept {
    const RangeId block = heap_.at(offset);
    return block != no_range && (heap_[block].state & ranges::kSlab) == 0 ? block : no_range;
}

[[gnu::always_inline]] inline Status Manager::deallocate(Offset offset) noexcept {
    if (!has_small()) return deallocate_large(offset);
    {
        const Gate::Pass pass(collector_.gate());
        if (pass.cycle()) [[unlikely]]
            return deallocate_in_cycle(offset);
        if (notes_.any()) [[unlikely]]
            erase_small_note(offset);
        const Small::Given given = small_.give(thread_number(), offset);
        if (given == Small::Given::given) [[likely]]
            return Status::ok;
        if (given == Small::Given::not_live) [[unlikely]]
            return Status::bad_offset;
        if (given == Small::Given::given_last) {
            reclaim(false);
            return Status::ok;
        }
    }
    return deallocate_large(offset);
}

}  // namespace ashlar::manager

#endif
