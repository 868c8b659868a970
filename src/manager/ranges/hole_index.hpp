// A tree of all holes beside the policy's own records, for strategies that the
// policy does not know. It stands in front of the policy once a request asked
// for such a strategy, so that a manager without such requests pays nothing. It
// is built upwards by address, a few ranges at a time, between which the lock
// is free.
//
//   | holes of the tree    | holes that are not in it yet |
//   0                      end: ~0 when all are in it
//
// The tree's links lie in a table of their own. The size of the largest hole
// below a node is its Range::asked.
#ifndef ASHLAR_MANAGER_RANGES_HOLE_INDEX_HPP
#define ASHLAR_MANAGER_RANGES_HOLE_INDEX_HPP

#include <ashlar/policy.hpp>

#include "core/region/region.hpp"

namespace ashlar::ranges {

class HoleIndex final : public Policy {
  public:
    void layout(region::Carver& carver, std::uint32_t most) noexcept;
    // `policy` is attached.
    void stand_before(Policy& policy, Ranges ranges) noexcept;

    // Whether the tree is in the order that a strategy needs.
    [[nodiscard]] bool serves(Strategy strategy) const noexcept {
        const bool by_address = strategy == Strategy::lowest || strategy == Strategy::upper_end;
        return by_size_ ? strategy == Strategy::tight : by_address;
    }
    // The table of links, by RangeId. It must be open before begin().
    [[nodiscard]] const void* links() const noexcept { return links_; }
    static constexpr std::size_t kLinkBytes = 2 * sizeof(RangeId);
    [[nodiscard]] bool active() const noexcept { return state_->active != 0; }
    [[nodiscard]] bool complete() const noexcept { return state_->end == ~Offset{0}; }
    [[nodiscard]] Offset end() const noexcept { return state_->end; }
    void begin() noexcept { state_->active = 1; }
    // The next range by address; a hole enters the tree.
    void pass(RangeId range) noexcept;
    void finish() noexcept { state_->end = ~Offset{0}; }
    // Forgets the tree, and gives its pages back.
    void drop() noexcept;
    // Bytes of links in use, if `created` records were.
    [[nodiscard]] Size metadata(std::uint32_t created) const noexcept {
        return active() ? created * sizeof(Links) : 0;
    }

    [[nodiscard]] const char* name() const noexcept override { return policy_->name(); }
    void attach(Ranges, void*, bool) noexcept override {}
    void insert(RangeId hole) noexcept override;
    void erase(RangeId hole) noexcept override;
    void move(RangeId hole, Offset start, Size size) noexcept override;
    [[nodiscard]] RangeId find(Size size, Size alignment) noexcept override {
        return policy_->find(size, alignment);
    }
    [[nodiscard]] bool knows(Strategy strategy) const noexcept override {
        return serves(strategy) || policy_->knows(strategy);
    }
    [[nodiscard]] RangeId find_by(Strategy strategy, Size size, Size alignment) noexcept override;
    [[nodiscard]] Size largest() const noexcept override { return policy_->largest(); }
    [[nodiscard]] Size rounded(Size size, Size alignment) const noexcept override {
        return policy_->rounded(size, alignment);
    }
    [[nodiscard]] Size piece(Offset start, Size size) const noexcept override {
        return policy_->piece(start, size);
    }
    [[nodiscard]] bool shaped() const noexcept override { return policy_->shaped(); }
    [[nodiscard]] bool merges(const Range& low, const Range& high) const noexcept override {
        return policy_->merges(low, high);
    }
    [[nodiscard]] bool check(std::uint64_t holes) const noexcept override;

  private:
    struct State {
        RangeId root;
        std::uint32_t active;  // 1: it stands before the policy
        Offset end;
        std::uint64_t holes;  // in the tree
    };
    struct Links {
        RangeId left, right;
    };
    static_assert(sizeof(Links) == kLinkBytes);
    struct ByAddress;
    struct BySize;

    [[nodiscard]] bool covers(Offset start) const noexcept { return start < state_->end; }
    void enter(RangeId hole) noexcept;
    void leave(RangeId hole) noexcept;

    Policy* policy_ = nullptr;
    State* state_ = nullptr;
    Links* links_ = nullptr;
    std::uint32_t most_ = 0;
    bool by_size_ = false;  // else by address
};

}  // namespace ashlar::ranges

#endif
