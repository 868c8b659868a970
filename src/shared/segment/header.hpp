// The beginning of a segment. The process that creates the segment writes
// everything above `ready` once. Processes that would read the rest in another
// way are refused by it.
#ifndef ASHLAR_SHARED_SEGMENT_HEADER_HPP
#define ASHLAR_SHARED_SEGMENT_HEADER_HPP

#include <pthread.h>
#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "shared/segment/unit_state.hpp"

namespace ashlar::shared {

inline constexpr std::uint32_t kMaxDoubts = 1024;
inline constexpr std::uint32_t kBuckets = 1024;
inline constexpr std::size_t kMutexWords = sizeof(pthread_mutex_t) / sizeof(Word);

// How this build reads a segment. Two processes share one only if theirs are
// equal.
struct Format {
    char magic[8];          // "ashlarSH"
    std::uint32_t version;  // of the layout
    std::uint32_t word_bits;
    std::uint32_t page_size;
    std::uint32_t slot_bytes;  // covers the size of the C library's mutex
    char library[16];          // name of the C library
    bool operator==(const Format&) const noexcept = default;
};

struct Header {
    Format format;
    Word units;  // the segment may grow to that many
    base::Atomic<std::uint32_t> ready;

    pthread_mutex_t recovery;  // robust and shared; only tried
    // The words of a robust mutex that was just made; see
    // RobustLives::prepare().
    base::Atomic<Word> fresh_mutex[kMutexWords];

    // Units [1, covered) have their tables in the file. Only rises.
    alignas(base::kCacheLine) base::Atomic<UnitId> covered;
    base::Atomic<SlotId> slots_in_file;  // slots [0, slots_in_file) can be accessed. Only rises.
    // Approximate, corrected by recovery; relaxed.
    alignas(base::kCacheLine) base::Atomic<std::uint32_t> units_used;
    base::Atomic<std::uint32_t> units_backed;  // free, with pages in the file
    base::Atomic<std::uint32_t> complete;      // complete slabs
    base::Atomic<std::uint32_t> next_look;     // the slot that is looked at next
    base::Atomic<std::uint32_t> frees;         // of runs, while many free units have pages

    // Record of a block that its dead thread took last.
    alignas(base::kCacheLine) base::Atomic<Word> doubts[kMaxDoubts];
    // Named objects: offset of the first entry.
    base::Atomic<Word> buckets[kBuckets];
};

}  // namespace ashlar::shared

#endif
