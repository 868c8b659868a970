// Blocks that get another size: in place, with growth of the buffer behind
// them, or in another place. A collector may run beside. Under the lock it is
// told of every change, and a block that only this thread knows is protected
// from it: by the lock, by the gate, or as a root.
#include <algorithm>
#include <cstring>

#include "manager/engine/manager_inline.hpp"

namespace ashlar::manager {

namespace {

// Bytes that are copied or wiped in one hold of the lock.
constexpr Size kHold = Size{1} << 16;

}  // namespace

// In place.

Status Manager::resize(Offset offset, Size size) {
    const Status status = resize_in_place(offset, size);
    return status == Status::no_room ? resize_by_growth(offset, size) : status;
}

// Keeps a resize that must fail from emptying the caches, and from asking the
// callback.
bool Manager::worth_growing(const Need& need) const noexcept {
    const Guard guard(lock_);
    const Size more = wanted(need);
    return more != 0 && more <= limit_ - allocator_.totals().capacity;
}

// Without a look at a cycle: to add bytes takes no reference away.
Status Manager::resize_by_growth(Offset offset, Size size) {
    if (size > highest_) return Status::no_room;
    size = (size + (size == 0) + grain_) & ~grain_;
    const Need need{size, 1, offset, true};
    if (!worth_growing(need)) return Status::no_room;
    Size unwiped = 0;
    auto take = [&]() noexcept {
        const RangeId block = block_at(offset);
        if (block == no_range || moves_.in_pass(allocator_[block])) return false;
        const Size old = allocator_[block].asked;
        if (!resize_range(block, size)) return false;
        if (!wipes()) return true;
        const bool moves = (allocator_[block].state & ranges::kMovable) != 0;
        if (moves) wipe_now(offset + old, size - old);  // under the lock, since it may move
        unwiped = moves ? 0 : size - old;
        return true;
    };
    if (!take_again(need, take)) return Status::no_room;
    if (unwiped != 0) wipe(offset + size - unwiped, unwiped);
    return Status::ok;
}

// Movable blocks.

// Moves of a block are told to the collector by Moves.
Status Manager::resize_movable(const Moves::Subject& block, Size size) noexcept {
    if (block.range == no_range) return Status::bad_handle;
    if (block.in_pass) return Status::pinned;
    if (size == 0) return Status::no_room;
    RangeId now = block.range;
    const Range old = allocator_[now];
    if (size < old.asked)
        collector_.changing(old.start, old.asked, old.start + size, old.asked - size);
    if (!resize_range(now, size)) {
        if (block.pinned) return Status::pinned;
        if (buffer_.kind() == Buffer::Kind::none) return Status::no_room;
        now = allocator_.take(size, block.alignment);
        if (now == no_range) return Status::no_room;
        moves_.move_to(block.range, now, std::min(size, old.asked));
    }
    if (wipes() && size > old.asked) wipe_now(allocator_[now].start + old.asked, size - old.asked);
    return Status::ok;
}

Status Manager::resize(Handle handle, Size size) {
    size = size > highest_ ? 0 : (size + (size == 0) + grain_) & ~grain_;
    Status status = Status::ok;
    Need need{size, 1};
    auto take = [&]() noexcept {
        const Moves::Subject block = moves_.subject(handle);
        status = resize_movable(block, size);
        if (block.range == no_range || block.in_pass || size == 0) return true;
        need.alignment = block.alignment;
        need.behind = allocator_[block.range].start;
        need.only_behind = block.pinned || buffer_.kind() == Buffer::Kind::none;
        return status == Status::ok;
    };
    if (!locked(take) && (!need.only_behind || worth_growing(need)))
        static_cast<void>(take_again(need, take));
    return status;
}

// Other blocks, in another place.

Subject Manager::subject(Offset offset) const noexcept {
    const Small::Found found = small_.find(offset);
    if (found.kind == Small::Found::Kind::block && found.start == offset)
        return {found.size, no_range};
    if (found.kind != Small::Found::Kind::not_small) return {0, no_range};
    const RangeId range = allocator_.at(offset);
    const bool theirs = range != no_range && (allocator_[range].state & kNotTheUsers) == 0;
    return theirs ? Subject{allocator_[range].asked, range} : Subject{0, no_range};
}

Status Manager::reallocate(Offset& at, Size size, Size alignment) {
    const Size asked = size;
    const Status shaped = shape(size, alignment);
    if (shaped == Status::bad_alignment) return shaped;
    bool stays = false;
    if (small_.find(at).kind == Small::Found::Kind::not_small) {
        const Guard guard(lock_);
        const Subject block = subject(at);
        stays = block.range != no_range && (allocator_[block.range].state & ranges::kReserved) != 0;
        if (block.size == 0) return Status::bad_offset;
    } else if (subject(at).size == 0) {
        return Status::bad_offset;
    }
    if (shaped != Status::ok) return shaped;
    if ((at & (alignment - 1)) == 0) {
        const Status status = resize(at, asked);
        if (status != Status::no_room) return status;
    }
    if (stays) return Status::no_room;
    Relocation job{at, size, alignment};
    const Status status = relocate(job);
    at = job.to;
    return status;
}

bool Manager::still_there(Relocation& job, Subject& old) const noexcept {
    old = subject(job.from);
    if (old.size == 0) job.status = Status::bad_offset;
    return old.size != 0;
}

Status Manager::relocate(Relocation& job) {
    const Class c = small_.class_of(job.size, job.alignment);
    auto take = [&]() noexcept { return relocate_locked(job, c); };
    if (!relocate_small(job, c) && !locked(take) &&
        !take_again(Need{job.size, job.alignment}, take))
        return Status::no_room;
    if (job.lengthy) relocate_lengthy(job);
    // The old block went while this thread was about to move it: another thread
    // has freed it.
    if (job.status == Status::bad_offset && job.to != kNoOffset)
        static_cast<void>(deallocate(job.to));
    return job.status;
}

// From slab to slab, without the lock. No cycle begins meanwhile. False:
// nothing is done.
bool Manager::relocate_small(Relocation& job, Class c) noexcept {
    if (c == 0) return false;
    const CycleGate::MutatorScope pass(collector_.gate());
    const Small::Found old = small_.find(job.from);
    if (pass.cycle() || old.kind != Small::Found::Kind::block) return false;
    job.to = small_.take(thread_number(), c, job.size);
    if (job.to == kNoOffset) return false;
    job.copied = std::min(old.size, job.size);
    copy_into(job);
    const Small::Given given = succeed(job.from, no_range, job.to);
    if (given == Small::Given::given_last) reclaim(false);
    if (given == Small::Given::not_live) job.status = Status::bad_offset;
    return true;
}

// False: nothing fits. In one hold of the lock, unless it is much work: a cycle
// sees either one block or the other.
bool Manager::relocate_locked(Relocation& job, Class c) noexcept {
    Subject old{};
    if (!still_there(job, old)) return true;
    job.copied = std::min(old.size, job.size);
    job.lengthy = std::max(old.size, wipes() ? job.size : 0) > kHold;
    if (c != 0 && old.range != no_range) {
        const Range& range = allocator_[old.range];
        const bool annotated = range.user != 0 || (range.state & ranges::kNamed) != 0;
        if (job.lengthy || (annotated && !annotations_.small().create())) c = 0;
    }
    job.to = take_anywhere(job.size, job.alignment, c);
    if (job.to == kNoOffset) return false;
    if (job.lengthy) {
        allocator_[allocator_.at(job.to)].state |= ranges::kRoot;
        return true;
    }
    Collector::Leaving so_far;
    // True: it is not longer than one piece.
    static_cast<void>(collector_.leaving(job.from, old.size, so_far));
    copy_into(job);
    const Small::Given given = succeed(job.from, old.range, job.to);
    if (given == Small::Given::given_last) {
        SlabSource source{*this};
        small_.reclaim(false, source);
    }
    if (given == Small::Given::not_live) job.status = Status::bad_offset;
    return true;
}

// The new block is a root meanwhile, so that no cycle frees it.
void Manager::relocate_lengthy(Relocation& job) noexcept {
    {
        const CycleGate::MutatorScope pass(collector_.gate());
        pass.cycle() ? copy_in_cycle(job) : copy_into(job);
    }
    for (Collector::Leaving so_far;; lock_.let_others_in()) {
        const Guard guard(lock_);
        Subject old{};
        if (!still_there(job, old)) return;
        if (!collector_.leaving(job.from, old.size, so_far)) continue;
        static_cast<void>(succeed(job.from, old.range, job.to));
        return;
    }
}

void Manager::copy_into(const Relocation& job) noexcept {
    if (buffer_.kind() == Buffer::Kind::none) return;
    std::memcpy(buffer_.at(job.to), buffer_.at(job.from), job.copied);
    if (wipes()) wipe_now(job.to + job.copied, job.size - job.copied);
}

// The collector may look at the new block as well.
void Manager::copy_in_cycle(const Relocation& job) noexcept {
    for (Size done = 0; done < job.size; lock_.let_others_in()) {
        const bool copies = done < job.copied;
        if (!copies && !wipes()) return;
        const Size piece = std::min((copies ? job.copied : job.size) - done, kHold);
        const Guard guard(lock_);
        if (copies) {
            std::memcpy(buffer_.at(job.to + done), buffer_.at(job.from + done), piece);
        } else {
            wipe_now(job.to + done, piece);
        }
        done += piece;
    }
}

// The new block gets what the old one had, which is freed. Under the lock, or
// inside the gate and without a cycle for two small ones.
Small::Given Manager::succeed(Offset from, RangeId old, Offset to) noexcept {
    std::uint64_t user = 0;
    bool named = false, root = false;
    if (old != no_range) {
        const Range& range = allocator_[old];
        user = range.user;
        named = (range.state & ranges::kNamed) != 0;
        root = (range.state & ranges::kRoot) != 0;
    } else {
        const std::size_t number = small_.number_of(from);
        user = annotations_.small().user(number);
        named = annotations_.small().erase(number);
        root = small_.is_root(from);
    }
    if (named) annotations_.move(from, to);
    if (small_.find(to).kind == Small::Found::Kind::block) {
        if (user != 0) annotations_.small().set_user(small_.number_of(to), user);
        if (named) annotations_.small().set_named(small_.number_of(to));
        if (root) small_.make_root(to);
    } else {
        Range& range = allocator_[allocator_.at(to)];
        range.user = user;
        range.state = (range.state & ~ranges::kRoot) | (named ? ranges::kNamed : 0) |
                      (root ? ranges::kRoot : 0);
    }
    if (old == no_range) return small_.give(thread_number(), from);
    allocator_.give(old);
    return Small::Given::given;
}

}  // namespace ashlar::manager
