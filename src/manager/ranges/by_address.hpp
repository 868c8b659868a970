// First fit and next fit: a treap of the holes by address, each of which knows
// the largest hole below it, so that subtrees without room are never entered
// (Stephenson, Fast Fits, SOSP 1983; Brent, TOPLAS 11, 1989). Find, insert,
// erase and move are O(log holes).
#ifndef ASHLAR_MANAGER_RANGES_BY_ADDRESS_HPP
#define ASHLAR_MANAGER_RANGES_BY_ADDRESS_HPP

#include <ashlar/policy.hpp>

namespace ashlar::ranges {

class ByAddress : public Policy {
  public:
    [[nodiscard]] std::size_t state_bytes(Size limit) const noexcept override;
    void attach(Ranges ranges, void* state, bool fresh) noexcept override;
    void insert(RangeId hole) noexcept override;
    void erase(RangeId hole) noexcept override;
    void move(RangeId hole, Offset start, Size size) noexcept override;
    [[nodiscard]] bool knows(Strategy strategy) const noexcept override;
    [[nodiscard]] RangeId find_by(Strategy strategy, Size size, Size alignment) noexcept override;
    [[nodiscard]] Size largest() const noexcept override;
    [[nodiscard]] bool check(std::uint64_t holes) const noexcept override;

  protected:
    struct State {
        RangeId root;
        Offset rover;  // of next fit: where the last block was cut off
    };
    struct Nodes;

    // The lowest hole that ends behind `from` and fits.
    [[nodiscard]] RangeId lowest(Offset from, Size size, Size alignment) const noexcept;

    State* state_ = nullptr;
};

class FirstFit final : public ByAddress {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "first fit"; }
    [[nodiscard]] RangeId find(Size size, Size alignment) noexcept override {
        return lowest(0, size, alignment);
    }
};

class NextFit final : public ByAddress {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "next fit"; }
    [[nodiscard]] RangeId find(Size size, Size alignment) noexcept override;
};

}  // namespace ashlar::ranges

#endif
