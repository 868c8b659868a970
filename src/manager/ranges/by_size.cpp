#include "manager/ranges/by_size.hpp"

#include "base/treap.hpp"
#include "manager/ranges/kind.hpp"

namespace ashlar::ranges {

namespace treap = base::treap;

template <class Order>
struct BySize<Order>::Nodes {
    Ranges ranges;

    [[nodiscard]] RangeId& left(RangeId hole) const noexcept { return ranges[hole].link[0]; }
    [[nodiscard]] RangeId& right(RangeId hole) const noexcept { return ranges[hole].link[1]; }
    [[nodiscard]] bool before(RangeId a, RangeId b) const noexcept {
        return Order::before(ranges[a], ranges[b]);
    }
};

template <class Order>
std::size_t BySize<Order>::state_bytes(Size limit) const noexcept {
    static_cast<void>(limit);
    return sizeof(State);
}

template <class Order>
void BySize<Order>::attach(Ranges ranges, void* state, bool fresh) noexcept {
    static_cast<void>(fresh);  // all zero is a state without holes
    ranges_ = ranges;
    state_ = static_cast<State*>(state);
}

template <class Order>
void BySize<Order>::insert(RangeId hole) noexcept {
    Order::touch(ranges_[hole], state_->clock);
    treap::insert(Nodes{ranges_}, state_->root, hole);
}

template <class Order>
void BySize<Order>::erase(RangeId hole) noexcept {
    treap::erase(Nodes{ranges_}, state_->root, hole);
}

template <class Order>
void BySize<Order>::move(RangeId hole, Offset start, Size size) noexcept {
    BySize::erase(hole);
    ranges_[hole].start = start;
    ranges_[hole].size = size;
    BySize::insert(hole);
}

template <class Order>
RangeId BySize<Order>::find(Size size, Size alignment) noexcept {
    const Nodes nodes{ranges_};
    const RangeId root = state_->root;
    if constexpr (Order::kLargestFirst) {
        // The first that fits, or that is too short, as all behind it are.
        const auto end = [&](RangeId hole) {
            return ranges_[hole].size < size || fits(ranges_[hole], size, alignment);
        };
        const RangeId hole = treap::first_good(
            nodes, root, [](RangeId) { return true; }, end);
        return hole != no_range && ranges_[hole].size >= size ? hole : no_range;
    } else {
        const auto long_enough = [&](RangeId hole) { return ranges_[hole].size >= size; };
        if (alignment == 1) return treap::first(nodes, root, long_enough);
        const auto good = [&](RangeId hole) { return fits(ranges_[hole], size, alignment); };
        unsigned looks = kMostLooks;
        const RangeId hole = treap::first_good(
            nodes, root, long_enough, [&](RangeId at) { return good(at) || --looks == 0; });
        if (hole == no_range || good(hole)) return hole;
        const auto roomy = [&](RangeId at) { return ranges_[at].size >= size + alignment - 1; };
        const RangeId sure = treap::first(nodes, root, roomy);
        return sure != no_range ? sure : treap::first_good(nodes, root, long_enough, good);
    }
}

// Where large ones come first, the smallest is the last one that is long
// enough. With an alignment, it is one with room for any padding, or any that
// fits.
template <class Order>
RangeId BySize<Order>::find_by(Strategy strategy, Size size, Size alignment) noexcept {
    if constexpr (Order::kLargestFirst) {
        if (strategy == Strategy::tight) {
            const auto last = [&](Size length) {
                return treap::last(Nodes{ranges_}, state_->root,
                                   [&](RangeId hole) { return ranges_[hole].size >= length; });
            };
            const RangeId hole = last(size);
            if (hole == no_range || fits(ranges_[hole], size, alignment)) return hole;
            const RangeId sure = last(size + alignment - 1);
            if (sure != no_range) return sure;
        }
    }
    return find(size, alignment);
}

template <class Order>
Size BySize<Order>::largest() const noexcept {
    const Nodes nodes{ranges_};
    const auto any = [](RangeId) { return true; };
    const RangeId hole = Order::kLargestFirst ? treap::first(nodes, state_->root, any)
                                              : treap::last(nodes, state_->root, any);
    return hole == no_range ? 0 : ranges_[hole].size;
}

template <class Order>
bool BySize<Order>::check(std::uint64_t holes) const noexcept {
    const Nodes nodes{ranges_};
    return treap::check(nodes, state_->root, holes, ranges_.last()) == holes &&
           treap::all(nodes, state_->root,
                      [&](RangeId at) { return kind(ranges_[at]) == Kind::hole; });
}

template class BySize<LatestOfSmallest>;
template class BySize<LowestOfSmallest>;
template class BySize<LowestOfLargest>;

}  // namespace ashlar::ranges
