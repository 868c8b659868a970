#include "shared/segment/segment.hpp"

namespace ashlar::shared {

using base::acq;
using base::Atomic;
using base::kUnitSize;
using base::rel;
using base::rlx;

namespace {

// A search of the bits may read one word beyond the last unit's.
constexpr UnitId kSlack = base::kWordBits;
constexpr SlotId kSlotStep = 64;

// The last entry of the tables that is in the file when units below `to` are
// covered.
constexpr UnitId last_entry(UnitId to, UnitId end) noexcept {
    return end - to > kSlack ? to + kSlack : end;
}

}  // namespace

// Where the parts begin, as distances from the file's start.
struct Segment::Parts {
    std::size_t dense;   // bytes of the header and the small indexes
    std::size_t tables;  // bytes of the slots and the tables
    [[nodiscard]] std::size_t tables_at() const noexcept {
        return base::round_up(dense, kUnitSize);
    }
    [[nodiscard]] std::size_t units_at() const noexcept {
        return base::round_up(tables_at() + tables, kUnitSize);
    }
};

// The same steps measure and place, so that all processes agree.
Segment::Parts Segment::place(Segment& segment, std::uintptr_t start, UnitId units,
                              const Parts* measured) noexcept {
    const std::uintptr_t tables = measured != nullptr ? start + measured->tables_at() : start;
    region::Carver carver(start, 0, tables, kUnitSize);
    segment.header_ = carver.array<Header>(1);
    segment.slots_ = carver.apart<Slot>(kMaxSlots);
    segment.free_units = {};
    segment.complete = {};
    for (base::BitmapIndex& index : segment.partial) index = {};
    region::layout_index(carver, &segment.free_units, 1, units, 0);
    region::layout_index(carver, segment.partial, base::kClasses, units, 0);
    region::layout_index(carver, &segment.complete, 1, units, 0);
    segment.states_ = carver.table<Atomic<Word>>(units);
    segment.bits_ = carver.table<Atomic<Word>>(units, 0, kWordsOfUnit);
    segment.tags_ = carver.table<Atomic<Tag>>(units, 0, kTagsOfUnit);
    segment.tables_ = carver.tables();
    return {carver.used(), carver.tables_used()};
}

std::size_t Segment::first_bytes(UnitId units) noexcept {
    Segment measured;
    return base::round_up(place(measured, kUnitSize, units, nullptr).dense, kUnitSize);
}

std::size_t Segment::file_bytes(UnitId units) noexcept {
    Segment measured;
    return place(measured, kUnitSize, units, nullptr).units_at() + std::size_t{units} * kUnitSize;
}

void Segment::attach(std::uintptr_t start, UnitId units, Backing& backing) noexcept {
    const Parts measured = place(*this, kUnitSize, units, nullptr);
    static_cast<void>(place(*this, start, units, &measured));
    start_ = start;
    first_ = measured.units_at();
    units_ = start + first_;
    end_ = units;
    backing_ = &backing;
    reach_.store(0, rlx);  // relaxed: no other thread has the segment yet
}

Atomic<Word>* Segment::entry_word(std::uint64_t at) const noexcept {
    const std::uint64_t first = offset(reinterpret_cast<std::uintptr_t>(slots_));
    const std::uint64_t id = (at - first) / sizeof(Slot);
    // [E44]
    if (at < first || id == 0 || id >= kMaxSlots || id >= header_->slots_in_file.load(acq))
        return nullptr;
    Atomic<Word>& word = slots_[id].entry;
    return offset(reinterpret_cast<std::uintptr_t>(&word)) == at ? &word : nullptr;
}

bool Segment::commit_bytes(std::uintptr_t from, std::uintptr_t to) noexcept {
    const std::size_t page = region::page_size();
    const std::size_t low = (from - start_) & ~(page - 1);
    const std::size_t high = base::round_up(to - start_, page);
    return backing_->commit(low, high - low);
}

bool Segment::commit_tables(UnitId to) noexcept {
    const UnitId from = covered();
    if (to <= from) return true;
    if (to > end_) return false;
    const UnitId last = last_entry(to, end_);
    for (std::uint32_t i = 0; i < tables_.count; ++i) {
        const region::Table& table = tables_.list[i];
        if (!commit_bytes(table.entry(from), table.entry(last) + table.stride)) return false;
    }
    return true;
}

void Segment::raise_covered(UnitId to) noexcept {
    UnitId seen = covered();
    // [E44] release, pairs with the acquire in covered(): the tables' pages are
    // in the file.
    while (seen < to && !header_->covered.cas(seen, to, rel, rlx)) {
    }
}

std::size_t Segment::metadata_bytes() const noexcept {
    const std::size_t page = region::page_size();
    const SlotId slots = header_->slots_in_file.load(rlx);  // relaxed: a count
    std::size_t bytes = first_bytes(end_) + base::round_up(std::size_t{slots} * sizeof(Slot), page);
    const UnitId to = covered();
    for (std::uint32_t i = 0; to != 0 && i < tables_.count; ++i) {
        const region::Table& table = tables_.list[i];
        bytes +=
            base::round_up(table.entry(last_entry(to, end_)) + table.stride - table.start, page);
    }
    return bytes;
}

bool Segment::cover_slot(SlotId id) noexcept {
    if (id >= kMaxSlots) return false;
    SlotId seen = header_->slots_in_file.load(acq);  // [E44], as covered()
    if (id < seen) return true;
    const SlotId to = id + kSlotStep < kMaxSlots ? id + kSlotStep : kMaxSlots;
    if (!commit_bytes(reinterpret_cast<std::uintptr_t>(slots_),
                      reinterpret_cast<std::uintptr_t>(slots_ + to)))
        return false;
    while (seen < to && !header_->slots_in_file.cas(seen, to, rel, rlx)) {
    }
    return true;
}

bool Segment::commit(UnitId start, std::uint32_t units) noexcept {
    return backing_->commit(address(start) - start_, std::size_t{units} << base::kUnitShift);
}

bool Segment::punch(UnitId start, std::uint32_t units) noexcept {
    return backing_->punch(address(start) - start_, std::size_t{units} << base::kUnitShift);
}

}  // namespace ashlar::shared
