// How a manager's buffer grows when nothing fits, and shrinks by trim().
// Callbacks run under the growth lock alone: they may use the manager, but not
// in a way that would need more growth.
#include <algorithm>
#include <string>

#include "manager/engine/hole_purge.hpp"
#include "manager/engine/manager_inline.hpp"

namespace ashlar::manager {

namespace {

thread_local char this_thread;

}  // namespace

// Relaxed: a thread asks only whether it is itself, which it wrote itself.
Manager::Growing::Growing(Manager& manager) noexcept
    : manager_(manager), first_(manager.grower_.load(base::rlx) != &this_thread) {
    if (!first_) return;
    manager_.growth_.lock();
    manager_.grower_.store(&this_thread, base::rlx);
}

Manager::Growing::~Growing() {
    if (!first_) return;
    manager_.grower_.store(nullptr, base::rlx);  // relaxed, as above
    manager_.growth_.unlock();
}

// Relaxed, as above.
bool Manager::grows_here() const noexcept { return grower_.load(base::rlx) == &this_thread; }
bool Manager::in_callback() const noexcept { return grows_here() || collector_.in_callback(); }

void Manager::refuse_in_callback(const char* member) const {
    if (grows_here()) {
        throw ManagerError(
            Status::in_callback,
            std::string(member) +
                ": called by a callback of the buffer's growth, for which a cycle may wait");
    }
    collector_.refuse_in_callback(member);
}

Size Manager::free_tail() const noexcept {
    Size free = 0;
    for (RangeId id = allocator_.last(); ranges::kind(allocator_[id]) == ranges::Kind::hole;
         id = allocator_[id].below)
        free += allocator_[id].size;
    return free;
}

Size Manager::wanted(Size size, Size alignment) const noexcept {
    const Size taken = policy().shaped() ? policy().rounded(size, alignment) : size;
    if (taken == 0) return 0;
    // Policies of fixed shapes cut them at multiples of their size.
    const Size step = policy().shaped() ? std::max(alignment, taken) : alignment;
    const Size capacity = allocator_.totals().capacity;
    Offset start = buffer_.contiguous() ? capacity - free_tail() : capacity;
    start = (start + step - 1) & ~(step - 1);
    return start + taken - capacity;
}

// A block that policies of fixed shapes placed can only have a size that it
// lies at a multiple of.
Size Manager::wanted_behind(Offset offset, Size size) const noexcept {
    const RangeId block = block_at(offset);
    if (block == no_range || !buffer_.contiguous() || moves_.in_pass(allocator_[block])) return 0;
    for (RangeId above = allocator_[block].above; above != no_range;
         above = allocator_[above].above) {
        if (ranges::kind(allocator_[above]) != ranges::Kind::hole) return 0;
    }
    const Size taken = policy().shaped() ? policy().rounded(size, 1) : size;
    if (policy().shaped() && (taken == 0 || offset % taken != 0)) return 0;
    const Size capacity = allocator_.totals().capacity;
    return taken > capacity - offset ? taken - (capacity - offset) : 0;
}

Size Manager::wanted(const Need& need) const noexcept {
    const Size behind = need.behind != kNoOffset ? wanted_behind(need.behind, need.size) : 0;
    return behind != 0 || need.only_behind ? behind : wanted(need.size, need.alignment);
}

Size Manager::ask(Size capacity, Size needed, std::span<std::byte>& part) {
    Size offered = 0;
    if (buffer_.kind() != Buffer::Kind::parts) {
        offered = options_.grow_by(capacity, needed);
    } else if (options_.next_part) {
        part = options_.next_part(needed);
        offered = part.size();
    }
    offered = std::min(offered & ~grain_, limit_ - capacity);
    return offered < needed || !buffer_.open(capacity + offered) ? 0 : offered;
}

// Other threads may free or take blocks while the callback runs, but no other
// thread moves the end of the buffer.
bool Manager::grow(bool (*take)(void*), void* taker, const Need& need) {
    for (Size before = 0;;) {
        Size capacity = 0, needed = 0;
        {
            const Guard guard(lock_);
            if (take(taker)) return true;
            if (need.behind == kNoOffset && !within_budget(need.size)) return false;
            capacity = allocator_.totals().capacity;
            needed = wanted(need);
        }
        // It was not for want of room; or there is none left to be had.
        if (needed == before || needed > limit_ - capacity) return false;
        before = needed;
        std::span<std::byte> part;
        const Size added = ask(capacity, needed, part);
        if (added == 0) {
            hand_back(part);
            reclaim(true);  // the callback may have freed blocks
            const Guard guard(lock_);
            return take(taker);
        }
        if (append(added, part, take, taker)) return true;
    }
}

bool Manager::append(Size added, std::span<std::byte> part, bool (*take)(void*), void* taker) {
    if (!part.empty() && !buffer_.add(capacity(), part)) {
        hand_back(part);
        return false;
    }
    {
        const Guard guard(lock_);
        const bool grown = allocator_.grow(added, buffer_.contiguous());
        if (grown && take(taker)) {
            note_capacity();
            return true;
        }
        if (grown) allocator_.shrink(added);
    }
    if (!part.empty()) hand_back(buffer_.drop_last());
    return false;
}

// The growth lock keeps the capacity and the limit as they are.
Status Manager::extend(Size bytes) {
    const Growing growing(*this);
    if (!growing || bytes > limit_ - capacity()) return bytes == 0 ? Status::ok : Status::no_room;
    Size added = bytes = (bytes + grain_) & ~grain_;
    std::span<std::byte> part;
    if (buffer_.kind() == Buffer::Kind::parts && bytes != 0) {
        if (options_.next_part) part = options_.next_part(bytes);
        added = std::min(part.size() & ~grain_, limit_ - capacity());
    }
    if (added < bytes || !buffer_.open(capacity() + added)) {
        hand_back(part);
        return Status::no_room;
    }
    return append(
               added, part, [](void*) { return true; }, nullptr)
               ? Status::ok
               : Status::no_room;
}

// A callback of growth may call it as well: what it grants is cut off
// afterwards.
Status Manager::set_limit(Size limit) noexcept {
    limit &= ~grain_;
    const Growing growing(*this);
    const Guard guard(lock_);
    if (limit > highest_ || limit < allocator_.totals().capacity) return Status::bad_size;
    limit_ = limit;
    return Status::ok;
}

void Manager::hand_back(std::span<std::byte> part) const noexcept {
    if (!part.empty() && options_.release_part) options_.release_part(part);
}

// A part goes when it is free as a whole.
Size Manager::drop_part() noexcept {
    std::span<std::byte> part;
    Size lost = 0;
    {
        const Guard guard(lock_);
        const Offset start = buffer_.last_start();
        const Size size = allocator_.totals().capacity - start;
        if (start == 0 || free_tail() < size) return 0;
        lost = allocator_.shrink(size);
        note_capacity();
        part = buffer_.drop_last();
    }
    hand_back(part);
    return lost;
}

Size Manager::trim() noexcept {
    reclaim(true);
    const Growing growing(*this);
    if (!growing) return 0;
    Size lost = 0;
    while (const Size part = drop_part()) lost += part;
    if (buffer_.kind() != Buffer::Kind::parts) {
        const Guard guard(lock_);
        lost = allocator_.shrink(std::min(free_tail(), allocator_.totals().capacity - initial_));
        note_capacity();
    }
    // The growth lock keeps the bytes beyond the end from being used.
    if (buffer_.kind() == Buffer::Kind::own) {
        buffer_.purge(capacity(), lost);
        purge_holes();
    }
    trim_tables();
    return lost;
}

void Manager::purge_holes() const noexcept {
    HolePurge purge;
    for (bool more = true; more; lock_.let_others_in()) {
        const Guard guard(lock_);
        more = purge.step(allocator_, buffer_);
    }
}

void Manager::trim_tables() noexcept {
    constexpr std::uint32_t kGroups = 4096;
    SlabId next = 0;
    for (bool more = has_small(); more; lock_.let_others_in()) {
        const Guard guard(lock_);
        next = small_.trim(next, annotations_.small());
        more = next != 0;
    }
    for (bool more = true; more; lock_.let_others_in()) {
        const Guard guard(lock_);
        more = allocator_.trim_directory(kGroups);
    }
    annotations_.trim();
    const Guard guard(lock_);
    allocator_.drop_index();
    allocator_.trim_records();
    moves_.trim();
}

}  // namespace ashlar::manager
