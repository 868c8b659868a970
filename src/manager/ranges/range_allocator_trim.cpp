// How records go back to the system. A page whose records are all unused is
// clean: its records are in no list, and its bit is set. It is used again when
// the list is empty.
#include "manager/ranges/range_allocator_inline.hpp"

namespace ashlar::ranges {

Size RangeAllocator::metadata() const noexcept {
    const std::uint32_t records = state_->created - state_->clean * records_of_page();
    return sizeof(State) + policy_bytes_ + Size{records} * sizeof(Range) + directory_.metadata() +
           index_.metadata(state_->created);
}

std::uint32_t RangeAllocator::records_before_page() const noexcept {
    const auto start = reinterpret_cast<std::uintptr_t>(&ranges_[no_range]);
    return static_cast<std::uint32_t>((base::round_up(start, region::page_size()) - start) /
                                      sizeof(Range));
}

bool RangeAllocator::all_unused(RangeId from, RangeId to) const noexcept {
    while (from != to && kind(ranges_[from]) == Kind::unused) ++from;
    return from == to;
}

// The list of unused records goes through those that are given back, so it is
// made anew: the lowest come first, so that others may become unused together.
void RangeAllocator::trim_records() noexcept {
    State& state = *state_;
    const std::uint32_t of_page = records_of_page();
    const std::uint64_t used = state.totals.blocks + state.totals.holes;
    const std::uint64_t listed = state.created - std::uint64_t{state.clean} * of_page;
    if (used > listed - listed / 4 || state.created < state.lead) return;
    state.unused = no_range;
    const auto unlisted = [&](RangeId from, RangeId to) {
        for (RangeId id = to; id-- != from;) {
            if (id == no_range || kind(ranges_[id]) != Kind::unused) continue;
            ranges_[id].chain = state.unused;
            state.unused = id;
        }
    };
    const std::uint32_t pages = (state.created + 1 - state.lead) / of_page;
    unlisted(state.lead + pages * of_page, state.created + 1);
    RangeId end = no_range;  // of the clean pages just above
    for (std::uint32_t page = pages; page-- != 0;) {
        const RangeId from = state.lead + page * of_page, to = from + of_page;
        if (from != no_range && all_unused(from, to)) {
            if (end == no_range) end = to;
            state.clean += is_clean(page) ? 0 : 1;
            clean_[page / base::kWordBits] |= base::bit(page % base::kWordBits);
            continue;
        }
        unlisted(from, to);
        if (end != no_range) region::purge_within(region::kSystem, &ranges_[to], &ranges_[end]);
        end = no_range;
    }
    if (end != no_range) region::purge_within(region::kSystem, &ranges_[state.lead], &ranges_[end]);
    unlisted(no_range, state.lead);
}

// Lists the records of the lowest clean page, and takes the first.
RangeId RangeAllocator::reuse_page() noexcept {
    State& state = *state_;
    std::uint32_t word = 0;
    while (clean_[word] == 0) ++word;
    const std::uint32_t page = word * base::kWordBits + base::lowest(clean_[word]);
    clean_[word] &= clean_[word] - 1;
    --state.clean;
    const RangeId first = state.lead + page * records_of_page();
    for (RangeId id = first + records_of_page(); --id != first;) {
        ranges_[id].chain = state.unused;
        state.unused = id;
    }
    return first;
}

}  // namespace ashlar::ranges
