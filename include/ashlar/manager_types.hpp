/// \file
/// What ashlar::MemoryManager takes and returns: errors, statistics, passes.
/// All sizes and offsets are in bytes.
#ifndef ASHLAR_MANAGER_TYPES_HPP
#define ASHLAR_MANAGER_TYPES_HPP

#include <ashlar/manager_options.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace ashlar {

/// Result of a call. The throwing members throw the class named here. Their
/// `try_` twins return the value instead.
enum class Status {
    ok,             ///< The call did its work.
    no_room,        ///< Nothing fits. Never thrown.
    bad_offset,     ///< BadOffset: no live block begins at the offset.
    outside_block,  ///< OutsideBlock: the bytes do not lie in one live block.
    bad_alignment,  ///< BadAlignment: not a power of two.
    bad_size,       ///< BadSize: not a possible size of a buffer or a range.
    bad_handle,     ///< BadHandle: not the handle of a live movable block.
    pinned,         ///< Pinned: the block must not move or go now.
    one_thread,     ///< ManagerError: the call needs Threads::many.
    no_roots,       ///< ManagerError: a collector without roots would free all.
    no_memory,      ///< NoMemory: the manager has a size, but no bytes.
    in_callback,    ///< ManagerError: the call would wait for its own callback.
    bad_options,    ///< ManagerError: options that exclude each other.
    bad_state,      ///< BadState: a stream is not a whole saved state.
};

/// Base class of the manager's exceptions. When it is thrown, nothing has
/// changed. what() names the offsets and sizes in bytes, or the handle's value.
/// Apart from it, std::bad_alloc is thrown if there is no memory for records.
class ASHLAR_API ManagerError : public std::logic_error {
  public:
    /// Creates an error with a description. Throws std::bad_alloc.
    ManagerError(Status status, const std::string& what)
        : std::logic_error(what), status_(status) {}
    /// Returns the status that the call's `try_` twin returns. O(1).
    [[nodiscard]] Status status() const noexcept { return status_; }

  private:
    Status status_;
};
/// The exception class of one status.
template <Status what_happened>
class ASHLAR_API ManagerErrorOf : public ManagerError {
  public:
    /// Creates an error with a description. Throws std::bad_alloc.
    explicit ManagerErrorOf(const std::string& what) : ManagerError(what_happened, what) {}
};
/// No live block begins at the offset: none ever did, it was freed, or the
/// offset lies inside a block.
using BadOffset = ManagerErrorOf<Status::bad_offset>;
/// A read or write begins in no live block, or leaves its block or the buffer.
using OutsideBlock = ManagerErrorOf<Status::outside_block>;
/// An alignment is not a power of two, or a granularity is not one up to
/// max_buffer.
using BadAlignment = ManagerErrorOf<Status::bad_alignment>;
/// A buffer is smaller than the granularity, a buffer or a limit is larger than
/// max_buffer, or a range is empty or no multiple of the granularity.
using BadSize = ManagerErrorOf<Status::bad_size>;
/// The handle is not that of a live movable block.
using BadHandle = ManagerErrorOf<Status::bad_handle>;
/// The block is pinned or in a pass, or there is a pass already.
using Pinned = ManagerErrorOf<Status::pinned>;
/// The manager has a size only, no bytes to read or write.
using NoMemory = ManagerErrorOf<Status::no_memory>;
/// A stream with a saved state ends early, was damaged, or is of another
/// version of the format.
using BadState = ManagerErrorOf<Status::bad_state>;

/// Totals of a manager, in bytes. Free blocks in slabs and caches count as
/// overhead, not as used or as holes. Slabs without live blocks are holes: they
/// have been given back.
struct ManagerStatistics {
    /// Size of the buffer now.
    Size capacity;
    /// Size that the buffer may grow to.
    Size limit;
    /// In live blocks, as requested and rounded up to the granularity.
    Size used;
    /// Maximum of the bytes that the policy has handed out. A slab of small
    /// blocks counts as a whole.
    Size peak_used;
    /// Handed out by the policy but in no live block: free parts of slabs, and
    /// rounding by the policy.
    Size overhead;
    /// Size of the largest hole. allocate() can return a block of this size
    /// without growth. Up to 1/16 too low with some policies.
    Size largest_free;
    /// Number of live blocks.
    std::uint64_t blocks;
    /// Number of holes.
    std::uint64_t free_ranges;
    /// In records and tables outside the buffer: of ranges and their directory,
    /// of slabs and handles, and of names and user data. Used parts count until
    /// MemoryManager::trim() gives them back.
    Size metadata;
    /// Returns 1 - largest_free / free: 0 if all free memory is one hole or
    /// none is free, near 1 if it is in many small holes. O(1).
    [[nodiscard]] double fragmentation() const noexcept {
        const Size free = capacity - used - overhead;
        return free == 0 ? 0.0
                         : 1.0 - static_cast<double>(largest_free) / static_cast<double>(free);
    }
};

/// Distribution of sizes by powers of two. Entry i counts sizes from 2^i to
/// 2^(i+1) - 1 bytes.
struct ManagerHistograms {
    /// The totals at the same moment.
    ManagerStatistics totals;
    /// Counts of live blocks.
    std::uint64_t blocks[49];
    /// Counts of holes.
    std::uint64_t holes[49];
    /// Size of the smallest block; 0 without blocks.
    Size least_block;
    /// Size of the largest block; 0 without blocks.
    Size most_block;
    /// Size of the smallest hole; 0 without holes.
    Size least_hole;
    /// Size of the largest hole; 0 without holes.
    Size most_hole;
};

/// A part of the buffer, as MemoryManager::for_each() shows it.
struct BlockView {
    /// The use of the bytes.
    enum class Kind {
        block,        ///< A block that the policy placed.
        small_block,  ///< A live block in a slab.
        movable,      ///< A movable block, or the target of a move.
        reserved,     ///< A range that is kept out of use.
        slab,         ///< In a slab or a rounded block, but in no live block.
        hole          ///< Free.
    };
    /// First byte.
    Offset start;
    /// Length in bytes; of a block, as requested.
    Size size;
    /// The use of the bytes.
    Kind kind;
    /// User data of a block; 0 unless set.
    std::uint64_t user;
};

/// Names a movable block. A handle is not reused before its place in the table
/// has had 2^32 blocks.
struct Handle {
    /// The number behind the handle. 0 is no block's.
    std::uint64_t value = 0;
    /// Returns whether two handles name the same block.
    bool operator==(const Handle&) const = default;
    /// Returns whether the handle may name a block: its value is not 0.
    explicit operator bool() const noexcept { return value != 0; }
};

}  // namespace ashlar

namespace std {

/// Hashes a handle, for unordered containers. O(1).
template <>
struct hash<ashlar::Handle> {
    /// Returns the hash: the number of the block's place, mixed with its life.
    [[nodiscard]] std::size_t operator()(ashlar::Handle handle) const noexcept {
        const std::uint64_t mixed = (handle.value ^ handle.value >> 32) * 0x9e3779b97f4a7c15U;
        return static_cast<std::size_t>(mixed ^ mixed >> 32);
    }
};

}  // namespace std

namespace ashlar {

/// Limits of a pass of defragmentation. The default is no limit. Neither
/// `bytes` nor `time` keeps a pass from its first move, so that repeated passes
/// always come to an end.
struct PassLimits {
    /// Maximum number of bytes to move. A block that is larger moves alone.
    Size bytes = ~Size{0};
    /// Maximum number of blocks to move; with 0 none moves.
    std::uint32_t moves = ~std::uint32_t{0};
    /// Time after which no further step begins. A step looks at up to 256
    /// ranges, or copies 64 KiB or one block.
    std::chrono::nanoseconds time = std::chrono::nanoseconds::max();
};
/// One move of a pass. The caller copies [from, from + size) to `to`, and sets
/// the outcome before MemoryManager::end_pass().
struct Move {
    /// What the caller did with the block.
    enum class Outcome : std::uint8_t {
        copied,   ///< The bytes are at the target. The block moves there.
        ignored,  ///< The block stays.
        dropped   ///< The block is freed.
    };
    /// The block.
    Handle handle;
    /// Offset of the block now.
    Offset from;
    /// Offset of the target.
    Offset to;
    /// Bytes to copy.
    Size size;
    /// What the caller did.
    Outcome outcome = Outcome::copied;
};
/// Result of a pass of defragmentation.
struct DefragmentationStatistics {
    /// Number of blocks that moved.
    std::uint64_t moves;
    /// Number of moves that were not carried out.
    std::uint64_t ignored;
    /// Number of blocks that were freed.
    std::uint64_t dropped;
    /// Bytes of the blocks that moved.
    Size bytes_moved;
    /// Bytes by which the largest hole grew, or the free end of the buffer if
    /// that grew more.
    Size bytes_freed;
    /// Fragmentation before the pass: 1 - largest free range / free bytes.
    double fragmentation_before;
    /// Fragmentation after the pass.
    double fragmentation_after;
    /// Whether a further call may win more. False if it would win nothing,
    /// unless blocks are freed, allocated or unpinned before.
    bool more;
};

/// Tells a collector which blocks a block refers to. Calls reach(offset) for
/// each reference, which may point into a block. Runs under the manager's lock:
/// it may call MemoryManager::read() and must not change anything.
using ReferenceVisitor =
    std::function<void(Offset block, Size size, const std::function<void(Offset)>& reach)>;
/// Returns the roots: offsets of blocks, or into blocks, that are in use from
/// outside. Runs without the manager's lock. References held only in a thread's
/// local variables are not roots.
using RootSource = std::function<std::vector<Offset>()>;

/// Options of MemoryManager::start_collector().
struct CollectorOptions {
    /// Pause from the end of a cycle to the next one; none if negative.
    std::chrono::milliseconds period{100};
    /// Maximum number of blocks in one slice, before other threads get the
    /// lock.
    std::uint32_t budget = 256;
    /// The source of the roots. It must be set.
    RootSource roots;
    /// The references of a block. Null: every aligned 8-byte word that is an
    /// offset into a live block is a reference.
    ReferenceVisitor visitor = nullptr;
};
/// Result of a collection cycle.
struct CollectionStatistics {
    /// Number of cycles that have ended, including this one.
    std::uint64_t cycles;
    /// Number of roots in live blocks, counted each time they are read.
    std::uint64_t roots;
    /// Number of blocks that were reached.
    std::uint64_t marked;
    /// Number of blocks that were freed.
    std::uint64_t freed_blocks;
    /// Bytes of the blocks that were freed.
    Size freed_bytes;
    /// Number of blocks, other than small ones, that were allocated during the
    /// cycle. They are kept.
    std::uint64_t allocated;
    /// Longest time that the collector held the lock.
    std::chrono::nanoseconds longest_pause;
    /// Time from the beginning to the end of the cycle.
    std::chrono::nanoseconds duration;
    /// Number of times that the collector took the lock.
    std::uint64_t slices;
    /// Maximum number of blocks in one slice. At most the budget, or 64 if the
    /// budget is smaller.
    std::uint32_t longest_slice;
};

}  // namespace ashlar

#endif
