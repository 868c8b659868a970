// Finds blocks by offset. By start: linear hashing (Litwin 1980, Larson 1988),
// whose table grows by a few buckets at a time, so that no single call pays for
// all. By any byte inside: a treap by address of one block in 64, chosen by the
// hash of its start, from where a walk over the ranges goes on. A block that
// was far from the next one of the tree joins it. So programs that never ask
// pay for one block in 64, and no call pays for all blocks.
#ifndef ASHLAR_MANAGER_RANGES_DIRECTORY_HPP
#define ASHLAR_MANAGER_RANGES_DIRECTORY_HPP

#include <ashlar/policy.hpp>
#include <cstdint>

#include "core/region/region.hpp"
#include "core/region/step_tables.hpp"
#include "manager/ranges/kind.hpp"

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
        if (sampled(range.start)) [[unlikely]]
            enter_tree(block);
    }
    // The link to the block that starts there; *link is no_range if there is
    // none. Valid until the next change.
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
    // Forgets all blocks. The caller clears their flags. O(buckets).
    void clear() noexcept;
    // The block with the greatest start <= offset; no_range: none. Walks over
    // the list of ranges: O(log n) expected, with 64 blocks passed on average.
    [[nodiscard]] RangeId last_up_to(Offset offset) noexcept;

    // Bytes in use.
    [[nodiscard]] Size metadata() const noexcept { return Size{state_->groups} * sizeof(Group); }
    // Gives back groups that are not needed, at most `most`. True: there may be
    // more.
    bool trim_groups(std::uint32_t most) noexcept;

    // Whether it holds exactly this number of blocks, each in its bucket.
    [[nodiscard]] bool check(std::uint64_t blocks) const noexcept;

  private:
    struct State {
        std::uint32_t groups;  // of buckets, in use; 0 in the beginning
        std::uint32_t room;    // for so many groups
        std::uint32_t opened;  // entries of table_; 0: the groups are still in few_
        std::uint32_t mask;    // 2^k - 1 >= groups - 1
        std::uint32_t blocks;
        RangeId root;
    };
    // Blocks beyond which a walk has its last block join the tree.
    static constexpr unsigned kNear = 8;
    struct ByAddress;
    // Four buckets for each block, so that most blocks are the first of their
    // bucket. No processor predicts which are, and a look at a second is a
    // cache miss.
    struct Group {
        RangeId buckets[4];
    };
    static constexpr std::uint32_t kFew = 64;

    // Reversed: the best bits of the product come first, even where all starts
    // are multiples of a power of two.
    [[nodiscard]] static std::uint64_t hash(Offset start) noexcept {
        return __builtin_bswap64(start * 0x9e3779b97f4a7c15U);
    }
    [[nodiscard]] std::uint32_t group(std::uint64_t hashed) const noexcept {
        const std::uint32_t wide = static_cast<std::uint32_t>(hashed) & state_->mask;
        return wide < state_->groups ? wide : wide & state_->mask >> 1;
    }
    [[nodiscard]] RangeId& bucket(Offset start) const noexcept {
        const std::uint64_t hashed = hash(start);
        return groups_[group(hashed)].buckets[hashed >> 62];
    }
    // Mixed once more, since steps of some sizes leave long gaps in the
    // products alone.
    [[nodiscard]] static bool sampled(Offset start) noexcept {
        const std::uint64_t product = start * 0x9e3779b97f4a7c15U;
        return (product ^ product >> 29) * 0xbf58476d1ce4e5b9U >> 58 == 0;
    }
    void add_group() noexcept;
    [[gnu::noinline]] [[nodiscard]] bool make_room() noexcept;
    void remove_group() noexcept;
    void enter_tree(RangeId block) noexcept;
    void leave_tree(RangeId block) noexcept;

    Ranges ranges_;
    Group* groups_ = nullptr;  // few_ or table_
    // The first groups, until there are more: small managers need no page for
    // the table.
    Group* few_ = nullptr;
    Group* table_ = nullptr;
    region::StepTables steps_;
    State* state_ = nullptr;
    std::uint32_t most_ = 0;
};

}  // namespace ashlar::ranges

#endif
