/// \file
/// The options of an ashlar::MemoryManager. All sizes and offsets are in bytes.
#ifndef ASHLAR_MANAGER_OPTIONS_HPP
#define ASHLAR_MANAGER_OPTIONS_HPP

#include <ashlar/policy.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace ashlar {

struct BlockView;

/// Maximum size of a buffer, and maximum limit of its growth: 256 TiB.
inline constexpr Size max_buffer = Size{1} << 48;

/// Which threads may call a manager.
enum class Threads {
    /// Many threads at a time.
    many,
    /// One thread at a time, without the cost of locks. It may be another
    /// thread later.
    one
};

/// Default of ManagerOptions::small_limit: 1024 bytes with Threads::many; 0
/// with Threads::one, so that the policy places every block.
inline constexpr Size small_limit_by_threads = ~Size{0};

/// When allocation wipes a block: fills it with 0xff. A word of such bytes is
/// no offset. A collector without a visitor then takes only what was written
/// since for references, and not what an earlier block left there.
enum class Wipe {
    /// From the first use of a collector without a visitor on.
    when_scanned,
    /// Always.
    always,
    /// Never. Such a collector may keep any number of blocks that nothing
    /// reaches, unless the program writes its blocks as a whole.
    never
};

/// A budget that no manager exceeds.
inline constexpr Size no_budget = ~Size{0};

/// Options of a MemoryManager. They can be copied, so that several managers
/// share one object. Each manager has copies of the callbacks.
///
/// Callbacks: `grow_by` and `next_part` are called when nothing fits and the
/// limit leaves enough room, `next_part` also by MemoryManager::grow().
/// `on_failure` is called when they added nothing. One thread calls them at a
/// time, without the manager's lock. They may use the manager, but their own
/// requests do not grow the buffer. They must not wait for a collection cycle,
/// which may wait for growth: collect(), find_leaks(), start_collector() and
/// stop_collector() throw ManagerError there. A callback may free blocks
/// instead, or defragment, and add nothing. What it throws passes through the
/// member that needs room, such as allocate(), and ends the program in a twin
/// such as try_allocate().
struct ManagerOptions {
    /// The built-in policy that chooses the hole for a block.
    Placement placement = Placement::tlsf;
    /// Returns a policy of the program's own, in place of `placement`. Each
    /// manager that is constructed with these options calls it once and owns
    /// the result. `placement` is used if it is not set or returns nullptr.
    /// What it throws passes through the constructor.
    std::function<std::unique_ptr<Policy>()> policy = nullptr;

    /// Which threads may call the manager.
    Threads threads = Threads::many;
    /// Blocks of up to this many bytes come from slabs, through caches of free
    /// blocks. This needs no lock and is faster. 0: the policy places every
    /// block.
    ///
    /// The policy places the slabs. The limit is at most 1024; at most 512 if
    /// the buffer may grow to less than 16 MiB; at most 256 below 8 MiB. There
    /// are no slabs below 1 MiB, nor with a granularity above 16. There are at
    /// most 2^19 - 1 slabs at a time. That is 32 GiB if the buffer may grow to
    /// 64 MiB or more. Slabs hold at most seven
    /// eighths of the buffer while at least half of `most_ranges` is left. When
    /// no slab can be added, the policy places a small block. If nothing fits
    /// there, the block is a free one of a larger class.
    Size small_limit = small_limit_by_threads;
    /// Offsets and sizes are multiples of it. A power of two. With 1, a block
    /// has exactly the requested size.
    Size granularity = 1;

    /// The buffer may grow to this many bytes. It does not grow if this is not
    /// more than its size.
    Size limit = 0;
    /// MemoryManager::set_limit() may raise the limit to this many bytes, if it
    /// is more than the size and the limit. Address space, tables and the
    /// default of `most_ranges` are laid out for it. So are slabs, whose size
    /// and largest block depend on it.
    Size highest_limit = 0;
    /// Returns by how many bytes a buffer of `capacity` bytes is to grow. At
    /// least `wanted` are needed; less means no growth. The manager cuts off
    /// what exceeds the limit. Growth is contiguous: a block may lie across the
    /// old end. Not called for a buffer of the caller's. The default is
    /// grow_doubling().
    std::function<Size(Size capacity, Size wanted)> grow_by = nullptr;
    /// Returns the next part of a buffer of the caller's, of at least `wanted`
    /// bytes. A shorter part is not used and means no growth. No block lies
    /// across two parts. Only for a buffer of the caller's: other constructors
    /// throw ManagerError if it is set.
    std::function<std::span<std::byte>(Size wanted)> next_part = nullptr;
    /// Receives each part of next_part() that the manager does not use any
    /// more: a part that was too short or has no record, at once; others when
    /// MemoryManager::trim() drops them. Not called for the parts that remain
    /// when the manager ends. Called as the two above. Must not throw.
    std::function<void(std::span<std::byte> part)> release_part = nullptr;

    /// Called before a request fails, with its size and alignment: nothing
    /// fits, and the buffer does not grow, or the budget is exceeded. It may
    /// free blocks, or trim other managers. If it returns true, the request is
    /// tried once more. Not called for its own requests, nor by resize(),
    /// allocate_at() and reserve_range(). Called as `grow_by`.
    std::function<bool(Size size, Size alignment)> on_failure = nullptr;
    /// Requests fail rather than have the policy hand out more than this many
    /// bytes. See MemoryManager::set_budget().
    Size budget = no_budget;
    /// Whether allocations and deallocations are counted; see
    /// MemoryManager::counters(). It costs a few instructions for each, and the
    /// fastest path with Threads::one.
    bool count_allocations = false;

    /// Called for each block that is live when the manager ends, by address,
    /// with its name; reserved ranges are blocks as well. The user data is in
    /// the view. It must not use the manager. If it throws, the report ends
    /// there. See write_leaks() in `manager_leaks.hpp`.
    std::function<void(const BlockView& block, std::string_view name)> on_end = nullptr;

    /// Whether blocks are wiped. It costs the time to write them, and touches
    /// their pages. Bytes by which resize() enlarges a block are wiped too.
    /// Blocks of allocate_at() and reserve_range() keep their bytes. Without
    /// memory nothing is wiped.
    Wipe wipe = Wipe::when_scanned;

    /// Maximum number of blocks and holes at a time, at least 2. 0: as many as
    /// the limit can hold, at most 2^26, and fewer if address space is short.
    /// At least 64 bytes of address space are reserved for each.
    std::uint32_t most_ranges = 0;
};
/// Returns a ManagerOptions::grow_by that adds `step` bytes, or more if a block
/// needs it. Throws std::bad_alloc.
[[nodiscard]] inline std::function<Size(Size, Size)> grow_fixed(Size step) {
    return [step](Size, Size wanted) { return wanted > step ? wanted : step; };
}
/// Returns a ManagerOptions::grow_by that doubles the capacity, or adds more if
/// a block needs it. This is the default.
[[nodiscard]] inline std::function<Size(Size, Size)> grow_doubling() {
    return [](Size capacity, Size wanted) { return wanted > capacity ? wanted : capacity; };
}

}  // namespace ashlar

#endif
