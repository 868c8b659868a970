// ashlar::Heap: a first-class concurrent heap. All blocks of a heap can be given back in one step.
#ifndef ASHLAR_HEAP_HPP
#define ASHLAR_HEAP_HPP

#include <cstddef>
#include <cstdint>
#include <new>

#include <ashlar/ashlar.h>

namespace ashlar {

/// What a heap holds, in bytes. Sums over a moving heap: exact only while no other thread uses it.
using Statistics = ::ash_stats;

/// A heap of its own address range. Thread safety: every member may be called from any thread at the same time, and none waits
/// for another thread; only the destructor needs all other calls to have returned, as for any object. A block may be
/// freed by any thread, through `deallocate`, or through `free`/`ash_free` where the heap of the block is not known.
///
/// Unlike the process heap, a Heap has no cache per thread but a few shared ones, each used by one thread at a time and never
/// waited for; a pair of allocate and deallocate costs about two uncontended atomic exchanges more.
class ASHLAR_API Heap {
  public:
    static constexpr std::size_t default_capacity = std::size_t{1} << 36;  // 64 GiB of address space, not of memory

    /// Reserves address space for up to `capacity` bytes of blocks (rounded up to 1 MiB). Throws std::bad_alloc where the
    /// system refuses it, or 4096 heaps exist. O(heaps).
    explicit Heap(std::size_t capacity = default_capacity) : core_(create(capacity)) {
        if (core_ == nullptr) throw std::bad_alloc();
    }
    /// Gives everything back to the system in one step, live blocks included. O(1) system calls.
    ~Heap() { destroy(core_); }
    Heap(const Heap&) = delete;
    Heap& operator=(const Heap&) = delete;

    /// The heap behind malloc; or behind ash_malloc, where the program's malloc is another. It lives for ever.
    static Heap& process() noexcept;

    /// A block of at least `size` bytes at a multiple of `alignment` (a power of two, in bytes), or nullptr when memory or the
    /// capacity is exhausted, size > PTRDIFF_MAX, or alignment is not a power of two. Amortised O(1).
    [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment = 16) noexcept;
    /// Gives a block of this heap back. nullptr does nothing. A pointer that is not a live block of this heap aborts. O(1).
    void deallocate(void* block) noexcept;
    /// Resizes as realloc does; nullptr on failure, and `block` is untouched. Size 0 is a size like any other.
    [[nodiscard]] void* reallocate(void* block, std::size_t size) noexcept;

    /// Bytes of the block that may be used; 0 for nullptr.
    [[nodiscard]] std::size_t usable_size(const void* block) const noexcept;
    /// Whether the address lies in this heap's range, in a live block or not. O(1).
    [[nodiscard]] bool owns(const void* address) const noexcept;

    /// Calls visitor(context, block, usable size) for every live block, in address order; stops when it returns false. No other
    /// thread may use the heap meanwhile, nor may the visitor. O(size of the heap).
    using Visitor = bool (*)(void* context, void* block, std::size_t usable_size);
    void visit(Visitor visitor, void* context);
    /// The same for any callable `bool(void* block, std::size_t usable_size)`.
    template <class F>
    void visit(F&& each) {
        visit([](void* f, void* block, std::size_t size) -> bool { return (*static_cast<F*>(f))(block, size); },
              const_cast<void*>(static_cast<const void*>(&each)));
    }

    /// Gives memory that nobody uses back to the system; returns whether there was any. O(size of the heap).
    bool trim() noexcept;
    [[nodiscard]] Statistics statistics() const noexcept;
    /// The number of broken invariants found, each a line on stderr; 0 for a sound heap.
    [[nodiscard]] std::size_t check() const noexcept;

  private:
    struct Process {};
    explicit constexpr Heap(Process) noexcept : core_(nullptr) {}
    static void* create(std::size_t capacity) noexcept;
    static void destroy(void* core) noexcept;

    void* core_;  // null: the process heap
};

}  // namespace ashlar

#endif
