// Linear and ring placement, as the linear algorithm of VMA: blocks are cut
// from one hole, the gap, one behind the other. The gap is where the last block
// ended, at the tip: it is the hole that touches the tip. Blocks that are
// freed there become a part of it, and are used again first. All holes are in
// the lists of a TLSF beside, for blocks that do not fit into the gap.
//
//   | stack of blocks -> | gap         | <- stack of Strategy::upper_end |
//                        tip
#ifndef ASHLAR_MANAGER_RANGES_LINEAR_HPP
#define ASHLAR_MANAGER_RANGES_LINEAR_HPP

#include <ashlar/policy.hpp>

#include "manager/ranges/tlsf.hpp"

namespace ashlar::ranges {

class Linear : public Policy {
  public:
    [[nodiscard]] std::size_t state_bytes(Size limit) const noexcept final;
    void attach(Ranges ranges, void* state, bool fresh) noexcept final;
    void insert(RangeId hole) noexcept final;
    void erase(RangeId hole) noexcept final;
    void move(RangeId hole, Offset start, Size size) noexcept final;
    [[nodiscard]] RangeId find(Size size, Size alignment) noexcept final;
    [[nodiscard]] bool knows(Strategy strategy) const noexcept final {
        return strategy != Strategy::lowest;
    }
    [[nodiscard]] RangeId find_by(Strategy strategy, Size size, Size alignment) noexcept final;
    [[nodiscard]] Size largest() const noexcept final { return lists_.largest(); }
    [[nodiscard]] bool check(std::uint64_t holes) const noexcept final;

  protected:
    explicit Linear(bool wraps) noexcept : wraps_(wraps) {}

  private:
    struct alignas(64) State {
        RangeId gap;  // no_range: no hole touches the tip
        Offset tip;
    };

    [[nodiscard]] bool at_tip(RangeId hole) const noexcept;
    void look_for_tip(RangeId hole) noexcept;
    // A hole with room, when the gap has none.
    [[nodiscard]] RangeId elsewhere(Size size, Size alignment) noexcept;

    Tlsf lists_;
    State* state_ = nullptr;
    bool wraps_;
};

// A block that does not fit goes elsewhere, and the gap stays.
class LinearPlacement final : public Linear {
  public:
    LinearPlacement() noexcept : Linear(false) {}
    [[nodiscard]] const char* name() const noexcept override { return "linear"; }
};

// A block that does not fit goes to the beginning of the buffer, or elsewhere.
// The gap is there then.
class RingPlacement final : public Linear {
  public:
    RingPlacement() noexcept : Linear(true) {}
    [[nodiscard]] const char* name() const noexcept override { return "ring"; }
};

}  // namespace ashlar::ranges

#endif
