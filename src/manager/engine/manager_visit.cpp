// Copies of the parts of the buffer: all at one moment, or a few at a time.
#include <algorithm>

#include "manager/engine/manager.hpp"
#include "manager/engine/views.hpp"

namespace ashlar::manager {

namespace {

BlockView::Kind kind_of(std::uint32_t state) {
    if (static_cast<ranges::Kind>(state & ranges::kKindMask) == ranges::Kind::hole)
        return BlockView::Kind::hole;
    if ((state & ranges::kMovable) != 0) return BlockView::Kind::movable;
    if ((state & ranges::kReserved) != 0) return BlockView::Kind::reserved;
    return BlockView::Kind::block;
}

}  // namespace

// Returns the first range of which something had no room, or no_range.
RangeId Manager::copy_views(Views& views, RangeId first) const noexcept {
    RangeId id = first;
    for (; id != no_range; id = allocator_[id].above) {
        const Range& range = allocator_[id];
        if ((range.state & ranges::kSlab) != 0) {
            copy_slab(views, range);
        } else if (ranges::kind(range) == ranges::Kind::block) {
            views.add(range.start, range.asked, kind_of(range.state), range.user);
            views.add(range.start + range.asked, range.size - range.asked, BlockView::Kind::slab,
                      0);
        } else {
            views.add(range.start, range.size, BlockView::Kind::hole, 0);
        }
        if (views.full()) break;
    }
    return id;
}

void Manager::copy_slab(Views& views, const Range& slab) const noexcept {
    Offset end = std::max(slab.start, views.from());
    small_.each_from(small_.slab_at(slab.start), end, [&](Offset start, Size size) noexcept {
        if (start > end && !views.add(end, start - end, BlockView::Kind::slab, 0)) return false;
        end = start + size;
        return views.add(start, size, BlockView::Kind::small_block,
                         annotations_.small().user(small_.number_of(start)));
    });
    if (!views.full()) views.add(end, slab.start + slab.size - end, BlockView::Kind::slab, 0);
}

// Without the lock: the user data of movable blocks, whose own word holds their
// handle.
void Manager::add_user_data(std::span<BlockView> views) const noexcept {
    for (BlockView& view : views) {
        if (view.kind == BlockView::Kind::movable) view.user = annotations_.user(view.start);
    }
}

// The range with that byte, or the next one above. `hint` is it in most cases,
// or a range that is something else by now.
RangeId Manager::range_from(Offset offset, RangeId hint) const noexcept {
    const auto ends_below = [&](RangeId id) noexcept {
        return allocator_[id].start + allocator_[id].size <= offset;
    };
    const bool used = ranges::kind(allocator_[hint]) != ranges::Kind::unused;
    if (used && allocator_[hint].start <= offset && !ends_below(hint)) return hint;
    RangeId id = offset != 0 ? allocator_.block_up_to(offset) : no_range;
    if (id == no_range) id = allocator_.first();
    while (id != no_range && ends_below(id)) id = allocator_[id].above;
    return id;
}

bool Manager::next_parts(Parts& parts) const noexcept {
    Views views(parts.room, parts.from);
    {
        const Guard guard(lock_);
        parts.hint = copy_views(views, range_from(parts.from, parts.hint));
    }
    if (views.count() == 0) return false;
    parts.views = std::span(parts.room).first(views.count());
    parts.from = parts.views.back().start + parts.views.back().size;
    add_user_data(parts.views);
    return true;
}

}  // namespace ashlar::manager
