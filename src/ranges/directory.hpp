// Blocks by their offsets. By start: linear hashing (Litwin 1980, Larson 1988), whose table grows by a few buckets at a time,
// so that no single call pays for all. By any byte inside: a treap by address, which is brought up to date only when somebody
// asks: records of new blocks wait in a queue, and stay there when the block goes, so that programs that never ask touch
// nothing for it.
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
        if (++state.blocks > state.groups) add_group();
        Range& range = ranges_[block];
        RangeId& bucket = this->bucket(range.start);
        range.chain = bucket;
        bucket = block;
        if ((range.state & kWaiting) != 0) return;
        range.state |= kWaiting;
        waiting_[state.waiting++] = block;
    }
    // What leads to the block that starts there: *link is no_range if none does. Till the next change.
    [[nodiscard]] RangeId* link_to(Offset start) const noexcept {
        RangeId* at = &bucket(start);
        while (*at != no_range && ranges_[*at].start != start) at = &ranges_[*at].chain;
        return at;
    }
    void erase(RangeId* link) noexcept {
        --state_->blocks;
        const RangeId block = *link;
        const Range& range = ranges_[block];
        *link = range.chain;
        if ((range.state & kIndexed) != 0) [[unlikely]]
            leave_tree(block);
    }
    [[nodiscard]] RangeId find(Offset start) const noexcept { return *link_to(start); }
    // The block with the greatest start <= offset; no_range: none. O(log n), beside O(log n) for each block that was inserted
    // since the last call.
    [[nodiscard]] RangeId last_up_to(Offset offset) noexcept;

    // Whether it holds just so many blocks, each where it belongs.
    [[nodiscard]] bool check(std::uint64_t blocks) const noexcept;

  private:
    struct State {
        std::uint32_t groups;  // of buckets, in use; 0 in the beginning
        std::uint32_t mask;    // 2^k - 1 >= groups - 1
        std::uint32_t blocks;
        std::uint32_t waiting;
        RangeId root;
    };
    struct ByAddress;
    // Four buckets for each block, so that most blocks are the first of theirs: whether one is, no processor can guess, and to
    // look means a cache miss.
    struct Group {
        RangeId buckets[4];
    };

    // Reversed, so that the best bits of the product come first whatever power of two all starts are multiples of.
    [[nodiscard]] static std::uint64_t hash(Offset start) noexcept { return __builtin_bswap64(start * 0x9e3779b97f4a7c15U); }
    [[nodiscard]] std::uint32_t group(std::uint64_t hashed) const noexcept {
        const std::uint32_t wide = static_cast<std::uint32_t>(hashed) & state_->mask;
        return wide < state_->groups ? wide : wide & state_->mask >> 1;
    }
    [[nodiscard]] RangeId& bucket(Offset start) const noexcept {
        const std::uint64_t hashed = hash(start);
        return groups_[group(hashed)].buckets[hashed >> 62];
    }
    void add_group() noexcept;
    void leave_tree(RangeId block) noexcept;

    Ranges ranges_;
    Group* groups_ = nullptr;
    RangeId* waiting_ = nullptr;  // records with kWaiting, which may be anything by now: blocks of them belong into the tree
    State* state_ = nullptr;
    std::uint32_t most_ = 0;
};

}  // namespace ashlar::ranges

#endif
