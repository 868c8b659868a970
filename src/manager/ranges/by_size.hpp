// Best fit, worst fit and address-ordered best fit: a treap of the holes by
// size. The policies differ in the order of equal holes, and in whether small
// or large ones come first. Find, insert, erase and move are O(log holes).
#ifndef ASHLAR_MANAGER_RANGES_BY_SIZE_HPP
#define ASHLAR_MANAGER_RANGES_BY_SIZE_HPP

#include <ashlar/policy.hpp>

namespace ashlar::ranges {

// Order: kName; kLargestFirst; before(a, b); touch(hole, clock): the hole is
// new or changed.
template <class Order>
class BySize final : public Policy {
  public:
    [[nodiscard]] const char* name() const noexcept override { return Order::kName; }
    [[nodiscard]] std::size_t state_bytes(Size limit) const noexcept override;
    void attach(Ranges ranges, void* state, bool fresh) noexcept override;
    void insert(RangeId hole) noexcept override;
    void erase(RangeId hole) noexcept override;
    void move(RangeId hole, Offset start, Size size) noexcept override;
    [[nodiscard]] RangeId find(Size size, Size alignment) noexcept override;
    [[nodiscard]] bool knows(Strategy strategy) const noexcept override {
        return strategy == Strategy::by_policy || strategy == Strategy::tight;
    }
    [[nodiscard]] RangeId find_by(Strategy strategy, Size size, Size alignment) noexcept override;
    [[nodiscard]] Size largest() const noexcept override;
    [[nodiscard]] bool check(std::uint64_t holes) const noexcept override;

  private:
    struct State {
        RangeId root;
        std::uint64_t clock;
    };
    struct Nodes;

    State* state_ = nullptr;
};

// The one that was freed, or cut, last of equals.
struct LatestOfSmallest {
    static constexpr const char* kName = "best fit";
    static constexpr bool kLargestFirst = false;
    [[nodiscard]] static std::uint64_t stamp(const Range& hole) noexcept {
        return hole.link[2] | std::uint64_t{hole.link[3]} << 32;
    }
    [[nodiscard]] static bool before(const Range& a, const Range& b) noexcept {
        return a.size != b.size ? a.size < b.size : stamp(a) > stamp(b);
    }
    static void touch(Range& hole, std::uint64_t& clock) noexcept {
        ++clock;
        hole.link[2] = static_cast<std::uint32_t>(clock);
        hole.link[3] = static_cast<std::uint32_t>(clock >> 32);
    }
};

struct LowestOfSmallest {
    static constexpr const char* kName = "ordered best fit";
    static constexpr bool kLargestFirst = false;
    [[nodiscard]] static bool before(const Range& a, const Range& b) noexcept {
        return a.size != b.size ? a.size < b.size : a.start < b.start;
    }
    static void touch(Range& /*hole*/, std::uint64_t& /*clock*/) noexcept {}
};

struct LowestOfLargest {
    static constexpr const char* kName = "worst fit";
    static constexpr bool kLargestFirst = true;
    [[nodiscard]] static bool before(const Range& a, const Range& b) noexcept {
        return a.size != b.size ? a.size > b.size : a.start < b.start;
    }
    static void touch(Range& /*hole*/, std::uint64_t& /*clock*/) noexcept {}
};

using BestFit = BySize<LatestOfSmallest>;
using OrderedBestFit = BySize<LowestOfSmallest>;
using WorstFit = BySize<LowestOfLargest>;
extern template class BySize<LatestOfSmallest>;
extern template class BySize<LowestOfSmallest>;
extern template class BySize<LowestOfLargest>;

}  // namespace ashlar::ranges

#endif
