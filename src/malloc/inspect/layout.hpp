// Where the tables of a heap lie, as plain numbers. A HeapLayout begins each
// heap's mapping, so that it is found without symbols: in a running process, in
// a static program, in a core file. That of the process heap leads to the other
// heaps and to the mapped blocks. Written once, before the heap is
// published; any thread or process may read it. A change of a table that a
// reader uses raises kLayoutVersion.
#ifndef ASHLAR_MALLOC_INSPECT_LAYOUT_HPP
#define ASHLAR_MALLOC_INSPECT_LAYOUT_HPP

#include <cstddef>
#include <cstdint>

#include "base/size_class.hpp"

namespace ashlar::inspect {

inline constexpr std::uint32_t kLayoutVersion = 3;
inline constexpr char kHeapMagic[16] = "ashlar heap \x01\x7f";

// Counters of one cache's misses, in this order.
enum class Miss : unsigned { refills, overflows, depot_takes, depot_gives };
inline constexpr unsigned kMisses = 4;
// The words of a cache: the refills of each bin, then one word for each other.
inline constexpr unsigned kMissWords = base::kBins + kMisses - 1;

// Counters of system calls, in this order.
enum class Call : unsigned { map, unmap, commit, purge, move };
inline constexpr unsigned kCalls = 5;

using Address = std::uint64_t;

// Tables of the units: Spans and Arena.
struct UnitTables {
    Address state;        // 4 bytes for each unit: spans::UnitState
    Address free;         // a bit for each unit
    Address free_stride;  // bytes from one word of it to the next
    Address dirty, aged;  // a bit for each unit
    Address recent;       // 4 bytes each: runs kept for exact reuse, by length
    Address recent_count;
    Address frontier, committed, peak;  // 4 bytes: units
    Address lock_taken, lock_refused;   // 4 bytes: how often
    Address reach;                      // 8 bytes: in the high half, units that are reserved
    Address bits;                       // kMaxSlabWords words for each unit
};

// The caches of threads, and the shared ones.
struct CacheTables {
    Address caches, shared, bytes;  // of one cache
    Address created;                // 4 bytes: how many of `caches` have been used
    Address shared_count, shared_ready;
    Address past;  // counters of threads that have ended: kMissWords of 8 bytes
    // Offsets within a cache.
    std::uint32_t heap, top, slots, misses;
    // Slots of each bin, from the first of all: the first of it, and how many,
    // before and after it has grown.
    std::uint16_t few[base::kBins], few_count[base::kBins];
    std::uint16_t many[base::kBins], many_count[base::kBins];
};

struct DepotTables {
    Address classes, class_bytes;
    Address shards, shard_bytes;  // a class begins with them, a shard with its full word
    Address magazine_bytes;       // a magazine begins with its count, of 4 bytes
    Address magazines[base::kClasses];
    std::uint32_t per_shard[base::kClasses];
};

// From the process heap to everything else of the process.
struct ProcessTables {
    // The registry: heaps but the process heap. A place with a ticket above 1
    // has a heap, whose layout lies `heap_offset` before it.
    Address places, places_used, place_bytes;
    std::uint32_t place_ticket, place_heap;
    Address most_places, heap_offset;
    Address grown, grown_count;  // 8 bytes each: heaps that the process heap grew by
    // Mapped blocks: a place has an address above 1, then its bytes.
    Address mapped, mapped_count, mapped_peak;
    Address guarded;  // 8 bytes each: where the guarded blocks lie, or 0; and how many bytes
    Address calls;    // 8 bytes for each Call
};

struct HeapLayout {
    // The first four keep their places in every version. `self` tells the
    // description from copies of it in the memory of a process.
    char magic[16];
    std::uint32_t version;
    std::uint32_t bytes;   // of this struct
    Address self;          // where it lies
    Address base;          // of unit 0; metadata lies before it
    std::uint64_t units;   // the heap may have units [1, units)
    std::uint64_t dense;   // bytes of metadata that are committed from the beginning
    std::uint64_t tables;  // bytes of all tables for 2^16 units
    UnitTables unit;
    CacheTables cache;
    DepotTables depot;
    std::uint64_t is_process;  // 1: the process heap, which has `process`
    ProcessTables process;
};

}  // namespace ashlar::inspect

#endif
