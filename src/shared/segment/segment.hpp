// One process's view of a segment: where the parts of the mapped file are. The
// file holds no addresses, so that each process may map it elsewhere.
//
//   | Header, small indexes | slots | tables: an entry for each unit or group |
//   | unit 0 (unused) | unit 1 | unit 2 | ...
//
// Words of the file may be wrong: each unit, number and slot is checked before
// it is used. Any thread.
#ifndef ASHLAR_SHARED_SEGMENT_SEGMENT_HPP
#define ASHLAR_SHARED_SEGMENT_SEGMENT_HPP

#include <cstddef>
#include <cstdint>

#include "base/bitmap_index.hpp"
#include "base/size_class.hpp"
#include "core/region/region.hpp"
#include "shared/segment/backing.hpp"
#include "shared/segment/header.hpp"
#include "shared/segment/slot.hpp"
#include "shared/segment/tag.hpp"

namespace ashlar::shared {

using base::Bin;

// Blocks of at least 32 bytes: a slab of one unit then has at most 2048, and a
// tag has two bytes in a page of tags for each unit.
inline constexpr Bin kFirstClass = base::class_of_size(32);
inline constexpr std::uint32_t kTagsOfUnit = 2048;
inline constexpr std::uint32_t kWordsOfUnit = kTagsOfUnit / base::kWordBits;

class Segment {
  public:
    // The bytes of a file whose segment may grow to units [1, units).
    [[nodiscard]] static std::size_t file_bytes(UnitId units) noexcept;
    // The part of the file that is committed before the first attach().
    [[nodiscard]] static std::size_t first_bytes(UnitId units) noexcept;
    // `start`: where the file is mapped, at a multiple of a unit: the parts are
    // placed at such multiples. The header has been written.
    void attach(std::uintptr_t start, UnitId units, Backing& backing) noexcept;

    [[nodiscard]] Header& header() const noexcept { return *header_; }
    [[nodiscard]] Slot& slot(SlotId id) const noexcept { return slots_[id]; }
    [[nodiscard]] base::Atomic<Word>& state_word(UnitId unit) const noexcept {
        return states_[unit];
    }
    [[nodiscard]] UnitState state(UnitId unit, base::Order order) const noexcept {
        return {states_[unit].load(order)};
    }
    [[nodiscard]] base::Atomic<Word>& bits(UnitId slab, std::uint32_t word) const noexcept {
        return bits_[std::size_t{slab} * kWordsOfUnit + word];
    }
    [[nodiscard]] base::Atomic<Tag>& tag(UnitId slab, std::uint32_t number) const noexcept {
        return tags_[std::size_t{slab} * kTagsOfUnit + number];
    }
    [[nodiscard]] base::Atomic<Tag>& tag(Record block) const noexcept {
        return tags_[block.tag_index()];
    }
    // Hints: free units, slabs of a class with a free block, complete slabs.
    base::BitmapIndex free_units;
    base::BitmapIndex partial[base::kClasses];
    base::BitmapIndex complete;

    // Units [1, end()) may exist; those below covered() have their tables.
    [[nodiscard]] UnitId end() const noexcept { return end_; }
    [[nodiscard]] UnitId covered() const noexcept {
        const UnitId seen = header_->covered.load(base::acq);  // [E44]
        return seen < end_ ? seen : end_;
    }
    // The process's own copy of covered(), which no other process can change.
    // It may be old, never too high. [E44] as covered(), between threads.
    [[nodiscard]] UnitId reach() const noexcept { return reach_.load(base::acq); }
    void refresh_reach() noexcept {
        const UnitId now = covered();
        if (reach_.load(base::rlx) != now) reach_.store(now, base::rel);
    }
    [[nodiscard]] std::uintptr_t address(UnitId unit) const noexcept {
        return units_ + (std::uintptr_t{unit} << base::kUnitShift);
    }
    // An offset counts from the file's beginning. Unit 0 begins at first().
    [[nodiscard]] std::uint64_t first() const noexcept { return first_; }
    [[nodiscard]] std::uint64_t offset(std::uintptr_t at) const noexcept { return at - start_; }
    [[nodiscard]] std::uintptr_t start() const noexcept { return start_; }

    // The word Slot::entry at an offset; nullptr: none is there.
    [[nodiscard]] base::Atomic<Word>* entry_word(std::uint64_t at) const noexcept;

    // Puts the tables of units [1, to) into the file. False: it is full.
    [[nodiscard]] bool commit_tables(UnitId to) noexcept;
    // The units below `to` may be used now. Their tables are in the file.
    void raise_covered(UnitId to) noexcept;
    // Bytes of the header, the slots and the tables that are in the file.
    [[nodiscard]] std::size_t metadata_bytes() const noexcept;
    // Puts slot `id` into the file.
    [[nodiscard]] bool cover_slot(SlotId id) noexcept;
    [[nodiscard]] bool commit(UnitId start, std::uint32_t units) noexcept;
    bool punch(UnitId start, std::uint32_t units) noexcept;

  private:
    struct Parts;
    static Parts place(Segment& segment, std::uintptr_t start, UnitId units,
                       const Parts* measured) noexcept;
    [[nodiscard]] UnitId last_of(UnitId to) const noexcept;
    [[nodiscard]] bool commit_bytes(std::uintptr_t from, std::uintptr_t to) noexcept;

    Header* header_;
    Slot* slots_;
    base::Atomic<Word>* states_;
    base::Atomic<Word>* bits_;
    base::Atomic<Tag>* tags_;
    std::uintptr_t start_;
    std::uintptr_t units_;
    std::uint64_t first_;
    UnitId end_;
    base::Atomic<UnitId> reach_;
    Backing* backing_;
    region::Tables tables_;
};

}  // namespace ashlar::shared

#endif
