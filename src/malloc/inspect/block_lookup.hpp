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

  private:
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

    const Memory* memory_;
    const HeapLayout* layout_;
    Window<512> states_;
    base::Word free_[base::kMaxSlabWords];  // of the slab
};

}  // namespace ashlar::inspect

#endif
