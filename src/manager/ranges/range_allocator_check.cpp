#include "manager/ranges/range_allocator.hpp"

namespace ashlar::ranges {

// A walk over all ranges by address, beside the totals that it should come to.
class RangeAllocator::Inspection {
  public:
    Inspection(const RangeAllocator& allocator, Tell tell, void* context) noexcept
        : allocator_(allocator), tell_(tell), context_(context) {}

    std::size_t run() noexcept {
        const State& state = *allocator_.state_;
        if (!expect(state.opened <= allocator_.most_ + 1 && state.created < state.opened,
                    "more records were in use than there are"))
            return faults_;
        walk();
        if (faults_ != 0) return faults_;  // the checks below rely on the list
        const Totals& totals = allocator_.state_->totals;
        expect(found_.capacity == totals.capacity, "the ranges do not end where the buffer does");
        expect(found_.blocks == totals.blocks && found_.used == totals.used,
               "the totals of blocks are wrong");
        expect(found_.rounding == totals.rounding, "the total of what nobody asked for is wrong");
        expect(found_.holes == totals.holes, "the number of holes is wrong");
        expect(totals.used <= totals.peak && totals.capacity <= allocator_.state_->limit,
               "the peak or the capacity is wrong");
        records();
        if (expect(allocator_.directory_.check(found_.blocks), "the directory is broken"))
            find_all();
        if (!expect(allocator_.policy_->check(found_.holes), "the policy's records are broken"))
            return faults_;
        const Size largest = allocator_.policy_->largest();
        expect(largest <= largest_ && largest >= largest_ - largest_ / 16,
               "the policy's largest hole is not");
        return faults_;
    }

  private:
    bool expect(bool holds, const char* line) noexcept {
        if (!holds) {
            ++faults_;
            tell_(context_, line);
        }
        return holds;
    }
    [[nodiscard]] bool known(RangeId id) const noexcept { return id <= allocator_.state_->created; }

    void walk() noexcept {
        expect(kind(allocator_[no_range]) == Kind::unused,
               "record 0, the end of the list, is a range");
        RangeId below = no_range;
        for (RangeId at = allocator_.first(); at != no_range;
             below = at, at = allocator_[at].above) {
            if (!expect(known(at) && ++ranges_ <= allocator_.state_->created,
                        "the list of ranges leaves the table or has a loop"))
                return;
            const Range& range = allocator_[at];
            expect(range.below == below, "a range does not know its neighbour below");
            expect(range.start == found_.capacity,
                   "a range does not begin where the one below ends");
            found_.capacity += range.size;
            count(range);
            const bool touch = below != no_range && is_hole(allocator_[below]) && is_hole(range);
            expect(!touch || !allocator_.merges(allocator_[below], range), "two holes touch");
        }
        expect(allocator_.last() == below, "the list of ranges does not end at the last one");
    }

    void count(const Range& range) noexcept {
        switch (kind(range)) {
            case Kind::hole:
                ++found_.holes;
                if (range.size > largest_) largest_ = range.size;
                expect(range.size != 0, "a hole is empty");
                break;
            case Kind::block:
                ++found_.blocks;
                found_.used += range.size;
                found_.rounding += range.size - range.asked;
                debts_ += allocator_.debt(range.start, range.size);
                expect(range.asked != 0 && range.asked <= range.size,
                       "a block is smaller than what was asked for");
                break;
            case Kind::fence:
                expect(range.size == 0 && range.above != no_range,
                       "a fence has a size, or nothing behind it");
                break;
            default: expect(false, "a range in the list is of no kind");
        }
    }

    // Each record that was in use is in the list of ranges or in that of the
    // unused.
    void records() noexcept {
        const State& state = *allocator_.state_;
        std::uint64_t unused = 0;
        for (RangeId at = state.unused; at != no_range; at = allocator_[at].chain) {
            if (!expect(
                    known(at) && kind(allocator_[at]) == Kind::unused && ++unused <= state.created,
                    "the unused records are broken"))
                return;
        }
        unused += std::uint64_t{state.clean} * RangeAllocator::records_of_page();
        expect(unused + ranges_ == state.created, "a record is lost");
        expect(state.spare + debts_ + ranges_ + 1 == state.opened,
               "the number of spare records is wrong");
    }

    void find_all() noexcept {
        for (RangeId at = allocator_.first(); at != no_range; at = allocator_[at].above) {
            if (kind(allocator_[at]) == Kind::block)
                expect(allocator_.at(allocator_[at].start) == at, "the directory misses a block");
        }
    }

    const RangeAllocator& allocator_;
    Tell tell_;
    void* context_;
    Totals found_{};
    Size largest_ = 0;
    std::uint64_t ranges_ = 0;
    std::uint64_t debts_ = 0;
    std::size_t faults_ = 0;
};

std::size_t RangeAllocator::check(Tell tell, void* context) const noexcept {
    return Inspection(*this, tell, context).run();
}

}  // namespace ashlar::ranges
