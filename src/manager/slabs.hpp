// Slabs of equal small blocks, and who has them: a free block is a 1 in an atomic word. There are no owners: whoever clears a
// bit has the block, and as long as it does, the slab stays what it is. Lock-free, any thread, except where "the lock" is asked
// for: that of the heap which slabs come from. All that changes lies in the carved memory, as indices.
//
//   page_[offset >> shift]   | id of the slab that is, or once was, in this place | class, 0: not a slab now |
//   by id                    place (for ever), bits, tags, marks
//   tag of a block           0: not live; else 1 + its size less what was asked for
//   index[c]                 hint: these slabs of class c have a free block
#ifndef ASHLAR_MANAGER_SLABS_HPP
#define ASHLAR_MANAGER_SLABS_HPP

#include <cstdint>

#include "base/atomic.hpp"
#include "base/index.hpp"
#include "manager/shape.hpp"
#include "region/region.hpp"

namespace ashlar::manager {

using SlabId = std::uint32_t;  // 1 .. Shape::slabs; 0: none

// A block by its slab and number.
struct Place {
    std::uint32_t raw;
    static constexpr unsigned kShift = Shape::kMostShift - 3;
    static constexpr Place of(SlabId slab, std::uint32_t block) noexcept { return {slab << kShift | block}; }
    [[nodiscard]] constexpr SlabId slab() const noexcept { return raw >> kShift; }
    [[nodiscard]] constexpr std::uint32_t block() const noexcept { return raw & ((1U << kShift) - 1); }
    [[nodiscard]] constexpr std::uint32_t word() const noexcept { return block() / base::kWordBits; }
    [[nodiscard]] constexpr base::Word bit() const noexcept { return base::bit(block() % base::kWordBits); }
    [[nodiscard]] constexpr bool same_word(Place other) const noexcept { return (raw ^ other.raw) < base::kWordBits; }
    bool operator==(const Place&) const noexcept = default;
};
static_assert(Shape::kMostSlabs < 1U << (32 - Place::kShift));

class Slabs {
  public:
    void layout(region::Carver& carver, const Shape& shape) noexcept;
    [[nodiscard]] const Shape& shape() const noexcept { return shape_; }

    // ------------------------------------------------------------------------------------------------------ free blocks

    // Up to `want` free blocks of class c; 0: it met none.
    [[nodiscard]] std::uint32_t take(Class c, Place* out, std::uint32_t want) noexcept;
    // Frees blocks of class c, whose tags are 0; n > 0. True: a slab has become complete: reclaim() has work.
    bool give(Class c, const Place* blocks, std::uint32_t n) noexcept;

    // The lock: makes the heap's block at `start` a slab of class c; its first block is the caller's. kNone: the table of slabs
    // is full.
    static constexpr Place kNone{0};
    [[nodiscard]] Place add(Offset start, Class c) noexcept;
    // The lock: gives complete slabs back by give_slab(start), but one of each class; all: that one too.
    template <class Give>
    void reclaim(bool all, Give give_slab) noexcept {
        for (SlabId slab = complete_.take_lowest(); slab != base::Index::kNone; slab = complete_.take_lowest()) {
            if (!keep(slab, all) && retire(slab)) give_slab(start(slab));
        }
        for (Class c = 1; all && c < kClasses; ++c) {
            const SlabId slab = spare_[c].load(base::rlx);  // relaxed: written under the lock
            if (slab != 0 && retire(slab)) give_slab(start(slab));
        }
    }

    // ------------------------------------------------------------------------------------------------------ live blocks

    // Where an offset lies. `c` 0: in no slab.
    struct Where {
        Class c;
        Place place;
        std::uint32_t within;  // bytes into the block
    };
    // Right for an offset in a live block that the caller may use; for others it may be of the past.
    [[nodiscard]] Where locate(Offset offset) const noexcept {
        // Relaxed: whoever holds a block had it handed over, and its slab stays as it was then.
        if (offset >> shape_.shift >= shape_.pages) return {0, kNone, 0};
        const std::uint32_t page = page_[offset >> shape_.shift].load(base::rlx);
        const Class c = page & kClassMask;
        const auto in_slab = static_cast<std::uint32_t>(offset & (shape_.slab_size() - 1));
        const auto block = static_cast<std::uint32_t>((std::uint64_t{in_slab} * kSizes[c].reciprocal) >> 32);
        return {c, Place::of(page >> kClassBits, block), in_slab - block * kSizes[c].size};
    }
    [[nodiscard]] Offset start(SlabId slab) const noexcept { return Offset{place_[slab]} << shape_.shift; }
    [[nodiscard]] Offset offset_of(Place place, Class c) const noexcept {
        return start(place.slab()) + Offset{place.block()} * kSizes[c].size;
    }
    // The tags are the arbiters of who frees a block: whoever exchanges a tag for 0.
    [[nodiscard]] base::Atomic<std::uint8_t>& tag(Place place) const noexcept {
        return tags_[std::size_t{place.slab()} * tags_of_slab_ + place.block()];
    }
    // [E23] After the exchange of a tag that was not 0: whether it was the tag of a block of class c. The tag's writer had read
    // the class before, so that this is not older.
    [[nodiscard]] bool still(Offset offset, Class c) const noexcept {
        return (page_[offset >> shape_.shift].load(base::rlx) & kClassMask) == c;  // relaxed: see above
    }
    // The mark of a block, for the collector: word and bit as those of its free bit.
    [[nodiscard]] base::Atomic<base::Word>& mark_word(Place place) const noexcept { return marks(place.slab())[place.word()]; }
    [[nodiscard]] base::Atomic<base::Word>* marks(SlabId slab) const noexcept {
        return marks_ + std::size_t{slab} * words_of_slab_;
    }

    // ---------------------------------------------------------------------------------------------------------- inspection

    // Ids [1, born) have been used. The lock.
    [[nodiscard]] SlabId born() const noexcept { return *born_ + 1; }
    // 0: not a slab now. The lock, or a block of the slab in hand.
    [[nodiscard]] Class class_of(SlabId slab) const noexcept {
        return page_[place_[slab]].load(base::rlx) & kClassMask;  // relaxed: see there
    }
    // How many there are. Relaxed: written under the lock, read for statistics.
    [[nodiscard]] std::uint32_t count() const noexcept { return count_->load(base::rlx); }
    // Of a slab; a moment's view.
    [[nodiscard]] std::uint32_t free_blocks(SlabId slab, Class c) const noexcept;
    // Broken invariants. The lock: of what only changes under it.
    [[nodiscard]] std::size_t check_places() const noexcept;
    // Quiet, and the lock: of blocks and hints.
    [[nodiscard]] std::size_t check_blocks() const noexcept;
    // Quiet, and the lock: all of it.
    [[nodiscard]] std::size_t check() const noexcept { return check_places() + check_blocks(); }

  private:
    static constexpr unsigned kClassBits = 6;
    static constexpr std::uint32_t kClassMask = (1U << kClassBits) - 1;
    static_assert(kClasses <= kClassMask);

    [[nodiscard]] base::Atomic<base::Word>* bits(SlabId slab) const noexcept {
        return bits_ + std::size_t{slab} * words_of_slab_;
    }
    void attach(region::Carver& carver, base::Index* indexes, std::uint32_t count) noexcept;
    std::uint32_t take_from(SlabId slab, Class c, Place* out, std::uint32_t want) noexcept;
    void forget(SlabId slab, Class c) noexcept;
    bool give_word(SlabId slab, Class c, std::uint32_t word, base::Word mask) noexcept;
    [[nodiscard]] bool complete(SlabId slab, Class c) const noexcept;
    [[nodiscard]] bool keep(SlabId slab, bool all) noexcept;
    [[nodiscard]] bool retire(SlabId slab) noexcept;

    Shape shape_;
    std::uint32_t words_of_slab_, tags_of_slab_;
    base::Index index_[kClasses]{};      // an Index begins as zeros
    base::Index complete_{};             // hint: these slabs may be complete
    base::Atomic<std::uint32_t>* page_;  // of each place: id << 6 | class
    std::uint32_t* place_;               // by id; written once, before anybody else hears of the id
    base::Atomic<base::Word>* bits_;
    base::Atomic<base::Word>* marks_;
    base::Atomic<std::uint8_t>* tags_;
    base::Atomic<SlabId>* spare_;         // of each class: a slab that is kept though it is complete; the lock writes it
    SlabId* born_;                        // ids used so far; the lock
    base::Atomic<std::uint32_t>* count_;  // slabs now
};

}  // namespace ashlar::manager

#endif
