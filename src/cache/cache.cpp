#include "cache/cache.hpp"

#include <cstring>

#include "base/report.hpp"
#include "cache/core.hpp"

namespace ashlar::cache {

using base::Bin;
using base::kNoUnit;

namespace {

constexpr std::uint32_t kTidyMisses = 128;
constexpr std::uint8_t kStrangers = 16;  // blocks, before a closed bin opens for them
constexpr std::uint8_t kRested = 2;      // nothing is left to give back

constexpr std::uint32_t first_capacity(Bin bin) noexcept {
    constexpr std::uint32_t kFirst = 16;
    return kCapacityOfBin[bin] < kFirst ? kCapacityOfBin[bin] : kFirst;
}

void* no_slots[2];  // always null: the bottom of every bin of the constant caches

}  // namespace

constexpr ConstantCache::ConstantCache() noexcept : Front{~std::uintptr_t{0}, 0, nullptr, nullptr, {}, {}} {
    for (Bin bin = 0; bin < base::kBins; ++bin) top[bin] = limit[bin] = &no_slots[1];
}

constinit ConstantCache kNoCache;
constinit ConstantCache kPastCache;
constinit thread_local Front* tls_cache [[gnu::tls_model("initial-exec")]] = &kNoCache;

void Cache::attach(Core& owner, std::uint32_t number) noexcept {
    const region::Region& region = owner.region();
    base = region.base;
    units = region.end;
    map = owner.spans.map();
    for (Bin bin = 0; bin < base::kBins; ++bin) {
        top[bin] = bottom(bin);
        limit[bin] = first_limit(bin);
        strangers_[bin] = 0;
    }
    way_ = depot::Way(number);
    base::compiler_fence();  // last, also where a fork cuts: what has a core is whole
    core = &owner;
}

// The bin of a class whose blocks share cache lines is closed at first: what a thread frees before it has allocated any came
// from another thread, among whose blocks it lies, and goes back there. Used again here, it would have two threads write to
// one line (passive false sharing: Berger et al., "Hoard", 2000). Many of them are a stream, for which the bin opens.
void** Cache::first_limit(Bin bin) noexcept {
    const bool shares = bin != 0 && !base::is_run(bin) && base::shares_lines(bin);
    return bottom(bin) + (shares ? 0 : first_capacity(bin));
}

void Cache::open(Bin bin) noexcept {
    if (limit[bin] == bottom(bin)) limit[bin] = bottom(bin) + first_capacity(bin);
}

// A bin that stands where it stood many misses ago holds what nobody uses.
void Cache::tidy() noexcept {
    misses_ = 0;
    for (Bin bin = 1; bin < base::kBins; ++bin) {
        if (top[bin] != seen_[bin]) {
            idle_[bin] = 0;
        } else if (idle_[bin] < kRested) {
            rest(bin);
        }
        seen_[bin] = top[bin];
    }
    core->spans.tick();  // also where no run is freed for a long time
    core->arena.tick();
}

// First the bin's blocks and slab go back; at a later look, if nobody has moved magazines of the class meanwhile, those do.
void Cache::rest(Bin bin) noexcept {
    flush_bin(bin);
    if (base::is_run(bin)) return;
    core->arena.leave(bin, current_[bin]);
    const std::uint64_t moves = core->depot.stand(bin);
    if (idle_[bin] == 0 || moves != depot_seen_[bin]) {
        depot_seen_[bin] = moves;
        idle_[bin] = 1;
    } else {
        core->flush_depot(bin);
        idle_[bin] = kRested;
    }
}

void* Cache::refill(Bin bin) noexcept {
    core->adopt_orphans();
    if (++misses_ >= kTidyMisses) tidy();
    if (base::is_run(bin)) {
        const spans::Run run = core->take_run(base::units_of_run(bin), 1);
        return run.start == kNoUnit ? nullptr : reinterpret_cast<void*>(core->region().address(run.start));
    }
    void** const at = bottom(bin);
    open(bin);
    const auto room = static_cast<std::uint32_t>(limit[bin] - at);
    const std::uint32_t batch = depot::batch_of_class(bin);
    std::uint32_t n = core->depot.take(bin, at, way_);
    if (n == 0) n = core->arena.take(bin, current_[bin], at, room < batch ? room : batch);
    if (n == 0) n = core->depot.take_any(bin, at);  // before memory is said to be out, also what is kept for others
    if (n == 0) return nullptr;
    const std::uint32_t capacity = kCapacityOfBin[bin];
    limit[bin] = at + (room * 2 < capacity ? room * 2 : capacity);
    if (limit[bin] < at + n) limit[bin] = at + n;
    base::compiler_fence();
    top[bin] = at + n - 1;
    return at[n - 1];
}

void Cache::overflow(void* block, Bin bin) noexcept {
    void** const at = bottom(bin);
    const std::uint32_t capacity = kCapacityOfBin[bin];
    if (base::is_run(bin)) return core->give_large(block);
    if (limit[bin] == at) {
        if (strangers_[bin]++ < kStrangers) return core->arena.give(bin, &block, 1);
        open(bin);
    } else if (limit[bin] < at + capacity) {
        const auto room = static_cast<std::uint32_t>(limit[bin] - at) * 2;
        limit[bin] = at + (room < capacity ? room : capacity);
    } else {
        // The newest go: what stays needs no moving. They are out of the bin before others can see them, for a fork's sake.
        const std::uint32_t n = depot::batch_of_class(bin);
        void** const newest = top[bin] - n;
        top[bin] = newest;
        base::compiler_fence();
        if (++misses_ >= kTidyMisses) tidy();
        if (!core->depot.give(bin, newest, n, core->depot_budget(), way_)) {
            core->arena.give(bin, newest, n);
            if (core->depot.close(bin)) core->flush_depot(bin);
        }
    }
    *top[bin] = block;
    base::compiler_fence();
    ++top[bin];
}

void* Cache::take(Bin bin) noexcept {
    void* block = pop(bin);
    return block != nullptr ? block : refill(bin);
}

void Cache::give(void* block, Bin bin) noexcept {
    if (push(block, bin)) return;
    if (top[bin][-1] == block) base::report_double_free(block, base::size_of_bin(bin));
    overflow(block, bin);
}

// What the bin holds, then magazines and words of slabs straight into the caller's array.
std::size_t Cache::take_batch(Bin bin, void** out, std::size_t n) noexcept {
    std::size_t done = 0;
    while (done < n) {
        void* block = pop(bin);
        if (block == nullptr) break;
        out[done++] = block;
    }
    core->adopt_orphans();
    while (done < n) {
        const std::size_t left = n - done;
        std::uint32_t got = left >= depot::batch_of_class(bin) ? core->depot.take(bin, out + done, way_) : 0;
        const auto want = static_cast<std::uint32_t>(left < depot::kMagazineBlocks ? left : depot::kMagazineBlocks);
        if (got == 0) got = core->arena.take(bin, current_[bin], out + done, want);
        if (got == 0) break;
        done += got;
    }
    return done;
}

void Cache::flush_bin(Bin bin) noexcept {
    void** const at = bottom(bin);
    const auto n = static_cast<std::uint32_t>(top[bin] - at);
    if (n == 0) return;
    if (base::is_run(bin)) {
        for (std::uint32_t left = n; left > 0; --left) {
            void* block = at[left - 1];
            top[bin] = at + left - 1;
            base::compiler_fence();
            core->give_large(block);
        }
        return;
    }
    top[bin] = at;  // they are out of the bin before they are anywhere else
    base::compiler_fence();
    core->arena.give(bin, at, n);
}

void Cache::flush() noexcept {
    for (Bin bin = 1; bin < base::kBins; ++bin) flush_bin(bin);
    core->depot.forget(way_);
    for (Bin c = 1; c < base::kClasses; ++c) core->arena.leave(c, current_[c]);
}

// From the top down to the null: the limit may be anything where the thread was cut. Each block leaves the bin before it is
// given, for the next fork's sake.
void Cache::adopt() noexcept {
    for (Bin bin = 1; bin < base::kBins; ++bin) {
        while (void* block = top[bin][-1]) {
            --top[bin];
            base::compiler_fence();
            if (base::is_run(bin)) {
                static_cast<void>(core->spans.give_large(core->region().unit(reinterpret_cast<std::uintptr_t>(block))));
            } else {
                core->arena.adopt(bin, block);
            }
        }
    }
    for (Bin c = 1; c < base::kClasses; ++c) core->arena.leave(c, current_[c]);
}

}  // namespace ashlar::cache
