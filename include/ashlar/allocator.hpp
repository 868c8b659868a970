// ashlar::Allocator<T> and ashlar::HeapAllocator<T>: the shape of std::allocator over the process heap and over a Heap.
#ifndef ASHLAR_ALLOCATOR_HPP
#define ASHLAR_ALLOCATOR_HPP

#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>

#include <ashlar/heap.hpp>

namespace ashlar {

namespace detail {
template <class T>
T* allocate_array(Heap& heap, std::size_t count) {
    if (count > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(T)) {
        throw std::bad_array_new_length();
    }
    void* block = heap.allocate(count * sizeof(T), alignof(T) > 16 ? alignof(T) : 16);
    if (block == nullptr) throw std::bad_alloc();
    return static_cast<T*>(block);
}
}  // namespace detail

/// Stateless: every instance allocates from the process heap; all instances are equal. Thread-safe. O(1) for small blocks.
/// Throws std::bad_array_new_length for more than PTRDIFF_MAX bytes and std::bad_alloc when there is no memory.
template <class T>
class Allocator {
  public:
    using value_type = T;
    using propagate_on_container_move_assignment = std::true_type;
    using is_always_equal = std::true_type;

    Allocator() noexcept = default;
    template <class U>
    Allocator(const Allocator<U>&) noexcept {}  // implicit, as the allocator requirements ask

    [[nodiscard]] T* allocate(std::size_t count) { return detail::allocate_array<T>(Heap::process(), count); }
    void deallocate(T* block, std::size_t) noexcept { ash_free(block); }

    template <class U>
    friend bool operator==(const Allocator&, const Allocator<U>&) noexcept {
        return true;
    }
};

/// Stateful: allocates from a Heap, which must outlive every container that uses it. Equal when the heap is the same. The
/// allocator goes with the content on move, swap and copy assignment, so that blocks always return to the heap they came from.
template <class T>
class HeapAllocator {
  public:
    using value_type = T;
    using propagate_on_container_copy_assignment = std::true_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    using is_always_equal = std::false_type;

    explicit HeapAllocator(Heap& heap) noexcept : heap_(&heap) {}
    template <class U>
    HeapAllocator(const HeapAllocator<U>& other) noexcept : heap_(&other.heap()) {}

    [[nodiscard]] T* allocate(std::size_t count) { return detail::allocate_array<T>(*heap_, count); }
    void deallocate(T* block, std::size_t) noexcept { heap_->deallocate(block); }
    [[nodiscard]] Heap& heap() const noexcept { return *heap_; }

    template <class U>
    friend bool operator==(const HeapAllocator& a, const HeapAllocator<U>& b) noexcept {
        return &a.heap() == &b.heap();
    }

  private:
    Heap* heap_;
};

}  // namespace ashlar

#endif
