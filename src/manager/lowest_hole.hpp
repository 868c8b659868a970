// The lowest hole in which a block fits, whatever the policy: moves go there. For each size class it remembers up to where it
// has seen no hole of the class, so that a pass walks over the ranges about once for each class that occurs. A memory for one
// pass: holes that others make below are found by the next one. Sequential: the caller holds the manager's lock.
#ifndef ASHLAR_MANAGER_LOWEST_HOLE_HPP
#define ASHLAR_MANAGER_LOWEST_HOLE_HPP

#include <bit>

#include "ranges/heap.hpp"
#include "region/region.hpp"

namespace ashlar::manager {

// Size classes: 0 to 7 for themselves, then the power of two and three bits behind its first.
struct Steps {
    static constexpr unsigned kParts = 8;  // in each power of two
    static constexpr unsigned kCount = kParts + 46 * kParts;

    static constexpr unsigned of(Size size) noexcept {
        if (size < kParts) return static_cast<unsigned>(size);
        const auto power = static_cast<unsigned>(std::bit_width(size)) - 1;
        return (power - 2) * kParts + static_cast<unsigned>(size >> (power - 3)) % kParts;
    }
    static constexpr Size least(unsigned step) noexcept {
        return step < kParts ? step : Size{kParts + step % kParts} << (step / kParts - 1);
    }
};
static_assert(Steps::of(8) == 8 && Steps::least(8) == 8 && Steps::of(17) == 16 && Steps::least(16) == 16);
static_assert(Steps::of(Size{1} << 48) < Steps::kCount && Steps::least(Steps::of(1000)) == 960);

class LowestHole {
  public:
    explicit LowestHole(ranges::Heap& heap) noexcept : heap_(&heap) {}
    void layout(region::Carver& carver) noexcept { seen_ = carver.array<Offset>(Steps::kCount); }
    void forget() noexcept {
        for (unsigned i = 0; i < Steps::kCount; ++i) seen_[i] = 0;
    }

    struct Found {
        RangeId hole;  // no_range: there is none below `before`, unless the search is still open
        Offset at;     // for the block, aligned, in the hole
    };
    // What is kept of a search that had not enough steps. All zero: there is none.
    struct Search {
        bool open;
        bool none_yet;  // no hole of the class so far
        RangeId range;  // where to go on, if it is still there
        Offset at;      // its start
        Offset before;  // what is looked for
        Size size, alignment;
    };
    // Looks at ranges below `before`, where the block lies, and at most `steps` of them, which it lowers. Where that is not
    // enough, `search` stays open, and the next call for the same block goes on. One for another block begins anew.
    [[nodiscard]] Found find(Size size, Size alignment, Offset before, unsigned& steps, Search& search) noexcept {
        Offset& seen = seen_[Steps::of(size)];
        const Size least = Steps::least(Steps::of(size));
        const bool same = search.open && search.before == before && search.size == size && search.alignment == alignment;
        RangeId at = same ? resume(search) : block_near(seen);
        if (!same) search = {true, true, no_range, 0, before, size, alignment};
        for (; at != no_range && (*heap_)[at].start < before; at = (*heap_)[at].above) {
            const Range& range = (*heap_)[at];
            if (steps == 0) {
                search.range = at;
                search.at = range.start;
                return {no_range, 0};
            }
            --steps;
            if (ranges::kind(range) == ranges::Kind::block) {
                if (search.none_yet) seen = range.start;
            } else if (ranges::kind(range) == ranges::Kind::hole && range.size >= least) {
                search.none_yet = false;
                const Offset start = (range.start + alignment - 1) & ~(alignment - 1);
                if (start - range.start <= range.size && range.size - (start - range.start) >= size && start < before) {
                    search.open = false;
                    return {at, start};
                }
            }
        }
        search.open = false;
        return {no_range, 0};
    }
    // The range that a walk upwards from `offset` begins with: the block there or the next one below, or the lowest range.
    [[nodiscard]] RangeId block_near(Offset offset) noexcept {
        if (offset == 0) return heap_->first();
        RangeId block = heap_->at(offset);
        if (block == no_range) block = heap_->block_up_to(offset);
        return block == no_range ? heap_->first() : block;
    }

  private:
    // The range with the offset where the search stopped. A hole's record may have gone meanwhile, or serve for other bytes;
    // then the way from the next block below is gone again, without a step being counted, so that the search comes forward.
    [[nodiscard]] RangeId resume(const Search& search) noexcept {
        const Range& last = (*heap_)[search.range];
        const bool there = ranges::kind(last) != ranges::Kind::unused && last.start <= search.at;
        if (there && search.at - last.start <= last.size) return search.range;
        RangeId at = block_near(search.at);
        while (at != no_range && (*heap_)[at].start + (*heap_)[at].size <= search.at) at = (*heap_)[at].above;
        return at;
    }

    ranges::Heap* heap_;
    Offset* seen_ = nullptr;
};

}  // namespace ashlar::manager

#endif
