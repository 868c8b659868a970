// Marked blocks whose references are not followed yet, and that had no room on
// the collector's stack. Ranges are in a list by their numbers. Small blocks
// are bits, whose slabs are in another list. Each is added and taken in O(1). A
// range in the list may be another one by now. Sequential: the caller holds the
// manager's lock.
#ifndef ASHLAR_MANAGER_COLLECTOR_MARK_OVERFLOW_HPP
#define ASHLAR_MANAGER_COLLECTOR_MARK_OVERFLOW_HPP

#include "base/bits.hpp"
#include "core/region/region.hpp"
#include "manager/ranges/range_allocator.hpp"
#include "manager/slabs/small.hpp"

namespace ashlar::manager {

class MarkOverflow {
  public:
    void layout(region::Carver& carver, std::uint32_t most_ranges, const Shape& shape) noexcept {
        const std::size_t ids = shape.shift != 0 ? std::size_t{shape.slabs} + 1 : 0;
        words_ = shape.most_words();
        heads_ = carver.array<Heads>(1);
        ranges_ = carver.stepped<RangeId>(std::size_t{most_ranges} + 1);
        slabs_ = carver.stepped<Slab>(ids);
        bits_ = carver.stepped<base::Word>(ids * words_);
    }
    // From now on the links are accessible wherever records and slabs are.
    // False: the system refuses.
    [[nodiscard]] bool open_with(ranges::RangeAllocator& allocator, Small& small) noexcept {
        opened_ = opened_ || (allocator.open_with_records(ranges_, sizeof *ranges_) &&
                              small.open_with_slabs(slabs_, sizeof *slabs_) &&
                              small.open_with_slabs(bits_, words_ * sizeof *bits_));
        return opened_;
    }

    [[nodiscard]] bool any_range() const noexcept { return heads_->range != 0; }
    void add(RangeId range) noexcept {
        if (ranges_[range] == 0) link(heads_->range, ranges_[range], range);
    }
    // any_range()
    [[nodiscard]] RangeId take_range() noexcept {
        const RangeId range = heads_->range;
        unlink(heads_->range, ranges_[range]);
        return range;
    }

    [[nodiscard]] bool any_small() const noexcept { return heads_->slab != 0; }
    // The slab begins at `start`.
    void add(SlabId slab, Offset start, Offset block) noexcept {
        const auto grain = static_cast<std::uint32_t>((block - start) / kGrain);
        bits(slab)[grain / base::kWordBits] |= base::bit(grain % base::kWordBits);
        slabs_[slab].start = start;
        if (slabs_[slab].next == 0) link(heads_->slab, slabs_[slab].next, slab);
    }
    // any_small(): calls visit(block) for up to `most` of one slab.
    template <class Visit>
    void take_small(std::uint32_t most, Visit visit) noexcept {
        const SlabId slab = heads_->slab;
        for (std::uint32_t w = 0; w < words_; ++w) {
            for (base::Word& word = bits(slab)[w]; word != 0; word &= word - 1) {
                if (most-- == 0) return;
                visit(slabs_[slab].start +
                      Offset{w * base::kWordBits + base::lowest(word)} * kGrain);
            }
        }
        unlink(heads_->slab, slabs_[slab].next);
    }

    // Removes any one entry; false: there is none.
    bool forget_one() noexcept {
        if (any_range()) {
            static_cast<void>(take_range());
        } else if (any_small()) {
            take_small(~std::uint32_t{0}, [](Offset) noexcept {});
        } else {
            return false;
        }
        return true;
    }

  private:
    // The link of the last entry; 0: not in the list.
    static constexpr std::uint32_t kLast = ~std::uint32_t{0};
    struct Heads {
        RangeId range;
        SlabId slab;
    };
    struct Slab {
        Offset start;
        SlabId next;
    };

    static void link(std::uint32_t& head, std::uint32_t& next, std::uint32_t id) noexcept {
        next = head != 0 ? head : kLast;
        head = id;
    }
    static void unlink(std::uint32_t& head, std::uint32_t& next) noexcept {
        head = next != kLast ? next : 0;
        next = 0;
    }
    [[nodiscard]] base::Word* bits(SlabId slab) const noexcept {
        return bits_ + std::size_t{slab} * words_;
    }

    bool opened_ = false;
    std::uint32_t words_ = 0;  // of a slab
    Heads* heads_ = nullptr;
    RangeId* ranges_ = nullptr;  // links
    Slab* slabs_ = nullptr;
    base::Word* bits_ = nullptr;
};

}  // namespace ashlar::manager

#endif
