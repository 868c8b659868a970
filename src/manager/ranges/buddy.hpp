// The binary buddy system (Knowlton, CACM 8, 1965; Knuth, TAOCP 1, 2.5): free
// ranges are kept in pieces of 2^k bytes at multiples of 2^k, a list for each
// k; a block is 2^k bytes, and merges with its buddy, the other half of the
// next larger piece, when both are free. A buffer of any size is a row of such
// pieces. All operations are O(log(limit)).
#ifndef ASHLAR_MANAGER_RANGES_BUDDY_HPP
#define ASHLAR_MANAGER_RANGES_BUDDY_HPP

#include <ashlar/policy.hpp>

#include "manager/ranges/lists.hpp"

namespace ashlar::ranges {

class Buddy final : public Policy {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "buddy"; }
    [[nodiscard]] std::size_t state_bytes(Size limit) const noexcept override;
    void attach(Ranges ranges, void* state, bool fresh) noexcept override;
    void insert(RangeId hole) noexcept override;
    void erase(RangeId hole) noexcept override;
    [[nodiscard]] RangeId find(Size size, Size alignment) noexcept override;
    // find() splits the smallest piece.
    [[nodiscard]] bool knows(Strategy strategy) const noexcept override {
        return strategy == Strategy::by_policy || strategy == Strategy::tight;
    }
    [[nodiscard]] Size largest() const noexcept override;
    [[nodiscard]] bool shaped() const noexcept override { return true; }
    [[nodiscard]] Size rounded(Size size, Size alignment) const noexcept override;
    [[nodiscard]] Size piece(Offset start, Size size) const noexcept override;
    [[nodiscard]] bool merges(const Range& low, const Range& high) const noexcept override;
    [[nodiscard]] bool check(std::uint64_t holes) const noexcept override;

  private:
    static constexpr Size kMostSize = Size{1} << 62;
    using State = Lists<64>;

    State* state_ = nullptr;
};

}  // namespace ashlar::ranges

#endif
