// Blocks by their offsets. By start: linear hashing (Litwin 1980, Larson 1988), whose table grows by one bucket at a time, so
// that no single call pays for all. By any byte inside: a treap by address, which is brought up to date only when somebody
// asks: new blocks wait in a list, so that programs that never ask pay a few stores for it.
#ifndef ASHLAR_RANGES_DIRECTORY_HPP
#define ASHLAR_RANGES_DIRECTORY_HPP

#include <ashlar/policy.hpp>
#include <cstdint>

#include "ranges/kind.hpp"
#include "region/region.hpp"

namespace ashlar::ranges {

class Directory {
  public:
    void layout(region::Carver& carver, Ranges ranges, std::uint32_t most) noexcept;

    void insert(RangeId block) noexcept {
        State& state = *state_;
        if (++state.blocks > state.buckets) add_bucket();
        Range& range = ranges_[block];
        RangeId& bucket = buckets_[slot(range.start)];
        range.chain = bucket;
        bucket = block;
        const RangeId next = next_waiting(no_range);
        next_waiting(block) = next;
        last_waiting(block) = no_range;
        last_waiting(next) = block;
        next_waiting(no_range) = block;
    }
    void erase(RangeId block) noexcept {
        --state_->blocks;
        Range& range = ranges_[block];
        RangeId* at = &buckets_[slot(range.start)];
        while (*at != block) at = &ranges_[*at].chain;
        *at = range.chain;
        if ((range.state & kIndexed) != 0) return leave_tree(block);
        next_waiting(last_waiting(block)) = next_waiting(block);
        last_waiting(next_waiting(block)) = last_waiting(block);
    }
    [[nodiscard]] RangeId find(Offset start) const noexcept {
        RangeId at = buckets_[slot(start)];
        while (at != no_range && ranges_[at].start != start) at = ranges_[at].chain;
        return at;
    }
    // The block with the greatest start <= offset; no_range: none. O(log n), beside O(log n) for each block that was inserted
    // since the last call.
    [[nodiscard]] RangeId last_up_to(Offset offset) noexcept;

    // Whether it holds just so many blocks, each where it belongs.
    [[nodiscard]] bool check(std::uint64_t blocks) const noexcept;

  private:
    struct State {
        std::uint32_t buckets;  // in use; 0 in the beginning
        std::uint32_t mask;     // 2^k - 1 >= buckets - 1
        std::uint32_t blocks;
        RangeId root;
    };
    struct ByAddress;

    // Reversed, so that the best bits of the product come first whatever power of two all starts are multiples of.
    [[nodiscard]] static std::uint32_t hash(Offset start) noexcept {
        return static_cast<std::uint32_t>(__builtin_bswap64(start * 0x9e3779b97f4a7c15U));
    }
    [[nodiscard]] std::uint32_t slot(Offset start) const noexcept {
        const std::uint32_t wide = hash(start) & state_->mask;
        return wide < state_->buckets ? wide : wide & state_->mask >> 1;
    }
    // The list of those that are not in the tree is a ring through record 0.
    [[nodiscard]] RangeId& last_waiting(RangeId block) const noexcept { return ranges_[block].link[2]; }
    [[nodiscard]] RangeId& next_waiting(RangeId block) const noexcept { return ranges_[block].link[3]; }

    void add_bucket() noexcept;
    void leave_tree(RangeId block) noexcept;

    Ranges ranges_;
    RangeId* buckets_ = nullptr;
    State* state_ = nullptr;
    std::uint32_t most_ = 0;
};

}  // namespace ashlar::ranges

#endif
