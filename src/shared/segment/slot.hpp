// A slot records what a thread has in its hands. Its owner writes it with plain
// stores in program order. Other threads read it only after its owner died: the
// kernel then marks `life`, after all stores of the dead thread [E43].
#ifndef ASHLAR_SHARED_SEGMENT_SLOT_HPP
#define ASHLAR_SHARED_SEGMENT_SLOT_HPP

#include <pthread.h>
#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/size_class.hpp"
#include "shared/segment/unit_state.hpp"

namespace ashlar::shared {

// The step that a thread is at, and its block or run.
//
//   63           44 43     38 37         16 15        5 4     0   of a block
//   |      0       |  class  |    unit     |  number   |  step  |
//   63     60 59           38 37         16 15        5 4     0   of a run
//   |   0    |     to      |    start    |     0     |  step  |
enum class Step : std::uint32_t {
    none = 0,
    allocating,  // the block was taken last: the program may not know it yet
    freeing,     // the block's tag may still be live
    freed,       // the block's tag is freed_tag(slot); its bit may not be set yet
    hint,        // the slab's hint was taken, or is about to be
    tail,        // units beyond the run's length, below `to`, are to be freed
    storing,     // as allocating; `argument` is where the offset is stored
    clearing,    // freed from the place `argument`, if that holds this slot's mark
};

struct Record {
    Word raw;

    static constexpr Record none() noexcept { return {0}; }
    // Class 0: a large block.
    static constexpr Record of(Step step, UnitId unit, std::uint32_t number,
                               std::uint32_t size_class) noexcept {
        return {static_cast<Word>(step) | Word{number} << 5 | Word{unit} << 16 |
                Word{size_class} << 38};
    }
    static constexpr Record tail(UnitId start, UnitId to) noexcept {
        return {static_cast<Word>(Step::tail) | Word{start} << 16 | Word{to} << 38};
    }
    [[nodiscard]] constexpr Step step() const noexcept { return static_cast<Step>(raw & 31); }
    [[nodiscard]] constexpr UnitId unit() const noexcept { return field(16, kUnitBits); }
    [[nodiscard]] constexpr UnitId to() const noexcept { return field(38, kUnitBits); }
    [[nodiscard]] constexpr std::uint32_t number() const noexcept { return field(5, 11); }
    [[nodiscard]] constexpr std::uint32_t size_class() const noexcept { return field(38, 6); }
    // The block's place among the tags of all units.
    [[nodiscard]] constexpr std::size_t tag_index() const noexcept {
        return raw >> 5 & ((Word{1} << (kUnitBits + 11)) - 1);
    }
    [[nodiscard]] constexpr Record with(Step step) const noexcept {
        return {(raw & ~Word{31}) | static_cast<Word>(step)};
    }
    constexpr bool operator==(const Record&) const noexcept = default;

  private:
    [[nodiscard]] constexpr std::uint32_t field(unsigned at, unsigned bits) const noexcept {
        return static_cast<std::uint32_t>(raw >> at & ((Word{1} << bits) - 1));
    }
};

// A word of a slab's bitmap: the Record of its first block, without a step.
// Zero: none.
struct Place {
    Word raw;
    static constexpr Place of(UnitId slab, std::uint32_t word, std::uint32_t size_class) noexcept {
        return {Record::of(Step::none, slab, word << 6, size_class).raw};
    }
    static constexpr Place of(Record record) noexcept { return {record.raw & ~Word{0x7ff}}; }
    [[nodiscard]] constexpr UnitId slab() const noexcept { return Record{raw}.unit(); }
    [[nodiscard]] constexpr std::uint32_t word() const noexcept {
        return Record{raw}.number() >> 6;
    }
    // Of the word's block with this bit.
    [[nodiscard]] constexpr Record record(Step step, std::uint32_t bit) const noexcept {
        return {raw | static_cast<Word>(step) | Word{bit} << 5};
    }
    constexpr bool operator==(const Place&) const noexcept = default;
};

// Spares: classes whose freed blocks a thread may keep, and how many of each.
inline constexpr std::size_t kMostSpare = 512;  // bytes of a block
inline constexpr std::uint32_t kSpareClasses = base::class_of_size(kMostSpare) + 1;
inline constexpr std::uint32_t kSpares = 8;
static_assert((kSpares & (kSpares - 1)) == 0);

enum class SlotState : std::uint32_t { free = 0, attached = 1 };

struct alignas(base::kCacheLine) Slot {
    // Robust and shared: its thread holds it while it is attached.
    pthread_mutex_t life;
    base::Atomic<std::uint32_t> state;  // SlotState; written by the holder of `life`
    base::Atomic<std::uint32_t> process;
    base::Atomic<Word> started;  // when the process started, to tell two with one number apart
    base::Atomic<Word> record;
    base::Atomic<Word> argument;
    base::Atomic<Word> size;  // while `record` is `storing`: the block's tag once it is stored
    // A record: the block that a reallocation took, until the old one is free.
    base::Atomic<Word> moved;
    base::Atomic<Word> entry;  // offset of a new name's entry that may not be linked yet; 0: none

    // For each class: the word of bits that the thread takes from, and the
    // blocks that it took out and has not handed out.
    base::Atomic<Word> place[base::kClasses];
    base::Atomic<Word> mask[base::kClasses];
    // Blocks of any slab that the thread freed and hands out next: how many,
    // and their Records without a step. Their bits are zero, and their tags
    // freed_tag(slot).
    base::Atomic<std::uint32_t> spares[kSpareClasses];
    base::Atomic<Word> spare[kSpareClasses][kSpares];
};

}  // namespace ashlar::shared

#endif
