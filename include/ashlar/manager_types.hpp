// What ashlar::MemoryManager takes and returns: options, errors, statistics.
#ifndef ASHLAR_MANAGER_TYPES_HPP
#define ASHLAR_MANAGER_TYPES_HPP

#include <ashlar/policy.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace ashlar {

/// The largest buffer, and the greatest limit of one that grows.
inline constexpr Size max_buffer = Size{1} << 48;

/// What went wrong. The throwing members throw the class named here, the `try_` twins return the value.
enum class Status {
    ok,
    no_room,        ///< nothing fits: never thrown
    bad_offset,     ///< BadOffset: not the start of a live block: never was, was freed already, or lies inside one
    outside_block,  ///< OutsideBlock: a read or write that begins in no live block, or leaves its block or the buffer
    bad_alignment,  ///< BadAlignment: not a power of two
    bad_size,       ///< BadSize: 0 or over max_buffer for a buffer, more than a block may have
    bad_handle,     ///< BadHandle: not the handle of a live movable block
    pinned,         ///< Pinned: the block must not move or go now
    one_thread,     ///< ManagerError: what needs threads, of a manager that is for one only
    no_roots,       ///< ManagerError: a collector that would reach nothing, and so free everything
    no_memory,      ///< NoMemory: the manager has a size only, no bytes to read or write
    in_callback,    ///< ManagerError: what waits for a cycle of the collector, in a callback of that cycle or of growth
};

/// Base of all that a manager throws, beside std::bad_alloc where the system has no memory for its records. Nothing has changed
/// when it is thrown. what() names offset and sizes in bytes, of movable blocks the handle's value.
class ASHLAR_API ManagerError : public std::logic_error {
  public:
    ManagerError(Status status, const std::string& what) : std::logic_error(what), status_(status) {}
    [[nodiscard]] Status status() const noexcept { return status_; }

  private:
    Status status_;
};
template <Status what_happened>
class ASHLAR_API ManagerErrorOf : public ManagerError {
  public:
    explicit ManagerErrorOf(const std::string& what) : ManagerError(what_happened, what) {}
};
using BadOffset = ManagerErrorOf<Status::bad_offset>;
using OutsideBlock = ManagerErrorOf<Status::outside_block>;
using BadAlignment = ManagerErrorOf<Status::bad_alignment>;
using BadSize = ManagerErrorOf<Status::bad_size>;
using BadHandle = ManagerErrorOf<Status::bad_handle>;
using Pinned = ManagerErrorOf<Status::pinned>;
using NoMemory = ManagerErrorOf<Status::no_memory>;

/// Who may call: many threads at a time, or one only, who then pays for no lock. That may be another thread later.
enum class Threads { many, one };

/// As ManagerOptions::small_limit: 1024 with Threads::many; 0 with Threads::one, so that the policy places every block.
inline constexpr Size small_limit_by_threads = ~Size{0};

struct ManagerOptions {
    /// Which hole a block is cut from; or a policy of the user's own, which the manager then owns.
    Placement placement = Placement::tlsf;
    std::unique_ptr<Policy> policy = nullptr;

    Threads threads = Threads::many;
    /// Blocks up to this size come out of slabs, through caches of free blocks: without the lock, and several
    /// times as fast. 0: every block is placed by the policy. Slabs are placed by it in any case. A limit that is named here
    /// holds for one thread as for many, but at most 1024, 512 where the buffer may grow to less than 16 MiB, 256 below 8 MiB;
    /// there are no slabs below 1 MiB, nor with a granularity over 16. In a manager's life slabs lie at
    /// 2^19 - 1 different places at most, which is 32 GiB of them where the limit is 64 MiB or more; a small block for which
    /// all of them are full is placed by the policy.
    Size small_limit = small_limit_by_threads;
    /// Offsets and sizes are multiples of it: a power of two. With 1 a block has exactly the size asked for.
    Size granularity = 1;

    /// The buffer may grow to this many bytes; 0, or less than its size: it does not grow. The callbacks below are called when
    /// nothing fits and the limit leaves what is wanted, by one thread at a time and without the lock: they may use the
    /// manager, but nothing grows for them. What waits for a cycle of the collector, which may wait for growth, throws there:
    /// collect(), find_leaks(), start_collector() and stop_collector(). A callback may make room itself, by deallocate() or
    /// defragment(), and add nothing.
    Size limit = 0;
    /// How much to add when nothing fits: `wanted` bytes at least are needed beyond `capacity`. 0: no more. The default
    /// doubles. What is beyond the limit is cut off; too little is none. Grows contiguously: a block may lie across the seam.
    std::function<Size(Size capacity, Size wanted)> grow_by = nullptr;
    /// For a buffer of the caller's: the next part, of at least `wanted` bytes; a shorter one is left alone, and means no more.
    /// No block lies across two parts.
    std::function<std::span<std::byte>(Size wanted)> next_part = nullptr;
    /// Is told of each part that is the caller's again, as next_part gave it: one that was too short, or that no record was
    /// left for, at once; others when trim() has dropped them. All that are left are the caller's when the manager ends, of
    /// which this is not told. Called as the two above, and must not throw.
    std::function<void(std::span<std::byte> part)> release_part = nullptr;

    /// Blocks and holes at a time; 0: as many as the limit can hold, at most 2^26. Address space of 64 bytes each is reserved.
    std::uint32_t most_ranges = 0;
};
/// Growth by the same amount each time, or by more where a block needs it.
[[nodiscard]] inline std::function<Size(Size, Size)> grow_fixed(Size step) {
    return [step](Size, Size wanted) { return wanted > step ? wanted : step; };
}
/// By as much as there is: the default.
[[nodiscard]] inline std::function<Size(Size, Size)> grow_doubling() {
    return [](Size capacity, Size wanted) { return wanted > capacity ? wanted : capacity; };
}

/// In bytes. Blocks that lie free in slabs and caches are not used; `largest_free` and `free_ranges` know holes of the heap
/// only.
struct ManagerStatistics {
    Size capacity;         ///< of the buffer now
    Size limit;            ///< that it may grow to
    Size used;             ///< in live blocks, as asked for, rounded up to the granularity
    Size peak_used;        ///< the most that was ever taken from the heap: slabs of small blocks count as a whole
    Size overhead;         ///< taken from the heap but in no live block: free parts of slabs, rounding of a policy
    Size largest_free;     ///< that one allocate() could have now; up to 1/16 too low with tlsf
    std::uint64_t blocks;  ///< live
    std::uint64_t free_ranges;
    Size metadata;  ///< bytes of records in use, outside the buffer
    /// 1 - largest_free / free: 0 when all free memory is one hole, near 1 when it is in crumbs; 0 for a full buffer.
    [[nodiscard]] double fragmentation() const noexcept {
        const Size free = capacity - used - overhead;
        return free == 0 ? 0.0 : 1.0 - static_cast<double>(largest_free) / static_cast<double>(free);
    }
};

/// Counts by power of two: entry i counts ranges of [2^i, 2^(i+1)) bytes.
struct ManagerHistograms {
    ManagerStatistics totals;
    std::uint64_t blocks[49];
    std::uint64_t holes[49];
    Size least_block, most_block, least_hole, most_hole;  ///< 0 where there is none
};

/// A part of the buffer, as iteration shows it.
struct BlockView {
    enum class Kind { block, small_block, movable, reserved, slab, hole };
    Offset start;
    Size size;
    Kind kind;
    std::uint64_t user;
};

/// A movable block. Handles are not reused within 2^32 lives of their place.
struct Handle {
    std::uint64_t value = 0;
    bool operator==(const Handle&) const = default;
    explicit operator bool() const noexcept { return value != 0; }
};

/// How far a pass of defragmentation may go.
struct PassLimits {
    Size bytes = ~Size{0};
    std::uint32_t moves = ~std::uint32_t{0};
    std::chrono::nanoseconds time = std::chrono::nanoseconds::max();
};
/// One move of a pass. The caller copies [from, from + size) to `to` and says what became of it.
struct Move {
    enum class Outcome : std::uint8_t { copied, ignored, dropped };  ///< dropped: the block was given up: it is freed
    Handle handle;
    Offset from, to;
    Size size;
    Outcome outcome = Outcome::copied;
};
struct DefragmentationStatistics {
    std::uint64_t moves, ignored, dropped;
    Size bytes_moved;
    Size bytes_freed;  ///< by which the largest hole or the free tail grew
    double fragmentation_before, fragmentation_after;
};

/// Tells a collector where a block refers to: calls reach(offset) for each offset of a block (or inside one).
using ReferenceVisitor = std::function<void(Offset block, Size size, const std::function<void(Offset)>& reach)>;
/// Yields the roots: offsets of (or inside) blocks that are in use from outside.
using RootSource = std::function<std::vector<Offset>()>;

struct CollectorOptions {
    std::chrono::milliseconds period{100};  ///< between the ends and the beginnings of cycles; none where it is negative
    /// Blocks looked at before other threads are let in again.
    std::uint32_t budget = 256;
    RootSource roots;  ///< must be given
    /// Null: every aligned 8-byte word of a block that is the offset of a byte in a live block is a reference.
    ReferenceVisitor visitor = nullptr;
};
struct CollectionStatistics {
    std::uint64_t cycles;         ///< finished, this one included
    std::uint64_t roots, marked;  ///< of this cycle, as all that follows
    std::uint64_t freed_blocks;
    Size freed_bytes;
    std::uint64_t born;                      ///< while it ran: kept
    std::chrono::nanoseconds longest_pause;  ///< that the collector held the lock in one go
    std::chrono::nanoseconds duration;
    std::uint64_t slices;         ///< times that it took the lock
    std::uint32_t longest_slice;  ///< blocks that it looked at in one go, at most the budget
};

}  // namespace ashlar

#endif
