// A cycle of the collector from its beginning to its end, in slices under the lock.
#include <sched.h>

#include <algorithm>
#include <string>
#include <utility>

#include "manager/collector.hpp"

namespace ashlar::manager {

namespace {

using Clock = std::chrono::steady_clock;

thread_local char this_thread;

}  // namespace

void Collector::layout(region::Carver& carver, std::uint32_t most_ranges, bool shared) noexcept {
    state_ = carver.array<State>(1);
    stack_ = carver.array<Offset>(kStack);
    lost_.layout(carver, most_ranges, small_->shape());
    gate_.layout(carver, shared);
}

CollectionStatistics Collector::last() const noexcept {
    const Guard guard(*lock_);
    return state_->last;
}

// Calls work() under the lock, which returns how many blocks it looked at.
template <class Work>
void Collector::slice(const Cycle& cycle, Work work) {
    {
        const Guard guard(*lock_);
        const Clock::time_point begin = Clock::now();
        const std::uint32_t looked = work();
        CollectionStatistics& now = state_->now;
        now.longest_pause = std::max<std::chrono::nanoseconds>(now.longest_pause, Clock::now() - begin);
        now.longest_slice = std::max(now.longest_slice, looked);
        ++now.slices;
    }
    if (cycle.between != nullptr) (*cycle.between)();
    lock_->let_others_in();
}

// Calls work(done) until it sets `done`.
template <class Work>
void Collector::in_slices(const Cycle& cycle, Work work) {
    bool done = false;
    while (!done) slice(cycle, [&] { return work(done); });
}

CollectionStatistics Collector::run(const Cycle& cycle) {
    const Clock::time_point start = Clock::now();
    begin(cycle);
    try {
        whiten(cycle);
        mark(cycle);
    } catch (...) {
        const Guard guard(*lock_);
        if (state_->failed == 0) failure_ = std::current_exception();
        state_->failed = 1;
    }
    sweep(cycle);
    const std::exception_ptr failure = std::exchange(failure_, nullptr);
    CollectionStatistics done{};
    {
        const Guard guard(*lock_);
        state_->phase = Phase::idle;
        small_->end_cycle();
        visitor_ = nullptr;
        state_->now.duration = Clock::now() - start;
        state_->now.cycles = state_->last.cycles + 1;
        done = state_->last = state_->now;
    }
    gate_.open();
    runner_.store(nullptr, base::rlx);   // relaxed: a thread only asks whether it wrote its own name there
    state_->turn.exchange(0, base::ar);  // [E33] release, pairs with the exchange in begin(): the whole cycle
    if (failure != nullptr) std::rethrow_exception(failure);
    return done;
}

void Collector::refuse_in_callback(const char* member) const {
    if (runner_.load(base::rlx) != &this_thread) return;  // relaxed: as in run()
    throw ManagerError(Status::in_callback,
                       std::string(member) + ": called by a callback of the collector's cycle, which would have to end first");
}

void Collector::begin(const Cycle& cycle) {
    // [E33] acquire, pairs with the exchange in run()
    while (state_->turn.exchange(1, base::ar) != 0) sched_yield();
    runner_.store(&this_thread, base::rlx);  // relaxed: as in run()
    reach_ = [this](Offset offset) { shade(offset); };
    gate_.close();
    const Guard guard(*lock_);
    visitor_ = cycle.visitor;
    state_->failed = 0;
    state_->depth = 0;
    state_->now = {};
    state_->phase = Phase::whiten;
    small_->begin_cycle();
}

// All is white afterwards, as blocks of the heap are since the last cycle swept: here the snapshot is taken that the marks
// complete.
void Collector::whiten(const Cycle& cycle) {
    const std::uint32_t slabs = std::max(cycle.budget / kSlabBlocks, 1U);
    std::uint32_t slab = 0;
    in_slices(cycle, [&](bool& done) {
        std::uint32_t forgotten = 0;  // by a cycle that was ended early
        while (forgotten < cycle.budget && lost_.forget_one()) ++forgotten;
        if (forgotten != 0) return forgotten;
        if (has_small()) slab = small_->whiten(slab, slabs);
        done = slab == 0;
        state_->cursor = 0;
        if (done) state_->phase = Phase::mark;
        return std::min(slabs * kSlabBlocks, cycle.budget);
    });
}

void Collector::mark(const Cycle& cycle) {
    const auto everything = [&](bool& done) {
        done = stopped(cycle);
        return done ? 0 : spread(cycle.budget, done);
    };
    in_slices(cycle, [&](bool& done) { return root_ranges(cycle.budget, done); });
    mark_roots(cycle, cycle.roots);
    if (cycle.source != nullptr && *cycle.source) {
        mark_roots(cycle, (*cycle.source)());
        in_slices(cycle, everything);
        mark_roots(cycle, (*cycle.source)());
    }
    // In the slice that finds nothing left to look at the sweep begins: nobody can hide a block from both.
    in_slices(cycle, [&](bool& done) {
        const std::uint32_t looked = everything(done);
        if (done) begin_sweep();
        return looked;
    });
}

void Collector::mark_roots(const Cycle& cycle, std::span<const Offset> roots) {
    in_slices(cycle, [&](bool& done) {
        const std::size_t count = std::min<std::size_t>(cycle.budget, roots.size());
        for (const Offset root : roots.first(count)) state_->now.roots += shade(root) ? 1 : 0;
        roots = roots.subspan(count);
        done = roots.empty();
        return static_cast<std::uint32_t>(count);
    });
}

void Collector::begin_sweep() noexcept {
    state_->phase = Phase::sweep;
    state_->cursor = 0;
}

// Also after a failure: the marks are to be white for the next cycle.
void Collector::sweep(const Cycle& cycle) {
    {
        const Guard guard(*lock_);
        if (state_->phase != Phase::sweep) begin_sweep();
    }
    std::uint32_t slab = 0;
    for (bool done = !has_small(); !done;) {
        if (cycle.leaks != nullptr) make_room(cycle, small_->shape().most_blocks());
        slice(cycle, [&] { return sweep_slabs(cycle, slab); });
        done = slab == 0;
    }
    for (bool done = false; !done;) {
        if (cycle.leaks != nullptr) make_room(cycle, cycle.budget);
        slice(cycle, [&] { return sweep_ranges(cycle, done); });
    }
}

// Outside the lock, for what one slice may find.
void Collector::make_room(const Cycle& cycle, std::size_t blocks) {
    std::vector<BlockView>& leaks = *cycle.leaks;
    try {
        if (leaks.capacity() - leaks.size() < blocks) leaks.reserve(2 * leaks.size() + blocks);
    } catch (...) {
        const Guard guard(*lock_);
        if (state_->failed == 0) failure_ = std::current_exception();
        state_->failed = 1;
    }
}

}  // namespace ashlar::manager
