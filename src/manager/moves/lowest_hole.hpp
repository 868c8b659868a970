// Finds the lowest hole in which a block fits, whatever the policy: moves go
// there. A search walks upwards over the ranges, and notes the largest hole of
// each chunk of 64 ranges that it has passed. Later searches skip the chunks
// that are too small, so that a pass walks over all ranges about once. The
// notes live for one pass: the next one finds holes that others make below.
// Sequential: the caller holds the manager's lock.
//
//   | chunk 0 | chunk 1 | ... | the last chunk, which grows | ranges above the frontier, not noted
//   yet |
#ifndef ASHLAR_MANAGER_MOVES_LOWEST_HOLE_HPP
#define ASHLAR_MANAGER_MOVES_LOWEST_HOLE_HPP

#include <algorithm>

#include "core/region/region.hpp"
#include "core/region/step_tables.hpp"
#include "manager/ranges/range_allocator.hpp"

namespace ashlar::manager {

class LowestHole {
  public:
    explicit LowestHole(ranges::RangeAllocator& allocator) noexcept : allocator_(&allocator) {}
    void layout(region::Carver& carver, std::uint32_t most_ranges) noexcept {
        room_ = most_ranges / kChunk + 1;
        state_ = carver.array<State>(1);
        chunks_ = carver.stepped<Chunk>(room_);
        steps_ = region::StepTables(carver.open_end());
        steps_.add(chunks_, sizeof(Chunk));
        groups_ = carver.array<Size>(room_ / kGroup + 1);
    }
    void forget() noexcept {
        const std::uint32_t opened = state_->opened;
        *state_ = {};
        state_->opened = opened;
    }

    struct Found {
        RangeId hole;  // no_range: there is none below `before`, unless the search is still open
        Offset at;     // for the block, aligned, in the hole
    };
    // A search that ran out of steps. All zero: there is none.
    struct Search {
        bool open;
        bool noted;  // it is in a chunk, `chunk`, with another one or the frontier above
        std::uint32_t chunk;
        RangeId range;  // where to go on, if it is still there
        Offset at;      // its start
        Offset before;  // the search ends there
        Size size, alignment;
    };
    // Looks at ranges below `before`, where the block lies, at most `steps` of
    // them, and lowers `steps`. If that is not enough, `search` stays open, and
    // the next call for the same block continues. A call for another block
    // begins anew.
    [[nodiscard]] Found find(Size size, Size alignment, Offset before, unsigned& steps,
                             Search& search) noexcept {
        const bool same = search.open && search.before == before && search.size == size &&
                          search.alignment == alignment;
        RangeId at = no_range;
        if (same) {
            at = resume(search);
        } else {
            search = {true, false, 0, no_range, 0, before, size, alignment};
            at = enter(0, search);
        }
        Size largest = same ? ~Size{0} : 0;  // of the chunk, if all of it is seen
        while (at != no_range && (*allocator_)[at].start < before) {
            const Range& range = (*allocator_)[at];
            if (steps == 0) {
                search.range = at;
                search.at = range.start;
                return {no_range, 0};
            }
            --steps;
            const Offset start = (range.start + alignment - 1) & ~(alignment - 1);
            const Size hole = ranges::kind(range) == ranges::Kind::hole ? range.size : 0;
            if (start - range.start <= hole && hole - (start - range.start) >= size &&
                start < before) {
                search.open = false;
                return {at, start};
            }
            largest = std::max(largest, hole);
            note(range, hole);
            at = range.above;
            if (search.noted && (*allocator_)[at].start >= end_of(search.chunk)) {
                chunks_[search.chunk].largest = std::min(chunks_[search.chunk].largest, largest);
                largest = 0;
                at = enter(search.chunk + 1, search);
            }
        }
        search.open = false;
        return {no_range, 0};
    }
    // The range that a walk upwards from `offset` begins with: the block there
    // or the next one below, or the lowest range.
    [[nodiscard]] RangeId block_near(Offset offset) noexcept {
        if (offset == 0) return allocator_->first();
        RangeId block = allocator_->at(offset);
        if (block == no_range) block = allocator_->block_up_to(offset);
        return block == no_range ? allocator_->first() : block;
    }

  private:
    static constexpr std::uint32_t kChunk = 64;  // ranges, when the chunk was noted
    static constexpr std::uint32_t kGroup = 64;  // chunks
    struct Chunk {
        Offset start;
        Size largest;  // hole, or more: holes that are cut later are still counted
    };
    struct State {
        std::uint32_t chunks;
        std::uint32_t ranges;  // in the last chunk
        std::uint32_t opened;  // chunks [0, opened) are accessible
        Offset frontier;
    };

    [[nodiscard]] bool make_room() noexcept {
        State& state = *state_;
        if (state.chunks == state.opened)
            state.opened = steps_.open(state.opened, state.chunks + 1, room_);
        return state.chunks != state.opened;
    }

    [[nodiscard]] Offset end_of(std::uint32_t chunk) const noexcept {
        return chunk + 1 < state_->chunks ? chunks_[chunk + 1].start : state_->frontier;
    }
    // The range to look at first: in the next chunk from `chunk` on that may
    // do, or above the frontier.
    [[nodiscard]] RangeId enter(std::uint32_t chunk, Search& search) noexcept {
        while (chunk < state_->chunks) {
            const bool none = chunk % kGroup == 0 && groups_[chunk / kGroup] < search.size;
            if (!none && chunks_[chunk].largest >= search.size) break;
            chunk += none ? kGroup : 1;
        }
        search.noted = chunk < state_->chunks;
        search.chunk = chunk;
        if (!search.noted && state_->frontier >= search.before) return no_range;
        return range_with(search.noted ? chunks_[chunk].start : state_->frontier);
    }
    // Adds a range above the frontier to the last chunk, or to a new one, which
    // begins with a block: that is found at once.
    void note(const Range& range, Size hole) noexcept {
        State& state = *state_;
        if (range.start + range.size <= state.frontier) return;
        const bool block = ranges::kind(range) == ranges::Kind::block;
        if ((state.chunks == 0 || (block && state.ranges >= kChunk)) && make_room()) {
            if (state.chunks % kGroup == 0) groups_[state.chunks / kGroup] = 0;
            chunks_[state.chunks++] = {range.start, 0};
            state.ranges = 0;
        }
        if (state.chunks == 0) return;  // no memory for notes: each search walks over all ranges
        ++state.ranges;
        Chunk& last = chunks_[state.chunks - 1];
        last.largest = std::max(last.largest, hole);
        Size& group = groups_[(state.chunks - 1) / kGroup];
        group = std::max(group, hole);
        state.frontier = range.start + range.size;
    }
    // The range with that byte, or no_range. A hole that grew over the
    // frontier, when a block there moved, has it as well.
    [[nodiscard]] RangeId range_with(Offset offset) noexcept {
        RangeId at = block_near(offset);
        while (at != no_range && (*allocator_)[at].start + (*allocator_)[at].size <= offset)
            at = (*allocator_)[at].above;
        return at;
    }
    // The range with the offset where the search stopped. A hole's record may
    // have gone meanwhile, or serve for other bytes; then the way from the next
    // block below is gone again, without a step being counted, so that the
    // search comes forward.
    [[nodiscard]] RangeId resume(const Search& search) noexcept {
        const Range& last = (*allocator_)[search.range];
        const bool there = ranges::kind(last) != ranges::Kind::unused && last.start <= search.at;
        return there && search.at - last.start <= last.size ? search.range : range_with(search.at);
    }

    ranges::RangeAllocator* allocator_;
    std::uint32_t room_ = 0;  // of chunks
    State* state_ = nullptr;
    Chunk* chunks_ = nullptr;
    region::StepTables steps_;
    Size* groups_ = nullptr;  // the largest hole of each group of chunks, or more
};

}  // namespace ashlar::manager

#endif
