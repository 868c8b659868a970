#include "model.hpp"

using ashlar::Offset;
using ashlar::RangeId;
using ashlar::Size;
using ashlar::ranges::Kind;

namespace {

// The lengths 2^k at multiples of 2^k, the longest first at each place.
void split_into_buddies(Offset start, Size size, std::vector<Model::Span>& into) {
    while (size != 0) {
        Size length = 1;
        while (length * 2 <= size && start % (length * 2) == 0) length *= 2;
        into.emplace_back(start, length);
        start += length;
        size -= length;
    }
}

}  // namespace

std::vector<Model::Span> Model::gaps() const {
    std::vector<Span> found;
    Offset at = 0;
    const auto gap_to = [&](Offset end) {
        for (auto fence = fences_.upper_bound(at); fence != fences_.end() && *fence < end;
             fence = fences_.upper_bound(at)) {
            found.emplace_back(at, *fence - at);
            at = *fence;
        }
        if (end > at) found.emplace_back(at, end - at);
    };
    for (const auto& [start, block] : blocks) {
        gap_to(start);
        at = start + block.size;
    }
    gap_to(capacity);
    return found;
}

std::vector<Model::Span> Model::holes() const {
    if (!buddies_) return gaps();
    std::vector<Span> found;
    for (const auto& [start, size] : gaps()) split_into_buddies(start, size, found);
    return found;
}

bool Model::is_free(Offset start, Size size) const {
    for (const auto& [from, length] : gaps()) {
        if (start >= from && start - from <= length && size <= length - (start - from)) return true;
    }
    return false;
}

bool Model::fits(Size size, Size alignment) const {
    for (const auto& [start, length] : holes()) {
        const Size pad = start % alignment == 0 ? 0 : alignment - start % alignment;
        if (pad <= length && length - pad >= size) return true;
    }
    return false;
}

Model::Place Model::place(ashlar::Strategy strategy, Size size, Size alignment) const {
    Place best{false, 0, {}, 0};
    for (const auto& [start, length] : holes()) {
        const Size pad = start % alignment == 0 ? 0 : alignment - start % alignment;
        if (pad > length || length - pad < size) {
            best.unfit += length >= size ? 1 : 0;
            continue;
        }
        const bool better = !best.found || strategy == ashlar::Strategy::upper_end ||
                            (strategy == ashlar::Strategy::tight && length < best.hole.second);
        if (!better) continue;
        const Offset top = start + length - size;
        const Offset at =
            strategy == ashlar::Strategy::upper_end ? top - top % alignment : start + pad;
        best = {true, at, {start, length}, best.unfit};
    }
    return best;
}

Model::Span Model::hole_with(Offset offset) const {
    for (const auto& [start, length] : holes()) {
        if (offset >= start && offset - start < length) return {start, length};
    }
    return {0, 0};
}

void Model::grow(Size size, bool contiguous) {
    if (size == 0) return;
    if (!contiguous && capacity != 0) fences_.insert(capacity);
    capacity += size;
}

Size Model::shrink(Size most) {
    const Offset lowest =
        blocks.empty() ? 0 : blocks.rbegin()->first + blocks.rbegin()->second.size;
    const Size taken = capacity - lowest < most ? capacity - lowest : most;
    capacity -= taken;
    fences_.erase(fences_.lower_bound(capacity), fences_.end());
    return taken;
}

std::string Model::difference(const ashlar::ranges::RangeAllocator& allocator) const {
    std::vector<Span> found_holes;
    std::map<Offset, Block> left = blocks;
    Size used = 0;
    for (RangeId at = allocator.first(); at != ashlar::no_range; at = allocator[at].above) {
        const ashlar::Range& range = allocator[at];
        const std::string place = std::to_string(range.start) + "+" + std::to_string(range.size);
        if (ashlar::ranges::kind(range) == Kind::hole)
            found_holes.emplace_back(range.start, range.size);
        if (ashlar::ranges::kind(range) == Kind::fence && fences_.count(range.start) == 0)
            return "a fence at " + place;
        if (ashlar::ranges::kind(range) != Kind::block) continue;
        const auto block = left.find(range.start);
        if (block == left.end()) return "a block at " + place;
        if (block->second.id != at || block->second.size != range.size ||
            block->second.asked != range.asked)
            return "another block at " + place;
        used += range.size;
        left.erase(block);
    }
    if (!left.empty()) return "no block at " + std::to_string(left.begin()->first);
    if (found_holes != holes()) return "other holes";
    const auto& totals = allocator.totals();
    if (totals.capacity != capacity || totals.used != used || totals.blocks != blocks.size() ||
        totals.holes != found_holes.size()) {
        return "other totals";
    }
    return {};
}
