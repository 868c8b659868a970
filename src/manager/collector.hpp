// Finds the blocks that nobody reaches, beside threads that run on. Marks spread from the roots in slices under the manager's
// lock; who changes blocks between two slices says so (gate.hpp), and what it takes away or adds is marked then: the references
// that a write or a deallocation takes away (Yuasa 1990: a snapshot at the beginning), and those that a write adds (Dijkstra et
// al. 1978).
//
//   idle ─ begin ─> whiten ─ all white ─> mark ─ nothing left to look at ─> sweep ─ all swept ─> idle
//
// Marks: Range::state for blocks of the heap, Small's own for small ones. Movable and reserved blocks are roots.
#ifndef ASHLAR_MANAGER_COLLECTOR_HPP
#define ASHLAR_MANAGER_COLLECTOR_HPP

#include <ashlar/manager_types.hpp>
#include <exception>

#include "manager/buffer.hpp"
#include "manager/gate.hpp"
#include "manager/lock.hpp"
#include "manager/lost.hpp"
#include "manager/notes.hpp"
#include "ranges/heap.hpp"

namespace ashlar::manager {

class Collector {
  public:
    Collector(ranges::Heap& heap, Small& small, Lock& lock, const Buffer& buffer, Notes& notes) noexcept
        : heap_(&heap), small_(&small), lock_(&lock), buffer_(&buffer), notes_(&notes) {}
    // After the small blocks'.
    void layout(region::Carver& carver, std::uint32_t most_ranges, bool shared) noexcept;
    [[nodiscard]] Gate& gate() noexcept { return gate_; }

    struct Cycle {
        std::span<const Offset> roots{};
        const RootSource* source = nullptr;                 // asked at the beginning, and again before anything is freed
        const ReferenceVisitor* visitor = nullptr;          // null: conservatively
        std::uint32_t budget = 256;                         // blocks looked at in one go
        std::vector<BlockView>* leaks = nullptr;            // not null: reports, and frees nothing
        const base::Atomic<std::uint32_t>* stop = nullptr;  // not 0: end, and free nothing
        const std::function<void()>* between = nullptr;     // called between slices: for tests that put themselves there
    };
    // A cycle, from its beginning to its end; who comes meanwhile waits. Throws what the callbacks throw, and std::bad_alloc:
    // then nothing was freed. Not under the lock, nor inside the gate, nor in a callback.
    CollectionStatistics run(const Cycle& cycle);
    // Throws ManagerError in a callback of a cycle of this collector: to wait for that cycle would be to wait for oneself.
    void refuse_in_callback(const char* member) const;
    [[nodiscard]] CollectionStatistics last() const noexcept;

    // What others tell, under the lock; outside of cycles nothing happens.
    void born(RangeId block) noexcept {
        if (state_->phase != Phase::idle) [[unlikely]]
            born_in_cycle(block);
    }
    // A movable block came to lie there.
    void moved(RangeId block) noexcept {
        if (state_->phase != Phase::idle) [[unlikely]]
            moved_in_cycle(block);
    }
    // These bytes of a live block are about to be overwritten, or have just been.
    void changing(Offset block, Size size, Offset start, Size length) noexcept {
        if (state_->phase == Phase::mark) [[unlikely]]
            look_guarded(block, size, start, length);
    }
    // How much of a block that is about to go has been looked at, and in which cycle: another one begins anew.
    struct Leaving {
        Size seen = 0;
        std::uint64_t cycle = 0;
    };
    // A live block is about to be freed. False: not yet, call again, the lock released in between.
    [[nodiscard]] bool leaving(Offset block, Size size, Leaving& so_far) noexcept {
        return state_->phase != Phase::mark || leaving_cycle(block, size, so_far);
    }
    // Whether changes matter now: under the lock.
    [[nodiscard]] bool marking() const noexcept { return state_->phase == Phase::mark; }

  private:
    enum class Phase : std::uint32_t { idle, whiten, mark, sweep };
    static constexpr std::uint32_t kStack = 4096;
    static constexpr Offset kNone = ~Offset{0};
    static constexpr Size kPiece = 4096;              // bytes of a block looked at as one block of the budget
    static constexpr std::uint32_t kSlabBlocks = 64;  // a slab counts as so many

    struct State {
        base::Atomic<std::uint32_t> turn;  // 1: a cycle has it
        Phase phase;
        std::uint32_t failed;  // a visitor threw: nothing is to be freed in this cycle
        std::uint32_t depth;   // of the stack
        Offset cursor;         // of a walk over the heap's ranges: all that starts below has been seen
        CollectionStatistics now, last;
    };

    // Every one under the lock.
    void born_in_cycle(RangeId block) noexcept;
    void moved_in_cycle(RangeId block) noexcept;
    [[nodiscard]] bool leaving_cycle(Offset block, Size size, Leaving& so_far) noexcept;
    bool shade(Offset offset) noexcept;
    void push(RangeId block) noexcept;
    void push_small(Offset block) noexcept;
    void look(Offset block, Size size, Offset start, Size length);
    void look_guarded(Offset block, Size size, Offset start, Size length) noexcept;
    void look_at(Offset at);
    void find_lost() noexcept;
    [[nodiscard]] RangeId resume() noexcept;
    [[nodiscard]] std::uint32_t spread(std::uint32_t budget, bool& done);
    [[nodiscard]] std::uint32_t root_ranges(std::uint32_t budget, bool& done) noexcept;
    [[nodiscard]] std::uint32_t sweep_ranges(const Cycle& cycle, bool& done) noexcept;
    [[nodiscard]] std::uint32_t sweep_slabs(const Cycle& cycle, std::uint32_t& slab) noexcept;
    [[nodiscard]] bool unreached(const Cycle& cycle, const BlockView& block) noexcept;

    // The parts of a cycle; they take the lock.
    template <class Work>
    void slice(const Cycle& cycle, Work work);
    template <class Work>
    void in_slices(const Cycle& cycle, Work work);
    void begin(const Cycle& cycle);
    void mark(const Cycle& cycle);
    void mark_roots(const Cycle& cycle, std::span<const Offset> roots);
    void whiten(const Cycle& cycle);
    void begin_sweep() noexcept;
    [[nodiscard]] bool has_small() const noexcept { return small_->shape().shift != 0; }
    void sweep(const Cycle& cycle);
    void make_room(const Cycle& cycle, std::size_t blocks);
    [[nodiscard]] static bool stopped(const Cycle& cycle) noexcept;

    ranges::Heap* heap_;
    Small* small_;
    Lock* lock_;
    const Buffer* buffer_;
    Notes* notes_;
    Gate gate_;
    State* state_ = nullptr;
    Offset* stack_ = nullptr;
    Lost lost_;
    // Of the cycle that runs; in the process that runs it.
    const ReferenceVisitor* visitor_ = nullptr;
    std::function<void(Offset)> reach_;
    std::exception_ptr failure_;
    base::Atomic<const void*> runner_{nullptr};  // the thread of the cycle
};

}  // namespace ashlar::manager

#endif
