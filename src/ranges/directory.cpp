#include "ranges/directory.hpp"

#include <iterator>

#include "base/treap.hpp"

namespace ashlar::ranges {

namespace treap = base::treap;

struct Directory::ByAddress {
    Ranges ranges;

    [[nodiscard]] RangeId& left(RangeId block) const noexcept { return ranges[block].link[0]; }
    [[nodiscard]] RangeId& right(RangeId block) const noexcept { return ranges[block].link[1]; }
    [[nodiscard]] bool before(RangeId a, RangeId b) const noexcept { return ranges[a].start < ranges[b].start; }
};

void Directory::layout(region::Carver& carver, Ranges ranges, std::uint32_t most) noexcept {
    ranges_ = ranges;
    most_ = most;
    state_ = carver.array<State>(1);
    groups_ = carver.array<Group>(most);
    waiting_ = carver.array<RangeId>(most);
}

// The next group takes its part of the blocks of the one that served for both.
[[gnu::noinline]] void Directory::add_group() noexcept {
    State& state = *state_;
    const std::uint32_t added = state.groups;
    if (added == most_) return;
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

void Directory::leave_tree(RangeId block) noexcept {
    treap::erase(ByAddress{ranges_}, state_->root, block);
    ranges_[block].state &= ~kIndexed;
}

RangeId Directory::last_up_to(Offset offset) noexcept {
    const ByAddress nodes{ranges_};
    State& state = *state_;
    for (; state.waiting != 0; --state.waiting) {
        const RangeId id = waiting_[state.waiting - 1];
        Range& range = ranges_[id];
        range.state &= ~kWaiting;
        if (kind(range) != Kind::block) continue;
        treap::insert(nodes, state.root, id);
        range.state |= kIndexed;
    }
    return treap::last(nodes, state.root, [&](RangeId block) { return ranges_[block].start <= offset; });
}

// A block is either in the tree or in the queue.
bool Directory::check(std::uint64_t blocks) const noexcept {
    const State& state = *state_;
    if (state.blocks != blocks || state.groups > most_) return false;
    std::uint64_t found = 0;
    std::uint64_t indexed = 0;
    for (std::size_t i = 0; i < state.groups * std::size(groups_->buckets); ++i) {
        const RangeId& first = groups_[i / std::size(groups_->buckets)].buckets[i % std::size(groups_->buckets)];
        for (RangeId at = first; at != no_range; at = ranges_[at].chain) {
            if (at > most_) return false;
            const bool in_tree = (ranges_[at].state & kIndexed) != 0;
            const bool waits = (ranges_[at].state & kWaiting) != 0;
            indexed += in_tree ? 1 : 0;
            if (++found > blocks || kind(ranges_[at]) != Kind::block || in_tree == waits) return false;
            if (&bucket(ranges_[at].start) != &first) return false;
        }
    }
    if (found != blocks || state.waiting > most_) return false;
    std::uint64_t waiting = 0;
    for (std::uint32_t i = 0; i < state.waiting; ++i) {
        if (waiting_[i] > most_) return false;
        const Range& range = ranges_[waiting_[i]];
        waiting += kind(range) == Kind::block ? 1 : 0;
        if ((range.state & kWaiting) == 0) return false;
    }
    return indexed == blocks - waiting && treap::check(ByAddress{ranges_}, state.root, blocks, most_) == indexed &&
           treap::all(ByAddress{ranges_}, state.root, [&](RangeId at) { return (ranges_[at].state & kIndexed) != 0; });
}

}  // namespace ashlar::ranges
