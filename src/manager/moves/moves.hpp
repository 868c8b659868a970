// Movable blocks, and moves to lower offsets: passes, in which the user copies
// the bytes, and defragment(), which copies them itself. Every member takes the
// manager's lock for short parts of its work, so that other threads get it in
// between. Bytes are copied under the lock, one block at a time: a thread that
// pins the block finds it at one place or the other. A block that is pinned or
// in a pass never moves.
#ifndef ASHLAR_MANAGER_MOVES_MOVES_HPP
#define ASHLAR_MANAGER_MOVES_MOVES_HPP

#include <ashlar/manager_types.hpp>
#include <optional>

#include "manager/base/block_annotations.hpp"
#include "manager/base/buffer.hpp"
#include "manager/base/lock.hpp"
#include "manager/collector/collector.hpp"
#include "manager/moves/handles.hpp"
#include "manager/moves/lowest_hole.hpp"
#include "manager/ranges/range_allocator.hpp"

namespace ashlar::manager {

class Moves {
  public:
    Moves(ranges::RangeAllocator& allocator, Lock& lock, const Buffer& buffer,
          BlockAnnotations& annotations, Collector& collector) noexcept
        : allocator_(&allocator), lock_(&lock), buffer_(&buffer), annotations_(&annotations),
          collector_(&collector), lowest_(allocator) {}
    void layout(region::Carver& carver, std::uint32_t most) noexcept;

    // The lock: whether a block can be adopted. False: the system refuses
    // memory for the table of handles.
    [[nodiscard]] bool make_room() noexcept { return handles_.make_room(); }
    // The caller still holds the lock under which it made room and took the
    // block.
    Handle adopt(RangeId block, Size alignment) noexcept {
        return handles_.insert(block, alignment);
    }

    // The lock: bytes of the table of handles in use. Gives back what is not
    // needed.
    [[nodiscard]] Size metadata() const noexcept { return handles_.metadata(); }
    // The lock: for a saved state.
    [[nodiscard]] Handles& handles() noexcept { return handles_; }
    [[nodiscard]] const Handles& handles() const noexcept { return handles_; }
    void trim() noexcept { handles_.trim(); }

    [[nodiscard]] Status resolve(Handle handle, Offset& at) const noexcept;
    // Of the movable block that begins there.
    [[nodiscard]] std::optional<Handle> handle_at(Offset at) const noexcept {
        const Guard guard(*lock_);
        const RangeId block = allocator_->at(at);
        if (block == no_range || !is_movable((*allocator_)[block])) return std::nullopt;
        return Handle{(*allocator_)[block].user};
    }
    [[nodiscard]] Status pin(Handle handle, Offset& at) noexcept;
    [[nodiscard]] Status unpin(Handle handle) noexcept;
    [[nodiscard]] Status deallocate(Handle handle) noexcept;
    // A movable block: under the lock.
    struct Subject {
        RangeId range;  // no_range: not the handle of a live block
        Size alignment;
        bool pinned, in_pass;
    };
    [[nodiscard]] Subject subject(Handle handle) const noexcept {
        const Handles::Place* place = handles_.find(handle);
        if (place == nullptr) return {no_range, 1, false, false};
        return {place->range, Size{1} << place->shift, place->pins != 0, place->target != no_range};
    }
    // Under the lock: a block that is neither pinned nor in a pass moves to a
    // range that was just taken, with so many of its bytes.
    void move_to(RangeId block, RangeId target, Size bytes) noexcept;
    // The caller holds the lock and frees the ranges. False: a block is pinned,
    // or there is a pass; nothing changed.
    [[nodiscard]] bool clear() noexcept { return state_->pass == Pass::none && handles_.clear(); }
    // Called without the lock between two parts of one operation, for tests.
    // Must not throw.
    void call_between(std::function<void()> between) { between_ = std::move(between); }
    // For messages: the state of a handle.
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

    // Throws std::bad_alloc, nothing changed. `pinned`: there is a pass
    // already.
    [[nodiscard]] Status begin_pass(const PassLimits& limits, std::vector<Move>& moves);
    // `bad_handle`: the move of number `wrong` is not of this pass, or comes
    // twice; nothing changed. Blocks of the pass without a move stay where they
    // are.
    [[nodiscard]] Status end_pass(std::span<const Move> moves, DefragmentationStatistics& done,
                                  std::size_t& wrong) noexcept;
    [[nodiscard]] Status defragment(const PassLimits& limits,
                                    DefragmentationStatistics& done) noexcept;
    // In the child of a fork: what another thread was about to move stays where
    // it is.
    void continue_in_child() noexcept;

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
        Offset cursor;        // a pass continues below it, defragment() from it on
        LowestHole::Search search;
        Size bytes;  // left of the limit, as `moves`
        std::uint32_t moves;
        bool whole;  // this pass has begun at the end of the buffer
        bool full;   // a limit keeps this pass from its next move
        Before before;
        // Of defragment(): where a limit ended the last walk, 0: nowhere; the
        // totals then; and whether others have changed ranges since that walk
        // began, so that one more has to follow.
        Offset stopped;
        ranges::RangeAllocator::Totals totals;
        bool again;
    };

    [[nodiscard]] bool open(const PassLimits& limits) noexcept;
    [[nodiscard]] Before measure() const noexcept;
    void sum_up(DefragmentationStatistics& done) noexcept;
    [[nodiscard]] static bool is_movable(const Range& range) noexcept {
        return (range.state & (ranges::kMovable | ranges::kTarget)) == ranges::kMovable;
    }
    [[nodiscard]] bool movable(RangeId range) const noexcept;
    // Each does a slice of the work; true: no more to do.
    [[nodiscard]] bool plan(Move* batch, unsigned& planned) noexcept;
    [[nodiscard]] bool plan_down(RangeId from, Move* batch, unsigned& planned) noexcept;
    enum class Walk { going, stopped, ended };
    [[nodiscard]] Walk compact(DefragmentationStatistics& done) noexcept;
    void resume_walk(const PassLimits& limits) noexcept;
    void suspend_walk(Walk walk) noexcept;
    [[nodiscard]] bool may_win() const noexcept;
    [[nodiscard]] std::size_t recognize(std::span<const Move> moves, bool told) noexcept;

    void enter_pass(Handles::Place& place, RangeId target) noexcept;
    void leave_pass(Handles::Place& place) noexcept;
    // False: nothing is done yet, since the collector has more of the block to
    // look at. The caller calls again, and releases the lock in between.
    [[nodiscard]] bool settle(Handles::Place& place, Move::Outcome outcome,
                              Collector::Leaving& so_far, DefragmentationStatistics& done) noexcept;
    void settle_rest(DefragmentationStatistics& done) noexcept;
    void become(Handles::Place& place, const Range& old, RangeId to) noexcept;
    // Moves one block to a lower place; false: it stays.
    [[nodiscard]] bool jump(RangeId block, Offset to) noexcept;
    [[nodiscard]] bool slide(RangeId block) noexcept;
    void release(Handles::Place& place) noexcept;
    void let_others_in() const noexcept;

    ranges::RangeAllocator* allocator_;
    Lock* lock_;
    const Buffer* buffer_;
    BlockAnnotations* annotations_;
    Collector* collector_;
    Handles handles_;
    LowestHole lowest_;
    State* state_ = nullptr;
    std::function<void()> between_;
};

}  // namespace ashlar::manager

#endif
