#include "cache/process.hpp"

#include <sys/sysinfo.h>
#include <cstdint>

#include "base/report.hpp"
#include "cache/growth.hpp"
#include "cache/injection.hpp"

namespace ashlar::cache {

using base::acq;
using base::ar;
using base::Bin;
using base::kUnitShift;
using base::rlx;
using base::UnitId;

constinit Registry registry{};

namespace {

constinit base::Atomic<Core*> process_core{};

// How many misses go to the grown heaps at once, since the first region was found full a moment ago. A hint.
constinit base::Atomic<std::uint32_t> full_for{};
constexpr std::uint32_t kFullFor = 64;

constexpr std::size_t kMinRegion = std::size_t{4} << 20;
constexpr std::uint32_t kMaxCaches = 16384;
constexpr std::uint32_t kMinCaches = 8;

std::size_t wanted_region() noexcept {
    constexpr std::size_t kUsual = std::size_t{1} << 40;
    constexpr std::size_t kMost = std::size_t{1} << 46;
    struct sysinfo info = {};
    if (sysinfo(&info) != 0) return kUsual;
    const std::size_t ram = std::size_t{info.totalram} * info.mem_unit;
    return ram > kMost / 4 ? kMost : ram * 4 > kUsual ? ram * 4 : kUsual;
}

Core* create(std::size_t bytes) noexcept {
    const auto units = static_cast<UnitId>(bytes >> kUnitShift);
    const std::uint32_t caches = units / 64 > kMaxCaches ? kMaxCaches : units / 64 < kMinCaches ? kMinCaches : units / 64;
    return Core::create(region::kSystem, units, caches);
}

// As much as the system grants, down to kMinRegion. Where it refuses what we want, it has a limit: half of what it would grant
// is left for stacks, libraries and growth.
Core* reserve() noexcept {
    std::size_t bytes = wanted_region();
    Core* core = create(bytes);
    if (core != nullptr) return core;
    while (core == nullptr && bytes > kMinRegion) {
        bytes /= 2;
        core = create(bytes);
    }
    if (core == nullptr || bytes / 2 < kMinRegion) return core;
    Core::destroy(core);
    return create(bytes / 2);
}

}  // namespace

// Threads that meet no heap reserve one each; one of them is published, the others are released: nobody waits.
Core* process() noexcept {
    Core* core = process_core.load(acq);  // [E13] acquire, pairs with the CAS below: the heap as it was made
    if (core != nullptr) [[likely]]
        return core;
    Core* made = reserve();
    if (made == nullptr) return process_core.load(acq);
    if (process_core.cas(core, made, ar, acq)) return made;  // [E13] release
    Core::destroy(made);
    return core;
}

Core* existing_process() noexcept { return process_core.load(acq); }  // [E13]

Core* owner_of(const void* address) noexcept {
    Core* core = existing_process();
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    return core != nullptr && core->region().contains(at) ? core : registry.owner_of(at);
}

// ------------------------------------------------------------------------------------------------------------------ taking

namespace {

void* take_from(Core& core, Cache* own, std::size_t size, std::size_t alignment, bool& zero) noexcept {
    const Bin bin = alignment <= base::kMinAlignment ? base::bin_of_size(size)
                    : alignment <= base::kUnitSize   ? base::bin_of_aligned(size, alignment)
                                                     : 0;
    zero = false;
    if (bin == 0) {
        core.adopt_orphans();
        return core.take_large(size, alignment, zero);
    }
    return own != nullptr && own->core == &core ? own->take(bin) : core.take(bin);
}

void* take_anywhere(std::size_t size, std::size_t alignment, bool& zero) noexcept {
    if (size > PTRDIFF_MAX || alignment > PTRDIFF_MAX) return nullptr;
    Cache* own = own_cache();
    Core* core = process();
    if (core == nullptr) return nullptr;
    const std::uint32_t full = full_for.load(rlx);  // relaxed, as the stores: a lost update costs one look
    void* block = full == 0 ? take_from(*core, own, size, alignment, zero) : nullptr;
    if (block != nullptr) [[likely]]
        return block;
    block = take_existing(size, alignment, zero);
    full_for.store(block == nullptr ? 0 : full == 0 ? kFullFor : full - 1, rlx);
    if (block != nullptr) return block;
    if (own != nullptr) own->flush();
    core->reclaim();
    block = take_from(*core, own, size, alignment, zero);
    if (block != nullptr) return block;
    each_grown([](Core& grown) noexcept { grown.reclaim(); });
    return take_grown(size, alignment, zero);
}

}  // namespace

void* take_large(std::size_t size, std::size_t alignment, bool& zero) noexcept {
    if (injection.on() && injection.refuses(size)) [[unlikely]]
        return nullptr;
    return take_anywhere(size, alignment, zero);
}

void* take_uncounted(std::size_t size, std::size_t alignment) noexcept {
    bool zero;
    return take_anywhere(size, alignment, zero);
}

void* take(std::size_t size, std::size_t alignment) noexcept {
    bool zero;
    return take_large(size, alignment, zero);
}

// ------------------------------------------------------------------------------------------------------------------ giving

void give(void* block) noexcept {
    if (block == nullptr) return;
    Core* core = owner_of(block);
    if (core == nullptr) base::report_foreign(block);
    const region::Region& region = core->region();
    const UnitId unit = region.unit(reinterpret_cast<std::uintptr_t>(block));
    const Bin bin = core->spans.map()[unit].load(rlx);  // relaxed: see Spans::mark()
    Cache* own = own_cache();
    if (bin == 0) {
        core->give_large(block);
    } else if (own != nullptr && own->core == core) {
        own->give(block, bin);
    } else {
        core->give(block, bin);
    }
    if (core->single) release_single(*core);
}

std::size_t size_of(const void* block) noexcept {
    const Core* core = owner_of(block);
    if (core == nullptr) base::report_foreign(block);
    const std::size_t bytes = core->size_of(block).bytes;
    if (bytes == 0) core->report(block);
    return bytes;
}

// ------------------------------------------------------------------------------------------------------------ the whole heap

bool trim() noexcept {
    Core* core = process();
    if (core == nullptr) return false;
    if (Cache* own = own_cache(); own != nullptr) own->flush();
    bool any = core->trim();
    each_grown([&any](Core& grown) noexcept { any = grown.trim() || any; });
    return any;
}

std::size_t check() noexcept {
    Core* core = process();
    if (core == nullptr) return 0;
    const auto check_one = [](Core& heap) noexcept {
        heap.adopt_orphans();  // what a fork left behind is no fault
        return heap.check();
    };
    std::size_t faults = check_one(*core);
    each_grown([&](Core& grown) noexcept { faults += check_one(grown); });
    return faults;
}

Totals totals(const Core& core) noexcept {
    const spans::UnitCounts units = core.spans.counts();
    return {core.arena.live_bytes(), units.held << kUnitShift, units.free << kUnitShift, units.peak << kUnitShift,
            std::size_t{core.region().end} << kUnitShift};
}

Totals totals() noexcept {
    Core* core = process();
    if (core == nullptr) return {};
    Totals sum = totals(*core);
    each_grown([&sum](Core& grown) noexcept {
        const Totals more = totals(grown);
        sum = {sum.live + more.live, sum.held + more.held, sum.free + more.free, sum.peak + more.peak,
               sum.reserved + more.reserved};
    });
    return sum;
}

}  // namespace ashlar::cache
