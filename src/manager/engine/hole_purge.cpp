#include "manager/engine/hole_purge.hpp"

#include <algorithm>

#include "base/bits.hpp"

namespace ashlar::manager {

namespace {

constexpr Size kLargestPage = Size{64} << 10;  // parts of a hole end at multiples of it

}  // namespace

RangeId HolePurge::resume(ranges::RangeAllocator& allocator) const noexcept {
    if (done_ == 0) return allocator.first();
    const Range& next = allocator[next_];
    if (next.start == start_ && ranges::kind(next) != ranges::Kind::unused) return next_;
    const RangeId block = allocator.block_up_to(done_);
    return block != no_range ? block : allocator.first();
}

bool HolePurge::step(ranges::RangeAllocator& allocator, const Buffer& buffer) noexcept {
    unsigned ranges = kRanges, holes = kHoles;
    Size bytes = kBytes;
    for (RangeId id = resume(allocator); id != no_range; id = allocator[id].above) {
        const Range& range = allocator[id];
        const Offset end = range.start + range.size;
        next_ = id;
        start_ = range.start;
        if (ranges-- == 0 || holes == 0 || bytes == 0) return true;
        if (ranges::kind(range) == ranges::Kind::hole && end > done_) {
            const Offset from = std::max(range.start, done_);
            const bool whole = end - from <= bytes;
            const Offset to = whole ? end : (from + bytes) & ~(kLargestPage - 1);
            if (to > from && buffer.purge(from, to - from)) {
                --holes;
                bytes -= std::min(bytes, to - from);
            }
            done_ = std::max(to, from);
            if (!whole) return true;
        }
        done_ = std::max(done_, end);
    }
    return false;
}

}  // namespace ashlar::manager
