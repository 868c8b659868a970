#include "manager/moves/moves.hpp"

#include <algorithm>
#include <cstring>

namespace ashlar::manager {

namespace {

constexpr Offset kTop = 0;  // a pass's cursor: nothing lies below it
// Work in one go under the lock, each about as long as copying 16 KiB.
constexpr unsigned kSteps = 256;        // ranges looked at
constexpr unsigned kBatch = 32;         // moves of a pass planned or settled
constexpr Size kSlice = Size{1} << 16;  // bytes copied, beside the last block's

Offset aligned(Offset start, Size alignment) noexcept {
    return (start + alignment - 1) & ~(alignment - 1);
}

}  // namespace

void Moves::layout(region::Carver& carver, std::uint32_t most) noexcept {
    state_ = carver.array<State>(1);
    handles_.layout(carver, *allocator_, most);
    lowest_.layout(carver, most);
}

// Between two holds of the lock.
void Moves::let_others_in() const noexcept {
    if (between_) between_();
    lock_->let_others_in();
}

void Moves::release(Handles::Place& place) noexcept {
    if (((*allocator_)[place.range].state & ranges::kNamed) != 0)
        annotations_->erase((*allocator_)[place.range].start);
    allocator_->give(place.range);
    handles_.erase(place);
}

// Holes, and the space that only moves could gain.

Moves::Before Moves::measure() const noexcept {
    const ranges::RangeAllocator::Totals& totals = allocator_->totals();
    const Size free = totals.capacity - totals.used;
    const RangeId last = allocator_->last();
    Before found{allocator_->largest(), 0, 0.0};
    if (last != no_range && ranges::kind((*allocator_)[last]) == ranges::Kind::hole)
        found.tail = (*allocator_)[last].size;
    if (found.largest < found.tail) found.largest = found.tail;
    if (totals.holes > 1)
        found.fragmentation = 1.0 - static_cast<double>(found.largest) / static_cast<double>(free);
    return found;
}

// Without a hole below a block nothing can be won.
bool Moves::may_win() const noexcept {
    const RangeId last = allocator_->last();
    const bool tail = last != no_range && ranges::kind((*allocator_)[last]) == ranges::Kind::hole;
    return allocator_->totals().holes > (tail ? 1U : 0U);
}

bool Moves::open(const PassLimits& limits) noexcept {
    const Guard guard(*lock_);
    if (state_->pass != Pass::none) return false;
    state_->pass = Pass::busy;
    state_->search = {};
    state_->whole = false;
    state_->full = false;
    state_->bytes = limits.bytes;
    state_->moves = limits.moves;
    state_->before = measure();
    lowest_.forget();
    return true;
}

void Moves::sum_up(DefragmentationStatistics& done) noexcept {
    const Guard guard(*lock_);
    const Before after = measure();
    const Before& before = state_->before;
    done.fragmentation_before = before.fragmentation;
    done.fragmentation_after = after.fragmentation;
    const Size largest = after.largest > before.largest ? after.largest - before.largest : 0;
    const Size tail = after.tail > before.tail ? after.tail - before.tail : 0;
    done.bytes_freed = largest > tail ? largest : tail;
    state_->pass = Pass::none;
}

bool Moves::movable(RangeId id) const noexcept {
    const std::uint32_t state = (*allocator_)[id].state;
    if ((state & ranges::kMovable) == 0 || (state & ranges::kTarget) != 0) return false;
    const Handles::Place& place = handles_.of((*allocator_)[id]);
    return place.pins == 0 && place.target == no_range;
}

// Passes. A pass goes down from the end of the buffer, or from where the last
// one ended, and looks for the lowest hole for each block.

Status Moves::begin_pass(const PassLimits& limits, std::vector<Move>& moves) {
    const Clock::time_point begin = Clock::now();
    if (!open(limits)) return Status::pinned;
    try {
        for (bool done = false; !done && (moves.empty() || Clock::now() - begin < limits.time);) {
            Move batch[kBatch];
            unsigned planned = 0;
            moves.reserve(moves.size() + kBatch > moves.capacity() ? 2 * moves.size() + kBatch : 0);
            {
                const Guard guard(*lock_);
                done = plan(batch, planned);
            }
            moves.insert(moves.end(), batch, batch + planned);
        }
    } catch (...) {
        DefragmentationStatistics none{};
        settle_rest(none);
        sum_up(none);
        throw;
    }
    const Guard guard(*lock_);
    state_->pass = moves.empty() ? Pass::none : Pass::open;
    return Status::ok;
}

bool Moves::plan(Move* batch, unsigned& planned) noexcept {
    const Offset cursor = state_->cursor;
    if (cursor == kTop) state_->whole = true;
    if (!plan_down(cursor == kTop ? allocator_->last() : allocator_->block_up_to(cursor - 1), batch,
                   planned)) {
        return state_->full;
    }
    // At the bottom. Once more from the top, unless this pass has been there or
    // has something to do.
    state_->cursor = kTop;
    return state_->whole || state_->first != 0;
}

// True: all down to the beginning has been seen.
bool Moves::plan_down(RangeId from, Move* batch, unsigned& planned) noexcept {
    unsigned steps = kSteps;
    for (RangeId id = from; id != no_range; id = (*allocator_)[id].below) {
        const Range& range = (*allocator_)[id];
        const Offset start = range.start;
        state_->cursor = start + range.size;
        if (steps == 0 || planned == kBatch) return false;
        --steps;
        if (!movable(id)) continue;
        state_->full = state_->moves == 0 || (state_->first != 0 && range.size > state_->bytes);
        if (state_->full) return false;
        Handles::Place& place = handles_.of(range);
        const Size alignment = Size{1} << place.shift;
        const LowestHole::Found found =
            lowest_.find(range.size, alignment, start, steps, state_->search);
        if (state_->search.open) return false;
        const RangeId target = found.hole == no_range
                                   ? no_range
                                   : allocator_->take_at(found.at, range.size, range.asked);
        if (target == no_range) continue;
        enter_pass(place, target);
        state_->bytes -= std::min(range.size, state_->bytes);
        --state_->moves;
        batch[planned++] = {handles_.handle(place), start, found.at, range.asked,
                            Move::Outcome::copied};
    }
    return true;
}

// Finds all moves in the pass, each once, and notes that (or that it has not).
// The first that it does not know, or their count.
std::size_t Moves::recognize(std::span<const Move> moves, bool told) noexcept {
    for (std::size_t i = 0; i < moves.size();) {
        const Guard guard(*lock_);
        for (const std::size_t stop = std::min(moves.size(), i + kBatch); i < stop; ++i) {
            Handles::Place* place = handles_.find(moves[i].handle);
            const bool known = place != nullptr && place->target != no_range &&
                               place->told != told &&
                               (*allocator_)[place->range].start == moves[i].from &&
                               (*allocator_)[place->target].start == moves[i].to;
            if (known) {
                place->told = told;
            } else if (told) {
                return i;
            }
        }
    }
    return moves.size();
}

Status Moves::end_pass(std::span<const Move> moves, DefragmentationStatistics& done,
                       std::size_t& wrong) noexcept {
    {
        const Guard guard(*lock_);
        if (state_->pass == Pass::busy) return Status::pinned;
        if (state_->pass == Pass::none && !moves.empty()) return Status::bad_handle;
        if (state_->pass == Pass::none) state_->before = measure();
        state_->pass = Pass::busy;
    }
    if (const std::size_t unknown = recognize(moves, true); unknown != moves.size()) {
        wrong = unknown;
        static_cast<void>(recognize(moves, false));
        const Guard guard(*lock_);
        state_->pass = Pass::open;
        return Status::bad_handle;
    }
    Collector::Leaving so_far;
    for (std::size_t i = 0; i < moves.size(); let_others_in()) {
        const Guard guard(*lock_);
        const std::size_t stop = std::min(moves.size(), i + kBatch);
        while (i < stop && settle(*handles_.find(moves[i].handle), moves[i].outcome, so_far, done))
            ++i;
    }
    settle_rest(done);
    sum_up(done);
    const Guard guard(*lock_);
    done.more = may_win();
    return Status::ok;
}

void Moves::settle_rest(DefragmentationStatistics& done) noexcept {
    for (bool more = true; more;) {
        const Guard guard(*lock_);
        for (unsigned i = 0; i < kBatch && state_->first != 0; ++i) {
            Collector::Leaving none;
            static_cast<void>(settle(handles_[state_->first], Move::Outcome::ignored, none, done));
        }
        more = state_->first != 0;
    }
}

void Moves::enter_pass(Handles::Place& place, RangeId target) noexcept {
    Range& range = (*allocator_)[target];
    range.state |= ranges::kMovable | ranges::kTarget;
    range.user = (*allocator_)[place.range].user;
    place.target = target;
    place.last = 0;
    place.next = state_->first;
    if (place.next != 0) handles_[place.next].last = handles_.index(place);
    state_->first = handles_.index(place);
}

void Moves::leave_pass(Handles::Place& place) noexcept {
    if (place.next != 0) handles_[place.next].last = place.last;
    (place.last != 0 ? handles_[place.last].next : state_->first) = place.next;
    place.target = no_range;
    place.told = false;
    place.spoiled = false;
}

bool Moves::settle(Handles::Place& place, Move::Outcome outcome, Collector::Leaving& so_far,
                   DefragmentationStatistics& done) noexcept {
    const RangeId from = place.range;
    const RangeId to = place.target;
    if (place.spoiled) outcome = Move::Outcome::ignored;
    const Range& range = (*allocator_)[from];
    if (outcome == Move::Outcome::dropped && !collector_->leaving(range.start, range.asked, so_far))
        return false;
    so_far = {};
    leave_pass(place);
    if (outcome == Move::Outcome::dropped) {
        ++done.dropped;
        allocator_->give(to);
        release(place);
    } else if (outcome == Move::Outcome::copied) {
        ++done.moves;
        done.bytes_moved += (*allocator_)[to].asked;
        become(place, (*allocator_)[from], to);
        allocator_->give(from);
    } else {
        ++done.ignored;
        allocator_->give(to);
    }
    return true;
}

// The block of that place, which was in the range `old`, is in `to` from now
// on.
void Moves::become(Handles::Place& place, const Range& old, RangeId to) noexcept {
    Range& range = (*allocator_)[to];
    range.state &= ~ranges::kTarget;
    range.state |= old.state & ranges::kNamed;
    if ((old.state & ranges::kNamed) != 0) annotations_->move(old.start, range.start);
    handles_.point(handles_.index(place), to);
    collector_->moved(to);
}

// For buffers whose bytes the manager may copy. Walks upwards, and moves each
// block to the lowest place that it fits in: a hole before a block that stays,
// or down over the hole just below. One walk is enough, since later blocks
// leave no lower hole.

Status Moves::defragment(const PassLimits& limits, DefragmentationStatistics& done) noexcept {
    const Clock::time_point begin = Clock::now();
    if (!open(limits)) return Status::pinned;
    resume_walk(limits);
    Walk walk = buffer_->kind() == Buffer::Kind::none ? Walk::ended : Walk::going;
    for (; walk == Walk::going && (done.moves == 0 || Clock::now() - begin < limits.time);
         let_others_in())
        walk = compact(done);
    done.more = walk != Walk::ended;
    suspend_walk(walk);
    sum_up(done);
    return Status::ok;
}

// A walk that a limit ended goes on where it ended. Without limits a walk
// begins anew.
void Moves::resume_walk(const PassLimits& limits) noexcept {
    const PassLimits none;
    const Guard guard(*lock_);
    const bool limited =
        limits.bytes != none.bytes || limits.moves != none.moves || limits.time != none.time;
    state_->again = limited && state_->stopped != 0 &&
                    (state_->again || state_->totals != allocator_->totals());
    state_->cursor = limited ? state_->stopped : 0;
}

void Moves::suspend_walk(Walk walk) noexcept {
    const Guard guard(*lock_);
    state_->stopped = walk == Walk::ended ? 0 : state_->cursor;
    state_->totals = allocator_->totals();
    state_->cursor = kTop;
}

Moves::Walk Moves::compact(DefragmentationStatistics& done) noexcept {
    const Guard guard(*lock_);
    const Size stop = done.bytes_moved + kSlice;
    unsigned steps = kSteps;
    RangeId next = no_range;
    for (RangeId id = lowest_.block_near(state_->cursor); id != no_range; id = next) {
        const Range& range = (*allocator_)[id];
        next = range.above;
        if (ranges::kind(range) != ranges::Kind::block || range.start < state_->cursor) continue;
        while (next != no_range && ranges::kind((*allocator_)[next]) == ranges::Kind::hole)
            next = (*allocator_)[next].above;
        state_->cursor = range.start;
        if (steps == 0 || done.bytes_moved >= stop) return Walk::going;
        --steps;
        if (!movable(id)) continue;
        if (state_->moves == 0 || (done.moves != 0 && range.size > state_->bytes))
            return Walk::stopped;
        const LowestHole::Found found = lowest_.find(
            range.size, Size{1} << handles_.of(range).shift, range.start, steps, state_->search);
        if (state_->search.open) return Walk::going;
        const Size asked = range.asked;
        const Size size = range.size;
        if (!(found.hole != no_range ? jump(id, found.at) : slide(id))) continue;
        --state_->moves;
        state_->bytes -= std::min(size, state_->bytes);
        ++done.moves;
        done.bytes_moved += asked;
    }
    if (!state_->again) return Walk::ended;
    state_->again = false;
    state_->cursor = 0;
    lowest_.forget();
    return Walk::going;
}

bool Moves::jump(RangeId block, Offset to) noexcept {
    const Range old = (*allocator_)[block];
    const RangeId target = allocator_->take_at(to, old.size, old.asked);
    if (target == no_range) return false;
    move_to(block, target, old.asked);
    return true;
}

void Moves::move_to(RangeId block, RangeId target, Size bytes) noexcept {
    const Range old = (*allocator_)[block];
    std::memcpy(buffer_->at((*allocator_)[target].start), buffer_->at(old.start), bytes);
    become(handles_.of(old), old, target);
    allocator_->give(block);
}

// The block and the hole below it change places. A policy that keeps free
// ranges in pieces has no use for that.
bool Moves::slide(RangeId block) noexcept {
    const Range old = (*allocator_)[block];
    const Range& hole = (*allocator_)[old.below];
    Handles::Place& place = handles_.of((*allocator_)[block]);
    if (ranges::kind(hole) != ranges::Kind::hole || allocator_->policy().shaped() ||
        !allocator_->has_spare(1))
        return false;
    const Offset to = aligned(hole.start, Size{1} << place.shift);
    if (to >= old.start) return false;
    allocator_->give(block);
    const RangeId target = allocator_->take_at(
        to, old.size, old.asked);  // with the spare record there is nothing that it could lack
    std::memmove(buffer_->at(to), buffer_->at(old.start), old.asked);
    become(place, old, target);
    return true;
}

}  // namespace ashlar::manager
