// Blocks of every size, as offsets from the beginning of the file: in slabs up
// to 32 KiB, else runs of units. Each call says exactly whether a block begins
// at an offset and is live. Lock-free, any thread with a slot.
#ifndef ASHLAR_SHARED_BLOCKS_BLOCKS_HPP
#define ASHLAR_SHARED_BLOCKS_BLOCKS_HPP

#include <cstddef>
#include <cstdint>

#include "shared/blocks/slabs.hpp"

namespace ashlar::shared {

using Offset = std::uint64_t;  // 0: none

// Faults of an offset that a caller passed.
enum class Fault { none, foreign, interior, not_live, gone };

// A place whose block a slot frees. Odd, so that it is no block's offset.
//
//   63  60 59   48 47       1 0
//   |  0  | slot  | offset | 1 |
inline constexpr unsigned kOffsetBits = 48;
constexpr base::Word mark_of(Offset block, SlotId slot) noexcept {
    return block | Word{slot} << kOffsetBits | 1;
}
constexpr bool is_mark(base::Word place) noexcept { return (place & 1) != 0; }
// Whether a place names the block, marked or not.
constexpr bool names(base::Word place, Offset block) noexcept {
    return place == block || (is_mark(place) && (place & ((Word{1} << kOffsetBits) - 2)) == block);
}

// Called for each live block; returns false to stop.
using BlockVisitor = bool (*)(void* context, Offset block, std::size_t bytes);

class Blocks {
  public:
    explicit Blocks(Segment& segment) noexcept
        : segment_(segment), runs_(segment), slabs_(segment, runs_) {}

    // At a multiple of `alignment`, a power of two up to a unit. 0: no room.
    [[nodiscard]] Offset allocate(Owner me, std::size_t size, std::size_t alignment) noexcept;
    // The same. The offset is stored at `destination` before this returns; a
    // death in between leaves either both or none.
    [[nodiscard]] Offset allocate_to(Owner me, Offset destination, std::size_t size,
                                     std::size_t alignment) noexcept;
    [[nodiscard]] Fault deallocate(Owner me, Offset block) noexcept;
    // The parts of these two that most calls need. 0: the thread has no block
    // in its mask for this size, at the least alignment.
    [[nodiscard]] Offset allocate_kept(Owner me, std::size_t size) noexcept;
    // Fault::foreign: no block of a slab begins here, or not in its first unit.
    [[nodiscard]] Fault deallocate_plain(Owner me, Offset block) noexcept;
    // Frees the block whose offset is stored at `source`, and stores 0 there.
    // Meanwhile the place holds a mark. Recovery completes the call if the mark
    // was stored; else both stay. Fault::foreign: `source` is in no live block.
    // Fault::gone: it names none, or another thread frees it.
    [[nodiscard]] Fault deallocate_from(Owner me, Offset source) noexcept;
    // In place, or 0: it needs another block.
    [[nodiscard]] Offset resize(Owner me, Offset block, std::size_t size) noexcept;

    struct Found {
        Offset start;      // of the block that the offset lies in
        std::size_t size;  // as requested; 0 for a block of 0 bytes too
        Fault fault;       // none, foreign, not_live
    };
    // The block that the byte at `at` lies in, within its class's bytes.
    [[nodiscard]] Found find(Offset at) const noexcept;

    // Exact only while no other thread changes the heap.
    bool visit(BlockVisitor visitor, void* context) const noexcept;

    [[nodiscard]] Segment& segment() const noexcept { return segment_; }
    [[nodiscard]] Runs& runs() noexcept { return runs_; }
    [[nodiscard]] Slabs& slabs() noexcept { return slabs_; }
    // The record of a step that concerns a block; none: no block begins there.
    [[nodiscard]] Record record_of(Step step, Offset block) const noexcept;
    // The word at an offset; nullptr: it is neither in a run that is in use,
    // nor a slot's `entry`.
    [[nodiscard]] base::Atomic<Word>* word_at(Offset at) const noexcept;
    [[nodiscard]] Offset offset_of(Block block) const noexcept;
    [[nodiscard]] Offset offset_of(UnitId unit) const noexcept {
        return segment_.first() + (Offset{unit} << base::kUnitShift);
    }

  private:
    // What an offset names. `block`: of a slab. Else a large block begins in
    // `start`, if that is not kNoUnit.
    struct Located {
        UnitId start;
        Block block;
        Fault fault;
    };
    [[nodiscard]] Located locate(Offset at) const noexcept;
    [[nodiscard]] Offset allocate_any(Owner me, std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] Fault deallocate_any(Owner me, Offset block) noexcept;
    [[nodiscard]] UnitId take_large(Owner me, std::size_t size, bool pending) noexcept;
    [[nodiscard]] Fault end(Owner me, Located found) noexcept;

    Segment& segment_;
    Runs runs_;
    Slabs slabs_;
};

inline Offset Blocks::offset_of(Block block) const noexcept {
    return offset_of(block.slab) + std::uint64_t{block.number} * kShape[block.c].size;
}

[[gnu::always_inline]] inline Offset Blocks::allocate_kept(Owner me, std::size_t size) noexcept {
    if (size > kMostTabled) [[unlikely]]
        return 0;
    const Bin c = tabled_class(size);
    const Record taken = slabs_.take_spare(me, c, live_tag(kShape[c].size, size), Step::allocating);
    if (taken == Record::none()) [[unlikely]]
        return 0;
    return offset_of(taken.unit()) + std::uint64_t{taken.number()} * kShape[c].size;
}

inline Offset Blocks::allocate(Owner me, std::size_t size, std::size_t alignment) noexcept {
    const Offset kept = alignment <= base::kMinAlignment ? allocate_kept(me, size) : 0;
    return kept != 0 ? kept : allocate_any(me, size, alignment);
}

[[gnu::always_inline]] inline Fault Blocks::deallocate_plain(Owner me, Offset block) noexcept {
    const std::uint64_t distance = block - segment_.first();
    if (distance >> base::kUnitShift >= segment_.reach()) [[unlikely]]
        return Fault::foreign;
    const auto unit = static_cast<UnitId>(distance >> base::kUnitShift);
    const UnitState state = segment_.state(unit, base::acq);  // [E46]
    const Bin c = state.size_class();
    const std::uint32_t number = kShape[c].number_at(distance & (base::kUnitSize - 1));
    if (!state.is_slab() || number >= kShape[c].blocks) [[unlikely]]
        return Fault::foreign;
    return slabs_.give(me, {unit, number, c}) ? Fault::none : Fault::not_live;
}

inline Fault Blocks::deallocate(Owner me, Offset block) noexcept {
    const Fault fault = deallocate_plain(me, block);
    return fault == Fault::foreign ? deallocate_any(me, block) : fault;
}

}  // namespace ashlar::shared

#endif
