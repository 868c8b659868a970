#include "malloc/cache/cache.hpp"

#include <cstring>

#include "base/report.hpp"

namespace ashlar::cache {

using base::Bin;

namespace {

constexpr std::uint32_t kCollectMisses = 128;
constexpr std::uint32_t kCredit = 64;
constexpr std::uint32_t kFewMisses = 16;
// Bytes in batches without a refill between, until a thread alone drains.
constexpr std::size_t kLeastFreed = std::size_t{4} << 20;
constexpr std::size_t kMostFreed = std::size_t{16} << 20;
constexpr std::uint32_t kClockMisses = 4;  // between two readings of the clock
constexpr std::uint64_t kCollectMs = 250;
constexpr std::uint8_t kRemoteFrees = 16;  // blocks, before a closed bin opens for them
constexpr std::uint8_t kIdleFlushed = 2;   // idle_: nothing is left to give back

void* no_slots[2];  // always null: the bottom of every bin of the constant caches

}  // namespace

constexpr ConstantCache::ConstantCache() noexcept
    : ThreadCache{{}, {}, {~std::uintptr_t{0}, 0, nullptr}, nullptr, 0} {
    for (void**& each : top) each = &no_slots[1];
}

// Read-only once the loader has relocated it. So it fills up a page that the
// loader writes anyway, and the others share one with what each process writes.
[[gnu::section(".data.rel.ro.no_cache")]] constinit ConstantCache kNoCache;
constinit ConstantCache kPastCache;
constinit ConstantCache kHandlerCache;
constinit thread_local ThreadCache* tls_cache [[gnu::tls_model("initial-exec")]] = &kNoCache;

void Cache::attach(BackEnd& owner, std::uint32_t number) noexcept {
    pages = owner.spans.pages();
    empty_bins();
    collected_ = spans::Spans::now_ms();
    quiet_ = 0;
    credit = kCredit;
    freed_ = 0;
    drain_after_ = kLeastFreed;
    depot_handle_ = depot::DepotHandle(number);
    base::compiler_fence();  // last: wherever a fork cuts, a cache with a heap is complete
    heap = &owner;
}

void Cache::empty_bins() noexcept {
    for (Bin bin = 0; bin < base::kBins; ++bin) {
        stage_[bin] = kNew;
        top[bin] = bottom(bin);
        limit[bin] = first_limit(bin);
        remote_frees_[bin] = 0;
        if (base::is_run(bin)) run_limit_[bin - base::kClasses] = bottom(bin);
    }
    run_units_ = 0;
}

// Bins of runs, and of classes whose blocks share cache lines, are closed at
// first. A block that a thread frees before it has allocated any of the class
// came from another thread. It lies among blocks of that thread, and goes back
// there: if it were reused here, two threads would write to one line (passive
// false sharing: Berger et al., "Hoard", 2000). If many such blocks come, the
// bin opens for them.
void** Cache::first_limit(Bin bin) noexcept {
    const bool closed = bin != 0 && (base::is_run(bin) || base::shares_lines(bin));
    return bottom(bin) + (closed ? 0 : few_slots(bin));
}

void Cache::open(Bin bin) noexcept {
    if (limit[bin] == bottom(bin)) limit[bin] = bottom(bin) + few_slots(bin);
}

// Moves a bin to its own slots. The copies are complete before the top moves:
// wherever a fork cuts, the blocks below the top are the bin's.
void Cache::grow(Bin bin) noexcept {
    void** const from = bottom(bin);
    const std::ptrdiff_t n = top[bin] - from;
    const std::ptrdiff_t room = limit[bin] - from;
    void** const to = slots_ + kSlots.many[bin];
    if (to != from) std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(void*));
    base::compiler_fence();
    top[bin] = to + n;
    limit[bin] = to + room;
    stage_[bin] = kGrown;
}

void Cache::see_committed() noexcept { pages.units = heap->spans.committed(); }

void ThreadCache::renew() noexcept {
    credit = kCredit;
    const OwnerScope scope(static_cast<Cache*>(this));
    if (scope.cache() != nullptr) scope.cache()->look_at_clock();
}

void Cache::look_at_clock() noexcept {
    if (spans::Spans::now_ms() >= collected_ + kCollectMs) collect_idle();
}

// Collects idle bins after kCollectMisses misses, or kCollectMs after the last
// time. While misses are few, each reads the clock.
void Cache::count_miss() noexcept {
    const std::uint32_t n = ++misses_;
    const bool look = n <= kFewMisses || n % kClockMisses == 0;
    if (n >= kCollectMisses || (look && spans::Spans::now_ms() >= collected_ + kCollectMs))
        collect_idle();
}

// Flushes the bins whose top has not moved since the last call: the thread does
// not use them. A thread that misses rarely gets small bins, so that it goes on
// to miss now and then: only threads that come here return memory.
void Cache::collect_idle() noexcept {
    quiet_ = misses_ < kCollectMisses ? 1 : 0;
    misses_ = 0;
    collected_ = spans::Spans::now_ms();
    for (Bin bin = 1; bin < base::kBins; ++bin) {
        if (top[bin] != seen_[bin]) {
            idle_[bin] = 0;
        } else if (idle_[bin] < kIdleFlushed) {
            flush_idle_bin(bin);
        }
        if (quiet_ != 0) shrink(bin);
        seen_[bin] = top[bin];
    }
    heap->tick();  // also where no run is freed for a long time
}

// First the bin's blocks and its slab go back. At a later call the full
// magazines of the class go back as well, if no thread has moved any meanwhile.
void Cache::flush_idle_bin(Bin bin) noexcept {
    flush_bin(bin);
    if (base::is_run(bin)) return;
    heap->arena.leave(bin, current_[bin]);
    if (quiet_ == 0) flush_idle_depot(bin);
}

void Cache::flush_idle_depot(Bin bin) noexcept {
    const std::uint64_t moves = heap->depot.version(bin);
    if (idle_[bin] == 0 || moves != depot_seen_[bin]) {
        depot_seen_[bin] = moves;
        idle_[bin] = 1;
    } else {
        heap->flush_depot(bin);
        idle_[bin] = kIdleFlushed;
    }
}

// Leaves a few blocks in the bin, and room for as many more. The full magazines
// of the class go back if no thread has moved any since the last call.
void Cache::shrink(Bin bin) noexcept {
    constexpr std::uint32_t kFew = 2;
    if (base::is_run(bin)) return;
    void** const few = bottom(bin) + kFew;
    if (top[bin] > few) {
        const auto n = static_cast<std::uint32_t>(top[bin] - few);
        top[bin] = few;  // they leave the bin before another thread can get them
        base::compiler_fence();
        heap->arena.give(bin, few, n);
    }
    if (limit[bin] > few + kFew) limit[bin] = few + kFew;
    if (heap->depot.version(bin) == depot_seen_[bin]) heap->flush_depot(bin);
    depot_seen_[bin] = heap->depot.version(bin);
}

// For a zeroed request a slab of blocks of 4 KiB and more gives one block
// alone: of a cached block it is not known whether it is zero.
Allocation Cache::refill(Bin bin, bool zeroed) noexcept {
    MissCounts::add(counts.refills[bin]);
    if (draining() && drain_after_ < kMostFreed) drain_after_ *= 2;
    freed_ = 0;
    count_miss();
    see_committed();
    if (base::is_run(bin)) return take_run(bin);
    base::expect(top[bin] == bottom(bin), top[bin], "refill of a bin that is not empty");
    open(bin);
    if (stage_[bin] != kGrown) [[unlikely]] {
        if (void* block = refill_few(bin); block != nullptr) return {block, false};
    }
    const bool alone = zeroed && base::knows_fresh(bin);
    bool zero = false;
    void** at = bottom(bin);
    const auto room = static_cast<std::uint32_t>(limit[bin] - at);
    std::uint32_t n = quiet_ != 0 ? 0 : heap->depot.take(bin, at, depot_handle_);
    if (n != 0) {
        MissCounts::add(counts.depot_takes);
    } else {
        const std::uint32_t want = alone ? 1 : depot::batch_of_class(bin);
        n = heap->take_blocks(bin, current_[bin], at, room < want ? room : want, zero);
    }
    if (n == 0) {  // also what is reserved for other threads: nothing else is left
        if (stage_[bin] != kGrown) grow(bin);
        at = bottom(bin);
        n = heap->depot.take_any(bin, at);
        if (n == 0) return {nullptr, false};
    }
    const std::uint32_t capacity = slots_of(bin);
    limit[bin] = at + (room * 2 < capacity ? room * 2 : capacity);
    if (limit[bin] < at + n) limit[bin] = at + n;
    base::compiler_fence();
    top[bin] = at + n - 1;
    return {at[n - 1], alone && zero};
}

// Refills a bin that is still in its few slots. Threads with few blocks share
// slabs, unless the depot has blocks for them. nullptr: the bin has grown, or
// shrink() has left it less room than the few slots.
void* Cache::refill_few(Bin bin) noexcept {
    void** const at = bottom(bin);
    if (quiet_ != 0 && limit[bin] < at + few_slots(bin)) return nullptr;
    const bool full_size = limit[bin] == at + kFewSlots && kFewSlots < kCapacityOfBin[bin];
    if (stage_[bin] == kNew && full_size && (quiet_ != 0 || heap->depot.version(bin) == 0)) {
        const std::uint32_t n = heap->take_first(bin, current_[bin], at);
        if (n != 0) {
            stage_[bin] = kRefilled;
            top[bin] = at + n - 1;
            return at[n - 1];
        }
    }
    const bool doubles = stage_[bin] == kRefilled && full_size;
    grow(bin);
    if (doubles) limit[bin] += kFewSlots;
    return nullptr;
}

void Cache::overflow(void* block, Bin bin) noexcept {
    MissCounts::add(counts.overflows);
    if (base::is_run(bin)) return heap->give_run(block);
    count_miss();  // it may make room
    void** const at = bottom(bin);
    if (limit[bin] == at) {
        if (remote_frees_[bin]++ < kRemoteFrees) return heap->arena.give(bin, &block, 1);
        open(bin);
    } else if (top[bin] == limit[bin]) {
        make_room(bin);
    }
    *top[bin] = block;
    base::compiler_fence();
    ++top[bin];
}

// Lets the bin grow up to its capacity; then gives a batch. The newest blocks
// go, so that the others need not move. They leave the bin before another
// thread can get them, since a fork may cut here.
void Cache::make_room(Bin bin) noexcept {
    if (draining()) [[unlikely]]
        return drain(bin);
    if (stage_[bin] != kGrown && limit[bin] == bottom(bin) + few_slots(bin)) [[unlikely]]
        grow(bin);
    void** const at = bottom(bin);
    const std::uint32_t capacity = slots_of(bin);
    if (limit[bin] < at + capacity) {
        const auto room = static_cast<std::uint32_t>(limit[bin] - at) * 2;
        limit[bin] = at + (room < capacity ? room : capacity);
        return;
    }
    const std::uint32_t n = depot::batch_of_class(bin);
    freed_ += std::size_t{n} * base::kGeometry[bin].size;
    void** const newest = top[bin] - n;
    top[bin] = newest;
    base::compiler_fence();
    if (heap->depot.give(bin, newest, n, heap->depot_budget(), depot_handle_))
        return MissCounts::add(counts.depot_gives);
    heap->arena.give(bin, newest, n);
    if (heap->depot.close(bin)) heap->flush_depot(bin);
}

bool Cache::draining() const noexcept { return freed_ > drain_after_ && heap->spans.alone(); }

// A thread alone has freed much without a refill between. It may sleep after
// its last free, and blocks in its cache and in the depot keep slabs from being
// retired. So the bin goes back whenever its few slots are full. If the thread
// refills after all, it frees twice as much before the next time.
void Cache::drain(Bin bin) noexcept {
    flush_bin(bin);
    limit[bin] = bottom(bin) + few_slots(bin);
    if (heap->depot.version(bin) != 0) heap->flush_depot(bin);
}

void* Cache::take(Bin bin) noexcept {
    void* block = pop(bin);
    return block != nullptr ? block : refill(bin).block;
}

void Cache::give(void* block, Bin bin) noexcept {
    if (base::is_run(bin) ? push_run(block, bin) : push(block, bin)) return;
    if (top[bin][-1] == block) base::report_double_free(block, base::size_of_bin(bin));
    overflow(block, bin);
}

// Takes the blocks of the bin first. Then magazines and words of slabs go
// straight into the caller's array.
std::size_t Cache::take_batch(Bin bin, void** out, std::size_t n) noexcept {
    if (quarantine != nullptr) return take_random_batch(bin, out, n);
    std::size_t done = 0;
    while (done < n) {
        void* block = pop(bin);
        if (block == nullptr) break;
        out[done++] = block;
    }
    bool zero;
    while (done < n) {
        const std::size_t left = n - done;
        std::uint32_t got = left >= depot::batch_of_class(bin)
                                ? heap->depot.take(bin, out + done, depot_handle_)
                                : 0;
        const auto want = static_cast<std::uint32_t>(
            left < depot::kMagazineBlocks ? left : depot::kMagazineBlocks);
        if (got == 0) got = heap->take_blocks(bin, current_[bin], out + done, want, zero);
        if (got == 0) break;
        done += got;
    }
    return done;
}

// Counts from the top down to the null, as adopt(): exit() in a signal handler
// may come here in the middle of grow().
void Cache::flush_bin(Bin bin) noexcept {
    void** at = top[bin];
    while (at[-1] != nullptr) --at;
    const auto n = static_cast<std::uint32_t>(top[bin] - at);
    if (n == 0) return;
    if (base::is_run(bin)) {
        for (std::uint32_t left = n; left > 0; --left) {
            void* block = at[left - 1];
            move_top(bin, -1);
            base::compiler_fence();
            heap->give_run(block);
        }
        return;
    }
    top[bin] = at;  // they leave the bin before another thread can get them
    base::compiler_fence();
    heap->arena.give(bin, at, n);
}

void Cache::flush() noexcept {
    drain_quarantine();
    for (Bin bin = 1; bin < base::kBins; ++bin) flush_bin(bin);
    heap->depot.forget(depot_handle_);
    for (Bin c = 1; c < base::kClasses; ++c) heap->arena.leave(c, current_[c]);
}

// Goes from the top down to the null: `limit` may have any value where the fork
// cut. Each block leaves the bin before it is given, since the next fork may
// cut here.
void Cache::adopt() noexcept {
    for (Bin bin = 1; bin < base::kBins; ++bin) {
        while (void* block = top[bin][-1]) {
            --top[bin];
            base::compiler_fence();
            if (base::is_run(bin)) {
                static_cast<void>(heap->give_large(reinterpret_cast<std::uintptr_t>(block)));
            } else {
                heap->arena.adopt(bin, block);
            }
        }
    }
    adopt_quarantine();
    for (Bin c = 1; c < base::kClasses; ++c) heap->arena.leave(c, current_[c]);
}

}  // namespace ashlar::cache
