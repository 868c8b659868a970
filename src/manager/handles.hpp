// The handles of movable blocks: a table of places, each of which one movable block has for its life, and which count their
// lives. Sequential: the caller holds the manager's lock.
//
//   Handle::value | lives of the place : 32 | place : 32 |      the block's Range::user holds the same
#ifndef ASHLAR_MANAGER_HANDLES_HPP
#define ASHLAR_MANAGER_HANDLES_HPP

#include <ashlar/manager_types.hpp>

#include "base/bits.hpp"
#include "ranges/heap.hpp"
#include "region/region.hpp"

namespace ashlar::manager {

class Handles {
  public:
    struct Place {
        RangeId range;   // no_range: free
        RangeId target;  // where a pass wants it; no_range: in no pass
        std::uint32_t lives;
        std::uint32_t pins;
        std::uint32_t next;  // of the free places, or of those in the pass, as `last`
        std::uint32_t last;
        std::uint8_t shift;  // log2 of the alignment
        bool told;           // end_pass() has heard of it
        bool spoiled;        // pinned since it is in the pass: what the user copied may be old
    };

    void layout(region::Carver& carver, ranges::Heap& heap, std::uint32_t most) noexcept {
        heap_ = &heap;
        state_ = carver.array<State>(1);
        places_ = carver.array<Place>(std::size_t{most} + 1);
    }

    // There is a place for each range, so this never fails.
    Handle insert(RangeId range, Size alignment) noexcept {
        std::uint32_t index = state_->unused;
        if (index != 0) {
            state_->unused = places_[index].next;
        } else {
            index = ++state_->born;
        }
        Place& place = places_[index];
        place.range = range;
        place.target = no_range;
        place.pins = 0;
        place.shift = static_cast<std::uint8_t>(base::lowest(alignment));
        place.told = false;
        place.spoiled = false;
        return point(index, range);
    }
    void erase(Place& place) noexcept {
        place.range = no_range;
        ++place.lives;
        place.next = state_->unused;
        state_->unused = static_cast<std::uint32_t>(&place - places_);
    }
    // nullptr: not the handle of a live block.
    [[nodiscard]] Place* find(Handle handle) const noexcept {
        const auto index = static_cast<std::uint32_t>(handle.value);
        if (index == 0 || index > state_->born) return nullptr;
        Place& place = places_[index];
        return place.range != no_range && place.lives == handle.value >> 32 ? &place : nullptr;
    }
    // Whether a block has had it, or has it.
    [[nodiscard]] bool was_given(Handle handle) const noexcept {
        const auto index = static_cast<std::uint32_t>(handle.value);
        if (index == 0 || index > state_->born) return false;
        const std::uint32_t lives = places_[index].lives;
        return handle.value >> 32 < lives || (handle.value >> 32 == lives && places_[index].range != no_range);
    }
    // Of a movable block.
    [[nodiscard]] Place& of(const Range& range) const noexcept { return places_[static_cast<std::uint32_t>(range.user)]; }
    [[nodiscard]] Place& operator[](std::uint32_t index) const noexcept { return places_[index]; }
    [[nodiscard]] std::uint32_t index(const Place& place) const noexcept {
        return static_cast<std::uint32_t>(&place - places_);
    }
    [[nodiscard]] Handle handle(const Place& place) const noexcept {
        return Handle{std::uint64_t{place.lives} << 32 | index(place)};
    }
    // The block lies in that range from now on.
    Handle point(std::uint32_t index, RangeId range) noexcept {
        places_[index].range = range;
        const Handle handle{std::uint64_t{places_[index].lives} << 32 | index};
        (*heap_)[range].user = handle.value;
        (*heap_)[range].state |= ranges::kMovable;
        return handle;
    }

  private:
    struct State {
        std::uint32_t born;    // places [1, born] had a block at some time
        std::uint32_t unused;  // those that have none now
    };

    ranges::Heap* heap_ = nullptr;
    State* state_ = nullptr;
    Place* places_ = nullptr;
};

}  // namespace ashlar::manager

#endif
