#include "manager/ranges/directory.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/treap.hpp"

namespace ashlar::ranges {

namespace treap = base::treap;

struct Directory::ByAddress {
    Ranges ranges;

    [[nodiscard]] RangeId& left(RangeId block) const noexcept { return ranges[block].link[0]; }
    [[nodiscard]] RangeId& right(RangeId block) const noexcept { return ranges[block].link[1]; }
    [[nodiscard]] bool before(RangeId a, RangeId b) const noexcept {
        return ranges[a].start < ranges[b].start;
    }
};

void Directory::layout(region::Carver& carver, Ranges ranges, std::uint32_t most) noexcept {
    ranges_ = ranges;
    most_ = most;
    state_ = carver.array<State>(1);
    few_ = carver.array<Group>(std::min(most, kFew));
    table_ = carver.stepped<Group>(most);
    steps_ = region::StepTables(carver.open_end());
    steps_.add(table_, sizeof(Group));
    if (!carver.places()) return;
    groups_ = state_->opened == 0 ? few_ : table_;
    if (state_->opened == 0) state_->room = std::min(most, kFew);
}

// False: there is no room for a further group. Chains then become longer.
bool Directory::make_room() noexcept {
    State& state = *state_;
    const std::uint32_t opened = steps_.open(state.opened, state.groups + 1, most_);
    if (opened == state.opened) return false;
    if (state.opened == 0) {
        std::memcpy(table_, few_, sizeof(Group) * kFew);
        std::memset(few_, 0, sizeof(Group) * kFew);
        groups_ = table_;
    }
    state.room = state.opened = opened;
    return true;
}

// The next group takes its part of the blocks of the one that served for both.
[[gnu::noinline]] void Directory::add_group() noexcept {
    State& state = *state_;
    const std::uint32_t added = state.groups;
    if (added == state.room && !make_room()) return;
    state.groups = added + 1;
    if (added == 0) return;
    if (added > state.mask) state.mask = 2 * state.mask + 1;
    const std::uint32_t from = added & state.mask >> 1;
    for (std::uint32_t i = 0; i < std::size(groups_->buckets); ++i) {
        RangeId* stays = &groups_[from].buckets[i];
        RangeId at = *stays;
        if (at == no_range) continue;
        RangeId* goes = &groups_[added].buckets[i];
        for (; at != no_range; at = ranges_[at].chain) {
            RangeId*& into = group(hash(ranges_[at].start)) == added ? goes : stays;
            *into = at;
            into = &ranges_[at].chain;
        }
        *stays = no_range;
        *goes = no_range;
    }
}

// The reverse of add_group().
void Directory::remove_group() noexcept {
    State& state = *state_;
    const std::uint32_t last = --state.groups;
    if (last == 0) return;  // no blocks are left
    const std::uint32_t into = last & state.mask >> 1;
    if (last <= (state.mask >> 1) + 1) state.mask >>= 1;
    for (std::uint32_t i = 0; i < std::size(groups_->buckets); ++i) {
        RangeId* end = &groups_[last].buckets[i];
        if (*end == no_range) continue;
        while (*end != no_range) end = &ranges_[*end].chain;
        *end = groups_[into].buckets[i];
        groups_[into].buckets[i] = groups_[last].buckets[i];
        groups_[last].buckets[i] = no_range;
    }
}

bool Directory::trim_groups(std::uint32_t most) noexcept {
    while (state_->groups > state_->blocks && most-- != 0) remove_group();
    if (state_->opened != 0)
        region::purge_within(region::kSystem, table_ + state_->groups, table_ + state_->opened);
    return state_->groups > state_->blocks;
}

void Directory::clear() noexcept {
    State& state = *state_;
    std::memset(groups_, 0, std::size_t{state.groups} * sizeof(Group));  // all no_range
    state.blocks = 0;
    state.root = no_range;
}

[[gnu::noinline]] void Directory::enter_tree(RangeId block) noexcept {
    treap::insert(ByAddress{ranges_}, state_->root, block);
    ranges_[block].state |= kIndexed;
}

void Directory::leave_tree(RangeId block) noexcept {
    treap::erase(ByAddress{ranges_}, state_->root, block);
    ranges_[block].state &= ~kIndexed;
}

RangeId Directory::last_up_to(Offset offset) noexcept {
    const auto reaches = [&](RangeId block) { return ranges_[block].start <= offset; };
    RangeId found = treap::last(ByAddress{ranges_}, state_->root, reaches);
    unsigned passed = 0;
    // Above no_range lies the lowest range, and at the end no_range.
    for (RangeId at = ranges_[found].above; at != no_range && reaches(at); at = ranges_[at].above) {
        if (kind(ranges_[at]) != Kind::block) continue;
        found = at;
        ++passed;
    }
    if (passed > kNear) enter_tree(found);
    return found;
}

// Of the sampled blocks all are in the tree.
bool Directory::check(std::uint64_t blocks) const noexcept {
    const State& state = *state_;
    if (state.blocks != blocks || state.groups > most_) return false;
    std::uint64_t found = 0;
    std::uint64_t indexed = 0;
    for (std::size_t i = 0; i < state.groups * std::size(groups_->buckets); ++i) {
        const RangeId& first =
            groups_[i / std::size(groups_->buckets)].buckets[i % std::size(groups_->buckets)];
        for (RangeId at = first; at != no_range; at = ranges_[at].chain) {
            if (at > most_) return false;
            const bool in_tree = (ranges_[at].state & kIndexed) != 0;
            indexed += in_tree ? 1 : 0;
            if (++found > blocks || kind(ranges_[at]) != Kind::block) return false;
            if (sampled(ranges_[at].start) && !in_tree) return false;
            if (&bucket(ranges_[at].start) != &first) return false;
        }
    }
    return found == blocks &&
           treap::check(ByAddress{ranges_}, state.root, blocks, most_) == indexed &&
           treap::all(ByAddress{ranges_}, state.root,
                      [&](RangeId at) { return (ranges_[at].state & kIndexed) != 0; });
}

}  // namespace ashlar::ranges
