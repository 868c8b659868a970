/// \file
/// ashlar::SharedAllocator<T>: an allocator for containers that live in a
/// SharedHeap, where each process has them at another address.
///
/// This header needs C++20, the library ashlar::shared, and the headers of
/// Boost.Interprocess for its offset_ptr.
#ifndef ASHLAR_SHARED_ALLOCATOR_HPP
#define ASHLAR_SHARED_ALLOCATOR_HPP

#include <ashlar/shared_heap.hpp>
#include <boost/interprocess/offset_ptr.hpp>
#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>

#include <ashlar/detail/fallbacks.hpp>

namespace ashlar {

namespace detail {
/// Returns the heap's lowest address in this process. O(1).
[[nodiscard]] ASHLAR_API void* shared_start(const SharedHeap& heap) noexcept;
/// Allocates from the open heap that `inside` lies in; nullptr without room.
/// Lock-free.
[[nodiscard]] ASHLAR_API void* shared_allocate(const void* inside, std::size_t size,
                                               std::size_t alignment) noexcept;
/// Frees a block of the open heap that it lies in. Misuse aborts. Lock-free.
ASHLAR_API void shared_deallocate(void* block) noexcept;
}  // namespace detail

/// Allocates from a SharedHeap. Its pointers are relative to their own place,
/// so that a container, its elements and this allocator may all lie in the
/// heap. Each process finds its own view of the heap by address.
///
/// Use it with Boost.Container, and with std::vector and std::basic_string.
/// The other containers of most standard libraries keep plain pointers; they
/// are for one process.
///
/// Two instances are equal if they share the heap. Move, swap and copy
/// assignment of a container take the allocator along. Thread-safe and
/// lock-free; the containers are neither.
template <class T>
class SharedAllocator {
  public:
    /// Type of the objects that the memory is for.
    using value_type = T;
    /// Pointer that is valid in each process.
    using pointer = boost::interprocess::offset_ptr<T>;
    /// The same to constant objects.
    using const_pointer = boost::interprocess::offset_ptr<const T>;
    /// Number of objects.
    using size_type = std::size_t;
    /// Distance of two objects.
    using difference_type = std::ptrdiff_t;
    /// Copy assignment of a container copies the allocator.
    using propagate_on_container_copy_assignment = std::true_type;
    /// Move assignment of a container moves the allocator.
    using propagate_on_container_move_assignment = std::true_type;
    /// Swapping two containers swaps their allocators.
    using propagate_on_container_swap = std::true_type;
    /// Instances of different heaps differ.
    using is_always_equal = std::false_type;

    /// Creates an allocator over `heap`, which must be open in each process
    /// that uses it. O(1).
    explicit SharedAllocator(const SharedHeap& heap) noexcept
        : start_(detail::shared_start(heap)) {}
    /// Converts from an allocator of the same heap for another type. Implicit,
    /// as the standard's allocator requirements ask. O(1).
    template <class U>
    SharedAllocator(const SharedAllocator<U>& other) noexcept : start_(other.start()) {}

    /// Returns room for `count` objects. Throws std::bad_array_new_length above
    /// PTRDIFF_MAX bytes, std::bad_alloc without room. Lock-free. Amortised
    /// O(1).
    [[nodiscard]] pointer allocate(size_type count) {
        constexpr auto most = static_cast<size_type>(std::numeric_limits<difference_type>::max());
        if (count > most / sizeof(T)) detail::throw_or_abort<std::bad_array_new_length>();
        void* const block =
            detail::shared_allocate(start(), count * sizeof(T), alignof(T) > 16 ? alignof(T) : 16);
        if (block == nullptr) detail::throw_or_abort<std::bad_alloc>();
        return pointer(static_cast<T*>(block));
    }
    /// Frees a block of the same heap. The number of objects is not checked.
    /// Misuse aborts as in SharedHeap::deallocate(). Lock-free. Amortised O(1).
    void deallocate(const pointer& block, size_type) noexcept {
        detail::shared_deallocate(block.get());
    }
    /// Returns the heap's lowest address in this process. O(1).
    [[nodiscard]] void* start() const noexcept { return start_.get(); }

    /// Returns whether both allocators share their heap.
    template <class U>
    friend bool operator==(const SharedAllocator& a, const SharedAllocator<U>& b) noexcept {
        return a.start() == b.start();
    }

  private:
    boost::interprocess::offset_ptr<void> start_;
};

}  // namespace ashlar

#endif
