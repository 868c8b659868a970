#include "points.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <atomic>
#include <cerrno>

#include "malloc/process/process.hpp"

namespace faults {
namespace {

// All of these are relaxed: they must order nothing for the code under test,
// and the scenario has one thread at a time.
std::atomic<std::uint64_t> used[kPoints];
std::atomic<std::uint64_t> refused{0};
std::atomic<std::size_t> mapped_bytes{0};
std::atomic<std::size_t> known_count{0};
std::atomic<std::size_t> stuck_bytes{0};
std::atomic<std::size_t> rescued_bytes{0};
std::atomic<void*> last_stuck{nullptr};
Point chosen = Point::map;
std::uint64_t from = 0;
bool for_ever = false;

bool fails(Point point) noexcept {
    const std::uint64_t n =
        used[static_cast<unsigned>(point)].fetch_add(1, std::memory_order_relaxed) + 1;
    if (point != chosen || from == 0 || n < from || (n > from && !for_ever)) return false;
    refused.fetch_add(1, std::memory_order_relaxed);
    return true;
}

}  // namespace

const char* name_of(Point point) noexcept {
    static constexpr const char* names[kPoints] = {
        "map",    "unmap", "commit", "remap", "advise",   "key_create", "set_specific",
        "refill", "span",  "extend", "cache", "magazine", "full",       "enroll"};
    return names[static_cast<unsigned>(point)];
}

void plan(Point point, std::uint64_t n, bool on) noexcept {
    chosen = point;
    from = n;
    for_ever = on;
    for (auto& count : used) count.store(0, std::memory_order_relaxed);
    refused.store(0, std::memory_order_relaxed);
}

std::uint64_t uses(Point point) noexcept {
    return used[static_cast<unsigned>(point)].load(std::memory_order_relaxed);
}
std::uint64_t refusals() noexcept { return refused.load(std::memory_order_relaxed); }
std::size_t mapped() noexcept { return mapped_bytes.load(std::memory_order_relaxed); }
std::size_t unmapped_while_known() noexcept { return known_count.load(std::memory_order_relaxed); }
std::size_t stuck() noexcept { return stuck_bytes.load(std::memory_order_relaxed); }
std::size_t rescued() noexcept { return rescued_bytes.load(std::memory_order_relaxed); }

}  // namespace faults

using faults::fails;
using faults::Point;
namespace arena = ashlar::arena;
namespace base = ashlar::base;
namespace cache = ashlar::cache;
namespace depot = ashlar::depot;
namespace spans = ashlar::spans;

// ------------------------------------------------------------------ the system
extern "C" {

void* __real_mmap(void*, std::size_t, int, int, int, off_t);
void* __wrap_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset) {
    if (fails(Point::map) || bytes > faults::kMostMapped) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void* start = __real_mmap(at, bytes, protection, flags, file, offset);
    if (start == MAP_FAILED) return start;
    faults::mapped_bytes.fetch_add(bytes, std::memory_order_relaxed);
    return start;
}

int __real_munmap(void*, std::size_t);
int __wrap_munmap(void* start, std::size_t bytes) {
    // An address in the last units of a heap. When that heap is gone, another
    // heap may get it.
    constexpr std::size_t kLast = 3 * base::kUnitSize;
    const std::uintptr_t inside = reinterpret_cast<std::uintptr_t>(start) + bytes - kLast;
    if (bytes > kLast && cache::registry.owner_of(inside) != nullptr) {
        faults::known_count.fetch_add(1, std::memory_order_relaxed);
    }
    faults::mapped_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    if (!fails(Point::unmap)) return __real_munmap(start, bytes);
    faults::stuck_bytes.fetch_add(bytes, std::memory_order_relaxed);
    faults::last_stuck.store(start, std::memory_order_relaxed);
    errno = ENOMEM;
    return -1;
}

int __real_mprotect(void*, std::size_t, int);
int __wrap_mprotect(void* start, std::size_t bytes, int protection) {
    if (!fails(Point::commit)) return __real_mprotect(start, bytes, protection);
    errno = ENOMEM;
    return -1;
}

void* __real_mremap(void*, std::size_t, std::size_t, int, void*);
void* __wrap_mremap(void* start, std::size_t from, std::size_t to, int flags, void* reservation) {
    if (fails(Point::remap)) {
        // As the system may: it unmaps the target before it refuses.
        if ((flags & MREMAP_FIXED) != 0) {
            __real_munmap(reservation, to);
            faults::mapped_bytes.fetch_sub(to, std::memory_order_relaxed);
        }
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void* now = __real_mremap(start, from, to, flags, reservation);
    // A mapping that moves replaces a reservation that is counted already.
    if (now != MAP_FAILED)
        faults::mapped_bytes.fetch_add((now == start ? to : 0) - from, std::memory_order_relaxed);
    return now;
}

int __real_madvise(void*, std::size_t, int);
int __wrap_madvise(void* start, std::size_t bytes, int advice) {
    if (start == faults::last_stuck.exchange(nullptr, std::memory_order_relaxed)) {
        faults::rescued_bytes.fetch_add(bytes, std::memory_order_relaxed);
    }
    if (!fails(Point::advise)) return __real_madvise(start, bytes, advice);
    errno = EINVAL;
    return -1;
}

int __real_pthread_key_create(pthread_key_t*, void (*)(void*));
int __wrap_pthread_key_create(pthread_key_t* key, void (*destructor)(void*)) {
    return fails(Point::key_create) ? EAGAIN : __real_pthread_key_create(key, destructor);
}

int __real_pthread_setspecific(pthread_key_t, const void*);
int __wrap_pthread_setspecific(pthread_key_t key, const void* value) {
    return value != nullptr && fails(Point::set_specific) ? ENOMEM
                                                          : __real_pthread_setspecific(key, value);
}

// -------------------------------------------------------- calls between layers

#define ASHLAR_WRAP(result, name, ...)                     \
    result real_##name(__VA_ARGS__) asm("__real_" SYMBOL); \
    result wrap_##name(__VA_ARGS__) asm("__wrap_" SYMBOL); \
    result wrap_##name(__VA_ARGS__)

#define SYMBOL "_ZN6ashlar5arena5Arena4takeEjRNS_4base6AtomicIjEEPPvjRbb"
ASHLAR_WRAP(std::uint32_t, refill, arena::Arena* self, base::Bin c,
            base::Atomic<base::UnitId>* current, void** out, std::uint32_t want, bool* fresh,
            bool may_grow) {
    return fails(Point::refill) ? 0 : real_refill(self, c, current, out, want, fresh, may_grow);
}
#undef SYMBOL

#define SYMBOL "_ZN6ashlar5spans5Spans4takeEjbj"
ASHLAR_WRAP(spans::Run, span, spans::Spans* self, std::uint32_t units, bool may_grow,
            std::uint32_t align) {
    return fails(Point::span) ? spans::Run{base::kNoUnit, false, 0}
                              : real_span(self, units, may_grow, align);
}
#undef SYMBOL

#define SYMBOL "_ZN6ashlar5spans5Spans6extendEjj"
ASHLAR_WRAP(bool, extend, spans::Spans* self, base::UnitId end, std::uint32_t more) {
    return !fails(Point::extend) && real_extend(self, end, more);
}
#undef SYMBOL

#define SYMBOL "_ZN6ashlar5cache4Heap10take_cacheEv"
ASHLAR_WRAP(cache::Cache*, take_cache, cache::Heap* self) {
    return fails(Point::cache) ? nullptr : real_take_cache(self);
}
#undef SYMBOL

#define SYMBOL "_ZN6ashlar5depot5Depot4giveEjPKPvjmRNS0_11DepotHandleE"
ASHLAR_WRAP(bool, magazine, depot::Depot* self, base::Bin c, void* const* blocks, std::uint32_t n,
            std::size_t budget, depot::DepotHandle& way) {
    return !fails(Point::magazine) && real_magazine(self, c, blocks, n, budget, way);
}
#undef SYMBOL

#define SYMBOL "_ZN6ashlar5depot5Depot4takeEjPPvRNS0_11DepotHandleE"
ASHLAR_WRAP(std::uint32_t, full, depot::Depot* self, base::Bin c, void** out,
            depot::DepotHandle& way) {
    return fails(Point::full) ? 0 : real_full(self, c, out, way);
}
#undef SYMBOL

#define SYMBOL "_ZN6ashlar5cache8Registry6enrollERNS0_4HeapE"
ASHLAR_WRAP(bool, enroll, cache::Registry* self, cache::Heap* heap) {
    return !fails(Point::enroll) && real_enroll(self, heap);
}
#undef SYMBOL

}  // extern "C"
