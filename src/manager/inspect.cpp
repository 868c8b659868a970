// Looking at a manager: statistics, a copy of all that is in the buffer, and the check of its invariants.
#include <time.h>

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

// Small blocks come and go meanwhile: what they say is kept within what their slabs can hold. The lock holds the slabs.
ManagerStatistics Manager::totals() const noexcept {
    const Small::Totals small = small_.totals();
    const ranges::Heap::Totals& totals = heap_.totals();
    ManagerStatistics result{};
    result.capacity = totals.capacity;
    result.limit = limit_;
    result.used = totals.used - totals.rounding - small.held + small.bytes;
    result.peak_used = totals.peak;
    result.overhead = totals.rounding + small.held - small.bytes;
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

namespace {

// What a heap's check tells, without an allocation: the lock is held. The lines are literals.
struct Lines {
    static constexpr std::size_t kMost = 64;
    const char* line[kMost];
    std::size_t count = 0;
    static void add(void* context, const char* text) noexcept {
        Lines& lines = *static_cast<Lines*>(context);
        if (lines.count < kMost) lines.line[lines.count] = text;
        ++lines.count;
    }
};

}  // namespace

// Small blocks change without the lock, and nobody can be kept from it. So what may be somebody's work in progress counts only
// when nothing at all has moved in many looks, with time between them for whoever was in the middle of something.
bool Manager::small_is_broken() const noexcept {
    constexpr unsigned kLooks = 32;
    constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 1000000};
    Small::Look first{};
    for (unsigned i = 0; i < kLooks; ++i) {
        Small::Look seen;
        {
            const Guard guard(lock_);
            seen = small_.look();
        }
        if (seen.broken != 0) return true;
        if (seen.open == 0 || (i != 0 && seen != first)) return false;
        first = seen;
        if (options_.threads == Threads::one) break;
        nanosleep(&kPause, nullptr);
    }
    return true;
}

std::size_t Manager::check(std::ostream* out) const {
    Lines lines;
    {
        const Guard guard(lock_);
        static_cast<void>(heap_.check(Lines::add, &lines));
    }
    if (has_small() && small_is_broken()) Lines::add(&lines, "the small blocks' slabs, caches or totals are broken");
    if (out != nullptr) {
        for (std::size_t i = 0; i < std::min(lines.count, Lines::kMost); ++i) *out << lines.line[i] << '\n';
        if (lines.count > Lines::kMost) *out << lines.count - Lines::kMost << " more\n";
    }
    return lines.count;
}

}  // namespace ashlar::manager
