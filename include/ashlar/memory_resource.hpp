/// \file
/// ashlar::MemoryResource: a std::pmr::memory_resource over a Heap. It needs
/// C++17.
#ifndef ASHLAR_MEMORY_RESOURCE_HPP
#define ASHLAR_MEMORY_RESOURCE_HPP

#include <cstddef>
#include <memory_resource>
#include <new>

#include <ashlar/detail/fallbacks.hpp>
#include <ashlar/heap.hpp>

namespace ashlar {

/// Serves polymorphic containers from a Heap, which must outlive the resource.
///
/// allocate() throws std::bad_alloc without memory, at the heap's capacity, or
/// if the alignment is not a power of two. Misuse aborts as in
/// Heap::deallocate(). Two resources are equal if they share a heap; with
/// -fno-rtti, each equals only itself.
///
/// Thread-safe and lock-free, unlike std::pmr::unsynchronized_pool_resource and
/// std::pmr::synchronized_pool_resource. Amortised O(1).
class MemoryResource final : public std::pmr::memory_resource {
  public:
    /// Creates a resource over `heap`. O(1).
    explicit MemoryResource(Heap& heap = Heap::process()) noexcept : heap_(&heap) {}
    /// Returns the heap. O(1).
    [[nodiscard]] Heap& heap() const noexcept { return *heap_; }

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        void* block = heap_->allocate(bytes, alignment);
        if (block == nullptr) detail::throw_or_abort<std::bad_alloc>();
        return block;
    }
    void do_deallocate(void* block, std::size_t, std::size_t) override { heap_->deallocate(block); }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        const MemoryResource* resource = detail::same_class(this, other);
        return resource != nullptr && resource->heap_ == heap_;
    }

    Heap* heap_;
};

}  // namespace ashlar

#endif
