#include "manager/manager.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "ranges/heap_inline.hpp"

namespace ashlar::manager {

namespace {

constexpr Size kMostRanges = Size{1} << 26;
constexpr std::uint32_t kFewRanges = 1024;

std::uint32_t most_ranges(const ManagerOptions& options, Size limit, bool contiguous) {
    if (options.most_ranges != 0) return std::max(options.most_ranges, std::uint32_t{2});
    const Size blocks = limit / options.granularity;
    return static_cast<std::uint32_t>(std::min(kMostRanges, (contiguous ? blocks : 2 * blocks) + 2));
}

}  // namespace

Manager::Manager(Buffer buffer, Size initial, ManagerOptions options)
    : options_(std::move(options)), buffer_(std::move(buffer)), grain_(options_.granularity - 1), initial_(initial & ~grain_),
      limit_(std::max(initial_, options_.limit & ~grain_)), notes_(options_.threads == Threads::many) {
    if (options_.policy == nullptr) options_.policy = make_policy(options_.placement);
    if (!options_.grow_by) options_.grow_by = grow_doubling();
    std::uint32_t most = most_ranges(options_, limit_, buffer_.contiguous());
    // Where address space is short, as many as there is room for.
    while (!attach(most)) {
        if (options_.most_ranges != 0 || most <= kFewRanges) throw std::bad_alloc();
        most /= 2;
    }
    if (!heap_.grow(initial_, true)) throw std::bad_alloc();
    note_capacity();
}

bool Manager::attach(std::uint32_t most) {
    Shared* shared = nullptr;
    const bool many = options_.threads == Threads::many;
    if (options_.small_limit == small_limit_by_threads) options_.small_limit = many ? kMostSmall : 0;
    const Shape small_shape = Shape::of(limit_, options_.small_limit, options_.granularity);
    const bool done = store_.create([&](region::Carver& carver) {
        shared = carver.array<Shared>(1);
        heap_.layout(carver, *options_.policy, limit_, most);
        small_.layout(carver, small_shape, many);
        collector_.layout(carver, most, many);
        moves_.layout(carver, most);
    });
    if (!done || !many) return done;
    lock_.attach(&shared->heap_lock);
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
        const RangeId block = heap_.take_inline(size, alignment);
        if (block != no_range) [[likely]] {
            collector_.born(block);
            return heap_[block].start;
        }
    }
    return allocate_slowly(size, alignment, 0);
}

Status Manager::deallocate_large(Offset offset) noexcept {
    for (Collector::Leaving so_far;;) {
        const Guard guard(lock_);
        RangeId* const link = heap_.link_to(offset);
        if (*link == no_range) [[unlikely]]
            return Status::bad_offset;
        const Range& block = heap_[*link];
        constexpr std::uint32_t kNotTheUsers = ranges::kSlab | ranges::kMovable | ranges::kTarget;
        if ((block.state & kNotTheUsers) != 0) [[unlikely]]
            return Status::bad_offset;
        if (!collector_.leaving(offset, block.asked, so_far)) [[unlikely]]
            continue;
        if ((block.state & ranges::kNamed) != 0) [[unlikely]]
            notes_.erase(offset);
        heap_.give_inline(link);
        return Status::ok;
    }
}

Offset Manager::SlabSource::take_slab() noexcept {
    const Size size = manager.small_.shape().slab_size();
    const RangeId slab = manager.heap_.take(size, size);
    if (slab == no_range) return kNoOffset;
    manager.heap_[slab].state |= ranges::kSlab;
    return manager.heap_[slab].start;
}

void Manager::SlabSource::give_slab(Offset start) noexcept { manager.heap_.give(manager.heap_.at(start)); }

// Where no slab has room and none can be had, a small block is one of the heap.
Offset Manager::allocate_slowly(Size size, Size alignment, Class c) {
    Offset at = kNoOffset;
    const auto take = [&] {
        if (c != 0) {
            SlabSource source{*this};
            at = small_.take_locked(thread_number(), c, size, source);
            if (at != kNoOffset) return true;
        }
        const RangeId block = heap_.take(size, alignment);
        if (block == no_range) return false;
        collector_.born(block);
        at = heap_[block].start;
        return true;
    };
    if (c != 0 && locked(take)) return at;
    return take_again(size, alignment, take) ? at : kNoOffset;
}

void Manager::erase_small_note(Offset offset) noexcept {
    const Small::Found found = small_.find(offset);
    if (found.kind == Small::Found::Kind::block && found.start == offset) notes_.erase(offset);
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
        if (start > heap_.totals().capacity || size > heap_.totals().capacity - start) return false;
        const RangeId block = heap_.take_at(start, size);
        if (block == no_range) return false;
        collector_.born(block);
        heap_[block].state |= flags;
        return true;
    };
    if (locked(take)) return Status::ok;
    // Slabs may lie there in which nothing lives.
    reclaim(true);
    return has_small() && locked(take) ? Status::ok : Status::no_room;
}

// So that a resize that must fail does not empty the caches every time.
bool Manager::only_slabs_in_the_way(RangeId block, Size size) const noexcept {
    const Offset end = heap_[block].start + size;
    bool live = false, slabs = false;
    for (RangeId at = heap_[block].above; !live && at != no_range && heap_[at].start < end; at = heap_[at].above) {
        const bool slab = (heap_[at].state & ranges::kSlab) != 0;
        if (!slab && ranges::kind(heap_[at]) != ranges::Kind::hole) return false;
        slabs |= slab;
        if (slab) small_.each(small_.slab_at(heap_[at].start), [&live](Offset, Size) noexcept { live = true; });
    }
    return slabs && !live;
}

bool Manager::resize_range(RangeId block, Size size) noexcept {
    if (heap_.resize(block, size)) return true;
    if (!has_small() || !only_slabs_in_the_way(block, size)) return false;
    SlabSource source{*this};
    small_.reclaim(true, source);
    return heap_.resize(block, size);
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
    const bool live = block != no_range && (targets || (heap_[block].state & ranges::kTarget) == 0);
    return live ? act(heap_[block].asked, &heap_[block]) : Status::bad_offset;
}

// Bigger than a whole buffer may be is no misuse: it does not fit.
Status Manager::resize(Offset offset, Size size) noexcept {
    const bool possible = size <= limit_;
    size = (size + (size == 0) + grain_) & ~grain_;
    const Gate::Pass pass(collector_.gate());
    if (pass.cycle()) return resize_in_cycle(offset, possible ? size : 0);
    return with_block(offset, [&](Size, Range* range) {
        if (!possible) return Status::no_room;
        if (range == nullptr) return small_.resize(thread_number(), offset, size) ? Status::ok : Status::no_room;
        if (moves_.in_pass(*range)) return Status::no_room;
        return resize_range(heap_.at(offset), size) ? Status::ok : Status::no_room;
    });
}

// Bytes of a block that may move are copied under the lock; those of others by who has the block, which nobody frees meanwhile.
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
        if (block == no_range) block = heap_.covering(start);
        if (block == no_range) return Status::outside_block;
        const Range& range = heap_[block];
        const Size before = start - range.start;
        if (before > range.asked || length > range.asked - before || (range.state & ranges::kSlab) != 0)
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
    return access(start, out.size(), [out](const std::byte* bytes) { std::memcpy(out.data(), bytes, out.size()); });
}

Status Manager::write(Offset start, std::span<const std::byte> data) noexcept {
    const Gate::Pass pass(collector_.gate());
    if (pass.cycle()) [[unlikely]]
        return write_in_cycle(start, data);
    return access(start, data.size(), [data](std::byte* bytes) { std::memcpy(bytes, data.data(), data.size()); });
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

// A range has room for a word; a movable block's holds its handle.
Status Manager::set_user(Offset offset, std::uint64_t value) {
    return with_block(offset, [&](Size, Range* range) {
        if (range == nullptr) {
            notes_.set_user(offset, value);
        } else if ((range->state & ranges::kMovable) != 0) {
            notes_.set_user(offset, value);
            range->state |= ranges::kNamed;
        } else {
            range->user = value;
        }
        return Status::ok;
    });
}

Status Manager::user(Offset offset, std::uint64_t& value) const noexcept {
    return with_block(offset, [&](Size, const Range* range) {
        const bool noted = range == nullptr || (range->state & ranges::kMovable) != 0;
        value = noted ? notes_.user(offset) : range->user;
        return Status::ok;
    });
}

Status Manager::set_name(Offset offset, std::string_view name) {
    return with_block(offset, [&](Size, Range* range) {
        notes_.set_name(offset, name);
        if (range != nullptr) range->state |= ranges::kNamed;
        return Status::ok;
    });
}

Status Manager::name(Offset offset, std::string& name) const {
    return with_block(offset, [&](Size, const Range*) {
        name = notes_.name(offset);
        return Status::ok;
    });
}

}  // namespace ashlar::manager
