#include "manager/engine/manager_inline.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "manager/ranges/range_allocator_inline.hpp"

namespace ashlar::manager {

namespace {

constexpr Size kMostRanges = Size{1} << 26;
constexpr std::uint32_t kFewRanges = 1024;

std::uint32_t most_ranges(const ManagerOptions& options, Size limit, bool contiguous) {
    if (options.most_ranges != 0) return std::max(options.most_ranges, std::uint32_t{2});
    const Size blocks = limit / options.granularity;
    return static_cast<std::uint32_t>(
        std::min(kMostRanges, (contiguous ? blocks : 2 * blocks) + 2));
}

}  // namespace

Manager::Manager(Buffer buffer, Size initial, ManagerOptions options)
    : options_(std::move(options)), buffer_(std::move(buffer)), grain_(options_.granularity - 1),
      initial_(initial & ~grain_),
      highest_(std::max({initial_, options_.limit & ~grain_, options_.highest_limit & ~grain_})),
      limit_(std::max(initial_, options_.limit & ~grain_)),
      annotations_(options_.threads == Threads::many) {
    if (options_.policy) policy_ = options_.policy();
    if (policy_ == nullptr) policy_ = make_policy(options_.placement);
    if (!options_.grow_by) options_.grow_by = grow_doubling();
    std::uint32_t most = most_ranges(options_, highest_, buffer_.contiguous());
    // As many as there is room for, if address space is short.
    while (!attach(most)) {
        if (options_.most_ranges != 0 || most <= kFewRanges) throw std::bad_alloc();
        most /= 2;
    }
    if (!allocator_.grow(initial_, true)) throw std::bad_alloc();
    note_capacity();
    if (options_.wipe == Wipe::always) wipe_from_now_on();
    if (options_.count_allocations) {
        counts_ = std::make_unique<AllocationCounts>();
        extras_.fetch_or(kCounts, base::rlx);  // relaxed: no other thread knows the manager yet
    }
    set_budget(options_.budget);
    enlist();
}

bool Manager::attach(std::uint32_t most) {
    Shared* shared = nullptr;
    const bool many = options_.threads == Threads::many;
    if (options_.small_limit == small_limit_by_threads)
        options_.small_limit = many ? kMostSmall : 0;
    const Shape small_shape = Shape::of(highest_, options_.small_limit, options_.granularity);
    const bool done = store_.create([&](region::Carver& carver) {
        shared = carver.array<Shared>(1);
        small_.layout(carver, small_shape, many);
        allocator_.layout(carver, *policy_, highest_, most);
        collector_.layout(carver, most, many);
        moves_.layout(carver, most);
    });
    annotations_.small().layout(small_.most_blocks());
    if (!done || !many) return done;
    lock_.attach(&shared->allocator_lock);
    growth_.attach(&shared->growth_lock);
    return true;
}

Offset Manager::allocate_small(Size size, Size alignment, Class c) {
    const Offset at = small_.take(thread_number(), c, size);
    return at != kNoOffset ? at : allocate_slowly(size, alignment, c);
}

Offset Manager::allocate_large(Size size, Size alignment) {
    {
        const Guard guard(lock_);
        const RangeId block = allocator_.take_inline(size, alignment);
        if (block != no_range) [[likely]] {
            collector_.allocated(block);
            return allocator_[block].start;
        }
    }
    return allocate_slowly(size, alignment, 0);
}

Status Manager::deallocate_large(Offset offset) noexcept {
    {
        const Guard guard(lock_);
        RangeId* const link = link_of_user(offset);
        if (link == nullptr) [[unlikely]]
            return Status::bad_offset;
        if (!collector_.marking()) [[likely]] {
            if ((allocator_[*link].state & ranges::kNamed) != 0) [[unlikely]]
                annotations_.erase(offset);
            allocator_.give_inline(link);
            return Status::ok;
        }
    }
    return deallocate_while_marking(offset);
}

// The collector first scans the block, in parts, and the lock is released
// between them.
Status Manager::deallocate_while_marking(Offset offset) noexcept {
    for (Collector::Leaving so_far;;) {
        const Guard guard(lock_);
        RangeId* const link = link_of_user(offset);
        if (link == nullptr) return Status::bad_offset;
        const Range& block = allocator_[*link];
        if (!collector_.leaving(offset, block.asked, so_far)) continue;
        if ((block.state & ranges::kNamed) != 0) annotations_.erase(offset);
        allocator_.give(*link);
        return Status::ok;
    }
}

// Slabs leave an eighth of the buffer to blocks that the policy places, so that
// slabs with few live blocks cannot pin all of it. Only with few records left
// is a record too much for a small block.
bool Manager::SlabSource::may_take() const noexcept {
    const ranges::RangeAllocator& allocator = manager.allocator_;
    const Size capacity = allocator.totals().capacity;
    const Size slab = manager.small_.shape().slab_size();
    const Size held = manager.small_.held() + slab;
    if (!manager.within_budget(slab)) return false;
    return held <= capacity - capacity / 8 || allocator.spare() <= allocator.ranges().last() / 2;
}

Offset Manager::SlabSource::take_slab() noexcept {
    if (!may_take()) return kNoOffset;
    const Size size = manager.small_.shape().slab_size();
    const RangeId slab = manager.allocator_.take(size, size);
    if (slab == no_range) return kNoOffset;
    manager.allocator_[slab].state |= ranges::kSlab;
    return manager.allocator_[slab].start;
}

void Manager::SlabSource::give_slab(Offset start) noexcept {
    manager.allocator_.give(manager.allocator_.at(start));
}

// If no slab has room and none can be added, the policy places a small block.
// If nothing fits there, it is a free block of a larger class.
Offset Manager::allocate_slowly(Size size, Size alignment, Class c) {
    Offset at = kNoOffset;
    const auto take = [&] {
        at = take_anywhere(size, alignment, c);
        return at != kNoOffset;
    };
    if ((c != 0 || has_budget()) && locked(take)) return at;
    return take_again(size, alignment, take) ? at : kNoOffset;
}

Offset Manager::take_anywhere(Size size, Size alignment, Class c) noexcept {
    if (c != 0) {
        SlabSource source{*this};
        const Offset at = small_.take_locked(thread_number(), c, size, source);
        if (at != kNoOffset) return at;
    }
    const RangeId block = within_budget(size) ? allocator_.take(size, alignment) : no_range;
    if (block == no_range)
        return c != 0 ? small_.take_larger(thread_number(), c, size, alignment) : kNoOffset;
    collector_.allocated(block);
    return allocator_[block].start;
}

void Manager::erase_small_annotation(Offset offset) noexcept {
    const Small::Found found = small_.find(offset);
    if (found.kind != Small::Found::Kind::block || found.start != offset) return;
    if (annotations_.small().erase(small_.number_of(offset))) annotations_.erase(offset);
}

void Manager::reclaim(bool all) noexcept {
    if (!has_small()) return;
    const Guard guard(lock_);
    SlabSource source{*this};
    small_.reclaim(all, source);
}

Status Manager::allocate_at(Offset start, Size size, std::uint32_t flags) noexcept {
    if (size == 0 || (start & grain_) != 0 || (size & grain_) != 0) return Status::bad_size;
    const auto take = [&]() noexcept {
        if (start > allocator_.totals().capacity || size > allocator_.totals().capacity - start)
            return false;
        const RangeId block = allocator_.take_at(start, size);
        if (block == no_range) return false;
        collector_.allocated(block);
        allocator_[block].state |= flags;
        count_allocation();
        return true;
    };
    if (locked(take)) return Status::ok;
    // Empty slabs may lie there.
    reclaim(true);
    return has_small() && locked(take) ? Status::ok : Status::no_room;
}

// Keeps a resize that must fail from emptying the caches every time.
bool Manager::only_slabs_in_the_way(RangeId block, Size size) const noexcept {
    const Offset end = allocator_[block].start + size;
    bool live = false, slabs = false;
    for (RangeId at = allocator_[block].above;
         !live && at != no_range && allocator_[at].start < end; at = allocator_[at].above) {
        const bool slab = (allocator_[at].state & ranges::kSlab) != 0;
        if (!slab && ranges::kind(allocator_[at]) != ranges::Kind::hole) return false;
        slabs |= slab;
        if (slab)
            small_.each(small_.slab_at(allocator_[at].start),
                        [&live](Offset, Size) noexcept { live = true; });
    }
    return slabs && !live;
}

bool Manager::resize_range(RangeId block, Size size) noexcept {
    if (allocator_.resize(block, size)) return true;
    if (!has_small() || !only_slabs_in_the_way(block, size)) return false;
    SlabSource source{*this};
    small_.reclaim(true, source);
    return allocator_.resize(block, size);
}

template <class Act>
Status Manager::with_block(Offset offset, Act act, bool targets) const {
    if (has_small()) {
        const Small::Found found = small_.find(offset);
        if (found.kind == Small::Found::Kind::not_live) return Status::bad_offset;
        if (found.kind == Small::Found::Kind::block) {
            return found.start == offset ? act(found.size, nullptr) : Status::bad_offset;
        }
    }
    const Guard guard(lock_);
    const RangeId block = block_at(offset);
    const bool live =
        block != no_range && (targets || (allocator_[block].state & ranges::kTarget) == 0);
    return live ? act(allocator_[block].asked, &allocator_[block]) : Status::bad_offset;
}

// A size above the limit of the buffer is no misuse: it does not fit.
Status Manager::resize_in_place(Offset offset, Size size) noexcept {
    const bool possible = size <= highest_;
    size = (size + (size == 0) + grain_) & ~grain_;
    const CycleGate::MutatorScope pass(collector_.gate());
    if (pass.cycle()) return resize_in_cycle(offset, possible ? size : 0);
    Size kept = size;
    const Status status = with_block(offset, [&](Size old, Range* range) {
        if (!possible || (range != nullptr && moves_.in_pass(*range))) return Status::no_room;
        const bool moves = range != nullptr && (range->state & ranges::kMovable) != 0;
        const bool done = range == nullptr ? small_.resize(thread_number(), offset, size)
                                           : resize_range(allocator_.at(offset), size);
        if (!done) return Status::no_room;
        if (moves && wipes() && size > old) {
            wipe_now(offset + old, size - old);  // under the lock, since it may move
        } else {
            kept = std::min(old, size);
        }
        return Status::ok;
    });
    if (kept < size && wipes()) wipe_now(offset + kept, size - kept);
    return status;
}

// Bytes of a block that may move are copied under the lock. Bytes of other
// blocks are copied without it: the caller has the block, and no thread frees
// it meanwhile.
template <class Copy>
Status Manager::access(Offset start, Size length, Copy copy) const noexcept {
    if (buffer_.kind() == Buffer::Kind::none) return Status::no_memory;
    if (length == 0) return Status::ok;
    if (has_small()) {
        const Small::Found found = small_.find(start);
        if (found.kind == Small::Found::Kind::not_live) return Status::outside_block;
        if (found.kind == Small::Found::Kind::block) {
            if (length > found.size - (start - found.start)) return Status::outside_block;
            copy(buffer_.at(start));
            return Status::ok;
        }
    }
    {
        const Guard guard(lock_);
        RangeId block = block_at(start);
        if (block == no_range) block = allocator_.covering(start);
        if (block == no_range) return Status::outside_block;
        const Range& range = allocator_[block];
        const Size before = start - range.start;
        if (before > range.asked || length > range.asked - before ||
            (range.state & ranges::kSlab) != 0)
            return Status::outside_block;
        if ((range.state & ranges::kMovable) != 0) {
            copy(buffer_.at(start));
            return Status::ok;
        }
    }
    copy(buffer_.at(start));
    return Status::ok;
}

Status Manager::read(Offset start, std::span<std::byte> out) const noexcept {
    return access(start, out.size(),
                  [out](const std::byte* bytes) { std::memcpy(out.data(), bytes, out.size()); });
}

Status Manager::write(Offset start, std::span<const std::byte> data) noexcept {
    const CycleGate::MutatorScope pass(collector_.gate());
    if (pass.cycle()) [[unlikely]]
        return write_in_cycle(start, data);
    return access(start, data.size(),
                  [data](std::byte* bytes) { std::memcpy(bytes, data.data(), data.size()); });
}

Size Manager::size_of(Offset offset, bool targets) const noexcept {
    Size result = 0;
    const auto note = [&](Size size, const Range*) {
        result = size;
        return Status::ok;
    };
    static_cast<void>(with_block(offset, note, targets));
    return result;
}

void Manager::annotate_small() {
    if (!annotations_.small().create()) throw std::bad_alloc();
}

// A range has room for one word of user data; that of a movable block holds its
// handle.
Status Manager::set_user(Offset offset, std::uint64_t value) {
    return with_block(offset, [&](Size, Range* range) {
        if (range == nullptr) {
            annotate_small();
            annotations_.small().set_user(small_.number_of(offset), value);
        } else if ((range->state & ranges::kMovable) != 0) {
            annotations_.set_user(offset, value);
            range->state |= ranges::kNamed;
        } else {
            range->user = value;
        }
        return Status::ok;
    });
}

Status Manager::user(Offset offset, std::uint64_t& value) const noexcept {
    return with_block(offset, [&](Size, const Range* range) {
        if (range == nullptr) {
            value = annotations_.small().user(small_.number_of(offset));
        } else {
            value =
                (range->state & ranges::kMovable) != 0 ? annotations_.user(offset) : range->user;
        }
        return Status::ok;
    });
}

Status Manager::set_name(Offset offset, std::string_view name) {
    return with_block(offset, [&](Size, Range* range) {
        if (range == nullptr) annotate_small();
        annotations_.set_name(offset, name);
        if (range != nullptr) {
            range->state |= ranges::kNamed;
        } else {
            annotations_.small().set_named(small_.number_of(offset));
        }
        return Status::ok;
    });
}

Status Manager::name(Offset offset, std::string& name) const {
    return with_block(offset, [&](Size, const Range*) {
        name = annotations_.name(offset);
        return Status::ok;
    });
}

}  // namespace ashlar::manager
