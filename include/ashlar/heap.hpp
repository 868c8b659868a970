/// \file
/// ashlar::Heap: a concurrent heap as an object. Destroying it frees all its
/// blocks in one step.
///
/// This header needs C++17. Compiled with -fno-exceptions, its functions abort
/// where they would throw.
#ifndef ASHLAR_HEAP_HPP
#define ASHLAR_HEAP_HPP

#include <cstddef>
#include <cstdint>
#include <new>

#include <ashlar/ashlar.h>
#include <ashlar/detail/fallbacks.hpp>

/// Ashlar: heaps, allocators, and a manager of the blocks of any buffer.
namespace ashlar {

/// Memory of a heap, in bytes. Exact only while no other thread uses the heap.
using Statistics = ::ash_stats;

/// How much a heap checks what the program does with its blocks. Each level
/// includes those before it. `ASHLAR_CHECK` chooses the level of the process
/// heap. docs/misuse.md lists the faults that each level reports, and those
/// that none sees.
enum class CheckLevel : std::uint8_t {
    off,       ///< As `standard`, but sizes of sized frees are not compared.
    standard,  ///< Faults that the paths of allocation see at no cost. The
               ///< default; `ASHLAR_CHECK` calls it `default`.
    full,      ///< Keeps a state for each block, patterns in free blocks, and
               ///< canaries. Double, interior and wrong-size frees abort at the
               ///< call. usable_size() is the size that was asked for.
    paranoid,  ///< As `full`, but free memory is zero instead of having a
               ///< pattern. Runs and slabs have guards, free units can't be
               ///< touched, and blocks of up to 32 KiB have room for a canary.
               ///< In the process heap freed blocks wait in a quarantine, and
               ///< blocks of size 0 can't be touched.
};

/// A heap with an address range of its own.
///
/// Any thread may call any member at any time, except the destructor and
/// visit(). Members are lock-free, except check(), which may wait for work in
/// progress. Any thread may free a block: by deallocate(), or by `free()` or
/// ash_free() if its heap is not known.
///
/// A heap has no cache for each thread. It has a few shared caches; a thread
/// uses one at a time and never waits for it. A pair of allocate() and
/// deallocate() costs two atomic exchanges more than on the process heap.
///
/// Misuse, such as a double free, aborts as described in ashlar.h.
class ASHLAR_API Heap {
  public:
    /// Default capacity in bytes: 64 GiB of address space, not of memory.
    static constexpr std::size_t default_capacity = std::size_t{1} << 36;

    /// Creates a heap for up to `capacity` bytes of blocks, rounded up to 1
    /// MiB. Reserves the address space only. Throws std::bad_alloc if the
    /// system refuses it, above 64 TiB, or beyond 4096 heaps. Thread-safe.
    /// O(heaps).
    explicit Heap(std::size_t capacity = default_capacity) : heap_(create(capacity)) {
        if (heap_ == nullptr) detail::throw_or_abort<std::bad_alloc>();
    }
    /// The same with a level of checks. The other constructor chooses the level
    /// of the process heap.
    Heap(std::size_t capacity, CheckLevel level) : heap_(create(capacity, level)) {
        if (heap_ == nullptr) detail::throw_or_abort<std::bad_alloc>();
    }
    /// Returns all memory to the system, including that of live blocks. All
    /// other calls must have returned. O(heaps), one system call.
    ~Heap() { destroy(heap_); }
    /// Heaps cannot be copied.
    Heap(const Heap&) = delete;
    /// Heaps cannot be assigned.
    Heap& operator=(const Heap&) = delete;

    /// Returns the process heap: the one behind `malloc()`, or behind
    /// ash_malloc() if the program has another malloc. It is never destroyed.
    /// Thread-safe. O(1).
    static Heap& process() noexcept;

    /// Allocates a block of at least `size` bytes at a multiple of `alignment`
    /// bytes. Size 0 yields a distinct block. Returns nullptr without memory,
    /// at the capacity, for more than PTRDIFF_MAX bytes, or if `alignment` is
    /// not a power of two. Lock-free. Amortised O(1).
    [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment = 16) noexcept;
    /// Frees a block of this heap; nullptr is ignored. The process heap takes
    /// the blocks of every heap. Misuse aborts. Lock-free. Amortised O(1).
    void deallocate(void* block) noexcept;
    /// Resizes a block to at least `size` bytes and returns its address, which
    /// may be new. The first min(old, new) bytes are kept. nullptr allocates.
    /// Size 0 resizes like any other. Returns nullptr on failure; the old block
    /// is untouched. Shrinking never fails. Misuse aborts. Lock-free. O(1) in
    /// place, O(min(old, new)) for a copy.
    [[nodiscard]] void* reallocate(void* block, std::size_t size) noexcept;

    /// Returns the usable bytes of a block of this heap; 0 for nullptr. From
    /// CheckLevel::full on: the size that was asked for. Misuse aborts if it is
    /// detected. Lock-free. O(1).
    [[nodiscard]] std::size_t usable_size(const void* block) const noexcept;
    /// Returns whether the address lies in this heap's range, in a block or
    /// not. The process heap also owns blocks with a mapping of their own, but
    /// not the regions that it adds when its first one is full. Lock-free.
    /// O(1).
    [[nodiscard]] bool owns(const void* address) const noexcept;

    /// Function that visit() calls for a block of `usable_size` bytes, with the
    /// caller's `context`. Returns whether to go on.
    using Visitor = bool (*)(void* context, void* block, std::size_t usable_size);
    /// Calls visitor(context, block, bytes) for every live block in address
    /// order, until it returns false. Of the process heap, only the blocks of
    /// its first region are visited, none with a mapping of its own. Exceptions
    /// of the visitor pass through. Not thread-safe: neither another thread nor
    /// the visitor may use the heap meanwhile. A free block of the process heap
    /// that the library's background thread moves may be visited too.
    /// O(size of the heap).
    void visit(Visitor visitor, void* context);
    /// Calls `each(block, bytes)` as visit() above does. `each` is any callable
    /// `bool(void* block, std::size_t usable_size)`.
    template <class F>
    void visit(F&& each) {
        const Visitor call = [](void* f, void* block, std::size_t size) -> bool {
            return (*static_cast<F*>(f))(block, size);
        };
        visit(call, const_cast<void*>(static_cast<const void*>(&each)));
    }

    /// Returns unused memory to the system. Returns whether there was any. On
    /// the process heap, other threads' caches keep one block of each size.
    /// Lock-free. O(size of the heap).
    bool trim() noexcept;
    /// Returns the heap's memory in bytes. Never fails. Lock-free. O(size of
    /// the heap).
    [[nodiscard]] Statistics statistics() const noexcept;
    /// Checks the heap's invariants as ash_check() does. Returns the number of
    /// faults, 0 for a sound heap. Prints a line on stderr for each.
    /// Thread-safe. O(size of the heap).
    [[nodiscard]] std::size_t check() const noexcept;

  private:
    struct Process {};
    explicit constexpr Heap(Process) noexcept : heap_(nullptr) {}
    static void* create(std::size_t capacity) noexcept;
    static void* create(std::size_t capacity, CheckLevel level) noexcept;
    static void destroy(void* heap) noexcept;

    void* heap_;  // null: the process heap
};

}  // namespace ashlar

#endif
