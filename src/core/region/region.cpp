#include "core/region/region.hpp"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <cerrno>

#include "base/bits.hpp"

namespace ashlar::region {

constinit SystemCalls system_calls{};
constinit base::TryLock reserving_briefly{};

namespace {

// Relaxed: sums.
void count(base::Atomic<std::uint64_t>& calls) noexcept { calls.fetch_add(1, base::rlx); }

// Calls f and leaves errno as it was.
template <class F>
auto keeping_errno(F f) noexcept {
    const int saved = errno;
    const auto result = f();
    errno = saved;
    return result;
}

void* map_with(void* at, std::size_t bytes, int protection, int flags) noexcept {
    count(system_calls.map);
    return keeping_errno([&]() noexcept -> void* {
        void* start = mmap(at, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
        return start == MAP_FAILED ? nullptr : start;
    });
}

void* reserve(std::size_t bytes) noexcept { return map_with(nullptr, bytes, PROT_NONE, 0); }

// The address is a wish, which the system grants if nothing is mapped there.
// Not MAP_FIXED_NOREPLACE: ThreadSanitizer drops the address, not the flag.
bool reserve_at(void* start, std::size_t bytes) noexcept {
    void* found = map_with(start, bytes, PROT_NONE, 0);
    if (found != nullptr && found != start) unmap(found, bytes);
    return found == start;
}

// A quarter of an address that the system gives out. The system maps from the
// top of the address space downwards, and loads programs into its upper half:
// this lies far below both, and is almost as random. 0: the address space is
// too small for a place of its own.
std::uintptr_t first_place() noexcept {
    constexpr std::uintptr_t kLeastTop = std::uintptr_t{1} << 46;
    void* top = reserve(base::kUnitSize);
    if (top == nullptr) return 0;
    unmap(top, base::kUnitSize);
    const auto at = reinterpret_cast<std::uintptr_t>(top);
    return at < kLeastTop ? 0 : base::round_up(at / 4, base::kUnitSize);
}

// An address range that no call has returned before.
void* place(std::size_t bytes) noexcept {
    constexpr std::uintptr_t kEnd = std::uintptr_t{5} << 44;  // programs begin above it
    static constinit base::Atomic<std::uintptr_t> next{};
    std::uintptr_t seen = next.load(base::rlx);  // relaxed, as the CAS: it only divides addresses
    std::uintptr_t start;
    do {
        start = seen != 0 ? seen : first_place();
        if (start == 0 || start > kEnd || kEnd - start < bytes) return nullptr;
    } while (!next.cas(seen, start + base::round_up(bytes, base::kUnitSize), base::rlx, base::rlx));
    return reinterpret_cast<void*>(start);
}

void* no_place(std::size_t /*bytes*/) noexcept { return nullptr; }

// Without MAP_NORESERVE: the kernel's own rules decide over absurd sizes.
bool commit(void* start, std::size_t bytes) noexcept {
    count(system_calls.commit);
    return keeping_errno(
        [&]() noexcept { return mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0; });
}

// MADV_DONTNEED, not MADV_FREE: after the latter the resident size stays at its
// peak until memory is short. It fails if the program has locked its memory;
// the pages then keep their content.
bool purge(void* start, std::size_t bytes) noexcept {
    count(system_calls.purge);
    return keeping_errno([&]() noexcept { return madvise(start, bytes, MADV_DONTNEED) == 0; });
}

}  // namespace

// munmap fails if it would split a mapping and the process has as many as it
// may have. Then the address range stays, and only the memory is returned.
void unmap(void* start, std::size_t bytes) noexcept {
    count(system_calls.unmap);
    keeping_errno([&]() noexcept {
        return munmap(start, bytes) == 0 || madvise(start, bytes, MADV_DONTNEED) == 0;
    });
}

constinit const Source kSystem{reserve, reserve_at, no_place, unmap, commit, purge};
constinit const Source kSystemStepwise{reserve, reserve_at, place, unmap, commit, purge};

std::size_t page_size() noexcept { return getauxval(AT_PAGESZ); }

void* map_uncharged(std::size_t bytes) noexcept {
    return map_with(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_NORESERVE);
}

void* reserve_uncharged(std::size_t bytes) noexcept {
    return map_with(nullptr, bytes, PROT_NONE, MAP_NORESERVE);
}

bool forbid(void* start, std::size_t bytes) noexcept {
    count(system_calls.commit);
    return keeping_errno([&]() noexcept { return mprotect(start, bytes, PROT_NONE) == 0; });
}

bool close(void* start, std::size_t bytes) noexcept {
    const bool closed = forbid(start, bytes);
    purge(start, bytes);
    return closed;
}

void* map(std::size_t bytes) noexcept {
    return map_with(nullptr, bytes, PROT_READ | PROT_WRITE, 0);
}

bool remap(void* start, std::size_t from, std::size_t to) noexcept {
    count(system_calls.move);
    return keeping_errno([&]() noexcept { return mremap(start, from, to, 0) != MAP_FAILED; });
}

bool remap_to(void* start, std::size_t from, void* reservation, std::size_t to) noexcept {
    count(system_calls.move);
    return keeping_errno([&]() noexcept {
        return mremap(start, from, to, MREMAP_MAYMOVE | MREMAP_FIXED, reservation) != MAP_FAILED;
    });
}

bool commit_around(const Source& source, void* start, std::size_t bytes) noexcept {
    const std::size_t page = page_size();
    const std::uintptr_t from = reinterpret_cast<std::uintptr_t>(start) & ~(page - 1);
    const std::uintptr_t to = base::round_up(reinterpret_cast<std::uintptr_t>(start) + bytes, page);
    return from == to || source.commit(reinterpret_cast<void*>(from), to - from);
}

void release_within(const Source& source, void* start, void* end) noexcept {
    const std::size_t page = page_size();
    const std::uintptr_t from = base::round_up(reinterpret_cast<std::uintptr_t>(start), page);
    const std::uintptr_t to = reinterpret_cast<std::uintptr_t>(end) & ~(page - 1);
    if (from < to) source.release(reinterpret_cast<void*>(from), to - from);
}

void purge_within(const Source& source, void* start, void* end) noexcept {
    const std::size_t page = page_size();
    const std::uintptr_t from = base::round_up(reinterpret_cast<std::uintptr_t>(start), page);
    const std::uintptr_t to = reinterpret_cast<std::uintptr_t>(end) & ~(page - 1);
    if (from < to) source.purge(reinterpret_cast<void*>(from), to - from);
}

void layout_dense_index(Carver& carver, base::BitmapIndex& index, std::uint32_t ids) noexcept {
    using base::BitmapIndex;
    for (std::uint32_t level = 0; level < BitmapIndex::levels(ids); ++level) {
        index.attach(
            level, carver.array<base::Atomic<base::Word>>(BitmapIndex::words_of_level(ids, level)),
            1);
    }
}

void layout_index(Carver& carver, base::BitmapIndex* indexes, std::uint32_t count,
                  std::uint32_t ids, unsigned shift) noexcept {
    using base::BitmapIndex;
    using Entry = base::Atomic<base::Word>;
    constexpr std::size_t kMostDense = 4096;
    for (std::uint32_t level = 0; level < BitmapIndex::levels(ids); ++level) {
        const std::size_t words = std::size_t{BitmapIndex::words_of_level(ids, level)} * count;
        Entry* first = words * sizeof(Entry) <= kMostDense
                           ? carver.array<Entry>(words)
                           : carver.table<Entry>(ids << shift,
                                                 BitmapIndex::shift_of_level(level) + shift, count);
        for (std::uint32_t i = 0; i < count; ++i) indexes[i].attach(level, first + i, count);
    }
}

Reservation Reservation::make(const Source& source, base::UnitId units,
                              const Carver& measured) noexcept {
    using base::kUnitSize;
    const std::size_t dense = base::round_up(measured.used(), page_size());
    const std::size_t later = dense + measured.gap();
    const std::size_t first = base::round_up(later + measured.later_used(), measured.grain());
    const std::size_t metadata = base::round_up(first + measured.tables_used(), kUnitSize);
    const std::size_t whole = metadata + (std::size_t{units} + 2) * kUnitSize;
    std::size_t bytes = first;
    void* start = measured.grain() == kUnitSize ? source.place(whole) : nullptr;
    const bool stepwise = start != nullptr && source.reserve_at(start, bytes);
    if (!stepwise) start = source.reserve(bytes = whole);
    if (start != nullptr && !source.commit(start, dense)) {
        source.release(start, bytes);
        start = nullptr;
    }
    const auto at = reinterpret_cast<std::uintptr_t>(start);
    const Region region{base::round_up(at + metadata, kUnitSize), units + 1, &source, stepwise};
    return {start, bytes, region,
            Carver(at, at + later, at + first, measured.grain(), measured.gap())};
}

}  // namespace ashlar::region
