// Reads one heap through its HeapLayout: what it holds, by a walk over its
// units. Takes no lock, writes nothing, and stops nobody. Any value may be
// wrong or change meanwhile: each index is checked before it is used. One
// thread at a time.
#ifndef ASHLAR_MALLOC_INSPECT_HEAP_READER_HPP
#define ASHLAR_MALLOC_INSPECT_HEAP_READER_HPP

#include "malloc/inspect/counts.hpp"
#include "malloc/inspect/layout.hpp"
#include "malloc/inspect/memory.hpp"
#include "malloc/inspect/residency.hpp"

namespace ashlar::inspect {

// Copies and checks the layout at an address. False: there is none, or one of
// another version.
[[nodiscard]] bool read_layout(const Memory& memory, std::uint64_t address,
                               HeapLayout& out) noexcept;

// Where the heap's address range ends.
[[nodiscard]] inline std::uint64_t end_of(const HeapLayout& layout) noexcept {
    return layout.base + (layout.units << base::kUnitShift);
}

class HeapReader {
  public:
    // All but the memory may be null.
    void open(const Memory& memory, Residency* pages, const UnitVisitor* visitor) noexcept;
    // Adds what the heap holds to `out`.
    void count(const HeapLayout& layout, HeapCounts& out) noexcept;

  private:
    static constexpr unsigned kMostParts = 5 * kParts;

    void count_units(std::uint64_t end, std::uint64_t committed) noexcept;
    [[nodiscard]] std::uint64_t count_unit(std::uint64_t unit, std::uint64_t end) noexcept;
    void count_slab(std::uint64_t unit, base::Bin c) noexcept;
    void count_resident(UnitRecord& record, const base::Word* free) noexcept;
    void visit(const UnitRecord& record) const noexcept {
        if (visitor_ != nullptr) visitor_->visit(visitor_->context, record);
    }
    void count_free(std::uint64_t unit) noexcept;
    void count_part(Part& part, UnitKind kind, std::uint64_t unit, std::uint64_t units) noexcept;
    [[nodiscard]] std::uint64_t resident(std::uint64_t unit, std::uint64_t units) noexcept;
    [[nodiscard]] bool bit_of(std::uint64_t words, std::uint64_t stride, Window<512>& window,
                              std::uint64_t unit) noexcept;
    void count_caches() noexcept;
    void count_each_cache() noexcept;
    void count_cache(std::uint64_t address) noexcept;
    [[nodiscard]] std::uint64_t without_gaps(std::uint64_t top, std::uint64_t n) noexcept;
    void count_depot() noexcept;
    void add_misses(const std::uint64_t (&misses)[kMissWords]) noexcept;
    void bound_cached() noexcept;
    void count_metadata(std::uint64_t frontier) noexcept;
    [[nodiscard]] std::uint32_t number(std::uint64_t address) noexcept;
    [[nodiscard]] std::uint64_t address_of(std::uint64_t unit) const noexcept {
        return layout_->base + (unit << base::kUnitShift);
    }

    const Memory* memory_;
    Residency* pages_;
    const UnitVisitor* visitor_;
    const HeapLayout* layout_;
    HeapCounts* out_;
    HeapCounts own_;  // of the heap being read
    Window<4096> states_;
    Window<4096> bits_;
    Window<512> free_, dirty_, aged_;
};

}  // namespace ashlar::inspect

#endif
