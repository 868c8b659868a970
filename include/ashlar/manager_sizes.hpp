/// \file
/// The members of ashlar::MemoryManager that change the size of blocks.
#ifndef ASHLAR_MANAGER_SIZES_HPP
#define ASHLAR_MANAGER_SIZES_HPP

#include <ashlar/manager_types.hpp>
#include <optional>

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
    /// 64 KiB. Throws BadAlignment, and BadOffset also for a movable block.
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

    /// Twin of reallocate(): ok, no_room, bad_offset, bad_alignment.
    [[nodiscard]] Status try_reallocate(Offset offset, Size size, Size alignment,
                                        Offset& result) noexcept;
    /// Twin of resize(): ok, no_room, bad_handle, pinned.
    [[nodiscard]] Status try_resize(Handle handle, Size size) noexcept;

  protected:
    ManagerSizes() noexcept = default;
    ~ManagerSizes() = default;

  private:
    [[nodiscard]] manager::Manager& inner() noexcept;
};

}  // namespace ashlar

#endif
