/// \file
/// ashlar::MemoryManager: hands out blocks of one buffer, as offsets. It stores
/// nothing in the buffer, which may be memory that the processor cannot reach.
#ifndef ASHLAR_MEMORY_MANAGER_HPP
#define ASHLAR_MEMORY_MANAGER_HPP

#include <ashlar/manager_counters.hpp>
#include <ashlar/manager_request.hpp>
#include <ashlar/manager_sizes.hpp>
#include <ashlar/manager_types.hpp>
#include <iosfwd>
#include <optional>
#include <string_view>

namespace ashlar {

namespace manager {
class StateAccess;
}

/// What every manager of a buffer can do. Sizes and offsets are in bytes.
class ASHLAR_API MemoryManagerInterface {
  public:
    /// Ends the manager. No other call may be in progress.
    virtual ~MemoryManagerInterface() = default;

    /// Allocates `size` bytes. Returns their offset, a multiple of `alignment`,
    /// or nullopt if nothing fits. Size 0 counts as 1: each block has an offset
    /// of its own. Throws BadAlignment if `alignment` is not a power of two.
    [[nodiscard]] virtual std::optional<Offset> allocate(Size size, Size alignment = 1) = 0;
    /// Frees the block that begins at `offset`. Throws BadOffset.
    virtual void deallocate(Offset offset) = 0;
    /// Copies [start, start + out.size()) out of the buffer. All of it must lie
    /// in one live block; an empty `out` may be anywhere. Throws OutsideBlock.
    virtual void read(Offset start, std::span<std::byte> out) const = 0;
    /// Copies `data` into the buffer at `start`. All of the range must lie in
    /// one live block. Throws OutsideBlock.
    virtual void write(Offset start, std::span<const std::byte> data) = 0;
};

/// The library's manager of a buffer.
///
/// Thread safety: with Threads::many, any thread may call any member at any
/// time, except construction, destruction, assignment and clear(). Threads must
/// order their own accesses to the same bytes. Small blocks are lock-free as
/// long as a slab has room, no freed block has a name, and neither a cycle nor
/// check() nor a fork is in progress. All else is short work under one
/// spinlock. With Threads::one, calls must not overlap, and nothing is locked.
///
/// Forks: the child may go on with each manager, as it was between two calls.
/// Operations that other threads do in several steps end there: a cycle has
/// freed nothing more, defragment() and end_pass() have carried out a part of
/// their moves. The collector's thread does not exist there; start_collector()
/// starts another one. A manager with Threads::one must not be in use by
/// another thread meanwhile.
///
/// Complexity: O(1) for small blocks. Others cost what the policy costs, and
/// O(1) expected to find a block by its offset. An offset inside such a block
/// costs O(log blocks) expected. The first such call for a block also passes
/// some 64 other blocks.
///
/// When nothing fits, slabs and caches of small blocks give back their free
/// blocks. Then the buffer grows, if it may. Then the call fails. Exceptions of
/// the callbacks in ManagerOptions pass through allocate().
///
/// A `try_` twin does what its namesake does, but returns a Status and stores
/// the result in the last argument. After a failure that argument has no
/// meaning. Where it is noexcept, an exception of a callback ends the program.
class ASHLAR_API MemoryManager final : public MemoryManagerInterface, public ManagerSizes {
  public:
    /// Creates a manager without a buffer, to be assigned later. It behaves as
    /// one that was moved from. The first one of a process throws
    /// std::bad_alloc if there is no memory. O(1).
    MemoryManager();
    /// Manages a buffer of its own of `block_size` bytes, zero at first.
    /// Reserves address space for the limit; the system adds pages as they are
    /// touched. The size is rounded down to the granularity. The address of a
    /// block is a multiple of the alignment that was asked for, up to 1 GiB.
    /// Throws BadSize, BadAlignment for the granularity, ManagerError if
    /// ManagerOptions::next_part is set, and std::bad_alloc. O(1).
    explicit MemoryManager(Size block_size, ManagerOptions options = {});
    /// Manages the caller's bytes, which must outlive the manager. Rounds and
    /// throws as above, but takes ManagerOptions::next_part.
    explicit MemoryManager(std::span<std::byte> buffer, ManagerOptions options = {});
    /// Returns a manager of `size` offsets without memory. read() and write()
    /// throw NoMemory. Rounds and throws as above.
    [[nodiscard]] static MemoryManager without_memory(Size size, ManagerOptions options = {});
    /// Moves a manager. Offsets, handles and resources stay valid, and belong
    /// to the new object. The old one has no buffer any more: its capacity is
    /// 0, nothing fits, every offset and handle is refused, and a collector
    /// throws NoMemory. It may be used like that, destroyed, or assigned to.
    /// O(1).
    MemoryManager(MemoryManager&&) noexcept;
    /// Moves a manager as above. The manager that this object had ends, and its
    /// collector stops. Assigning a manager to itself does nothing.
    MemoryManager& operator=(MemoryManager&&) noexcept;
    /// Stops the collector, calls ManagerOptions::on_end for each live block,
    /// and frees the manager's own buffer and records.
    ~MemoryManager() override;

    /// Allocates a block; see MemoryManagerInterface::allocate().
    [[nodiscard]] std::optional<Offset> allocate(Size size, Size alignment = 1) override;
    /// Frees a block; see MemoryManagerInterface::deallocate(). Throws
    /// BadOffset also for a movable block.
    void deallocate(Offset offset) override;
    /// Copies out of the buffer. Throws OutsideBlock, and NoMemory without
    /// memory.
    void read(Offset start, std::span<std::byte> out) const override;
    /// Copies into the buffer. Throws OutsideBlock, and NoMemory without
    /// memory.
    void write(Offset start, std::span<const std::byte> data) override;

    /// Allocates a block with all that its request names. Returns nullopt if
    /// nothing fits. No other thread sees the block without its user data and
    /// name. Throws BadAlignment, and std::bad_alloc if these cannot be stored;
    /// then there is no block. A request with the default strategy costs what
    /// allocate() costs; with user data or a name, it takes the lock. Others
    /// cost O(log holes) expected. The first one that the policy does not know
    /// costs O(ranges), with the lock for 1024 of them at once. From then on
    /// each change of a hole costs O(log holes) more, until trim() or clear().
    [[nodiscard]] std::optional<Block> allocate(const BlockRequest& request);
    /// Twin of allocate() with a request: ok, no_room, bad_alignment. Throws
    /// std::bad_alloc, and what the callbacks of growth throw.
    [[nodiscard]] Status try_allocate(const BlockRequest& request, Block& block);

    /// Allocates exactly [start, start + size). Returns `start`, or nullopt if
    /// a byte of it is not free. Slabs without live blocks are given back for
    /// it. Never grows the buffer. Throws BadSize if the size is 0, or either
    /// number is no multiple of the granularity. O(log blocks) expected.
    [[nodiscard]] std::optional<Offset> allocate_at(Offset start, Size size);
    /// Takes a range out of use as allocate_at() does. No collector frees it,
    /// and deallocate() ends it. Returns whether it was free. Throws BadSize.
    [[nodiscard]] bool reserve_range(Offset start, Size size);
    /// Allocates a block as allocate() does, for data whose references the
    /// collector cannot see, such as the nodes of a container. No collector
    /// frees it, and it counts as a root, until it is deallocated. The blocks
    /// of a ManagerResource are such blocks. Throws as allocate().
    [[nodiscard]] std::optional<Offset> allocate_root(Size size, Size alignment = 1);
    /// Resizes a block in place. Size 0 counts as 1. Returns false if that is
    /// not possible; then nothing has changed. If nothing but free bytes is
    /// behind the block, the buffer grows as by allocate(). A small block keeps
    /// its class: it cannot grow beyond the class's size, nor shrink to more
    /// than 253 bytes below it. A block in a pass keeps its size. Throws
    /// BadOffset.
    [[nodiscard]] bool resize(Offset offset, Size size);
    using ManagerSizes::resize;
    using ManagerSizes::try_resize;

    /// Twin of allocate(): ok, no_room, bad_alignment.
    [[nodiscard]] Status try_allocate(Size size, Size alignment, Offset& offset) noexcept;
    /// Twin of deallocate(): ok, bad_offset.
    [[nodiscard]] Status try_deallocate(Offset offset) noexcept;
    /// Twin of read(): ok, outside_block, no_memory.
    [[nodiscard]] Status try_read(Offset start, std::span<std::byte> out) const noexcept;
    /// Twin of write(): ok, outside_block, no_memory.
    [[nodiscard]] Status try_write(Offset start, std::span<const std::byte> data) noexcept;
    /// Twin of allocate_root(): ok, no_room, bad_alignment.
    [[nodiscard]] Status try_allocate_root(Size size, Size alignment, Offset& offset) noexcept;
    /// Twin of resize(): ok, no_room, bad_offset.
    [[nodiscard]] Status try_resize(Offset offset, Size size) noexcept;
    /// Twin of allocate_at(): ok, no_room, bad_size.
    [[nodiscard]] Status try_allocate_at(Offset start, Size size) noexcept;
    /// Twin of reserve_range(): ok, no_room, bad_size.
    [[nodiscard]] Status try_reserve_range(Offset start, Size size) noexcept;

    /// Returns the size of a block as requested, rounded up to the granularity.
    /// Throws BadOffset.
    [[nodiscard]] Size size_of(Offset offset) const;
    /// Returns whether a live block begins at `offset`. Never throws.
    [[nodiscard]] bool is_block(Offset offset) const noexcept;
    /// Attaches a number to a block. It lasts until the block is freed. Throws
    /// BadOffset, and std::bad_alloc for a small or movable block.
    void set_user_data(Offset offset, std::uint64_t value);
    /// Returns the number that was attached to a block, 0 if none. Throws
    /// BadOffset.
    [[nodiscard]] std::uint64_t user_data(Offset offset) const;
    /// Attaches a name to a block. It lasts until the block is freed. Throws
    /// BadOffset and std::bad_alloc.
    void set_name(Offset offset, std::string_view name);
    /// Returns the name of a block, empty if none. Throws BadOffset and
    /// std::bad_alloc.
    [[nodiscard]] std::string name(Offset offset) const;
    /// Twin of size_of(): ok, bad_offset.
    [[nodiscard]] Status try_size_of(Offset offset, Size& size) const noexcept;
    /// Twin of set_user_data(): ok, bad_offset. Throws std::bad_alloc.
    [[nodiscard]] Status try_set_user_data(Offset offset, std::uint64_t value);
    /// Twin of user_data(): ok, bad_offset.
    [[nodiscard]] Status try_user_data(Offset offset, std::uint64_t& value) const noexcept;
    /// Twin of set_name(): ok, bad_offset. Throws std::bad_alloc.
    [[nodiscard]] Status try_set_name(Offset offset, std::string_view name);
    /// Twin of name(): ok, bad_offset. Throws std::bad_alloc.
    [[nodiscard]] Status try_name(Offset offset, std::string& name) const;
    /// Returns the address of a block's bytes; nullptr without memory. Accesses
    /// through it are not checked. Throws BadOffset. O(log parts).
    [[nodiscard]] std::byte* data(Offset offset) const;
    /// Returns the offset of the byte at an address; nullopt if it is not in
    /// the buffer. Never throws. Lock-free. O(parts), O(1) for a buffer of one
    /// part.
    [[nodiscard]] std::optional<Offset> offset_of(const void* address) const noexcept;

    /// Gives back what slabs and caches hold free, and drops free bytes off the
    /// end, down to the initial size. Parts of the caller's go as a whole; see
    /// ManagerOptions::release_part. Returns free pages of the manager's own
    /// buffer to the system, and pages of its records and tables. Returns the
    /// bytes by which the capacity fell. Does not throw. O(ranges + records).
    /// The lock is held for a bounded part of the buffer at once. It is held
    /// once for all records, if a quarter of them is unused.
    Size trim();
    /// Frees every block, also movable and reserved ones. Names, user data and
    /// handles end, and the threads' caches are empty. The capacity, the bytes
    /// and peak_used stay as they are. Throws Pinned if a block is pinned or
    /// there is a pass, and ManagerError in a callback of a cycle or of growth;
    /// then nothing has changed. No other call may be in progress, except a
    /// cycle of the collector's thread: clear() waits for its end. The thread
    /// then goes on. O(most blocks and holes at a time so far).
    void clear();
    /// Twin of clear(): ok, pinned, in_callback.
    [[nodiscard]] Status try_clear() noexcept;
    /// Returns the size of the buffer in bytes. Lock-free. O(1).
    [[nodiscard]] Size capacity() const noexcept;

    /// Allocates a movable block and returns its handle, nullopt if nothing
    /// fits. The policy places it. Its offset changes only by defragment() and
    /// end_pass(), and not while it is pinned. Throws BadAlignment.
    [[nodiscard]] std::optional<Handle> allocate_movable(Size size, Size alignment = 1);
    /// Frees a movable block. Throws BadHandle, and Pinned if it is pinned or
    /// in a pass.
    void deallocate(Handle handle);
    /// Returns the offset of a movable block now. Throws BadHandle. O(1).
    [[nodiscard]] Offset resolve(Handle handle) const;
    /// Returns the handle of the movable block that begins at `offset`, nullopt
    /// if none does. Never throws. O(1).
    [[nodiscard]] std::optional<Handle> handle_of(Offset offset) const noexcept;
    /// Keeps a movable block where it is, until unpin() has been called as
    /// often. Returns its offset. A thread pins a block before it reads or
    /// writes it while others defragment. Throws BadHandle. O(1).
    Offset pin(Handle handle);
    /// Takes back one pin(). Throws BadHandle, also if the block is not pinned.
    /// O(1).
    void unpin(Handle handle);
    /// Twin of allocate_movable(): ok, no_room, bad_alignment.
    [[nodiscard]] Status try_allocate_movable(Size size, Size alignment, Handle& handle) noexcept;
    /// Twin of deallocate(): ok, bad_handle, pinned.
    [[nodiscard]] Status try_deallocate(Handle handle) noexcept;
    /// Twin of resolve(): ok, bad_handle.
    [[nodiscard]] Status try_resolve(Handle handle, Offset& offset) const noexcept;
    /// Twin of pin(): ok, bad_handle.
    [[nodiscard]] Status try_pin(Handle handle, Offset& offset) noexcept;
    /// Twin of unpin(): ok, bad_handle.
    [[nodiscard]] Status try_unpin(Handle handle) noexcept;

    /// Moves movable, unpinned blocks towards the beginning and copies their
    /// bytes. It ends when no move is left or a limit is reached; then
    /// DefragmentationStatistics::more is true, and the next call with a limit
    /// goes on there. Returns what it did. If some blocks may not move,
    /// fragmentation may rise. Without memory it moves nothing; use passes.
    /// Throws Pinned while there is a pass or another call defragments. Threads
    /// may use the manager meanwhile: the lock is held for the copy of at most
    /// 64 KiB of blocks, or of one block. O(bytes moved + blocks log blocks).
    DefragmentationStatistics defragment(PassLimits limits = {});
    /// Begins a pass: plans moves that the caller carries out, for buffers that
    /// only the caller can copy. Returns the moves; none means that nothing can
    /// be won, unless PassLimits::moves is 0, and that no pass has begun. The
    /// targets are taken until end_pass(). The sources stay valid and pinned.
    /// data(), read() and write() reach the targets, and statistics and
    /// pictures show them as movable blocks; other members know no block there.
    /// Throws Pinned while there is a pass, and std::bad_alloc. O(blocks log
    /// blocks).
    [[nodiscard]] std::vector<Move> begin_pass(PassLimits limits = {});
    /// Ends a pass and carries out the outcomes of its moves. Returns what it
    /// did. Moves that are not passed in are ignored. So are blocks that were
    /// pinned at any time since begin_pass(). Throws BadHandle for a move that
    /// is not of this pass or comes twice; then nothing has changed. Throws
    /// Pinned while another call defragments. O(moves), beside the policy.
    DefragmentationStatistics end_pass(std::span<const Move> moves);

    /// Runs one collection cycle: frees the blocks that no root reaches.
    /// Returns what it did. Movable and reserved blocks, and those of
    /// allocate_root(), are kept and count as roots. A block is not freed if a
    /// root reaches it at any moment after the cycle has begun to read the
    /// roots. For this, all references must be stored by write(). Without a
    /// visitor, a reference is an offset of eight bytes at a multiple of eight;
    /// 0 is an offset like any other. From then on allocation wipes blocks; see
    /// ManagerOptions::wipe.
    ///
    /// Throws NoMemory without memory and visitor, ManagerError in a callback
    /// of a cycle or of growth, and what the visitor throws; then nothing is
    /// freed. Other threads may use the manager; concurrent cycles take turns.
    /// O(blocks + their bytes). Sources: Yuasa (1990), a snapshot at the
    /// beginning; Dijkstra et al. (1978).
    CollectionStatistics collect(std::span<const Offset> roots,
                                 const ReferenceVisitor& visitor = nullptr);
    /// Returns the blocks that collect() would free, and frees none. Errors,
    /// thread safety and complexity as collect().
    [[nodiscard]] std::vector<BlockView> find_leaks(std::span<const Offset> roots,
                                                    const ReferenceVisitor& visitor = nullptr);
    /// Starts a thread that runs cycles until stop_collector() or the manager's
    /// end. Replaces a running collector. Each cycle reads the roots at its
    /// beginning and once more before it frees anything. If you allocate and
    /// link under a mutex that RootSource also takes, each new block is either
    /// linked before the roots are read or counted as allocated during the
    /// cycle. It is never collected. What a callback throws ends its cycle,
    /// which then frees nothing. The thread is called `ashlar-collect`, and
    /// blocks all signals but those of faults: SIGSEGV, SIGBUS, SIGFPE, SIGILL,
    /// SIGTRAP, SIGSYS.
    ///
    /// Throws NoMemory, std::system_error without a thread, and ManagerError
    /// with Threads::one, without roots, or in a callback. Thread-safe.
    void start_collector(CollectorOptions options);
    /// Stops the collector's thread and waits for it. A running cycle frees
    /// nothing more. Throws ManagerError in a callback of a cycle or of growth.
    /// Thread-safe.
    void stop_collector();
    /// Returns the result of the last cycle, also of one by find_leaks(); zeros
    /// before the first. O(1).
    [[nodiscard]] CollectionStatistics last_collection() const noexcept;

    /// Returns the totals of the manager. Never fails. Gives back what slabs
    /// and caches hold free, as allocate() does before it fails. Caches that a
    /// thread uses at that moment are left out. O(1), beside Policy::largest()
    /// and what is given back.
    [[nodiscard]] ManagerStatistics statistics() const noexcept;
    /// Returns the counts since reset_counters(). O(threads' caches).
    [[nodiscard]] ManagerCounters counters() const noexcept;
    /// Sets the counters to 0, and the peaks to what is in use now. O(threads'
    /// caches).
    void reset_counters() noexcept;
    /// Sets the number of bytes that the policy may hand out; no_budget ends
    /// the budget. A request that would exceed it fails after
    /// ManagerOptions::on_failure, and the buffer does not grow for it. Free
    /// blocks in slabs and caches are still handed out, and resize(),
    /// allocate_at() and reserve_range() ignore it. Nothing is freed if more is
    /// in use. O(1).
    void set_budget(Size bytes) noexcept;
    /// Returns the budget and what is in use of it. O(1).
    [[nodiscard]] ManagerBudget budget() const noexcept;
    /// Returns the distribution of block and hole sizes at one moment, as both
    /// dumps do. Small blocks that other threads allocate or free meanwhile may
    /// be missing, and the totals may differ by them. Throws std::bad_alloc.
    /// O(ranges + small blocks).
    [[nodiscard]] ManagerHistograms histograms() const;
    /// Calls visitor(view) for every part of the buffer in address order, until
    /// it returns false. The visitor runs without the lock and may call the
    /// manager. It sees copies of up to 64 parts, each of one moment, apart
    /// from small blocks. A block that stays where it is during the call is
    /// visited once. No byte is visited twice. Bytes of a block that came to
    /// lie across the end of a copy are left out. Throws what the visitor
    /// throws. O(visited parts), beside a look-up by offset for each copy.
    void for_each(const std::function<bool(const BlockView&)>& visitor) const;
    /// Checks the manager's invariants. Returns the number of faults and prints
    /// a line for each to `out` if given, at most 64. Thread-safe: waits for
    /// the calls in progress, and keeps others waiting until it has looked.
    /// O(ranges + small blocks).
    [[nodiscard]] std::size_t check(std::ostream* out = nullptr) const;
    /// Writes all ranges and statistics as JSON, as described by
    /// `docs/manager/schema.json`. Throws std::bad_alloc and what the stream
    /// throws. O(ranges + small blocks).
    void write_json(std::ostream& out) const;
    /// Draws the buffer as SVG, in rows of `bytes_per_row` bytes; 0 chooses.
    /// There are at most about 1000 rows. Throws as write_json(). O(ranges +
    /// small blocks).
    void write_svg(std::ostream& out, Size bytes_per_row = 0) const;
    /// Returns the name of the policy. It lives as long as the manager. O(1).
    [[nodiscard]] const char* policy_name() const noexcept;

  private:
    friend class ManagerResource;
    friend class manager::StateAccess;
    friend class ManagerSizes;
    struct End {
        void operator()(manager::Manager* manager) const noexcept;
    };
    explicit MemoryManager(std::unique_ptr<manager::Manager> manager);
    // The object that has that manager now; nullptr for one without a buffer.
    [[nodiscard]] static MemoryManager* holder(const manager::Manager& manager) noexcept;

    std::unique_ptr<manager::Manager, End> manager_;
};

}  // namespace ashlar

#endif
