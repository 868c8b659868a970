#include "ranges/heap.hpp"

namespace ashlar::ranges {

// A walk over all ranges by address, beside the totals that it should come to.
class Heap::Inspection {
  public:
    Inspection(const Heap& heap, Tell tell, void* context) noexcept : heap_(heap), tell_(tell), context_(context) {}

    std::size_t run() noexcept {
        if (!expect(heap_.state_->born <= heap_.most_, "more records were in use than there are")) return faults_;
        walk();
        if (faults_ != 0) return faults_;  // what follows relies on the list
        const Totals& totals = heap_.state_->totals;
        expect(found_.capacity == totals.capacity, "the ranges do not end where the buffer does");
        expect(found_.blocks == totals.blocks && found_.used == totals.used, "the totals of blocks are wrong");
        expect(found_.rounding == totals.rounding, "the total of what nobody asked for is wrong");
        expect(found_.holes == totals.holes, "the number of holes is wrong");
        expect(totals.used <= totals.peak && totals.capacity <= heap_.state_->limit, "the peak or the capacity is wrong");
        records();
        if (expect(heap_.directory_.check(found_.blocks), "the directory is broken")) find_all();
        if (!expect(heap_.policy_->check(found_.holes), "the policy's records are broken")) return faults_;
        const Size largest = heap_.policy_->largest();
        expect(largest <= largest_ && largest >= largest_ - largest_ / 16, "the policy's largest hole is not");
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
    [[nodiscard]] bool known(RangeId id) const noexcept { return id <= heap_.state_->born; }

    void walk() noexcept {
        expect(kind(heap_[no_range]) == Kind::unused, "record 0, the end of the list, is a range");
        RangeId below = no_range;
        for (RangeId at = heap_.first(); at != no_range; below = at, at = heap_[at].above) {
            if (!expect(known(at) && ++ranges_ <= heap_.state_->born, "the list of ranges leaves the table or has a loop"))
                return;
            const Range& range = heap_[at];
            expect(range.below == below, "a range does not know its neighbour below");
            expect(range.start == found_.capacity, "a range does not begin where the one below ends");
            found_.capacity += range.size;
            count(range);
            const bool touch = below != no_range && is_hole(heap_[below]) && is_hole(range);
            expect(!touch || !heap_.merges(heap_[below], range), "two holes touch");
        }
        expect(heap_.last() == below, "the list of ranges does not end at the last one");
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
                debts_ += heap_.debt(range.start, range.size);
                expect(range.asked != 0 && range.asked <= range.size, "a block is smaller than what was asked for");
                break;
            case Kind::fence:
                expect(range.size == 0 && range.above != no_range, "a fence has a size, or nothing behind it");
                break;
            default: expect(false, "a range in the list is of no kind");
        }
    }

    // Each record that was in use is in the list of ranges or in that of the unused.
    void records() noexcept {
        const State& state = *heap_.state_;
        std::uint64_t unused = 0;
        for (RangeId at = state.unused; at != no_range; at = heap_[at].chain) {
            if (!expect(known(at) && kind(heap_[at]) == Kind::unused && ++unused <= state.born,
                        "the unused records are broken"))
                return;
        }
        expect(unused + ranges_ == state.born, "a record is lost");
        expect(state.spare + debts_ + ranges_ == heap_.most_, "the number of spare records is wrong");
    }

    void find_all() noexcept {
        for (RangeId at = heap_.first(); at != no_range; at = heap_[at].above) {
            if (kind(heap_[at]) == Kind::block) expect(heap_.at(heap_[at].start) == at, "the directory misses a block");
        }
    }

    const Heap& heap_;
    Tell tell_;
    void* context_;
    Totals found_{};
    Size largest_ = 0;
    std::uint64_t ranges_ = 0;
    std::uint64_t debts_ = 0;
    std::size_t faults_ = 0;
};

std::size_t Heap::check(Tell tell, void* context) const noexcept { return Inspection(*this, tell, context).run(); }

}  // namespace ashlar::ranges
