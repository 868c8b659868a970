#include "walk.hpp"

#include <algorithm>
#include <stdexcept>

namespace progress {

Walk::Walk(Worker& worker, std::uint32_t operation, double patience)
    : worker_(worker), operation_(operation), patience_(patience),
      text_(worker.process(), worker.shared().allocator) {
    if (text_.empty()) throw std::runtime_error("the allocator's mapping was not found");
}

void Walk::begin() {
    victim_.reset();
    victim_.emplace(worker_.next_victim(operation_));
    worker_.release_victim();
    if (victim_->go_to_mark() != Tracee::Event::marked)
        throw std::runtime_error("the victim ended before it began");
}

// A call begins at the allocator's first instruction, in whichever function the
// program enters it. It ends at the instruction that it returns to. Functions
// of libc that it calls belong to it.
bool Walk::look(Progress& progress) {
    const Place place = victim_->place();
    if (progress.inside) {
        if (place.pc == progress.back && place.sp >= progress.sp) {
            progress.inside = false;
            tally_.longest_call = std::max(tally_.longest_call, progress.in_call);
        }
    } else if (text_.contains(place.pc) &&
               place.pc != worker_.shared().marker.load(std::memory_order_relaxed)) {
        progress.inside = true;
        progress.back = victim_->return_address(place);
        progress.sp = place.sp;
        progress.in_call = 0;
        ++progress.calls;
    }
    if (!progress.inside) return false;
    ++progress.in_call;
    ++progress.inside_all;
    return true;
}

Tracee::Event Walk::advance(Progress& progress) {
    for (;;) {
        const Tracee::Event event = victim_->step();
        if (event != Tracee::Event::stopped) return event;
        if (look(progress)) return event;
    }
}

void Walk::finish(const Progress& progress) {
    tally_.instructions = std::max(tally_.instructions, progress.inside_all);
    tally_.calls = std::max(tally_.calls, progress.calls);
    tally_.longest_call = std::max(tally_.longest_call, progress.in_call);
    if (victim_->go_to_mark() == Tracee::Event::gone) return victim_.reset();
    throw std::runtime_error("more marks than two");
}

bool Walk::round(Round kind) {
    worker_.start_round(kind);
    return worker_.finishes(patience_);
}

void Walk::blame() {
    ++tally_.blocked;
    ++tally_.places[text_.describe(victim_->pc())];
    while (victim_->go_to_mark() != Tracee::Event::gone) {
    }
    victim_.reset();
    if (!worker_.finishes(60))
        throw std::runtime_error("the helpers did not finish after the thread went on");
}

std::size_t Walk::freeze(const std::vector<std::uint64_t>& points) {
    begin();
    Progress progress;
    std::size_t done = 0;
    Tracee::Event event;
    while ((event = advance(progress)) == Tracee::Event::stopped) {
        if (done == points.size() || progress.inside_all != points[done]) continue;
        ++done;
        ++tally_.frozen;
        if (round()) continue;
        blame();
        return done;
    }
    if (event == Tracee::Event::gone) {
        tally_.instructions = std::max(tally_.instructions, progress.inside_all);
        tally_.calls = std::max(tally_.calls, progress.calls);
        victim_.reset();
    } else {
        finish(progress);
    }
    return done;
}

bool Walk::end_at(std::uint64_t point) {
    begin();
    Progress progress;
    while (progress.inside_all < point) {
        const Tracee::Event event = advance(progress);
        if (event == Tracee::Event::stopped) continue;
        if (event == Tracee::Event::marked) finish(progress);
        victim_.reset();
        return false;
    }
    ++tally_.frozen;
    if (!round()) {
        blame();
        return true;
    }
    victim_->end(worker_.shared().way_out.load(std::memory_order_relaxed));
    victim_.reset();
    // If the helpers wait now, they wait for ever: the thread has ended.
    if (!round() || !round(Round::audit))
        throw std::runtime_error("the helpers wait for the ended thread");
    const std::int64_t before = held_;
    held_ = static_cast<std::int64_t>(worker_.shared().held.load(std::memory_order_relaxed));
    tally_.lost += held_ - before;
    tally_.most_lost = std::max(tally_.most_lost, held_ - before);
    // If a lock holder has ended, memory must not grow: takes must find the
    // units that others free. The helpers' work differs from round to round,
    // but not by four times.
    const std::uint64_t spread = worker_.shared().spread.load(std::memory_order_relaxed);
    if (spread > 4 * spread_ + static_cast<std::uint64_t>(std::max<std::int64_t>(tally_.lost, 0)))
        tally_.spreads = true;
    return true;
}

void Walk::take_stock() {
    for (int i = 0; i < 2; ++i) {
        if (!round() || !round(Round::audit))
            throw std::runtime_error("the helpers do not finish without a frozen thread");
    }
    held_ = static_cast<std::int64_t>(worker_.shared().held.load(std::memory_order_relaxed));
    spread_ = worker_.shared().spread.load(std::memory_order_relaxed);
}

void Walk::merge_into(Tally& sum) const {
    sum.instructions = std::max(sum.instructions, tally_.instructions);
    sum.calls = std::max(sum.calls, tally_.calls);
    sum.longest_call = std::max(sum.longest_call, tally_.longest_call);
    sum.frozen += tally_.frozen;
    sum.blocked += tally_.blocked;
    sum.lost += tally_.lost;
    sum.spreads = sum.spreads || tally_.spreads;
    sum.most_lost = std::max(sum.most_lost, tally_.most_lost);
    for (const auto& [place, times] : tally_.places) sum.places[place] += times;
}

}  // namespace progress
