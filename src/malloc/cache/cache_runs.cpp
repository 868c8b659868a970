// Cache: bins of runs. They are closed until they miss, and are popped and
// pushed outside of the hit paths of small blocks. For the cache's thread.
#include "base/report.hpp"
#include "malloc/cache/cache.hpp"

namespace ashlar::cache {

using base::Bin;

// Opens a bin of runs. Closes the others first if the open ones would hold too
// much.
void Cache::open_runs(Bin bin) noexcept {
    void**& end = run_limit_[bin - base::kClasses];
    if (end != bottom(bin)) return;
    const std::uint32_t most = kCapacityOfBin[bin] * base::units_of_run(bin);
    if (run_units_ + most > kMostRunUnits) close_runs();
    end = bottom(bin) + kCapacityOfBin[bin];
    run_units_ += most;
}

void Cache::close_runs() noexcept {
    if (run_units_ == 0) return;
    for (Bin bin = base::kBins - 1; base::is_run(bin); --bin) {
        flush_bin(bin);
        run_limit_[bin - base::kClasses] = bottom(bin);
    }
    run_units_ = 0;
}

void* Cache::pop_run(Bin bin) noexcept {
    void* block = base::owned_load(top[bin][-1]);
    if (block != nullptr) move_top(bin, -1);
    return block;
}

void Cache::report_run(const void* block, Bin bin) noexcept {
    if (reinterpret_cast<std::uintptr_t>(block) % base::kUnitSize != 0) heap->report(block);
    base::report_double_free(block, base::size_of_bin(bin));
}

void* Cache::pop_run_after_collection(Bin bin) noexcept {
    const OwnerScope scope(this);
    return scope.cache() != nullptr ? pop_run(bin) : nullptr;
}

// An OwnerScope, but for calls that could follow: the compiler then needs no
// stack frame.
void* Cache::pop_run_in_scope(Bin bin) noexcept {
    inside_.increment();
    // [E54] [E55] acquire, as in enter().
    if (state_.load(base::acq) != kOwned) [[unlikely]] {
        inside_.decrement();
        return pop_run_after_collection(bin);
    }
    void* block = pop_run(bin);
    inside_.decrement();
    return block;
}

void* pop_run(Bin bin) noexcept {
    ThreadCache* const own = tls_cache;
    if (own->heap == nullptr) [[unlikely]]
        return nullptr;
    return static_cast<Cache*>(own)->pop_run_in_scope(bin);
}

Allocation Cache::take_run(Bin bin) noexcept {
    open_runs(bin);
    return heap->take_run(base::units_of_run(bin), 1);
}

}  // namespace ashlar::cache
