// The map of holes: free runs of units, by length, then address. It is a treap
// (base/treap.hpp) with its nodes in a table by unit, so that it needs no
// memory of its own. Best fit, lowest address first, in O(log holes) expected
// time. Sequential code, called under the span lock. It only hints where to
// claim: the bits of the units decide.
#ifndef ASHLAR_CORE_SPANS_HOLES_HPP
#define ASHLAR_CORE_SPANS_HOLES_HPP

#include <cstdint>

#include "base/bits.hpp"
#include "base/config.hpp"
#include "core/region/region.hpp"

namespace ashlar::spans {

class Holes {
  public:
    void layout(region::Carver& carver, base::UnitId end) noexcept;

    // The shortest hole of at least `units`, of those the lowest; kNoUnit:
    // none.
    [[nodiscard]] base::UnitId best_fit(std::uint32_t units) const noexcept;
    // The hole that follows this one by length, then address; kNoUnit: it is
    // the last.
    [[nodiscard]] base::UnitId next_fit(base::UnitId start) const noexcept;
    [[nodiscard]] std::uint32_t length(base::UnitId start) const noexcept {
        return nodes_[start].length;
    }
    // Replaces a hole that starts there; with 0 units it does nothing.
    void insert(base::UnitId start, std::uint32_t units) noexcept;
    void erase(base::UnitId start) noexcept;
    // Erases all holes that start in [from, to); returns the greatest end of
    // one of them, 0 if there was none.
    base::UnitId erase_within(base::UnitId from, base::UnitId to) noexcept;
    // Empties the map, in the child of a fork that may have cut a change of it.
    // O(units).
    void clear(base::UnitId end) noexcept;

  private:
    struct Node {
        std::uint32_t length;  // 0: not in the map
        base::UnitId left;
        base::UnitId right;
    };

    struct Tree;

    Node* nodes_;
    base::Word* starts_;  // one bit per unit: a hole starts here
    base::UnitId root_;
};

}  // namespace ashlar::spans

#endif
