// Where bytes come from. A region is a contiguous range of units, with the
// metadata that describes them before it:
//
//   | dense metadata | tables: an entry for each unit or group of units |
//   | pad | unit 0 (unused) | unit 1 | unit 2 | ...
//
// It is reserved whole without access, or in steps: then only the next few MiB
// are reserved, at a place of its own. A debugger that saves a core reads all
// that is reserved. As the frontier rises, units are committed with their table
// entries. Committed metadata reads as zero at first, and stays until the
// region is released. Any thread.
#ifndef ASHLAR_CORE_REGION_REGION_HPP
#define ASHLAR_CORE_REGION_REGION_HPP

#include <cstddef>
#include <cstdint>

#include "base/bitmap_index.hpp"
#include "base/config.hpp"

namespace ashlar::region {

// The system below the heap; tests put a fake in its place. Addresses and sizes
// are multiples of the page size. No call changes errno.
struct Source {
    // Address space without access, or nullptr. The kernel neither charges,
    // locks nor dumps it.
    void* (*reserve)(std::size_t bytes) noexcept;
    // The same at exactly this address. False: something is mapped there, or
    // the system refuses.
    bool (*reserve_at)(void* start, std::size_t bytes) noexcept;
    // An address range where nothing is likely to be mapped, for reserve_at();
    // nullptr: there is none.
    void* (*place)(std::size_t bytes) noexcept;
    // Returns a part of a reservation, or all of it.
    void (*release)(void* start, std::size_t bytes) noexcept;
    // Makes a part of a reservation readable and writable. Idempotent. False:
    // the system refuses.
    bool (*commit)(void* start, std::size_t bytes) noexcept;
    // Returns committed pages to the system. True: they read as zero from now
    // on.
    bool (*purge)(void* start, std::size_t bytes) noexcept;
};

extern const Source kSystem;
// The same, but large regions are reserved in steps, where the address space
// has room for that.
extern const Source kSystemStepwise;

// System calls of this process so far; relaxed: sums.
struct SystemCalls {
    base::Atomic<std::uint64_t> map, unmap, commit, purge, move;
};
extern SystemCalls system_calls;

// Held while address space is reserved that may be released at once. At a limit
// of the address space another reservation would fail meanwhile: it waits a
// little. A holder that is stopped keeps nobody from reserving.
extern base::TryLock reserving_briefly;

// Of the running kernel: 4, 16 or 64 KiB.
[[nodiscard]] std::size_t page_size() noexcept;

// Zero pages that can be written to at once, charged only as they are touched;
// nullptr: refused.
[[nodiscard]] void* map_uncharged(std::size_t bytes) noexcept;

// The same without access, until Source::commit() opens parts of it.
[[nodiscard]] void* reserve_uncharged(std::size_t bytes) noexcept;

// Takes the access to committed pages away, and returns them to the system.
// False: it refuses the former.
[[nodiscard]] bool close(void* start, std::size_t bytes) noexcept;
// Makes pages inaccessible that Source::commit() may open again. They keep what
// they hold. False: the system refuses.
bool forbid(void* start, std::size_t bytes) noexcept;

// One block of pages of its own, outside any region.
[[nodiscard]] void* map(std::size_t bytes) noexcept;
void unmap(void* start, std::size_t bytes) noexcept;
// Changes the size in place. False: nothing changed.
[[nodiscard]] bool remap(void* start, std::size_t from, std::size_t to) noexcept;
// Moves the pages to the beginning of a reservation of at least `to` bytes.
// False: nothing changed.
[[nodiscard]] bool remap_to(void* start, std::size_t from, void* reservation,
                            std::size_t to) noexcept;

// A part of the metadata that grows with the heap: `stride` bytes for each
// 2^shift units.
struct Table {
    std::uintptr_t start;
    std::uint32_t stride;
    std::uint32_t shift;
    // Entries of free units need not be kept: they are written before they are
    // read.
    bool discardable;
    // Where the entry of a unit begins.
    [[nodiscard]] std::uintptr_t entry(base::UnitId unit) const noexcept {
        return start + std::uintptr_t{unit >> shift} * stride;
    }
};

// A heap of 2^30 units has 18: its indexes have more levels.
inline constexpr std::uint32_t kMaxTables = 24;

struct Tables {
    Table list[kMaxTables];
    std::uint32_t count;
    bool own_pages;  // no two tables share a page
};

// Regions of at least so many units are reserved in steps. Their tables begin
// on pages of their own.
inline constexpr base::UnitId kStepwise = 1024;
constexpr std::size_t table_grain(base::UnitId units) noexcept {
    return units < kStepwise ? base::kCacheLine : base::kUnitSize;
}

// Hands out parts of the metadata range, cache-line aligned. With start = 0 it
// only measures.
class Carver {
  public:
    explicit Carver(std::uintptr_t start, std::uintptr_t later = 0, std::uintptr_t tables = 0,
                    std::size_t grain = base::kCacheLine, std::size_t gap = 0) noexcept
        : start_(start), next_(start), later_start_(later), later_next_(later),
          tables_start_(tables), tables_next_(tables), grain_(grain), gap_(gap), tables_{} {
        tables_.own_pages = grain == base::kUnitSize;
    }

    // Dense metadata: committed from the beginning.
    template <class T>
    T* array(std::size_t count) noexcept {
        return reinterpret_cast<T*>(carve(next_, count * sizeof(T), base::kCacheLine));
    }
    // `per` entries for each 2^shift units, for units [0, end); committed with
    // the units. Tables with pages of their own begin at different lines of
    // their first pages. Otherwise the entries of the first units would share
    // few sets of the processor's cache, also with the first lines of the
    // program's pages. A discardable table begins with a page, so that few
    // units keep a page of it.
    template <class T>
    T* table(base::UnitId end, std::uint32_t shift = 0, std::size_t per = 1,
             bool discardable = false) noexcept {
        const auto stride = static_cast<std::uint32_t>(per * sizeof(T));
        const bool colored = tables_.own_pages && !discardable;
        const std::size_t color = colored ? (1 + tables_.count) * base::kCacheLine : 0;
        tables_next_ += gap_;
        const std::uintptr_t at =
            carve(tables_next_, color + ((end >> shift) + std::size_t{1}) * stride, grain_) + color;
        tables_.list[tables_.count++] = {at, stride, shift, discardable};
        return reinterpret_cast<T*>(at);
    }
    // Reserved from the beginning: the caller commits it when it is needed.
    template <class T>
    T* later(std::size_t count) noexcept {
        return reinterpret_cast<T*>(carve(later_next_, count * sizeof(T), alignof(T)));
    }
    // Reserved and committed by the caller if Region::stepwise is set; else as
    // later().
    template <class T>
    T* apart(std::size_t count) noexcept {
        tables_next_ += gap_;
        return reinterpret_cast<T*>(
            carve(tables_next_, count * sizeof(T), grain_ > alignof(T) ? grain_ : alignof(T)));
    }
    // A table of StepTables: reserved, if this carver has a range for that
    // (`later`), else dense. The owner opens the reserved part as far as the
    // first `open` entries reach.
    template <class T>
    T* stepped(std::size_t count, std::size_t open = 0) noexcept {
        if (!steps()) return array<T>(count);
        T* const table = later<T>(count);
        if (open != 0) later_open_ = reinterpret_cast<std::uintptr_t>(table + open) - later_start_;
        return table;
    }
    [[nodiscard]] std::size_t later_open() const noexcept { return later_open_; }
    [[nodiscard]] bool steps() const noexcept { return later_start_ != 0; }
    // The owner has opened the reserved part up to this address; without a
    // reserved part everything is open.
    void set_open(std::uintptr_t end) noexcept { open_end_ = end; }
    [[nodiscard]] std::uintptr_t open_end() const noexcept {
        return steps() ? open_end_ : ~std::uintptr_t{0};
    }
    [[nodiscard]] std::size_t used() const noexcept { return next_ - start_; }
    [[nodiscard]] std::size_t later_used() const noexcept { return later_next_ - later_start_; }
    [[nodiscard]] std::size_t tables_used() const noexcept { return tables_next_ - tables_start_; }
    [[nodiscard]] std::size_t grain() const noexcept { return grain_; }
    // Bytes in front of each table and part that are never accessible. 0, or a
    // multiple of the grain.
    [[nodiscard]] std::size_t gap() const noexcept { return gap_; }
    [[nodiscard]] const Tables& tables() const noexcept { return tables_; }
    // False: this carver only measures.
    [[nodiscard]] bool places() const noexcept { return start_ != 0; }

  private:
    static std::uintptr_t carve(std::uintptr_t& next, std::size_t bytes,
                                std::size_t align) noexcept {
        const std::size_t grain = align > base::kCacheLine ? align : base::kCacheLine;
        const std::uintptr_t at = (next + grain - 1) & ~std::uintptr_t{grain - 1};
        next = at + bytes;
        return at;
    }

    std::uintptr_t start_;
    std::uintptr_t next_;
    std::uintptr_t later_start_;
    std::uintptr_t later_next_;
    std::uintptr_t tables_start_;
    std::uintptr_t tables_next_;
    std::size_t grain_;
    std::size_t gap_;
    std::uintptr_t open_end_ = 0;
    std::size_t later_open_ = 0;
    Tables tables_;
};

// Commits all pages that a part of a reservation lies on.
[[nodiscard]] bool commit_around(const Source& source, void* start, std::size_t bytes) noexcept;
// Releases the whole pages of a part of a reservation.
void release_within(const Source& source, void* start, void* end) noexcept;
// Returns the whole pages between two addresses to the system. They may read as
// zero from now on.
void purge_within(const Source& source, void* start, void* end) noexcept;

// An index that has no tables.
void layout_dense_index(Carver& carver, base::BitmapIndex& index, std::uint32_t ids) noexcept;
// Attaches `count` indexes over ids [0, ids), each of which stands for 2^shift
// units. Their words lie side by side, so that a small heap touches one page
// for each level, not one for each index. Small levels are dense, large ones
// are tables.
void layout_index(Carver& carver, base::BitmapIndex* indexes, std::uint32_t count,
                  std::uint32_t ids, unsigned shift) noexcept;

struct Region {
    std::uintptr_t base;  // address of unit 0, a multiple of kUnitSize
    base::UnitId end;     // units [1, end) may be used
    const Source* source;
    bool stepwise;  // tables, units and parts that are apart are not reserved yet

    [[nodiscard]] std::uintptr_t address(base::UnitId unit) const noexcept {
        return base + (std::uintptr_t{unit} << base::kUnitShift);
    }
    // Meaningful where contains(address).
    [[nodiscard]] base::UnitId unit(std::uintptr_t at) const noexcept {
        return static_cast<base::UnitId>((at - base) >> base::kUnitShift);
    }
    [[nodiscard]] bool contains(std::uintptr_t at) const noexcept {
        return (at - base) >> base::kUnitShift < end;
    }
    bool purge(base::UnitId start, std::uint32_t units) const noexcept {
        return source->purge(reinterpret_cast<void*>(address(start)),
                             std::size_t{units} << base::kUnitShift);
    }
};

// A reservation with its parts in place: the dense metadata is committed, the
// tables and units are not yet.
struct Reservation {
    void* start;        // nullptr: refused
    std::size_t bytes;  // reserved so far
    Region region;
    Carver carver;

    // `measured`: a carver that has measured the layout for a region of this
    // size.
    static Reservation make(const Source& source, base::UnitId units,
                            const Carver& measured) noexcept;
};

}  // namespace ashlar::region

#endif
