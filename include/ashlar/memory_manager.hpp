// ashlar::MemoryManager: hands out blocks of one buffer, as offsets. Nothing is ever stored inside the buffer, so that it can
// be memory that the processor can't reach.
#ifndef ASHLAR_MEMORY_MANAGER_HPP
#define ASHLAR_MEMORY_MANAGER_HPP

#include <ashlar/manager_types.hpp>
#include <iosfwd>
#include <optional>
#include <string_view>

namespace ashlar {

namespace manager {
class Manager;
}

/// What every manager of a buffer can do.
class ASHLAR_API MemoryManagerInterface {
  public:
    virtual ~MemoryManagerInterface() = default;

    /// A block of `size` bytes whose offset is a multiple of `alignment`; nullopt when nothing fits. Size 0 is taken as 1, so
    /// that every block has an offset of its own. Throws BadAlignment.
    [[nodiscard]] virtual std::optional<Offset> allocate(Size size, Size alignment = 1) = 0;
    /// Frees the block that starts there. Throws BadOffset.
    virtual void deallocate(Offset offset) = 0;
    /// Copies out of the buffer: all of [start, start + out.size()) must lie in one live block. Throws OutsideBlock. No bytes
    /// can be read from anywhere.
    virtual void read(Offset start, std::span<std::byte> out) const = 0;
    /// Copies into the buffer, likewise.
    virtual void write(Offset start, std::span<const std::byte> data) = 0;
};

/// The library's manager. Thread safety: with Threads::many every member may be called from any thread at any time,
/// construction, destruction and attach apart; threads that read and write the same bytes order that among themselves. Small
/// blocks are lock-free as long as a slab has room; everything else is short work under one spinlock. With Threads::one no
/// member may run beside another, and nothing is locked; there are small blocks only where ManagerOptions::small_limit is set.
///
/// Complexity: small blocks O(1). Others as the policy's, and O(1) expected to find a block by its offset. An offset inside a
/// block costs O(log blocks) amortised: the first such call after many allocations sorts them in.
///
/// When nothing fits, slabs and caches of small blocks give back what is free in them; then the buffer grows, if it may; then
/// the answer is nullopt. What the callbacks of ManagerOptions throw comes through allocate().
class ASHLAR_API MemoryManager final : public MemoryManagerInterface {
  public:
    /// Over `block_size` bytes of its own, zero at first; pages are taken from the system as they are touched, and address
    /// space for the limit is reserved. All three: sizes are rounded down to the granularity; throw BadSize, BadAlignment
    /// (granularity), std::bad_alloc.
    explicit MemoryManager(Size block_size, ManagerOptions options = {});
    /// Over the caller's bytes, which must outlive it.
    explicit MemoryManager(std::span<std::byte> buffer, ManagerOptions options = {});
    /// Over a size alone: offsets without memory. read() and write() throw NoMemory.
    [[nodiscard]] static MemoryManager without_memory(Size size, ManagerOptions options = {});
    /// Offsets and handles are the new object's. The old one may only be destroyed, or be assigned another manager: every other
    /// member of it ends the program (a null pointer, which the members do not look for, since it would cost all of them).
    MemoryManager(MemoryManager&&) noexcept;
    /// The same. The manager that was there ends, and its collector stops.
    MemoryManager& operator=(MemoryManager&&) noexcept;
    ~MemoryManager() override;

    // Blocks.
    [[nodiscard]] std::optional<Offset> allocate(Size size, Size alignment = 1) override;
    void deallocate(Offset offset) override;
    void read(Offset start, std::span<std::byte> out) const override;
    void write(Offset start, std::span<const std::byte> data) override;

    /// Exactly [start, start + size), if it is free, also where slabs without live blocks are; nullopt if not. Both are
    /// multiples of the granularity, and the size is not 0: BadSize otherwise. Never grows the buffer.
    [[nodiscard]] std::optional<Offset> allocate_at(Offset start, Size size);
    /// The same for a range that is to be kept out of use, and that no collector frees. deallocate() ends it.
    [[nodiscard]] bool reserve_range(Offset start, Size size);
    /// Changes a block's size where it lies; false: it can't, nothing changed. Size 0 is taken as 1. A small block keeps its
    /// class: it neither grows beyond what that holds nor shrinks by more than 253 bytes below it. Throws BadOffset.
    [[nodiscard]] bool resize(Offset offset, Size size);

    // The same, with a status instead of an exception. What a callback for growth throws ends the program.
    [[nodiscard]] Status try_allocate(Size size, Size alignment, Offset& offset) noexcept;
    [[nodiscard]] Status try_deallocate(Offset offset) noexcept;
    [[nodiscard]] Status try_read(Offset start, std::span<std::byte> out) const noexcept;
    [[nodiscard]] Status try_write(Offset start, std::span<const std::byte> data) noexcept;
    [[nodiscard]] Status try_resize(Offset offset, Size size) noexcept;
    [[nodiscard]] Status try_allocate_at(Offset start, Size size) noexcept;
    [[nodiscard]] Status try_reserve_range(Offset start, Size size) noexcept;

    // About a live block, by its offset; they throw BadOffset.
    [[nodiscard]] Size size_of(Offset offset) const;
    [[nodiscard]] bool is_block(Offset offset) const noexcept;  ///< does not throw
    void set_user_data(Offset offset, std::uint64_t value);
    [[nodiscard]] std::uint64_t user_data(Offset offset) const;  ///< 0 unless set
    void set_name(Offset offset, std::string_view name);
    [[nodiscard]] std::string name(Offset offset) const;  ///< empty unless set
    // The same with a status; where a string or a note needs memory, std::bad_alloc may be thrown, and nothing has changed.
    [[nodiscard]] Status try_size_of(Offset offset, Size& size) const noexcept;
    [[nodiscard]] Status try_set_user_data(Offset offset, std::uint64_t value);
    [[nodiscard]] Status try_user_data(Offset offset, std::uint64_t& value) const noexcept;
    [[nodiscard]] Status try_set_name(Offset offset, std::string_view name);
    [[nodiscard]] Status try_name(Offset offset, std::string& name) const;
    /// The block's bytes; nullptr without memory. No check stands between the caller and the bytes.
    [[nodiscard]] std::byte* data(Offset offset) const;
    /// The way back from data(): the offset of the byte at that address; nullopt where it is not the buffer's. O(1) in a buffer
    /// of one part, O(parts) otherwise.
    [[nodiscard]] std::optional<Offset> offset_of(const void* address) const noexcept;

    // The buffer.
    /// Gives cached slabs back, drops free bytes off the end down to the initial size (parts of the caller's as a whole:
    /// ManagerOptions::release_part is told), and returns free pages of memory of its own to the system. Returns the bytes by
    /// which the capacity fell. O(ranges).
    Size trim();
    [[nodiscard]] Size capacity() const noexcept;

    // Movable blocks: behind handles, placed by the policy. Their offset is theirs while they are pinned or nobody defragments.
    [[nodiscard]] std::optional<Handle> allocate_movable(Size size, Size alignment = 1);
    void deallocate(Handle handle);                     ///< throws BadHandle, Pinned
    [[nodiscard]] Offset resolve(Handle handle) const;  ///< throws BadHandle
    Offset pin(Handle handle);                          ///< may be pinned many times; throws BadHandle
    void unpin(Handle handle);                          ///< throws BadHandle also where it is not pinned
    [[nodiscard]] Status try_allocate_movable(Size size, Size alignment, Handle& handle) noexcept;
    [[nodiscard]] Status try_deallocate(Handle handle) noexcept;
    [[nodiscard]] Status try_resolve(Handle handle, Offset& offset) const noexcept;
    [[nodiscard]] Status try_pin(Handle handle, Offset& offset) noexcept;
    [[nodiscard]] Status try_unpin(Handle handle) noexcept;

    /// Movable blocks are freed by their handles only. Who reads or writes one while others defragment pins it first.
    ///
    /// Moves movable, unpinned blocks towards the beginning, copying their bytes, until nothing more can be won or a limit is
    /// reached. Other threads may use the manager meanwhile: a block is copied under the lock, at most 64 KiB of blocks or one
    /// block in one go. Where some blocks may not move, fragmentation may rise. Without memory nothing is copied: use passes.
    /// O(bytes moved + blocks log blocks). Throws Pinned while there is a pass.
    DefragmentationStatistics defragment(PassLimits limits = {});
    /// For buffers that only the caller can copy: the next moves, at most as the limits say; their targets are taken, their
    /// sources stay valid and are pinned until end_pass(). Till then targets are no blocks that can be asked about, but data(),
    /// read() and write() reach them, and statistics and pictures count them as movable blocks. Empty: nothing to win. One pass
    /// at a time (Pinned).
    [[nodiscard]] std::vector<Move> begin_pass(PassLimits limits = {});
    /// Carries out what the outcomes say; moves that are not named, and blocks that were pinned at any time since begin_pass(),
    /// are ignored, whatever their outcome. Throws BadHandle for moves that are not of this pass.
    DefragmentationStatistics end_pass(std::span<const Move> moves);

    // Collecting blocks that nobody reaches. Movable, pinned and reserved blocks are kept, and count as roots.
    /// One cycle now, beside other threads. What can be reached from a root at any moment of the cycle is never freed, provided
    /// that references are stored by write(): the cycle begins when it asks for the roots. References are eight bytes at a
    /// multiple of eight; 0 is the offset of a block like others. Who allocates under a mutex that the roots' source takes as
    /// well has new blocks linked, or born in the cycle. A visitor runs under the lock: it may read(), and must change nothing.
    /// What it throws ends the cycle, which frees nothing. Cycles take turns: a callback of one can't ask for another,
    /// nor can one of growth (ManagerError). Without memory a visitor is needed (NoMemory).
    CollectionStatistics collect(std::span<const Offset> roots, const ReferenceVisitor& visitor = nullptr);
    /// The same, but reports what it would have freed.
    [[nodiscard]] std::vector<BlockView> find_leaks(std::span<const Offset> roots, const ReferenceVisitor& visitor = nullptr);
    /// Cycles in a thread of their own until stop_collector() or the end. The roots are asked for at the beginning of a cycle
    /// and once more before anything is freed. In the place of a collector that runs already.
    /// Throws NoMemory, std::system_error, and ManagerError for Threads::one, without a source of roots, and in a callback.
    void start_collector(CollectorOptions options);
    /// Ends the cycle that runs, which frees nothing more. Throws ManagerError in a callback of a cycle or of growth, which
    /// would wait for itself.
    void stop_collector();
    [[nodiscard]] CollectionStatistics last_collection() const noexcept;

    // Looking at it.
    [[nodiscard]] ManagerStatistics statistics() const noexcept;  ///< O(1), and O(threads' caches)
    [[nodiscard]] ManagerHistograms histograms() const;           ///< O(ranges)
    /// Every part of the buffer in address order: blocks, small blocks, holes, and of slabs what is in no live block. The
    /// visitor runs without the lock on a copy, and may call the manager. Stops when it returns false. The copy is of one
    /// moment (this one, histograms() and both dumps), but for small blocks that other threads allocate or free while it is
    /// made: they may be in it or not, and totals need not agree with them.
    void for_each(const std::function<bool(const BlockView&)>& visitor) const;
    /// The number of broken invariants; a line for each to `out`, if given, up to 64. O(ranges + small blocks). Beside threads
    /// that allocate and free small blocks, what these are in the middle of is left out; a fault in there is told only when
    /// nothing has moved for some 30 ms, so that a thread must not be stopped inside a call meanwhile (by a debugger, say).
    [[nodiscard]] std::size_t check(std::ostream* out = nullptr) const;
    /// As described by docs/manager.schema.json.
    void write_json(std::ostream& out) const;
    /// A picture of the buffer, one or many rows of `bytes_per_row` (0: chosen).
    void write_svg(std::ostream& out, Size bytes_per_row = 0) const;
    [[nodiscard]] const char* policy_name() const noexcept;

  private:
    explicit MemoryManager(std::unique_ptr<manager::Manager> manager) noexcept;
    std::unique_ptr<manager::Manager> manager_;
};

}  // namespace ashlar

#endif
