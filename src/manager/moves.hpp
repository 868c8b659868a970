// Movable blocks, and moving them down: passes, whose bytes the user copies, and defragment(), which copies itself. Every
// member takes the manager's lock by itself, for short parts of its work: other threads get in between. A block's bytes are
// copied under the lock, one block at a time, so that who pins it finds it either here or there; a block that is pinned or in a
// pass never moves.
#ifndef ASHLAR_MANAGER_MOVES_HPP
#define ASHLAR_MANAGER_MOVES_HPP

#include <ashlar/manager_types.hpp>

#include "manager/buffer.hpp"
#include "manager/collector.hpp"
#include "manager/handles.hpp"
#include "manager/lock.hpp"
#include "manager/lowest_hole.hpp"
#include "manager/notes.hpp"
#include "ranges/heap.hpp"

namespace ashlar::manager {

class Moves {
  public:
    Moves(ranges::Heap& heap, Lock& lock, const Buffer& buffer, Notes& notes, Collector& collector) noexcept
        : heap_(&heap), lock_(&lock), buffer_(&buffer), notes_(&notes), collector_(&collector), lowest_(heap) {}
    void layout(region::Carver& carver, std::uint32_t most) noexcept;

    // Under the lock already, that the block was taken under.
    Handle adopt(RangeId block, Size alignment) noexcept { return handles_.insert(block, alignment); }

    [[nodiscard]] Status resolve(Handle handle, Offset& at) const noexcept;
    [[nodiscard]] Status pin(Handle handle, Offset& at) noexcept;
    [[nodiscard]] Status unpin(Handle handle) noexcept;
    [[nodiscard]] Status deallocate(Handle handle) noexcept;
    // Called without the lock between two parts of one operation: for tests that put themselves there. Must not throw.
    void call_between(std::function<void()> between) { between_ = std::move(between); }
    // For messages: what there is behind a handle.
    struct Known {
        enum class Kind : std::uint8_t { never, freed, live } kind;
        Offset start;
        Size size;
        std::uint32_t pins;
        bool in_pass;
        Offset target;
    };
    [[nodiscard]] Known known(Handle handle) const noexcept;
    // Under the lock: a movable block in a pass can't change its size.
    [[nodiscard]] bool in_pass(const Range& block) const noexcept {
        return (block.state & ranges::kMovable) != 0 && handles_.of(block).target != no_range;
    }

    // Throws what a vector throws, nothing changed. `pinned`: there is a pass already.
    [[nodiscard]] Status begin_pass(const PassLimits& limits, std::vector<Move>& moves);
    // `bad_handle`: a move that is not of this pass, or comes twice, number `wrong`; nothing changed. What is not among the
    // moves is ignored.
    [[nodiscard]] Status end_pass(std::span<const Move> moves, DefragmentationStatistics& done, std::size_t& wrong) noexcept;
    [[nodiscard]] Status defragment(const PassLimits& limits, DefragmentationStatistics& done) noexcept;

  private:
    using Clock = std::chrono::steady_clock;
    enum class Pass : std::uint32_t { none, busy, open };
    struct Before {
        Size largest, tail;
        double fragmentation;
    };
    struct State {
        Pass pass;
        std::uint32_t first;  // place in the pass
        Offset cursor;        // a pass goes on below it, defragment() from it on
        LowestHole::Search search;
        Size bytes;  // left of the limit, as `moves`
        std::uint32_t moves;
        bool whole;  // this pass has begun at the end of the buffer
        Before before;
    };

    [[nodiscard]] bool open(const PassLimits& limits) noexcept;
    [[nodiscard]] Before measure() const noexcept;
    void sum_up(DefragmentationStatistics& done) noexcept;
    [[nodiscard]] bool movable(RangeId range) const noexcept;
    // Each does a slice of the work; true: no more to do.
    [[nodiscard]] bool plan(Move* batch, unsigned& planned) noexcept;
    [[nodiscard]] bool plan_down(RangeId from, Move* batch, unsigned& planned) noexcept;
    [[nodiscard]] bool compact(DefragmentationStatistics& done) noexcept;
    [[nodiscard]] std::size_t recognize(std::span<const Move> moves, bool told) noexcept;

    void enter_pass(Handles::Place& place, RangeId target) noexcept;
    void leave_pass(Handles::Place& place) noexcept;
    // False: nothing yet, the collector wants to look at more of the block; call again, the lock released in between.
    [[nodiscard]] bool settle(Handles::Place& place, Move::Outcome outcome, Collector::Leaving& so_far,
                              DefragmentationStatistics& done) noexcept;
    void settle_rest(DefragmentationStatistics& done) noexcept;
    void become(Handles::Place& place, const Range& old, RangeId to) noexcept;
    // A block's whole way to a lower place; false: it stays.
    [[nodiscard]] bool jump(RangeId block, Offset to) noexcept;
    [[nodiscard]] bool slide(RangeId block) noexcept;
    void release(Handles::Place& place) noexcept;
    void let_others_in() const noexcept;

    ranges::Heap* heap_;
    Lock* lock_;
    const Buffer* buffer_;
    Notes* notes_;
    Collector* collector_;
    Handles handles_;
    LowestHole lowest_;
    State* state_ = nullptr;
    std::function<void()> between_;
};

}  // namespace ashlar::manager

#endif
