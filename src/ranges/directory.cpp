#include "ranges/directory.hpp"

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
    buckets_ = carver.array<RangeId>(most);
}

// The next bucket takes its part of the blocks of the one that served for both.
void Directory::add_bucket() noexcept {
    State& state = *state_;
    const std::uint32_t added = state.buckets;
    if (added == most_) return;
    state.buckets = added + 1;
    if (added == 0) return;
    if (added > state.mask) state.mask = 2 * state.mask + 1;
    RangeId* stays = &buckets_[added & state.mask >> 1];
    RangeId* goes = &buckets_[added];
    for (RangeId at = *stays; at != no_range; at = ranges_[at].chain) {
        RangeId*& into = (hash(ranges_[at].start) & state.mask) == added ? goes : stays;
        *into = at;
        into = &ranges_[at].chain;
    }
    *stays = no_range;
    *goes = no_range;
}

void Directory::leave_tree(RangeId block) noexcept {
    treap::erase(ByAddress{ranges_}, state_->root, block);
    ranges_[block].state &= ~kIndexed;
}

RangeId Directory::last_up_to(Offset offset) noexcept {
    const ByAddress nodes{ranges_};
    for (RangeId block = next_waiting(no_range); block != no_range; block = next_waiting(block)) {
        treap::insert(nodes, state_->root, block);
        ranges_[block].state |= kIndexed;
    }
    next_waiting(no_range) = last_waiting(no_range) = no_range;
    return treap::last(nodes, state_->root, [&](RangeId block) { return ranges_[block].start <= offset; });
}

bool Directory::check(std::uint64_t blocks) const noexcept {
    const State& state = *state_;
    if (state.blocks != blocks || state.buckets > most_) return false;
    std::uint64_t found = 0;
    std::uint64_t indexed = 0;
    for (std::uint32_t bucket = 0; bucket < state.buckets; ++bucket) {
        for (RangeId at = buckets_[bucket]; at != no_range; at = ranges_[at].chain) {
            indexed += (ranges_[at].state & kIndexed) != 0 ? 1 : 0;
            if (++found > blocks || kind(ranges_[at]) != Kind::block || slot(ranges_[at].start) != bucket) return false;
        }
    }
    if (found != blocks) return false;
    std::uint64_t waiting = 0;
    for (RangeId at = next_waiting(no_range), last = no_range; at != no_range; last = at, at = next_waiting(at)) {
        if (++waiting > blocks || last_waiting(at) != last || (ranges_[at].state & kIndexed) != 0) return false;
    }
    return indexed == blocks - waiting && treap::check(ByAddress{ranges_}, state.root, blocks) == indexed &&
           treap::all(ByAddress{ranges_}, state.root, [&](RangeId at) { return (ranges_[at].state & kIndexed) != 0; });
}

}  // namespace ashlar::ranges
