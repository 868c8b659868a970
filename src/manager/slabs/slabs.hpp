// Slabs of equal small blocks: a free block is a 1 in an atomic word. Slabs
// have no owners. The thread that clears a bit has the block, and as long as it
// has it, the slab keeps its class. Lock-free, any thread, unless a comment
// asks for "the lock": that of the range allocator from which slabs come. All
// that changes lies in the carved memory, as indices.
//
//   page_[offset >> shift]   | id of the slab that is, or once was, in this place | class, 0: not a
//   slab now | by id                    place (until another one needs the id), bits, tags, marks
//   tag of a block           0: not live; else 1 + its size less what was asked for
//   index[c]                 hint: these slabs of class c have a free block
#ifndef ASHLAR_MANAGER_SLABS_SLABS_HPP
#define ASHLAR_MANAGER_SLABS_SLABS_HPP

#include <cstdint>

#include "base/atomic.hpp"
#include "base/bitmap_index.hpp"
#include "core/region/region.hpp"
#include "core/region/step_tables.hpp"
#include "manager/base/small_annotations.hpp"
#include "manager/slabs/shape.hpp"

namespace ashlar::manager {

using SlabId = std::uint32_t;  // 1 .. Shape::slabs; 0: none

// A block by its slab and number.
struct Place {
    std::uint32_t raw;
    static constexpr unsigned kShift = Shape::kMostShift - 3;
    static constexpr Place of(SlabId slab, std::uint32_t block) noexcept {
        return {slab << kShift | block};
    }
    [[nodiscard]] constexpr SlabId slab() const noexcept { return raw >> kShift; }
    [[nodiscard]] constexpr std::uint32_t block() const noexcept {
        return raw & ((1U << kShift) - 1);
    }
    [[nodiscard]] constexpr std::uint32_t word() const noexcept {
        return block() / base::kWordBits;
    }
    [[nodiscard]] constexpr base::Word bit() const noexcept {
        return base::bit(block() % base::kWordBits);
    }
    [[nodiscard]] constexpr bool same_word(Place other) const noexcept {
        return (raw ^ other.raw) < base::kWordBits;
    }
    bool operator==(const Place&) const noexcept = default;
};
static_assert(Shape::kMostSlabs < 1U << (32 - Place::kShift));

class Slabs {
  public:
    void layout(region::Carver& carver, const Shape& shape) noexcept;
    [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
    // The lock. From now on a table by SlabId, carved by Carver::stepped(), is
    // open wherever ids are in use. False: the system refuses.
    [[nodiscard]] bool open_with_slabs(const void* table, std::size_t entry_bytes) noexcept {
        return steps_.add(table, entry_bytes, *opened_);
    }

    // ------------------------------------------------------------- free blocks

    // Takes up to `want` free blocks of class c; 0: it found none.
    [[nodiscard]] std::uint32_t take(Class c, Place* out, std::uint32_t want) noexcept;
    // Frees blocks of class c, whose tags are 0; n > 0. True: a slab has become
    // complete, so that reclaim() has work.
    bool give(Class c, const Place* blocks, std::uint32_t n) noexcept;

    // The lock: makes the range allocator's block at `start` a slab of class c,
    // and takes its first block for the caller. kNone: the table of slabs is
    // full.
    static constexpr Place kNone{0};
    [[nodiscard]] Place add(Offset start, Class c) noexcept;
    // Quiet, and the lock: takes that free block. Relaxed: no other thread
    // calls meanwhile.
    void claim(Place place) noexcept {
        bits(place.slab())[place.word()].fetch_and(~place.bit(), base::rlx);
    }
    // Quiet, and the lock: frees all blocks, and forgets all slabs. Their
    // ranges are the caller's to free.
    void clear() noexcept;
    // The lock: gives complete slabs back by give_slab(start), except one of
    // each class; all: that one too.
    template <class Give>
    void reclaim(bool all, Give give_slab) noexcept {
        for (SlabId slab = complete_.take_lowest(); slab != base::BitmapIndex::kNone;
             slab = complete_.take_lowest()) {
            if (!keep(slab, all) && retire(slab)) give_slab(start(slab));
        }
        for (Class c = 1; all && c < kClasses; ++c) {
            const SlabId slab = spare_[c].load(base::rlx);  // relaxed: written under the lock
            if (slab != 0 && retire(slab)) give_slab(start(slab));
        }
    }

    // ------------------------------------------------------------- live blocks

    // The place of an offset. `c` 0: it lies in no slab.
    struct Where {
        Class c;
        Place place;
        std::uint32_t within;  // bytes into the block
    };
    // Correct for an offset in a live block that the caller may use; for other
    // offsets it may be out of date.
    [[nodiscard]] Where locate(Offset offset) const noexcept {
        // Relaxed: the hand-over of the block orders these words, and its slab
        // does not change while the block is live.
        if (offset >> shape_.shift >= shape_.pages) return {0, kNone, 0};
        const std::uint32_t page = page_[offset >> shape_.shift].load(base::rlx);
        const Class c = page & kClassMask;
        const auto in_slab = static_cast<std::uint32_t>(offset & (shape_.slab_size() - 1));
        const auto block =
            static_cast<std::uint32_t>((std::uint64_t{in_slab} * kSizes[c].reciprocal) >> 32);
        return {c, Place::of(page >> kClassBits, block), in_slab - block * kSizes[c].size};
    }
    // Relaxed: see class_of().
    [[nodiscard]] Offset start(SlabId slab) const noexcept {
        return Offset{place_[slab].load(base::rlx)} << shape_.shift;
    }
    [[nodiscard]] Offset offset_of(Place place, Class c) const noexcept {
        return start(place.slab()) + Offset{place.block()} * kSizes[c].size;
    }
    [[nodiscard]] std::size_t number_of(Place place) const noexcept {
        return std::size_t{place.slab()} * tags_of_slab_ + place.block();
    }
    // Of two threads that free one block, the one that exchanges its tag for 0
    // succeeds.
    [[nodiscard]] base::Atomic<std::uint8_t>& tag(Place place) const noexcept {
        return tags_[number_of(place)];
    }
    // [E23] After the exchange of a tag that was not 0: whether it was the tag
    // of a block of class c. The tag's writer had read the class, so that this
    // load is not older.
    [[nodiscard]] bool still(Offset offset, Class c) const noexcept {
        // Relaxed: see above.
        return (page_[offset >> shape_.shift].load(base::rlx) & kClassMask) == c;
    }
    // The mark of a block, for the collector: word and bit as those of its free
    // bit.
    [[nodiscard]] base::Atomic<base::Word>& mark_word(Place place) const noexcept {
        return marks(place.slab())[place.word()];
    }
    [[nodiscard]] base::Atomic<base::Word>* marks(SlabId slab) const noexcept {
        return marks_ + std::size_t{slab} * words_of_slab_;
    }

    // The word with the bit of a block that is a root, likewise.
    [[nodiscard]] base::Atomic<base::Word>& root_word(Place place) const noexcept {
        return roots_[std::size_t{place.slab()} * words_of_slab_ + place.word()];
    }

    // -------------------------------------------------------------- inspection

    // Ids [1, created) have been used. The lock.
    [[nodiscard]] SlabId created() const noexcept { return *created_ + 1; }
    // 0: not a slab now. The caller has the lock, or a block of the slab: [E22]
    // then the place and the class are not older than the block's bit. So
    // relaxed, both.
    [[nodiscard]] Class class_of(SlabId slab) const noexcept {
        return page_[place_[slab].load(base::rlx)].load(base::rlx) & kClassMask;
    }
    // The number of slabs. Relaxed: written under the lock, read for
    // statistics.
    [[nodiscard]] std::uint32_t count() const noexcept { return count_->load(base::rlx); }
    // Bytes of tables in use.
    [[nodiscard]] Size metadata() const noexcept {
        const Size of_slab =
            tags_of_slab_ + 3 * sizeof(base::Word) * words_of_slab_ + 2 * sizeof(std::uint32_t);
        return (Size{*created_} - *clean_) * of_slab;
    }
    // Blocks that these tables are for, as number_of() counts them.
    [[nodiscard]] std::size_t table_blocks() const noexcept {
        return std::size_t{*created_ - *clean_} * tags_of_slab_;
    }
    // The lock. Gives back tables of retired slabs, and annotations of their
    // blocks, from number `from` on, 0 at first. Returns the next number, 0:
    // done. The work of one call is bounded.
    [[nodiscard]] SlabId trim(SlabId from, SmallAnnotations& annotations) noexcept;
    // Free blocks of a slab, at some moment.
    [[nodiscard]] std::uint32_t free_blocks(SlabId slab, Class c) const noexcept;
    // Broken invariants of the words that only change under the lock. The lock.
    [[nodiscard]] std::size_t check_places() const noexcept;
    // Broken invariants of blocks and hints. Quiet, and the lock.
    [[nodiscard]] std::size_t check_blocks() const noexcept;
    // All broken invariants. Quiet, and the lock.
    [[nodiscard]] std::size_t check() const noexcept { return check_places() + check_blocks(); }

  private:
    static constexpr unsigned kClassBits = 6;
    static constexpr std::uint32_t kClassMask = (1U << kClassBits) - 1;
    static_assert(kClasses <= kClassMask);

    [[nodiscard]] base::Atomic<base::Word>* bits(SlabId slab) const noexcept {
        return bits_ + std::size_t{slab} * words_of_slab_;
    }
    void attach(region::Carver& carver, base::BitmapIndex* indexes, std::uint32_t count) noexcept;
    std::uint32_t take_from(SlabId slab, Class c, Place* out, std::uint32_t want) noexcept;
    void forget(SlabId slab, Class c) noexcept;
    bool give_word(SlabId slab, Class c, std::uint32_t word, base::Word mask) noexcept;
    [[nodiscard]] bool complete(SlabId slab, Class c) const noexcept;
    [[nodiscard]] SlabId new_id(Size page) noexcept;
    [[nodiscard]] bool open_id(SlabId slab) noexcept;
    [[nodiscard]] bool keep(SlabId slab, bool all) noexcept;
    [[nodiscard]] bool retire(SlabId slab) noexcept;
    [[nodiscard]] bool is_clean(SlabId slab) const noexcept {
        return (clean_bits_[slab / base::kWordBits] & base::bit(slab % base::kWordBits)) != 0;
    }
    void set_clean(SlabId slab, bool clean) noexcept;
    void give_back_tables(SlabId from, SlabId to, SmallAnnotations& annotations) noexcept;

    Shape shape_;
    std::uint32_t words_of_slab_, tags_of_slab_;
    base::BitmapIndex index_[kClasses]{};  // a BitmapIndex begins as zeros
    base::BitmapIndex complete_{};         // hint: these slabs may be complete
    base::BitmapIndex retired_{};          // ids that have no class; written under the lock
    base::Atomic<std::uint32_t>* page_;    // of each place: id << 6 | class
    base::Atomic<std::uint32_t>* place_;   // by id; written under the lock, while it has no class
    base::Atomic<base::Word>* bits_;
    base::Atomic<base::Word>* marks_;
    base::Atomic<base::Word>* roots_;
    base::Atomic<std::uint8_t>* tags_;
    // Of each class: a complete slab that is kept; written under the lock.
    base::Atomic<SlabId>* spare_;
    SlabId* created_;  // ids used so far; the lock
    SlabId* opened_;   // tables of ids [0, opened) are accessible; the lock
    SlabId* clean_;    // of them, those in clean_bits_; the lock
    // By id: retired, and its tables were given back; the lock.
    base::Word* clean_bits_;
    base::Atomic<std::uint32_t>* count_;  // slabs now
    region::StepTables steps_;
};

}  // namespace ashlar::manager

#endif
