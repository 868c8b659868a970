// Inspection of a manager: statistics, a snapshot of all ranges of the buffer,
// and the check of its invariants.
#include <algorithm>
#include <ostream>

#include "manager/engine/manager_inline.hpp"
#include "manager/engine/views.hpp"

namespace ashlar::manager {

// Small blocks come and go meanwhile, so their figures are limited to the
// capacity of their slabs. The lock keeps the slabs. Empty slabs go first: they
// lie between holes, and allocate() gives them back when nothing fits.
ManagerStatistics Manager::totals() const noexcept {
    Small::Totals small = small_.totals();
    if (has_small() && small.held - small.bytes >= small_.shape().slab_size()) {
        SlabSource source{*this};
        small_.reclaim(true, source);
        small = small_.totals();
    }
    const ranges::RangeAllocator::Totals& totals = allocator_.totals();
    ManagerStatistics result{};
    result.capacity = totals.capacity;
    result.limit = limit_;
    result.used = totals.used - totals.rounding - small.held + small.bytes;
    result.peak_used = totals.peak;
    result.overhead = totals.rounding + small.held - small.bytes;
    result.largest_free = allocator_.largest();
    result.blocks =
        totals.blocks + small.blocks - (has_small() ? small.held >> small_.shape().shift : 0);
    result.free_ranges = totals.holes;
    result.metadata = allocator_.metadata() + small_.metadata() + moves_.metadata() +
                      annotations_.metadata() +
                      annotations_.small().metadata(small_.table_blocks());
    return result;
}

ManagerStatistics Manager::statistics() const noexcept {
    const Guard guard(lock_);
    return totals();
}

Snapshot Manager::snapshot() const {
    Snapshot result;
    bool whole = false;
    for (std::size_t room = 64; !whole; room *= 2) {
        result.views.clear();
        result.views.resize(room);
        Views views(result.views);
        {
            const Guard guard(lock_);
            result.totals = totals();
            copy_views(views, allocator_.first());
        }
        whole = !views.full();
        if (whole) result.views.resize(views.count());
    }
    add_user_data(result.views);
    if (annotations_.any()) result.names = annotations_.names();
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

// Keeps the faults that a range allocator's check reports. It does not
// allocate, since the lock is held. The lines are literals.
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

// Small blocks change without the lock. Calls in progress are waited for, so
// that a fault is one.
std::size_t Manager::faults_of_small() const noexcept {
    const bool many = options_.threads == Threads::many;
    if (many) small_.freeze();
    const std::size_t faults = small_.check();
    if (many) small_.thaw();
    return faults;
}

std::size_t Manager::check(std::ostream* out) const {
    Lines lines;
    {
        const Guard guard(lock_);
        static_cast<void>(allocator_.check(Lines::add, &lines));
        if (has_small() && faults_of_small() != 0) {
            Lines::add(&lines, "the small blocks' slabs, caches or totals are broken");
        }
    }
    if (out != nullptr) {
        for (std::size_t i = 0; i < std::min(lines.count, Lines::kMost); ++i)
            *out << lines.line[i] << '\n';
        if (lines.count > Lines::kMost) *out << lines.count - Lines::kMost << " more\n";
    }
    return lines.count;
}

}  // namespace ashlar::manager
