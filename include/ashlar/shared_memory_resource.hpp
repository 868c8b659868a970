/// \file
/// ashlar::SharedMemoryResource: a std::pmr::memory_resource over a SharedHeap.
///
/// This header needs C++20, and the library ashlar::shared.
#ifndef ASHLAR_SHARED_MEMORY_RESOURCE_HPP
#define ASHLAR_SHARED_MEMORY_RESOURCE_HPP

#include <ashlar/shared_heap.hpp>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <new>

#include <ashlar/detail/fallbacks.hpp>

namespace ashlar {

/// Serves polymorphic containers of one process from a SharedHeap, which must
/// outlive the resource. Polymorphic containers keep plain pointers, so only
/// this process may use the container. Other processes reach its elements by
/// the offsets of SharedHeap::to_offset(). For containers that several
/// processes use, see SharedAllocator.
///
/// allocate() throws std::bad_alloc without room, and for an alignment that is
/// not a power of two up to 64 KiB. Misuse aborts as in
/// SharedHeap::deallocate(). Two resources are equal if they share a heap; with
/// -fno-rtti, each equals only itself. Thread-safe and lock-free. Amortised
/// O(1).
class SharedMemoryResource final : public std::pmr::memory_resource {
  public:
    /// Creates a resource over `heap`. O(1).
    explicit SharedMemoryResource(SharedHeap& heap) noexcept : heap_(&heap) {}
    /// Returns the heap. O(1).
    [[nodiscard]] SharedHeap& heap() const noexcept { return *heap_; }

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        const bool possible =
            alignment != 0 && (alignment & (alignment - 1)) == 0 && alignment <= 65536;
        void* const block = possible ? heap_->allocate(bytes, alignment) : nullptr;
        if (block == nullptr) detail::throw_or_abort<std::bad_alloc>();
        return block;
    }
    void do_deallocate(void* block, std::size_t, std::size_t) override { heap_->deallocate(block); }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        const SharedMemoryResource* resource = detail::same_class(this, other);
        return resource != nullptr && resource->heap_->mapping() == heap_->mapping();
    }

    SharedHeap* heap_;
};

}  // namespace ashlar

#endif
