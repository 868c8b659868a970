#include "malloc/process/process.hpp"

#include <cstdint>

#include "base/report.hpp"
#include "malloc/cache/quarantine_inline.hpp"
#include "malloc/guards/guarded_blocks.hpp"
#include "malloc/process/background.hpp"
#include "malloc/process/fault_report.hpp"
#include "malloc/process/growth.hpp"
#include "malloc/process/injection.hpp"
#include "malloc/process/limits.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "malloc/process/paranoid.hpp"
#include "malloc/process/recorded_stacks.hpp"
#include "malloc/process/zero_blocks.hpp"

namespace ashlar::cache {

using base::acq;
using base::acq_rel;
using base::Bin;
using base::kUnitShift;
using base::rlx;
using base::UnitId;

using guards::guarded_blocks;

constinit base::Atomic<std::uint32_t> guarded_stayed{};
constinit Registry registry{};

namespace {

constinit base::Atomic<Heap*> process_heap{};

// How many misses take the detour after the first region was found full.
constexpr std::uint32_t kFullFor = 64;

// With more units its indexes would be one level deeper. Further heaps have the
// memory beyond it.
constexpr std::size_t kWantedRegion = std::size_t{4} << 40;
constexpr std::size_t kMinRegion = std::size_t{4} << 20;
constexpr std::uint32_t kMaxCaches = 16384;
constexpr std::uint32_t kMinCaches = 8;

Heap* create(std::size_t bytes) noexcept {
    // Beside unit 0, which is unused.
    const auto units = static_cast<UnitId>(bytes >> kUnitShift) - 1;
    const std::uint32_t caches = units / 64 > kMaxCaches   ? kMaxCaches
                                 : units / 64 < kMinCaches ? kMinCaches
                                                           : units / 64;
    return Heap::create(region::kSystemStepwise, units, caches, check_level());
}

// Leads readers from outside to everything else of the process. The heap is not
// published yet.
void describe(Heap& heap) noexcept {
    inspect::HeapLayout& out = heap.description();
    registry.describe(out.process);
    mapped_blocks.describe(out.process);
    out.process.guarded = reinterpret_cast<std::uintptr_t>(&guarded_blocks.range());
    out.process.grown = reinterpret_cast<std::uintptr_t>(grown_heaps);
    out.process.grown_count = kMaxGrown;
    out.process.calls = reinterpret_cast<std::uintptr_t>(&region::system_calls);
    out.is_process = 1;
}

// Reserves the wanted size, or as much as the system grants, down to
// kMinRegion. If it refuses the wanted size, the address space is limited: then
// half of what it grants is left to stacks, libraries and growth.
Heap* reserve() noexcept {
    std::size_t bytes = kWantedRegion;
    Heap* heap = create(bytes);
    if (heap != nullptr) return heap;
    while (heap == nullptr && bytes > kMinRegion) {
        bytes /= 2;
        heap = create(bytes);
    }
    if (heap == nullptr || bytes / 2 < kMinRegion) return heap;
    Heap::destroy(heap);
    return create(bytes / 2);
}

}  // namespace

namespace {

void tick_process() noexcept {
    background.notify();
    tick_grown();
}

}  // namespace

// Threads that find no heap reserve one each. One heap is published and the
// others are released, so that no thread waits.
Heap* process() noexcept {
    // [E13] acquire, pairs with the CAS below: the heap as it was made.
    Heap* heap = process_heap.load(acq);
    if (heap != nullptr) [[likely]]
        return heap;
    Heap* made = reserve();
    if (made == nullptr) return process_heap.load(acq);
    arm_reports();
    made->also_tick = tick_process;
    made->spans.admits = admit_units;
    made->spans.set_alone(true);
    describe(*made);
    made->reserve_caches_ahead();
    if (process_heap.cas(heap, made, acq_rel, acq)) return made;  // [E13] release
    Heap::destroy(made);
    return heap;
}

Heap* existing_process() noexcept { return process_heap.load(acq); }  // [E13]

Heap* owner_of(const void* address) noexcept {
    Heap* heap = existing_process();
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    if (heap == nullptr || !heap->spans.contains(at)) heap = registry.owner_of(at);
    return heap != nullptr && heap->spans.contains(at) ? heap : nullptr;
}

// ---------------------------------------------------------------------- taking

namespace {

// The bin may have a block: a thread's first call creates its cache, and a
// collector may have put one back.
Allocation take_cached(Cache& own, const Request& request, Bin bin) noexcept {
    void* block = base::is_run(bin) ? own.pop_run(bin) : own.pop_random(bin);
    return block == nullptr ? own.refill(bin, request.zeroed) : Allocation{block, false};
}

// Rounds up to whole units, as for a run: good_size() promises that, and a
// sized delete is compared with it.
Allocation take_mapped(const Request& request) noexcept {
    const std::size_t bytes = base::round_up(request.size, base::kUnitSize);
    if (!limits.admits_mapping(bytes)) return {nullptr, true};
    if (paranoid()) mapped_blocks.set_guarded();
    void* block = mapped_blocks.take(bytes, request.alignment);
    limits.mapped(bytes);
    limits.relieve_above_soft();
    return {block, true};
}

Allocation take_again(Heap& heap, Cache* own, const Request& request, Bin bin) noexcept {
    return own != nullptr && bin != 0 ? take_cached(*own, request, bin) : heap.allocate(request);
}

// After the hard limit has refused it.
Allocation take_relieved(Heap& heap, Cache* own, const Request& request, Bin bin) noexcept {
    if (!limits.relieve_at_hard()) return {nullptr, false};
    if (request.size >= kMapMoved) {
        if (const Allocation found = take_mapped(request); found.block != nullptr) return found;
    }
    return take_again(heap, own, request, bin);
}

// For what the first region cannot give, or if the process is to be relieved
// first.
Allocation allocate_elsewhere(Heap& heap, Cache* own, const Request& request, Bin bin,
                              std::uint32_t full) noexcept {
    const std::uint32_t refusals = limits.refusals();
    if ((full & kRelief) != 0) {
        detour.fetch_and(~kRelief, rlx);  // relaxed: a hint
        limits.relieve_above_soft();
        full &= ~kRelief;
        const Allocation found = full == 0 ? take_again(heap, own, request, bin) : Allocation{};
        if (found.block != nullptr) return found;
    }
    Allocation found = allocate_existing(request);
    // Relaxed: as its load.
    detour.store(found.block == nullptr ? 0 : full == 0 ? kFullFor : full - 1, rlx);
    if (found.block != nullptr) return found;
    if (own != nullptr) own->flush();
    heap.reclaim();
    found = take_again(heap, own, request, bin);
    if (found.block != nullptr) return found;
    if (limits.refusals() != refusals) return take_relieved(heap, own, request, bin);
    each_grown([](Heap& grown) noexcept { grown.reclaim(); });
    // Its address space comes back when it is freed; that of a heap does not.
    if (request.size >= kMapMoved) {
        found = take_mapped(request);
        if (found.block != nullptr) return found;
    }
    return allocate_grown(request);
}

Allocation allocate_block(const Request& request) noexcept {
    if (injection.on() && request.counted && injection.refuses(request.size)) [[unlikely]]
        return {nullptr, false};
    if (guarded_blocks.on()) [[unlikely]] {
        void* block = guarded_blocks.sample(request.size, request.alignment);
        if (block != nullptr) return {block, false};
    }
    if (request.size > PTRDIFF_MAX || request.alignment > PTRDIFF_MAX) return {nullptr, false};
    if (request.size >= kMapped || request.movable) {
        if (const Allocation found = take_mapped(request); found.block != nullptr) return found;
    }
    const OwnerScope scope(own_cache());
    Cache* own = scope.cache();
    Heap* heap = process();
    if (heap == nullptr) return {nullptr, false};
    const Bin bin = request.bin();
    // Relaxed, as the stores: a lost update costs one try.
    const std::uint32_t full = detour.load(rlx);
    if (full == 0) [[likely]] {
        heap->adopt_orphans();
        const Allocation found =
            own != nullptr && bin != 0 ? take_cached(*own, request, bin) : heap->allocate(request);
        if (found.block != nullptr) [[likely]]
            return found;
    }
    return allocate_elsewhere(*heap, own, request, bin, full);
}

}  // namespace

Allocation allocate(const Request& request) noexcept {
    const Allocation found = check_level() < CheckLevel::full
                                 ? allocate_block(request)
                                 : allocate_checked(request, allocate_block);
    if (recorded_stacks.on() && found.block != nullptr) [[unlikely]]
        recorded_stacks.add(BlockCall::allocation, found.block);
    return found;
}

std::size_t allocate_batch(std::size_t size, void** out, std::size_t n) noexcept {
    const Bin bin = base::bin_of_size(paranoid() ? checks::with_room(size) : size);
    const OwnerScope scope(own_cache());
    Cache* own = scope.cache();
    if (own == nullptr || bin == 0 || base::is_run(bin)) return 0;
    process()->adopt_orphans();
    const std::size_t taken = own->take_batch(bin, out, n);
    for (std::size_t i = 0; recorded_stacks.on() && i < taken; ++i)
        recorded_stacks.add(BlockCall::allocation, out[i]);
    for (std::size_t i = 0; check_level() >= CheckLevel::full && i < taken; ++i)
        static_cast<void>(handed_out({out[i], false}, size));
    return taken;
}

namespace {

void* resize_mapped(void* block, std::size_t from, std::size_t to) noexcept {
    const std::size_t more = to > from ? base::round_up(to - from + to / 8, base::kUnitSize) : 0;
    if (!limits.admits_mapping(more) &&
        !(limits.relieve_at_hard() && limits.admits_mapping(more))) {
        return nullptr;
    }
    void* resized = mapped_blocks.resize(block, to);
    limits.mapped(more);
    return resized;
}

}  // namespace

void* resize_large(void* block, std::size_t from, std::size_t to) noexcept {
    Heap* heap = owner_of(block);
    if (heap == nullptr) {
        void* resized = resize_mapped(block, from, to);
        if (recorded_stacks.on() && resized != nullptr && resized != block) {
            recorded_stacks.add(BlockCall::free, block);
            recorded_stacks.add(BlockCall::allocation, resized);
        }
        return resized;
    }
    return heap->resize(block, from, to) ? block : nullptr;
}

// ---------------------------------------------------------------------- giving

namespace {

// Ends the program over a pointer that belongs to no heap.
[[noreturn]] void report_stranger(const void* pointer) noexcept {
    arm_reports();  // the program may have no heap yet
    const std::size_t bytes = mapped_blocks.around(pointer);
    if (bytes != 0) base::report_inside(pointer, bytes);
    base::report_foreign(pointer);
}

}  // namespace

namespace {

void give_guarded(void* block, std::size_t size) noexcept {
    const std::size_t asked = size == kAnySize ? 0 : guarded_blocks.size_of(block);
    // Relaxed: as its store.
    const bool stayed = size < asked && guarded_stayed.load(rlx) != 0;
    if (size != kAnySize && asked != (size > 0 ? size : 1) && !stayed)
        base::report_wrong_size(block, asked, size);
    static_cast<void>(guarded_blocks.give(block));
}

void give_mapped(void* block, std::size_t size) noexcept {
    if (zero_blocks.contains(block)) [[unlikely]]
        return zero_blocks.give(block);
    if (size != kAnySize && mapped_blocks.size_of(block) != 0 && mapped_blocks.asked(block) != size)
        base::report_wrong_size(block, mapped_blocks.asked(block), size);
    if (paranoid()) check_mapped(block);
    const std::size_t bytes = mapped_blocks.give(block);
    if (bytes == 0) report_stranger(block);
    // A large block was freed, so that the program is likely to need less.
    // Returns cached runs, and as much dirty memory as the block had: the
    // cost is in proportion.
    const OwnerScope scope(own_cache());
    if (scope.cache() != nullptr) scope.cache()->close_runs();
    if (Heap* heap = existing_process(); heap != nullptr)
        heap->spans.purge_some(base::units_of_size(bytes));
}

}  // namespace

void give(void* block) noexcept { give_sized(block, kAnySize); }

void give_sized(void* block, std::size_t size) noexcept {
    if (block == nullptr) return;
    if (recorded_stacks.on()) [[unlikely]]
        recorded_stacks.add(BlockCall::free, block);
    Heap* heap = owner_of(block);
    if (heap == nullptr) {
        if (guarded_blocks.contains(block)) return give_guarded(block, size);
        return give_mapped(block, size);
    }
    const auto bin = static_cast<Bin>(heap->spans.pages().bin_within(block));
    if (heap->checks.on()) [[unlikely]]
        taken_back(*heap, block, bin, size);
    give_to(*heap, block, bin);
}

void give_to(Heap& heap, void* block, Bin bin) noexcept {
    const OwnerScope scope(own_cache());
    Cache* own = scope.cache();
    if (bin != 0 && own != nullptr && own->heap == &heap) {
        own->see_committed();
        if (own->quarantine != nullptr) return detain(*own, block, bin);
        own->give(block, bin);
    } else {
        heap.give(block, bin);
    }
}

std::size_t size_of(const void* block) noexcept {
    const Heap* heap = owner_of(block);
    if (heap == nullptr) {
        if (guarded_blocks.contains(block)) return guarded_blocks.size_of(block);
        if (zero_blocks.is_live(block)) return 0;
        const std::size_t bytes = mapped_blocks.size_of(block);
        if (bytes == 0) report_stranger(block);
        return check_level() < CheckLevel::full ? bytes : mapped_blocks.asked(block);
    }
    if (heap->checks.on()) [[unlikely]]
        return checked_sizes(block).asked;
    const std::size_t bytes = heap->size_of(block).bytes;
    if (bytes == 0) heap->report(block);
    return bytes;
}

}  // namespace ashlar::cache
