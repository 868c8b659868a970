// Spans: its counters, and where its tables lie, for readers from outside. Any
// thread.
#include "core/spans/spans.hpp"

namespace ashlar::spans {

using base::rlx;

UnitCounts Spans::counts() const noexcept {
    // Relaxed: counters.
    const std::size_t held = held_.load(rlx);
    return {held, frontier() - 1 - held, peak_.load(rlx), dirty_units_.load(rlx)};  // relaxed
}

SpansTables Spans::tables() const noexcept {
    return {state_,       free_.leaf_words(), free_.stride(),         dirty_bits_, aged_bits_,
            recent_,      &frontier_,         committed_.end_word(),  kRecent,     &peak_,
            &lock_taken_, &lock_refused_,     committed_.reach_word()};
}

}  // namespace ashlar::spans
