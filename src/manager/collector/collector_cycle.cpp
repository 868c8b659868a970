// A cycle of the collector from its beginning to its end, in slices under the
// lock.
#include <algorithm>
#include <string>
#include <utility>

#include "manager/base/backoff.hpp"
#include "manager/collector/collector.hpp"

namespace ashlar::manager {

namespace {

using Clock = std::chrono::steady_clock;

thread_local char this_thread;

}  // namespace

void Collector::layout(region::Carver& carver, std::uint32_t most_ranges, bool shared) noexcept {
    state_ = carver.array<State>(1);
    room_ = has_small() ? kStack : std::min(kStack, most_ranges);
    stack_ = carver.stepped<Offset>(room_);
    steps_ = region::StepTables(carver.open_end());
    steps_.add(stack_, sizeof *stack_);
    overflow_.layout(carver, most_ranges, small_->shape());
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
        now.longest_pause =
            std::max<std::chrono::nanoseconds>(now.longest_pause, Clock::now() - begin);
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
    open_stack();
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
    // Relaxed: a thread only asks whether it wrote its own name there.
    runner_.store(nullptr, base::rlx);
    leave_turn();
    if (failure != nullptr) std::rethrow_exception(failure);
    return done;
}

void Collector::open_stack() {
    const Guard guard(*lock_);
    if (state_->opened < room_) state_->opened = steps_.open(state_->opened, room_, room_);
    if (state_->opened < room_ || !overflow_.open_with(*allocator_, *small_))
        throw std::bad_alloc();
}

void Collector::take_turn() noexcept {
    // [E33] acquire, pairs with the exchange in leave_turn(): the whole cycle
    // before
    for (Backoff turn; state_->turn.exchange(1, base::acq_rel) != 0;) turn.wait();
}
void Collector::leave_turn() noexcept {
    // [E33] release, pairs with the exchange in take_turn().
    state_->turn.exchange(0, base::acq_rel);
}

Collector::Pause::Pause(Collector& collector) noexcept : collector_(collector) {
    collector.take_turn();
}
Collector::Pause::~Pause() { collector_.leave_turn(); }

// Relaxed: as in run().
bool Collector::in_callback() const noexcept { return runner_.load(base::rlx) == &this_thread; }

void Collector::refuse_in_callback(const char* member) const {
    if (!in_callback()) return;
    throw ManagerError(
        Status::in_callback,
        std::string(member) +
            ": called by a callback of the collector's cycle, which would have to end first");
}

void Collector::continue_in_child() noexcept {
    // Relaxed, all of it: there is one thread.
    const bool own = runner_.load(base::rlx) == &this_thread;
    gate_.continue_in_child(own);
    if (own || state_->turn.load(base::rlx) == 0) return;
    if (state_->phase != Phase::idle) state_->cut = 1;
    state_->phase = Phase::idle;
    small_->end_cycle();
    visitor_ = nullptr;
    runner_.store(nullptr, base::rlx);
    state_->turn.store(0, base::rlx);
}

void Collector::begin(const Cycle& cycle) {
    take_turn();
    runner_.store(&this_thread, base::rlx);  // relaxed: as in run()
    reach_ = [this](Offset offset) { shade(offset); };
    gate_.close();
    const Guard guard(*lock_);
    visitor_ = cycle.visitor;
    state_->failed = 0;
    failure_ = nullptr;  // also that of a cycle that a fork cut off
    state_->cursor = 0;
    state_->depth = 0;
    state_->now = {};
    state_->phase = Phase::whiten;
    small_->begin_cycle();
}

// All is white afterwards, as blocks of the range allocator are since the last
// cycle swept: here the snapshot is taken that the marks complete.
void Collector::whiten(const Cycle& cycle) {
    const std::uint32_t slabs = std::max(cycle.budget / kSlabBlocks, 1U);
    std::uint32_t slab = 0;
    in_slices(cycle, [&](bool& done) {
        std::uint32_t forgotten = 0;  // by a cycle that was ended early
        while (forgotten < cycle.budget && overflow_.forget_one()) ++forgotten;
        if (forgotten != 0) return forgotten;
        if (state_->cut != 0) return whiten_ranges(cycle.budget);
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
    // The sweep begins in the slice that finds no block left to look at, so
    // that no thread can hide a block from both.
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

// Outside the lock: makes room for the leaks that one slice may find.
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
