// The map of holes: free runs of units by length, then address, as a treap (base/treap.hpp) whose nodes lie in a table by
// unit, so that it needs no memory of its own. Best fit, lowest address first, in O(log holes) expected. Sequential code
// under the span lock, and only a hint of where to claim: the unit bits are the truth.
#ifndef ASHLAR_SPANS_HOLES_HPP
#define ASHLAR_SPANS_HOLES_HPP

#include <cstdint>

#include "base/bits.hpp"
#include "base/config.hpp"
#include "region/region.hpp"

namespace ashlar::spans {

class Holes {
  public:
    void layout(region::Carver& carver, base::UnitId end) noexcept;

    // The smallest hole of at least `units`, the lowest of those; kNoUnit: none.
    [[nodiscard]] base::UnitId best_fit(std::uint32_t units) const noexcept;
    [[nodiscard]] std::uint32_t length(base::UnitId start) const noexcept { return nodes_[start].length; }
    // Replaces a hole that starts there; with 0 units it does nothing.
    void insert(base::UnitId start, std::uint32_t units) noexcept;
    void erase(base::UnitId start) noexcept;
    // Erases all holes that start in [from, to); returns the greatest end of one of them, 0 if there was none.
    base::UnitId erase_within(base::UnitId from, base::UnitId to) noexcept;
    // Forgets everything, for the child of a fork that was cut while it was being changed. O(units).
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
