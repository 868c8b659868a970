// The handles of movable blocks: a table of places, each of which one movable
// block has for its life, and which count their lives. Sequential: the caller
// holds the manager's lock.
//
//   Handle::value | lives of the place : 32 | place : 32 |      the block's Range::user holds the
//   same
#ifndef ASHLAR_MANAGER_MOVES_HANDLES_HPP
#define ASHLAR_MANAGER_MOVES_HANDLES_HPP

#include <algorithm>
#include <ashlar/manager_types.hpp>

#include "base/bits.hpp"
#include "core/region/region.hpp"
#include "core/region/step_tables.hpp"
#include "manager/ranges/range_allocator.hpp"

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
        bool spoiled;        // pinned since it is in the pass: the user's copy may be out of date
    };

    void layout(region::Carver& carver, ranges::RangeAllocator& allocator,
                std::uint32_t most) noexcept {
        allocator_ = &allocator;
        most_ = most;
        state_ = carver.array<State>(1);
        places_ = carver.stepped<Place>(std::size_t{most} + 1);
        steps_ = region::StepTables(carver.open_end());
        steps_.add(places_, sizeof(Place));
    }

    // Before insert(): whether a further block can have a place. False: the
    // system refuses memory for it.
    [[nodiscard]] bool make_room() noexcept {
        State& state = *state_;
        if (state.unused != 0 || state.created + 1 < state.opened) return true;
        const std::uint32_t before = state.opened;
        state.opened = steps_.open(before, state.created + 2, most_ + 1);
        return state.opened != before;
    }
    // There is a place for each range.
    Handle insert(RangeId range, Size alignment) noexcept {
        std::uint32_t index = state_->unused;
        if (index != 0) {
            state_->unused = places_[index].next;
        } else {
            index = ++state_->created;
            places_[index].lives = state_->lives;
            state_->most = std::max(state_->most, index);
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
    // Erases all blocks, unless one of them is pinned: then returns false.
    // O(places that were ever in use).
    [[nodiscard]] bool clear() noexcept {
        for (std::uint32_t i = 1; i <= state_->created; ++i) {
            if (places_[i].range != no_range && places_[i].pins != 0) return false;
        }
        for (std::uint32_t i = 1; i <= state_->created; ++i) {
            if (places_[i].range != no_range) erase(places_[i]);
        }
        return true;
    }
    // nullptr: not the handle of a live block.
    [[nodiscard]] Place* find(Handle handle) const noexcept {
        const auto index = static_cast<std::uint32_t>(handle.value);
        if (index == 0 || index > state_->created) return nullptr;
        Place& place = places_[index];
        return place.range != no_range && place.lives == handle.value >> 32 ? &place : nullptr;
    }
    // Whether a block has had it, or has it.
    [[nodiscard]] bool was_given(Handle handle) const noexcept {
        const auto index = static_cast<std::uint32_t>(handle.value);
        if (index == 0 || index > state_->most) return false;
        if (index > state_->created) return handle.value >> 32 < state_->lives;
        const std::uint32_t lives = places_[index].lives;
        return handle.value >> 32 < lives ||
               (handle.value >> 32 == lives && places_[index].range != no_range);
    }
    // The part of the table that a saved state keeps: how many places there are
    // and ever were, and the lives that no free place exceeds.
    struct Counts {
        std::uint32_t created, most, lives;
    };
    // O(places).
    [[nodiscard]] Counts counts() const noexcept {
        Counts counts{state_->created, state_->most, state_->lives};
        for (std::uint32_t i = 1; i <= counts.created; ++i) {
            if (places_[i].range == no_range)
                counts.lives = std::max(counts.lives, places_[i].lives);
        }
        return counts;
    }
    // In a fresh table: begin_restore(), restore() for each block,
    // end_restore(). O(places). Freed handles stay freed. False: there are only
    // `most` places.
    [[nodiscard]] bool begin_restore(Counts counts, std::uint32_t most) noexcept {
        if (counts.created > most) return false;
        state_->opened = steps_.open(state_->opened, counts.created + 1, most_ + 1);
        if (state_->opened <= counts.created) return false;
        state_->created = counts.created;
        state_->most = counts.most;
        state_->lives = counts.lives;
        for (std::uint32_t i = 1; i <= counts.created; ++i) places_[i].lives = counts.lives;
        return true;
    }
    // False: another block has the place, or there is no such place.
    [[nodiscard]] bool restore(Handle handle, RangeId range, std::uint8_t shift) noexcept {
        const auto index = static_cast<std::uint32_t>(handle.value);
        if (index == 0 || index > state_->created || places_[index].range != no_range) return false;
        places_[index].lives = static_cast<std::uint32_t>(handle.value >> 32);
        places_[index].shift = shift;
        static_cast<void>(point(index, range));
        return true;
    }
    void end_restore() noexcept { collect_unused(); }
    [[nodiscard]] Size metadata() const noexcept { return Size{state_->created} * sizeof(Place); }
    // Gives back the places above the last one with a block, if they are a
    // quarter of all. O(places). The lives of a place that comes back go on
    // above those of all that went.
    void trim() noexcept {
        const std::uint32_t before = state_->created;
        std::uint32_t last = before;
        std::uint32_t lives = state_->lives;
        for (; last != 0 && places_[last].range == no_range; --last)
            lives = std::max(lives, places_[last].lives);
        if (before - last <= before / 4) return;
        state_->created = last;
        state_->lives = lives;
        collect_unused();
        region::purge_within(region::kSystem, &places_[last + 1], &places_[state_->opened]);
    }
    // Of a movable block.
    [[nodiscard]] Place& of(const Range& range) const noexcept {
        return places_[static_cast<std::uint32_t>(range.user)];
    }
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
        (*allocator_)[range].user = handle.value;
        (*allocator_)[range].state |= ranges::kMovable;
        return handle;
    }

  private:
    struct State {
        std::uint32_t opened;   // places [0, opened) are accessible
        std::uint32_t created;  // places [1, created] had a block since they were given back
        std::uint32_t most;     // places [1, most] had a block at some time
        std::uint32_t unused;   // those that have none now
        // Of a place that is created: more than any that was given back has
        // had.
        std::uint32_t lives;
    };

    // Those that have no block, the lowest first.
    void collect_unused() noexcept {
        state_->unused = 0;
        for (std::uint32_t index = state_->created; index != 0; --index) {
            if (places_[index].range != no_range) continue;
            places_[index].next = state_->unused;
            state_->unused = index;
        }
    }

    ranges::RangeAllocator* allocator_ = nullptr;
    State* state_ = nullptr;
    Place* places_ = nullptr;
    region::StepTables steps_;
    std::uint32_t most_ = 0;
};

}  // namespace ashlar::manager

#endif
