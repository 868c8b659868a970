// Finds unreachable blocks while other threads run. Marks spread from the roots
// in slices under the manager's lock. A thread that changes blocks between two
// slices tells the collector (cycle_gate.hpp), which marks the blocks
// concerned: those whose references a write or a deallocation removes (Yuasa
// 1990: a snapshot at the beginning), and those whose references a write adds
// (Dijkstra et al. 1978).
//
//   idle ─ begin ─> whiten ─ all white ─> mark ─ nothing left to look at ─> sweep ─ all swept ─>
//   idle
//
// Marks: Range::state for blocks of the range allocator, Small's own for small
// ones. Movable and reserved blocks are roots, and those of allocate_root().
#ifndef ASHLAR_MANAGER_COLLECTOR_COLLECTOR_HPP
#define ASHLAR_MANAGER_COLLECTOR_COLLECTOR_HPP

#include <ashlar/manager_types.hpp>
#include <exception>

#include "manager/base/block_annotations.hpp"
#include "manager/base/buffer.hpp"
#include "manager/base/lock.hpp"
#include "manager/collector/cycle_gate.hpp"
#include "manager/collector/mark_overflow.hpp"
#include "manager/ranges/range_allocator.hpp"

namespace ashlar::manager {

class Collector {
  public:
    Collector(ranges::RangeAllocator& allocator, Small& small, Lock& lock, const Buffer& buffer,
              BlockAnnotations& annotations) noexcept
        : allocator_(&allocator), small_(&small), lock_(&lock), buffer_(&buffer),
          annotations_(&annotations) {}
    // After the small blocks'.
    void layout(region::Carver& carver, std::uint32_t most_ranges, bool shared) noexcept;
    [[nodiscard]] CycleGate& gate() noexcept { return gate_; }

    struct Cycle {
        std::span<const Offset> roots{};
        // Asked at the beginning, and again before anything is freed.
        const RootSource* source = nullptr;
        const ReferenceVisitor* visitor = nullptr;          // null: conservatively
        std::uint32_t budget = 256;                         // blocks looked at in one go
        std::vector<BlockView>* leaks = nullptr;            // not null: reports, and frees nothing
        const base::Atomic<std::uint32_t>* stop = nullptr;  // not 0: end, and free nothing
        // Called between slices: for tests that put themselves there.
        const std::function<void()>* between = nullptr;
    };
    // Runs one whole cycle; other callers wait meanwhile. Passes on exceptions
    // of callbacks and std::bad_alloc: then nothing was freed. Not under the
    // lock, nor inside the gate, nor in a callback.
    CollectionStatistics run(const Cycle& cycle);
    // Throws ManagerError in a callback of a cycle of this collector: to wait
    // for that cycle would be to wait for oneself.
    void refuse_in_callback(const char* member) const;
    [[nodiscard]] bool in_callback() const noexcept;
    // While one lives no cycle runs, and none begins. Not under the lock, nor
    // inside the gate, nor in a callback.
    class Pause {
      public:
        explicit Pause(Collector& collector) noexcept;
        ~Pause();
        Pause(const Pause&) = delete;
        Pause& operator=(const Pause&) = delete;

      private:
        Collector& collector_;
    };
    [[nodiscard]] CollectionStatistics last() const noexcept;
    // In the child of a fork, under the lock: a cycle of another thread ends,
    // and has freed nothing more.
    void continue_in_child() noexcept;

    // Messages of other threads, under the lock; outside of cycles nothing
    // happens.
    void allocated(RangeId block) noexcept {
        if (state_->phase != Phase::idle) [[unlikely]]
            allocated_in_cycle(block);
    }
    // A movable block came to lie there.
    void moved(RangeId block) noexcept {
        if (state_->phase != Phase::idle) [[unlikely]]
            moved_in_cycle(block);
    }
    // These bytes of a live block are about to be overwritten, or have just
    // been.
    void changing(Offset block, Size size, Offset start, Size length) noexcept {
        if (state_->phase == Phase::mark) [[unlikely]]
            look_guarded(block, size, start, length);
    }
    // How much of a block that is about to go has been looked at, and in which
    // cycle: another one begins anew.
    struct Leaving {
        Size seen = 0;
        std::uint64_t cycle = 0;
    };
    // A live block is about to be freed. False: not yet, call again, the lock
    // released in between.
    [[nodiscard]] bool leaving(Offset block, Size size, Leaving& so_far) noexcept {
        return state_->phase != Phase::mark || leaving_cycle(block, size, so_far);
    }
    // Whether changes matter now: under the lock.
    [[nodiscard]] bool marking() const noexcept { return state_->phase == Phase::mark; }

  private:
    enum class Phase : std::uint32_t { idle, whiten, mark, sweep };
    static constexpr std::uint32_t kStack = 4096;
    static constexpr Offset kNone = ~Offset{0};
    // Bytes of a block looked at as one block of the budget.
    static constexpr Size kPiece = 4096;
    static constexpr std::uint32_t kSlabBlocks = 64;  // a slab counts as so many

    struct State {
        base::Atomic<std::uint32_t> turn;  // 1: a cycle has it
        Phase phase;
        std::uint32_t failed;  // a visitor threw: nothing is to be freed in this cycle
        std::uint32_t cut;     // a fork ended the last cycle, and blocks may be marked
        std::uint32_t depth;   // of the stack
        std::uint32_t opened;  // entries [0, opened) of it are accessible
        // Of a walk over the range allocator's ranges: all that starts below
        // has been seen.
        Offset cursor;
        CollectionStatistics now, last;
    };

    // Every one under the lock.
    void allocated_in_cycle(RangeId block) noexcept;
    void moved_in_cycle(RangeId block) noexcept;
    [[nodiscard]] bool leaving_cycle(Offset block, Size size, Leaving& so_far) noexcept;
    bool shade(Offset offset) noexcept;
    void push(RangeId block) noexcept;
    void push_small(Offset block) noexcept;
    void look(Offset block, Size size, Offset start, Size length);
    void look_guarded(Offset block, Size size, Offset start, Size length) noexcept;
    void look_at(Offset at);
    void find_overflow() noexcept;
    [[nodiscard]] RangeId resume() noexcept;
    [[nodiscard]] std::uint32_t spread(std::uint32_t budget, bool& done);
    [[nodiscard]] std::uint32_t whiten_ranges(std::uint32_t budget) noexcept;
    [[nodiscard]] std::uint32_t root_ranges(std::uint32_t budget, bool& done) noexcept;
    [[nodiscard]] std::uint32_t sweep_ranges(const Cycle& cycle, bool& done) noexcept;
    [[nodiscard]] std::uint32_t sweep_slabs(const Cycle& cycle, std::uint32_t& slab) noexcept;
    [[nodiscard]] bool unreached(const Cycle& cycle, const BlockView& block) noexcept;

    // The parts of a cycle; they take the lock.
    template <class Work>
    void slice(const Cycle& cycle, Work work);
    template <class Work>
    void in_slices(const Cycle& cycle, Work work);
    void take_turn() noexcept;
    void leave_turn() noexcept;
    void open_stack();
    void begin(const Cycle& cycle);
    void mark(const Cycle& cycle);
    void mark_roots(const Cycle& cycle, std::span<const Offset> roots);
    void whiten(const Cycle& cycle);
    void begin_sweep() noexcept;
    [[nodiscard]] bool has_small() const noexcept { return small_->shape().shift != 0; }
    void sweep(const Cycle& cycle);
    void make_room(const Cycle& cycle, std::size_t blocks);
    [[nodiscard]] static bool stopped(const Cycle& cycle) noexcept;

    ranges::RangeAllocator* allocator_;
    Small* small_;
    Lock* lock_;
    const Buffer* buffer_;
    BlockAnnotations* annotations_;
    CycleGate gate_;
    State* state_ = nullptr;
    Offset* stack_ = nullptr;
    std::uint32_t room_ = 0;  // of the stack
    region::StepTables steps_;
    MarkOverflow overflow_;
    // Of the cycle that runs; in the process that runs it.
    const ReferenceVisitor* visitor_ = nullptr;
    std::function<void(Offset)> reach_;
    std::exception_ptr failure_;
    base::Atomic<const void*> runner_{nullptr};  // the thread of the cycle
};

}  // namespace ashlar::manager

#endif
