/// \file
/// ashlar::Allocator<T> and ashlar::HeapAllocator<T>: allocators for
/// containers, over the process heap and over a Heap. They need C++17.
#ifndef ASHLAR_ALLOCATOR_HPP
#define ASHLAR_ALLOCATOR_HPP

#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>

#include <ashlar/detail/fallbacks.hpp>
#include <ashlar/heap.hpp>

namespace ashlar {

namespace detail {
/// Allocates room for `count` objects of type T, aligned for T. Throws
/// std::bad_array_new_length above PTRDIFF_MAX bytes, std::bad_alloc without
/// memory. Thread-safe. Amortised O(1).
template <class T>
T* allocate_array(Heap& heap, std::size_t count) {
    if (count > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(T)) {
        throw_or_abort<std::bad_array_new_length>();
    }
    void* block = heap.allocate(count * sizeof(T), alignof(T) > 16 ? alignof(T) : 16);
    if (block == nullptr) throw_or_abort<std::bad_alloc>();
    return static_cast<T*>(block);
}
}  // namespace detail

/// Allocates from the process heap, as std::allocator does from `new`. It has
/// no state: all instances are equal. Thread-safe and lock-free.
template <class T>
class Allocator {
  public:
    /// Type of the objects that the memory is for.
    using value_type = T;
    /// Move assignment of a container moves its content.
    using propagate_on_container_move_assignment = std::true_type;
    /// Any instance frees the blocks of any other.
    using is_always_equal = std::true_type;

    /// Creates an allocator. O(1).
    Allocator() noexcept = default;
    /// Converts from an allocator for another type. Implicit, as the standard's
    /// allocator requirements ask. O(1).
    template <class U>
    Allocator(const Allocator<U>&) noexcept {}

    /// Returns room for `count` objects, aligned for T. Throws
    /// std::bad_array_new_length above PTRDIFF_MAX bytes, std::bad_alloc
    /// without memory. Lock-free. Amortised O(1).
    [[nodiscard]] T* allocate(std::size_t count) {
        return detail::allocate_array<T>(Heap::process(), count);
    }
    /// Frees a block of allocate(). The number of objects is not checked.
    /// Misuse aborts as in ash_free(). Lock-free. Amortised O(1).
    void deallocate(T* block, std::size_t) noexcept { ash_free(block); }

    /// Returns true: all instances are equal.
    template <class U>
    friend bool operator==(const Allocator&, const Allocator<U>&) noexcept {
        return true;
    }
};

/// Allocates from a Heap, which must outlive every container that uses it. Two
/// instances are equal if they share the heap. Move, swap and copy assignment
/// of a container take the allocator along with the content, so that each block
/// returns to its heap. Thread-safe and lock-free.
template <class T>
class HeapAllocator {
  public:
    /// Type of the objects that the memory is for.
    using value_type = T;
    /// Copy assignment of a container copies the allocator.
    using propagate_on_container_copy_assignment = std::true_type;
    /// Move assignment of a container moves the allocator.
    using propagate_on_container_move_assignment = std::true_type;
    /// Swapping two containers swaps their allocators.
    using propagate_on_container_swap = std::true_type;
    /// Instances of different heaps differ.
    using is_always_equal = std::false_type;

    /// Creates an allocator over `heap`. O(1).
    explicit HeapAllocator(Heap& heap) noexcept : heap_(&heap) {}
    /// Converts from an allocator of the same heap for another type. Implicit,
    /// as the standard's allocator requirements ask. O(1).
    template <class U>
    HeapAllocator(const HeapAllocator<U>& other) noexcept : heap_(&other.heap()) {}

    /// Returns room for `count` objects, aligned for T. Throws
    /// std::bad_array_new_length above PTRDIFF_MAX bytes, std::bad_alloc
    /// without memory or at the heap's capacity. Lock-free. Amortised O(1).
    [[nodiscard]] T* allocate(std::size_t count) {
        return detail::allocate_array<T>(*heap_, count);
    }
    /// Frees a block of the same heap. The number of objects is not checked.
    /// Misuse aborts as in Heap::deallocate(). Lock-free. Amortised O(1).
    void deallocate(T* block, std::size_t) noexcept { heap_->deallocate(block); }
    /// Returns the heap. O(1).
    [[nodiscard]] Heap& heap() const noexcept { return *heap_; }

    /// Returns whether both allocators share their heap.
    template <class U>
    friend bool operator==(const HeapAllocator& a, const HeapAllocator<U>& b) noexcept {
        return &a.heap() == &b.heap();
    }

  private:
    Heap* heap_;
};

}  // namespace ashlar

#endif
