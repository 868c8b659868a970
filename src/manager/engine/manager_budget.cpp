// Requests that are about to fail, the budget of used bytes, and counters.
#include "manager/engine/manager_inline.hpp"

namespace ashlar::manager {

Status Manager::refused(Status status) noexcept {
    if (status == Status::no_room) failures_.fetch_add(1, base::rlx);  // relaxed: a counter
    return status;
}

bool Manager::ask_for_room(Size size, Size alignment) {
    if (!options_.on_failure || !options_.on_failure(size, alignment)) return false;
    reclaim(true);  // it may have freed small blocks
    return true;
}

bool Manager::gain(bool (*take)(void*), void* taker, const Need& need) {
    const Growing growing(*this);
    if (growing && grow(take, taker, need)) return true;
    if (need.behind != kNoOffset) return false;  // a change of size: not the request of a block
    if (growing && ask_for_room(need.size, need.alignment) && grow(take, taker, need)) return true;
    static_cast<void>(refused(Status::no_room));
    return false;
}

// With a budget, all but small blocks take the slow path, which looks at it
// under the lock. Small blocks take slabs there.
Status Manager::allocate_with_extras(Size size, Size alignment, Offset& at) {
    Size wanted = size;
    Size aligned = alignment;
    if (has_budget() && shape(wanted, aligned) == Status::ok &&
        small_.class_of(wanted, aligned) == 0) {
        at = allocate_slowly(wanted, aligned, 0);
        if (at == kNoOffset) return Status::no_room;
    } else {
        const Status status = allocate_plain(size, alignment, at);
        if (status != Status::ok) return status;
        static_cast<void>(shape(wanted, aligned));
    }
    finish(at, wanted);
    return Status::ok;
}

void Manager::set_budget(Size bytes) noexcept {
    if (highest_ == 0) return;  // the manager of all that have no buffer
    const Guard guard(lock_);
    budget_ = bytes;
    // Relaxed, both: see has_extras().
    if (bytes < highest_) {
        extras_.fetch_or(kBudget, base::rlx);
    } else {
        extras_.fetch_and(~kBudget, base::rlx);
    }
}

ManagerBudget Manager::budget() const noexcept {
    const Guard guard(lock_);
    return {budget_, allocator_.totals().used};
}

void Manager::count_allocation() noexcept {
    if (counts_ != nullptr) counts_->add(thread_number());
}

void Manager::finish(Offset start, Size size) noexcept {
    count_allocation();
    if (wipes()) wipe(start, size);
}

// Blocks that are freed are those that were allocated and are not live.
ManagerCounters Manager::counters() const noexcept {
    const Guard guard(lock_);
    const std::uint64_t failures = failures_.load(base::rlx);  // relaxed: a counter
    ManagerCounters result{0, 0, failures - failures_from_, allocator_.totals().peak,
                           peak_capacity_};
    if (counts_ == nullptr) return result;
    const std::uint64_t live = totals().blocks;
    const std::uint64_t allocations = counts_->sum();
    result.allocations = allocations - counts_from_;
    const std::uint64_t most = result.allocations + live_from_;
    result.deallocations = most - std::min(most, live);
    return result;
}

void Manager::reset_counters() noexcept {
    const Guard guard(lock_);
    allocator_.reset_peak();
    peak_capacity_ = allocator_.totals().capacity;
    failures_from_ = failures_.load(base::rlx);  // relaxed: a counter
    if (counts_ == nullptr) return;
    live_from_ = totals().blocks;
    counts_from_ = counts_->sum();
}

}  // namespace ashlar::manager
