/// \file
/// ashlar::SharedMemoryManager: a manager of a buffer that several processes
/// share, over a SharedHeap.
///
/// This header needs C++20, and the library ashlar::shared. It does not need
/// the library ashlar::manager.
#ifndef ASHLAR_SHARED_MEMORY_MANAGER_HPP
#define ASHLAR_SHARED_MEMORY_MANAGER_HPP

#include <ashlar/memory_manager.hpp>
#include <ashlar/shared_heap.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace ashlar {

/// Hands out the blocks of a shared heap as offsets, which are the same in all
/// processes. Each access is checked: it must lie in one live block, whichever
/// process allocated that. Misuse throws; it never ends the program. It keeps
/// the heap open. SharedHeap's own calls may be mixed with these.
///
/// Thread safety: any thread may call any member at any time, except
/// destruction. No call waits for another thread. Threads must order their own
/// accesses to the same bytes, and an access and the free of its block.
class ASHLAR_API SharedMemoryManager final : public MemoryManagerInterface {
  public:
    /// Manages the blocks of `heap`. O(1).
    explicit SharedMemoryManager(const SharedHeap& heap) noexcept : mapping_(heap.mapping()) {}
    /// Leaves the blocks as they are.
    ~SharedMemoryManager() override;
    SharedMemoryManager(const SharedMemoryManager&) = delete;
    SharedMemoryManager& operator=(const SharedMemoryManager&) = delete;

    /// Allocates a block; see MemoryManagerInterface::allocate(). nullopt also
    /// above an alignment of 64 KiB. Throws BadAlignment. Lock-free. Amortised
    /// O(1) up to 32 KiB.
    [[nodiscard]] std::optional<Offset> allocate(Size size, Size alignment = 1) override;
    /// Frees the block that begins at `offset`. Of two concurrent calls one
    /// frees. Throws BadOffset, and std::bad_alloc if the heap has no slot for
    /// the thread. Lock-free. Amortised O(1) up to 32 KiB.
    void deallocate(Offset offset) override;
    /// Copies bytes of one live block. Throws OutsideBlock. O(bytes).
    void read(Offset start, std::span<std::byte> out) const override;
    /// Copies `data` into one live block. Throws OutsideBlock. O(bytes).
    void write(Offset start, std::span<const std::byte> data) override;
    /// Returns the bytes of the block that begins at `offset`, as requested.
    /// Throws BadOffset. Lock-free. O(1).
    [[nodiscard]] Size size_of(Offset offset) const;

  private:
    [[nodiscard]] std::byte* place(const char* member, Offset start, Size size) const;

    std::shared_ptr<shared::Mapping> mapping_;
};

}  // namespace ashlar

#endif
