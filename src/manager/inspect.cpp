// Looking at a manager: statistics, a copy of all that is in the buffer, and the check of its invariants.
#include <algorithm>
#include <ostream>

#include "manager/manager.hpp"

namespace ashlar::manager {

namespace {

BlockView::Kind kind_of(std::uint32_t state) {
    if (static_cast<ranges::Kind>(state & ranges::kKindMask) == ranges::Kind::hole) return BlockView::Kind::hole;
    if ((state & ranges::kMovable) != 0) return BlockView::Kind::movable;
    if ((state & ranges::kReserved) != 0) return BlockView::Kind::reserved;
    return BlockView::Kind::block;
}

}  // namespace

// Small blocks come and go meanwhile: what they say is kept within what their slabs are.
ManagerStatistics Manager::totals() const noexcept {
    const Small::Totals small = small_.totals();
    const ranges::Heap::Totals& totals = heap_.totals();
    const Size live = std::min(small.bytes, small.held);
    ManagerStatistics result{};
    result.capacity = totals.capacity;
    result.limit = limit_;
    result.used = totals.used - totals.rounding - small.held + live;
    result.peak_used = totals.peak;
    result.overhead = totals.rounding + small.held - live;
    result.largest_free = heap_.largest();
    result.blocks = totals.blocks + small.blocks - (has_small() ? small.held >> small_.shape().shift : 0);
    result.free_ranges = totals.holes;
    result.metadata = (totals.blocks + totals.holes) * sizeof(Range);
    return result;
}

ManagerStatistics Manager::statistics() const noexcept {
    const Guard guard(lock_);
    return totals();
}

namespace {

// As many views as there is room for; no allocation, since the lock is held.
class Views {
  public:
    explicit Views(std::vector<BlockView>& views) noexcept : views_(views) {}
    void add(Offset start, Size size, BlockView::Kind kind, std::uint64_t user) noexcept {
        if (size == 0) return;
        full_ = full_ || views_.size() == views_.capacity();
        if (!full_) views_.push_back({start, size, kind, user});
    }
    [[nodiscard]] bool full() const noexcept { return full_; }

  private:
    std::vector<BlockView>& views_;
    bool full_ = false;
};

}  // namespace

// Under the lock: true if there was room for all.
bool Manager::copy_views(std::vector<BlockView>& views) const noexcept {
    Views filled(views);
    for (RangeId id = heap_.first(); id != no_range && !filled.full(); id = heap_[id].above) {
        const Range& range = heap_[id];
        if ((range.state & ranges::kSlab) != 0) {
            Offset end = range.start;
            small_.each(small_.slab_at(range.start), [&](Offset start, Size size) {
                filled.add(end, start - end, BlockView::Kind::slab, 0);
                filled.add(start, size, BlockView::Kind::small_block, 0);
                end = start + size;
            });
            filled.add(end, range.start + range.size - end, BlockView::Kind::slab, 0);
        } else {
            const bool block = ranges::kind(range) == ranges::Kind::block;
            filled.add(range.start, block ? range.asked : range.size, kind_of(range.state), block ? range.user : 0);
            if (block) filled.add(range.start + range.asked, range.size - range.asked, BlockView::Kind::slab, 0);
        }
    }
    return !filled.full();
}

Snapshot Manager::snapshot() const {
    Snapshot result;
    std::size_t room = 64;
    for (bool whole = false; !whole; room *= 2) {
        result.views.clear();
        result.views.reserve(room);
        const Guard guard(lock_);
        result.totals = totals();
        whole = copy_views(result.views);
    }
    // After the fact: what lies in the notes. A movable block's own word holds its handle.
    for (BlockView& view : result.views) {
        const bool movable = view.kind == BlockView::Kind::movable;
        if (movable || (view.kind == BlockView::Kind::small_block && notes_.any())) view.user = notes_.user(view.start);
    }
    if (notes_.any()) result.names = notes_.names();
    return result;
}

namespace {

void count(Size size, std::uint64_t (&counts)[49], Size& least, Size& most) noexcept {
    ++counts[base::highest(size)];
    least = least == 0 ? size : std::min(least, size);
    most = std::max(most, size);
}

}  // namespace

ManagerHistograms Snapshot::histograms() const noexcept {
    ManagerHistograms result{};
    result.totals = totals;
    for (const BlockView& view : views) {
        if (view.kind == BlockView::Kind::hole) {
            count(view.size, result.holes, result.least_hole, result.most_hole);
        } else if (view.kind != BlockView::Kind::slab) {
            count(view.size, result.blocks, result.least_block, result.most_block);
        }
    }
    return result;
}

std::size_t Manager::check(std::ostream* out) const {
    std::vector<std::string> lines;
    {
        const Guard guard(lock_);
        const auto tell = [](void* context, const char* line) {
            static_cast<std::vector<std::string>*>(context)->emplace_back(line);
        };
        static_cast<void>(heap_.check(tell, &lines));
        if (has_small() && small_.check() != 0) lines.emplace_back("the small blocks' slabs, caches or totals are broken");
    }
    if (out != nullptr) {
        for (const std::string& line : lines) *out << line << '\n';
    }
    return lines.size();
}

}  // namespace ashlar::manager
