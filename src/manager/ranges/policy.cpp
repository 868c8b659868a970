#include <ashlar/policy.hpp>

namespace ashlar {

void Policy::move(RangeId hole, Offset start, Size size) noexcept {
    erase(hole);
    Range& range = ranges_[hole];
    range.start = start;
    range.size = size;
    for (std::uint32_t& link : range.link) link = 0;
    insert(hole);
}

}  // namespace ashlar
