// Marks and how they spread; and what happens to blocks while a cycle runs. All under the manager's lock.
#include "manager/collector.hpp"

#include <algorithm>
#include <cstring>

namespace ashlar::manager {

namespace {

constexpr Size kWord = sizeof(Offset);
// Of a block that is freed in a cycle, in one go under the lock.
constexpr Size kLeavingPiece = Size{1} << 16;

constexpr Offset up(Offset at) noexcept { return (at + kWord - 1) & ~(kWord - 1); }
constexpr Offset down(Offset at) noexcept { return at & ~(kWord - 1); }

}  // namespace

// The block with that byte is reached; false: there is none.
bool Collector::shade(Offset offset) noexcept {
    const Small::Found small = small_->find(offset);
    if (small.kind == Small::Found::Kind::not_live) return false;
    if (small.kind == Small::Found::Kind::block) {
        if (small_->mark(offset)) {
            ++state_->now.marked;
            push_small(small.start);
        }
        return true;
    }
    RangeId block = heap_->at(offset);
    if (block == no_range) block = offset < heap_->totals().capacity ? heap_->covering(offset) : no_range;
    if (block == no_range) return false;
    Range& range = (*heap_)[block];
    if (offset - range.start >= range.asked || (range.state & ranges::kSlab) != 0) return false;
    if ((range.state & (ranges::kMarked | ranges::kTarget)) != 0) return true;
    range.state |= ranges::kMarked;
    ++state_->now.marked;
    push(block);
    return true;
}

// A block that is marked is to be looked at.
void Collector::push(RangeId block) noexcept {
    if (state_->depth < kStack) {
        stack_[state_->depth++] = (*heap_)[block].start;
    } else {
        lost_.add(block);
    }
}

void Collector::push_small(Offset block) noexcept {
    if (state_->depth < kStack) {
        stack_[state_->depth++] = block;
    } else {
        const Offset slab = block & ~(small_->shape().slab_size() - 1);
        lost_.add(small_->slab_at(slab), slab, block);
    }
}

// Marks what these bytes of the block refer to: conservatively each aligned word that has a byte there.
void Collector::look(Offset block, Size size, Offset start, Size length) {
    if (visitor_ != nullptr) {
        const Lock::Again again(*lock_);
        return (*visitor_)(block, size, reach_);
    }
    const Offset stop = std::min(block + size, up(start + length));
    const std::byte* bytes = buffer_->at(block);
    for (Offset at = std::max(up(block), down(start)); at + kWord <= stop; at += kWord) {
        Offset word = 0;
        std::memcpy(&word, bytes + (at - block), kWord);
        shade(word);
    }
}

void Collector::look_guarded(Offset block, Size size, Offset start, Size length) noexcept {
    try {
        look(block, size, start, length);
    } catch (...) {
        if (state_->failed == 0) failure_ = std::current_exception();
        state_->failed = 1;
    }
}

// An entry of the stack: the block with that byte, from there on.
void Collector::look_at(Offset at) {
    const Small::Found small = small_->find(at);
    if (small.kind == Small::Found::Kind::block) return look(small.start, small.size, at, small.size - (at - small.start));
    const RangeId block = heap_->covering(at);
    if (block == no_range || ((*heap_)[block].state & (ranges::kTarget | ranges::kSlab)) != 0) return;
    const Offset start = (*heap_)[block].start;
    const Size size = (*heap_)[block].asked;
    if (visitor_ != nullptr || size - (at - start) <= kPiece) return look(start, size, at, size - (at - start));
    const Offset next = down(at + kPiece);
    stack_[state_->depth++] = next;  // there is room: this entry's
    look(start, size, at, next - at);
}

void Collector::born_in_cycle(RangeId block) noexcept {
    Range& range = (*heap_)[block];
    ++state_->now.born;
    // What the sweep has passed already is to be white for the next cycle.
    if (state_->phase == Phase::mark || (state_->phase == Phase::sweep && range.start >= state_->cursor)) {
        range.state |= ranges::kMarked;
    }
}

// It may come from where nobody has looked at it yet, to where nobody looks any more.
void Collector::moved_in_cycle(RangeId block) noexcept {
    born_in_cycle(block);
    --state_->now.born;
    if (state_->phase == Phase::mark) push(block);
}

bool Collector::leaving_cycle(Offset block, Size size, Leaving& so_far) noexcept {
    const std::uint64_t cycle = state_->last.cycles + 1;
    if (so_far.cycle != cycle) so_far = {0, cycle};
    Size& seen = so_far.seen;
    const Size part = visitor_ != nullptr ? size : std::min(size - seen, kLeavingPiece);
    look_guarded(block, size, block + seen, part);
    seen += part;
    return seen >= size;
}

// The range that a walk over all ranges goes on with.
RangeId Collector::resume() noexcept {
    RangeId id = heap_->at(state_->cursor);
    if (id != no_range) return id;
    id = heap_->block_up_to(state_->cursor);
    return id == no_range ? heap_->first() : (*heap_)[id].above;
}

// Looks at up to `budget` blocks that are marked but have not been looked at.
std::uint32_t Collector::spread(std::uint32_t budget, bool& done) {
    std::uint32_t looked = 0;
    for (; looked < budget; ++looked) {
        if (state_->depth != 0) {
            look_at(stack_[--state_->depth]);
        } else if (lost_.any_small() || lost_.any_range()) {
            find_lost();
        } else {
            done = true;
            break;
        }
    }
    return looked;
}

// The stack is empty.
void Collector::find_lost() noexcept {
    if (lost_.any_small()) {
        lost_.take_small(kStack, [this](Offset block) noexcept { stack_[state_->depth++] = block; });
        return;
    }
    const RangeId id = lost_.take_range();
    const Range& range = (*heap_)[id];
    // Whoever freed it since has looked at it.
    if (ranges::kind(range) == ranges::Kind::block && (range.state & ranges::kMarked) != 0) push(id);
}

std::uint32_t Collector::root_ranges(std::uint32_t budget, bool& done) noexcept {
    std::uint32_t looked = 0;
    for (RangeId id = resume(); id != no_range; id = (*heap_)[id].above) {
        const Range& range = (*heap_)[id];
        state_->cursor = range.start;
        if (looked >= budget) return budget;
        ++looked;
        if ((range.state & (ranges::kMovable | ranges::kReserved)) != 0) shade(range.start);
        if ((range.state & ranges::kSlab) == 0) continue;
        // Small blocks that were born while all was made white are marked, and were written to when nobody took notice.
        looked += kSlabBlocks;
        small_->each(small_->slab_at(range.start), [&](Offset start, Size) {
            if (small_->is_marked(start)) push_small(start);
        });
    }
    done = true;
    return std::min(looked, budget);
}

std::uint32_t Collector::sweep_ranges(const Cycle& cycle, bool& done) noexcept {
    std::uint32_t looked = 0;
    RangeId next = no_range;
    for (RangeId id = resume(); id != no_range; id = next) {
        Range& range = (*heap_)[id];
        next = range.above;
        if (ranges::kind(range) != ranges::Kind::block) continue;
        state_->cursor = range.start;
        if (looked++ == cycle.budget) return cycle.budget;
        // Holes join what is given: the next one that stays as it is.
        while (next != no_range && ranges::kind((*heap_)[next]) == ranges::Kind::hole) next = (*heap_)[next].above;
        const std::uint32_t kept = ranges::kMarked | ranges::kMovable | ranges::kReserved | ranges::kTarget | ranges::kSlab;
        if ((range.state & kept) != 0) {
            range.state &= ~ranges::kMarked;
        } else if (unreached(cycle, {range.start, range.asked, BlockView::Kind::block, range.user})) {
            if ((range.state & ranges::kNamed) != 0) notes_->erase(range.start);
            heap_->give(id);
        }
    }
    state_->cursor = kNone;
    done = true;
    return looked;
}

// A slab at a time, so that what may be found has room where leaks are reported.
std::uint32_t Collector::sweep_slabs(const Cycle& cycle, std::uint32_t& slab) noexcept {
    struct Context {
        Collector& collector;
        const Cycle& cycle;
    } context{*this, cycle};
    slab = small_->sweep(
        slab, 1,
        [](void* passed, Offset start, Size size) {
            const auto& [collector, of] = *static_cast<Context*>(passed);
            const std::uint64_t user = of.leaks != nullptr && collector.notes_->any() ? collector.notes_->user(start) : 0;
            if (!collector.unreached(of, {start, size, BlockView::Kind::small_block, user})) return false;
            collector.notes_->erase(start);
            return true;
        },
        &context);
    return kSlabBlocks;
}

// True: it is to be freed.
bool Collector::unreached(const Cycle& cycle, const BlockView& block) noexcept {
    if (state_->failed != 0 || stopped(cycle)) return false;
    if (cycle.leaks != nullptr) {
        cycle.leaks->push_back(block);  // there is room: in_slices() has made some
        return false;
    }
    ++state_->now.freed_blocks;
    state_->now.freed_bytes += block.size;
    return true;
}

bool Collector::stopped(const Cycle& cycle) noexcept {
    return cycle.stop != nullptr && cycle.stop->load(base::rlx) != 0;  // relaxed: some time soon
}

}  // namespace ashlar::manager
