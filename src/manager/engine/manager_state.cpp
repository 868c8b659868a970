// A manager's blocks as data, and a fresh manager that gets them again. All of
// it happens under the lock; small blocks are stopped meanwhile, so that what
// is copied is of one moment.
#include "manager/engine/manager.hpp"
#include "manager/engine/saved_state.hpp"

namespace ashlar::manager {

// --------------------------------------------------------------------- copying

void Manager::copy_notes(StateRoom& room, SavedBlock& block) const noexcept {
    annotations_.look(block.start, [&](std::string_view name, std::uint64_t user) noexcept {
        block.name_size = static_cast<std::uint32_t>(name.size());
        block.name = room.add(name);
        if (block.kind == SavedBlock::Kind::movable) block.user = user;
    });
}

void Manager::copy_saved_slab(StateRoom& room, const Range& slab) const noexcept {
    const SlabId id = small_.slab_at(slab.start);
    const Size stride = small_.stride(id);
    const std::size_t place = room.blocks();
    room.add({slab.start, stride, slab.size, 0, 0, 0, 0, SavedBlock::Kind::slab, 0, false});
    small_.each(id, [&](Offset start, Size size) noexcept {
        const std::size_t number = small_.number_of(start);
        const std::uint64_t user = annotations_.small().user(number);
        SavedBlock block{
            start, size, stride, user, 0, 0, 0, SavedBlock::Kind::small, 0, small_.is_root(start)};
        if (annotations_.small().named(number)) copy_notes(room, block);
        room.add(block);
        room.count(place);
    });
    if (room.blocks() == place + 1) room.drop_last();
}

// The target of a move is left out: the block is where it was.
void Manager::copy_saved(StateRoom& room, const Range& range) const noexcept {
    if (ranges::kind(range) != ranges::Kind::block || (range.state & ranges::kTarget) != 0) return;
    if ((range.state & ranges::kSlab) != 0) return copy_saved_slab(room, range);
    using Kind = SavedBlock::Kind;
    const bool root = (range.state & ranges::kRoot) != 0;
    SavedBlock block{range.start, range.asked, range.size,  range.user, 0,
                     0,           0,           Kind::block, 0,          root};
    if ((range.state & ranges::kMovable) != 0) {
        block.kind = Kind::movable;
        block.handle = range.user;
        block.user = 0;
        block.shift = moves_.handles().of(range).shift;
    } else if ((range.state & ranges::kReserved) != 0) {
        block.kind = Kind::reserved;
    }
    if ((range.state & ranges::kNamed) != 0) copy_notes(room, block);
    room.add(block);
}

// Under the lock; small blocks are stopped.
void Manager::copy_state(SavedState& state, StateRoom& room) const noexcept {
    const ranges::RangeAllocator::Totals& totals = allocator_.totals();
    state.capacity = totals.capacity;
    state.limit = limit_;
    state.highest_limit = highest_;
    state.initial = initial_;
    state.granularity = granularity();
    state.small_limit = options_.small_limit;
    state.slab_shift = small_.shape().shift;
    state.handles = moves_.handles().counts();
    for (RangeId id = allocator_.first(); id != no_range; id = allocator_[id].above)
        copy_saved(room, allocator_[id]);
}

SavedState Manager::state() const {
    SavedState result;
    const bool freezes = has_small() && options_.threads == Threads::many;
    for (bool whole = false; !whole;) {
        StateRoom room(result);
        {
            const Guard guard(lock_);
            if (freezes) small_.freeze();
            copy_state(result, room);
            if (freezes) small_.thaw();
        }
        whole = room.enough();
        // More may come until the next try.
        result.blocks.resize(whole ? room.blocks() : room.blocks() + room.blocks() / 8 + 64);
        result.names.resize(whole ? room.names() : room.names() + room.names() / 8);
    }
    return result;
}

// ------------------------------------------------------------------- restoring

namespace {

// The class of a saved slab, if this manager's slabs are like it; 0: they are
// not.
Class class_of_saved(const Shape& shape, const SavedBlock& slab) noexcept {
    if (shape.shift == 0 || slab.taken != shape.slab_size()) return 0;
    const Class c = class_of_size(slab.size);
    return size_of_class(c) == slab.size ? c : 0;
}

}  // namespace

// Not a slab: then the policy gets each of its blocks.
bool Manager::restore_slab(const SavedBlock& slab) {
    const Class c = class_of_saved(small_.shape(), slab);
    if (c == 0) return false;
    const RangeId range = allocator_.append(slab.start, slab.taken, slab.taken);
    if (range == no_range) return false;
    if (!small_.restore_slab(slab.start, c)) {
        allocator_.give(range);
        return false;
    }
    allocator_[range].state |= ranges::kSlab;
    return true;
}

void Manager::restore_small(const SavedBlock& block, std::string_view name) {
    small_.restore(block.start, block.size);
    if (block.root) small_.make_root(block.start);
    if (block.user == 0 && name.empty()) return;
    annotate_small();
    annotations_.small().set_user(small_.number_of(block.start), block.user);
    if (name.empty()) return;
    annotations_.set_name(block.start, name);
    annotations_.small().set_named(small_.number_of(block.start));
}

Status Manager::restore_range(const SavedBlock& block, std::string_view name) {
    const RangeId id =
        allocator_.append(block.start, policy().shaped() ? block.taken : block.size, block.size);
    if (id == no_range) return Status::bad_options;
    Range& range = allocator_[id];
    if (block.kind == SavedBlock::Kind::reserved) range.state |= ranges::kReserved;
    if (block.root) range.state |= ranges::kRoot;
    const bool moves = block.kind == SavedBlock::Kind::movable;
    if (!moves) range.user = block.user;
    if (moves && !moves_.handles().restore(Handle{block.handle}, id, block.shift))
        return Status::bad_state;
    if (moves && block.user != 0) annotations_.set_user(block.start, block.user);
    if (!name.empty()) annotations_.set_name(block.start, name);
    if (!name.empty() || (moves && block.user != 0)) range.state |= ranges::kNamed;
    return Status::ok;
}

// No other thread has the manager yet; but one may fork.
Status Manager::restore(const SavedState& state) {
    const Guard guard(lock_);
    initial_ = state.initial;
    if (!moves_.handles().begin_restore(state.handles, allocator_.ranges().last()))
        return Status::bad_options;
    bool in_slab = false;
    for (const SavedBlock& block : state.blocks) {
        if (block.kind == SavedBlock::Kind::slab) {
            in_slab = restore_slab(block);
        } else if (block.kind == SavedBlock::Kind::small && in_slab) {
            restore_small(block, state.name(block));
        } else if (const Status status = restore_range(block, state.name(block));
                   status != Status::ok) {
            return status;
        }
    }
    moves_.handles().end_restore();
    return Status::ok;
}

}  // namespace ashlar::manager
