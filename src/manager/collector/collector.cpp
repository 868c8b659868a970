// Marks and how they spread, and changes of blocks while a cycle runs. All of
// it under the manager's lock.
#include "manager/collector/collector.hpp"

#include <algorithm>
#include <cstring>

namespace ashlar::manager {

namespace {

constexpr Size kWord = sizeof(Offset);
// Bytes of a block freed in a cycle that are looked at while the lock is held.
constexpr Size kLeavingPiece = Size{1} << 16;

constexpr Offset up(Offset at) noexcept { return (at + kWord - 1) & ~(kWord - 1); }
constexpr Offset down(Offset at) noexcept { return at & ~(kWord - 1); }

}  // namespace

// Marks the live block with that byte as reached; false: there is none.
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
    RangeId block = allocator_->at(offset);
    if (block == no_range)
        block = offset < allocator_->totals().capacity ? allocator_->covering(offset) : no_range;
    if (block == no_range) return false;
    Range& range = (*allocator_)[block];
    if (offset - range.start >= range.asked || (range.state & ranges::kSlab) != 0) return false;
    if ((range.state & (ranges::kMarked | ranges::kTarget)) != 0) return true;
    range.state |= ranges::kMarked;
    ++state_->now.marked;
    push(block);
    return true;
}

// A marked block waits on the stack until its references are followed.
void Collector::push(RangeId block) noexcept {
    if (state_->depth < room_) {
        stack_[state_->depth++] = (*allocator_)[block].start;
    } else {
        overflow_.add(block);
    }
}

void Collector::push_small(Offset block) noexcept {
    if (state_->depth < room_) {
        stack_[state_->depth++] = block;
    } else {
        const Offset slab = block & ~(small_->shape().slab_size() - 1);
        overflow_.add(small_->slab_at(slab), slab, block);
    }
}

// Marks the blocks that these bytes refer to: without a visitor, each aligned
// word that has a byte there counts as a reference.
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
    if (small.kind == Small::Found::Kind::block)
        return look(small.start, small.size, at, small.size - (at - small.start));
    const RangeId block = allocator_->covering(at);
    if (block == no_range || ((*allocator_)[block].state & (ranges::kTarget | ranges::kSlab)) != 0)
        return;
    const Offset start = (*allocator_)[block].start;
    const Size size = (*allocator_)[block].asked;
    if (visitor_ != nullptr || size - (at - start) <= kPiece)
        return look(start, size, at, size - (at - start));
    const Offset next = down(at + kPiece);
    stack_[state_->depth++] = next;  // there is room: this entry's
    look(start, size, at, next - at);
}

void Collector::allocated_in_cycle(RangeId block) noexcept {
    Range& range = (*allocator_)[block];
    ++state_->now.allocated;
    // Behind the sweep's cursor a new block stays white, for the next cycle.
    if (state_->phase == Phase::mark ||
        (state_->phase == Phase::sweep && range.start >= state_->cursor)) {
        range.state |= ranges::kMarked;
    }
}

// The block may come from a place that the walk has not reached, and go to one
// that it has passed.
void Collector::moved_in_cycle(RangeId block) noexcept {
    allocated_in_cycle(block);
    --state_->now.allocated;
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
    RangeId id = allocator_->at(state_->cursor);
    if (id != no_range) return id;
    id = allocator_->block_up_to(state_->cursor);
    return id == no_range ? allocator_->first() : (*allocator_)[id].above;
}

// Looks at up to `budget` blocks that are marked but have not been looked at.
std::uint32_t Collector::spread(std::uint32_t budget, bool& done) {
    std::uint32_t looked = 0;
    for (; looked < budget; ++looked) {
        if (state_->depth != 0) {
            look_at(stack_[--state_->depth]);
        } else if (overflow_.any_small() || overflow_.any_range()) {
            find_overflow();
        } else {
            done = true;
            break;
        }
    }
    return looked;
}

// Refills the empty stack with marked blocks that had no room on it.
void Collector::find_overflow() noexcept {
    if (overflow_.any_small()) {
        overflow_.take_small(room_,
                             [this](Offset block) noexcept { stack_[state_->depth++] = block; });
        return;
    }
    const RangeId id = overflow_.take_range();
    const Range& range = (*allocator_)[id];
    // A thread that freed it meanwhile has followed its references.
    if (ranges::kind(range) == ranges::Kind::block && (range.state & ranges::kMarked) != 0)
        push(id);
}

// Takes the marks away that a cycle left which a fork cut off.
std::uint32_t Collector::whiten_ranges(std::uint32_t budget) noexcept {
    std::uint32_t looked = 0;
    for (RangeId id = resume(); id != no_range; id = (*allocator_)[id].above) {
        Range& range = (*allocator_)[id];
        state_->cursor = range.start;
        if (looked++ == budget) return budget;
        range.state &= ~ranges::kMarked;
    }
    state_->cut = 0;
    return looked;
}

std::uint32_t Collector::root_ranges(std::uint32_t budget, bool& done) noexcept {
    std::uint32_t looked = 0;
    for (RangeId id = resume(); id != no_range; id = (*allocator_)[id].above) {
        const Range& range = (*allocator_)[id];
        state_->cursor = range.start;
        if (looked >= budget) return budget;
        ++looked;
        if ((range.state & (ranges::kMovable | ranges::kReserved | ranges::kRoot)) != 0)
            shade(range.start);
        if ((range.state & ranges::kSlab) == 0) continue;
        // Small blocks allocated while the slabs were whitened are marked, and
        // references may have been written to them unseen.
        looked += kSlabBlocks;
        small_->each(small_->slab_at(range.start), [&](Offset start, Size) {
            if (small_->is_marked(start)) return push_small(start);
            if (small_->is_root(start)) shade(start);
        });
    }
    done = true;
    return std::min(looked, budget);
}

std::uint32_t Collector::sweep_ranges(const Cycle& cycle, bool& done) noexcept {
    std::uint32_t looked = 0;
    RangeId next = no_range;
    for (RangeId id = resume(); id != no_range; id = next) {
        Range& range = (*allocator_)[id];
        next = range.above;
        if (ranges::kind(range) != ranges::Kind::block) continue;
        state_->cursor = range.start;
        if (looked++ == cycle.budget) return cycle.budget;
        // Holes merge with the freed block: takes the next range that stays as
        // it is.
        while (next != no_range && ranges::kind((*allocator_)[next]) == ranges::Kind::hole)
            next = (*allocator_)[next].above;
        const std::uint32_t kept = ranges::kMarked | ranges::kMovable | ranges::kReserved |
                                   ranges::kTarget | ranges::kSlab;
        if ((range.state & kept) != 0) {
            range.state &= ~ranges::kMarked;
        } else if (unreached(cycle,
                             {range.start, range.asked, BlockView::Kind::block, range.user})) {
            if ((range.state & ranges::kNamed) != 0) annotations_->erase(range.start);
            allocator_->give(id);
        }
    }
    state_->cursor = kNone;
    done = true;
    return looked;
}

// One slab at a time, so that there is room for its leaks where they are
// reported.
std::uint32_t Collector::sweep_slabs(const Cycle& cycle, std::uint32_t& slab) noexcept {
    struct Context {
        Collector& collector;
        const Cycle& cycle;
    } context{*this, cycle};
    slab = small_->sweep(
        slab, 1,
        [](void* passed, Offset start, Size size) {
            const auto& [collector, of] = *static_cast<Context*>(passed);
            SmallAnnotations& annotations = collector.annotations_->small();
            const std::size_t number = collector.small_->number_of(start);
            const BlockView view{start, size, BlockView::Kind::small_block,
                                 annotations.user(number)};
            if (!collector.unreached(of, view)) return false;
            if (annotations.erase(number)) collector.annotations_->erase(start);
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
