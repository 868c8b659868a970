// Checks the invariants of a heap that no thread uses meanwhile. Counts the
// faults, and prints a line on stderr for each.
#ifndef ASHLAR_SHARED_API_CHECK_HPP
#define ASHLAR_SHARED_API_CHECK_HPP

#include "shared/api/mapping.hpp"

namespace ashlar::shared {

class Check {
  public:
    explicit Check(Mapping& mapping) noexcept
        : mapping_(mapping), segment_(mapping.segment()), end_(mapping.segment().covered()) {}
    [[nodiscard]] std::size_t run() noexcept;

  private:
    void fault(Offset where, const char* what) noexcept;
    [[nodiscard]] Offset offset(UnitId unit) const noexcept {
        return segment_.offset(segment_.address(unit));
    }

    // Returns the units of the run that begins here, at least 1.
    std::uint32_t unit(UnitId unit) noexcept;
    void free_unit(UnitId unit, UnitState state) noexcept;
    void inside(UnitId start, std::uint32_t units) noexcept;
    void large(UnitId unit, UnitState state) noexcept;
    void slab(UnitId unit, UnitState state) noexcept;
    void hints(UnitId slab, Bin c) noexcept;
    // `kept`: blocks of the word that the slab's owner keeps for itself.
    void word(UnitId slab, Bin c, std::uint32_t word, Word kept) noexcept;
    [[nodiscard]] bool is_spare(Block block, Tag tag) const noexcept;
    void slot(SlotId id) noexcept;

    Mapping& mapping_;
    Segment& segment_;
    UnitId end_;
    std::size_t faults_ = 0;
};

}  // namespace ashlar::shared

#endif
