/// \file
/// ashlar::ManagerSet: blocks of several heaps without memory, such as the
/// allocations of a GPU's memory.
#ifndef ASHLAR_MANAGER_SET_HPP
#define ASHLAR_MANAGER_SET_HPP

#include <ashlar/memory_manager.hpp>
#include <functional>
#include <memory>
#include <optional>

namespace ashlar {

/// A heap that the program gives to a ManagerSet.
struct SetHeap {
    /// Its size in bytes.
    Size capacity;
    /// A number of the program's, such as a VkDeviceMemory.
    std::uint64_t user;
};
/// A block of a ManagerSet.
struct SetBlock {
    /// Number of the heap. Numbers of heaps that were given back are reused.
    std::uint32_t heap;
    /// First byte of the block in its heap.
    Offset offset;
    /// Returns whether two blocks are the same.
    bool operator==(const SetBlock&) const = default;
};

/// Options of a ManagerSet.
struct ManagerSetOptions {
    /// Returns a new heap for a block of `wanted` bytes, or nullopt. Called
    /// when no heap has room. A heap that is too small goes back at once. What
    /// it throws passes through ManagerSet::allocate().
    std::function<std::optional<SetHeap>(Size wanted)> new_heap;
    /// Receives each heap that the set does not use any more, at its end too.
    /// Must not throw.
    std::function<void(const SetHeap& heap)> release_heap = nullptr;
    /// Blocks of different kinds never share a page of so many bytes, such as
    /// Vulkan's bufferImageGranularity. A power of two; 1: any blocks may.
    Size kind_granularity = 1;
    /// Options of each heap's manager. `threads` is Threads::one, and the limit
    /// is the heap's capacity.
    ManagerOptions manager{};
};

/// Hands out blocks of several heaps. It knows only sizes and offsets.
///
/// Each page of `kind_granularity` bytes at the edge of a block notes the kind
/// and the number of blocks there. A block that would share a page with another
/// kind is placed once more, on whole pages of its own. So only such blocks
/// cost more than they ask for: less than two pages each. Each heap has 8 bytes
/// for each of its pages.
///
/// Thread safety: calls must not overlap. The callbacks must not use the set.
class ASHLAR_API ManagerSet {
  public:
    /// Creates a set without heaps. Throws BadAlignment if the granularity of
    /// kinds is not a power of two, and std::bad_alloc.
    explicit ManagerSet(ManagerSetOptions options);
    /// Moves a set. The old one may be destroyed or assigned to.
    ManagerSet(ManagerSet&&) noexcept;
    /// Moves a set. The heaps that this object had go back.
    ManagerSet& operator=(ManagerSet&&) noexcept;
    /// Gives all heaps back, whatever lies there.
    ~ManagerSet();

    /// Allocates `size` bytes at a multiple of `alignment`, in the first heap
    /// that has room, or in a new one. Returns nullopt if no heap has room and
    /// there is no new one. `kind` is any number. Throws BadAlignment and
    /// std::bad_alloc. O(heaps), beside the policy.
    [[nodiscard]] std::optional<SetBlock> allocate(Size size, Size alignment = 1,
                                                   std::uint32_t kind = 0);
    /// Frees a block. The heap stays. Throws BadOffset. O(1), beside the
    /// policy.
    void deallocate(const SetBlock& block);
    /// Gives heaps without blocks back, except `keep` of them. Returns how many
    /// went. O(heaps).
    std::uint32_t trim(std::uint32_t keep = 0);

    /// Returns the number of heaps. O(heaps).
    [[nodiscard]] std::uint32_t heaps() const noexcept;
    /// Returns the heap of that number. Throws BadOffset if there is none.
    /// O(1).
    [[nodiscard]] SetHeap heap(std::uint32_t number) const;
    /// Returns the manager of that heap, for statistics and names. Throws
    /// BadOffset if there is none. O(1).
    [[nodiscard]] const MemoryManager& manager(std::uint32_t number) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ashlar

#endif
