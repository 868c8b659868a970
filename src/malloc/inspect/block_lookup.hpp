// The block that an address lies in, and its neighbours, by the tables of one
// heap. Each value may be wrong, as in a heap that was overwritten: it is
// checked before it is used. One thread at a time uses an object.
#ifndef ASHLAR_MALLOC_INSPECT_BLOCK_LOOKUP_HPP
#define ASHLAR_MALLOC_INSPECT_BLOCK_LOOKUP_HPP

#include "malloc/inspect/heap_reader.hpp"

namespace ashlar::inspect {

enum class BlockState : unsigned { live, in_slab, in_thread, in_shared, in_depot };

struct FoundBlock {
    std::uint64_t start, bytes;
    BlockState state;
};

// From the address to the block; 0: it lies in it, or next to its end.
[[nodiscard]] constexpr std::uint64_t distance(const FoundBlock& block,
                                               std::uint64_t address) noexcept {
    if (address < block.start) return block.start - address;
    const std::uint64_t within = address - block.start;
    return within < block.bytes ? 0 : within - block.bytes;
}

// In which part of a heap an address lies. Free units are those without a slab
// or run, also if they are kept for reuse.
enum class Within : unsigned { damaged, metadata, unused, free_unit, slab_end, slab, run };

struct FoundPlace {
    Within within;
    base::Bin bin;
    std::uint64_t start, units;  // of the slab or run
    std::uint32_t blocks;        // of the slab
    std::uint32_t in_use;        // not free in the slab
    bool has_block, has_before, has_after;
    FoundBlock block, before, after;
};

class BlockLookup {
  public:
    // Both must stay valid; `address` lies in the heap.
    void look(const Memory& memory, const HeapLayout& layout, std::uint64_t address,
              FoundPlace& out) noexcept;

    // After look(), for an address in no block: the live block that is nearest,
    // of those up to 1 MiB away. In each slab only a few blocks are looked at.
    // False: none is found.
    [[nodiscard]] bool nearest(std::uint64_t address, FoundBlock& out) noexcept;

  private:
    enum class Side : unsigned { before, after };
    static constexpr std::uint64_t kNearUnits = 16;
    static constexpr std::uint32_t kMostTries = 16;  // blocks of a slab

    [[nodiscard]] bool nearest_in(const FoundPlace& place, Side side, std::uint64_t address,
                                  FoundBlock& out) noexcept;
    [[nodiscard]] bool nearest_on(Side side, std::uint64_t address, FoundBlock& out) noexcept;
    // Units before an address where the beginning of its slab or run is looked
    // for: more than any run has.
    static constexpr std::uint64_t kMostUnits = 4096;

    [[nodiscard]] std::uint32_t number(std::uint64_t address) const noexcept;
    void look_at_slab(std::uint64_t unit, std::uint64_t address, FoundPlace& out) noexcept;
    [[nodiscard]] FoundBlock block_at(const FoundPlace& slab, std::uint32_t number) const noexcept;
    [[nodiscard]] BlockState state_of(base::Bin bin, std::uint64_t block) const noexcept;
    [[nodiscard]] std::uint64_t address_of(std::uint64_t unit) const noexcept {
        return layout_->base + (unit << base::kUnitShift);
    }
    [[nodiscard]] std::uint64_t unit_of(std::uint64_t address) const noexcept {
        return (address - layout_->base) >> base::kUnitShift;
    }

    const Memory* memory_;
    const HeapLayout* layout_;
    Window<512> states_;
    base::Word free_[base::kMaxSlabWords];  // of the slab
    FoundPlace near_;                       // of nearest()
};

}  // namespace ashlar::inspect

#endif
