/// \file
/// The members of ashlar::MemoryManager that change the size of blocks and of
/// the buffer, and those for many blocks at once.
#ifndef ASHLAR_MANAGER_SIZES_HPP
#define ASHLAR_MANAGER_SIZES_HPP

#include <ashlar/manager_types.hpp>
#include <optional>
#include <span>

namespace ashlar {

namespace manager {
class Manager;
}

/// Members of MemoryManager, which is the only class derived from it. Sizes and
/// offsets are in bytes. Thread safety and the meaning of a `try_` twin are
/// those of MemoryManager.
class ASHLAR_API ManagerSizes {
  public:
    /// Resizes a block as MemoryManager::resize() does. If that returns false,
    /// or `offset` is no multiple of `alignment`, the block moves: a new one is
    /// allocated as by allocate(), and the old one is freed. Its bytes, name
    /// and user data move with it, and a block of allocate_root() stays one. A
    /// range of reserve_range() does not move. Without memory nothing is
    /// copied. Returns the offset now, or nullopt if nothing fits; then nothing
    /// has changed.
    ///
    /// For a collector the new block is one that the caller has just allocated,
    /// and the old one is deallocated. The lock is held for the copy of at most
    /// 64 KiB. If another thread forks meanwhile, the child may have both
    /// blocks. Throws BadAlignment, and BadOffset also for a movable block.
    /// O(bytes copied), beside allocate() and deallocate().
    [[nodiscard]] std::optional<Offset> reallocate(Offset offset, Size size, Size alignment = 1);
    /// Resizes a movable block, at its alignment. Size 0 counts as 1. The block
    /// stays if it can, also by growth of the buffer behind it. Otherwise it
    /// moves, with its bytes, name and user data, unless it is pinned or the
    /// manager has no memory. Returns false if that is not possible; then
    /// nothing has changed. The lock is held for the copy. Throws BadHandle.
    /// Throws Pinned if the block is in a pass, or would have to move and is
    /// pinned. O(bytes copied), beside the policy.
    [[nodiscard]] bool resize(Handle handle, Size size);

    /// Allocates blocks of `size` bytes each, as allocate() does. Stores their
    /// offsets at the beginning of `out`. Returns how many: fewer than its size
    /// means that no further one fits. Throws BadAlignment, and what a callback
    /// of growth throws; then no block has been allocated. Takes the lock once
    /// for up to 64 blocks. Small blocks come as O(1) for each, and without the
    /// lock as those of allocate().
    [[nodiscard]] std::size_t allocate_batch(Size size, Size alignment, std::span<Offset> out);
    /// Frees blocks in their order, as deallocate() does. At the first offset
    /// that deallocate() refuses, it throws BadOffset: the blocks before that
    /// are free, and the others are left alone. what() names the offset and its
    /// number. Takes the lock once for up to 64 blocks.
    void deallocate_batch(std::span<const Offset> offsets);

    /// Changes ManagerOptions::limit, to which the buffer may grow. It is
    /// rounded down to the granularity. Throws BadSize if it is below the
    /// capacity, or above both the size and the limit at construction and
    /// ManagerOptions::highest_limit; then nothing has changed. Waits for a
    /// callback of growth in another thread. O(1).
    void set_limit(Size limit);
    /// Adds at least `bytes` to the buffer at once, whether or not a block
    /// needs them. They are rounded up to the granularity.
    /// ManagerOptions::grow_by is not asked. A buffer of the caller's gets the
    /// next part, as a whole where the limit allows it. Returns false if the
    /// limit or the part is too small, or in a callback of growth; then nothing
    /// has changed. Throws what ManagerOptions::next_part throws. O(1), beside
    /// the callback and the policy.
    [[nodiscard]] bool grow(Size bytes);

    /// Twin of reallocate(): ok, no_room, bad_offset, bad_alignment.
    [[nodiscard]] Status try_reallocate(Offset offset, Size size, Size alignment,
                                        Offset& result) noexcept;
    /// Twin of resize(): ok, no_room, bad_handle, pinned.
    [[nodiscard]] Status try_resize(Handle handle, Size size) noexcept;
    /// Twin of allocate_batch(): ok if all fit, no_room, bad_alignment. Stores
    /// in `count` how many blocks there are, also with no_room.
    [[nodiscard]] Status try_allocate_batch(Size size, Size alignment, std::span<Offset> out,
                                            std::size_t& count) noexcept;
    /// Twin of deallocate_batch(): ok, bad_offset. Stores in `count` how many
    /// blocks are free, in both cases.
    [[nodiscard]] Status try_deallocate_batch(std::span<const Offset> offsets,
                                              std::size_t& count) noexcept;
    /// Twin of set_limit(): ok, bad_size.
    [[nodiscard]] Status try_set_limit(Size limit) noexcept;
    /// Twin of grow(): ok, no_room.
    [[nodiscard]] Status try_grow(Size bytes) noexcept;

  protected:
    ManagerSizes() noexcept = default;
    ~ManagerSizes() = default;

  private:
    [[nodiscard]] manager::Manager& inner() noexcept;
};

}  // namespace ashlar

#endif
