/// \file
/// Ashlar, a lock-free concurrent allocator: the C interface.
///
/// The prefix `ash_` marks the standard allocation functions and a few more:
/// batches, good sizes, trimming, statistics and a heap check. All work on the
/// process heap. Where `libashlar.so` is the program's malloc, `malloc()` and
/// `ash_malloc()` share that heap, and `free()` takes the blocks of both.
///
/// Thread safety: any thread may call any function at any time. This includes
/// calls before constructors and after destructors have run. No functions but
/// ash_check() and ash_set_report_handler() wait for another thread.
///
/// Errors: a function that runs out of memory returns NULL and sets `errno` to
/// ENOMEM; the heap stays intact. Misuse, such as a double free, aborts: one
/// line on stderr names the pointer and the fault before `abort()` is called.
/// Many faults are found by the faulty call, others when the block leaves a
/// thread's cache. A double free is missed if its block was allocated again in
/// between. `ASHLAR_CHECK` chooses a level that finds more: docs/misuse.md.
/// `ASHLAR_REPORT` adds details of the fault, and `ASHLAR_REPORT_ACTION`
/// replaces abort().
///
/// Failure injection: run a program with `libashlar.so` as its malloc and set
/// the environment variable `ASHLAR_FAIL_NTH` to one of these values.
///
///     N        the N-th allocation fails
///     N+       the N-th and all later allocations fail
///     N+K      the N-th and every K-th allocation after it fail
///     0        no allocation fails; allocations are only counted
///     ...@SIZE counts only allocations of at least SIZE bytes (K, M, G: KiB,
///              MiB, GiB)
#ifndef ASHLAR_ASHLAR_H
#define ASHLAR_ASHLAR_H

#include <stddef.h>

/// Major version of this header.
#define ASHLAR_VERSION_MAJOR 0
/// Minor version of this header. Before 1.0 it may change the interface.
#define ASHLAR_VERSION_MINOR 1
/// Patch version of this header.
#define ASHLAR_VERSION_PATCH 0

#if defined(__cplusplus)
/// `noexcept` in C++, nothing in C.
#define ASHLAR_NOEXCEPT noexcept
extern "C" {
#else
/// `noexcept` in C++, nothing in C.
#define ASHLAR_NOEXCEPT
#endif

/// Marks a symbol that the library exports.
#define ASHLAR_API __attribute__((visibility("default")))
/// Attributes of a function that returns a new block, plus the arguments.
#define ASHLAR_ALLOCATES(...) __attribute__((malloc, warn_unused_result, __VA_ARGS__))

/// Returns the version of the running library as "major.minor.patch". The
/// string is static. Never fails. Thread-safe. O(1).
ASHLAR_API const char* ash_version(void) ASHLAR_NOEXCEPT;

/// Allocates a block of at least `size` bytes, aligned to 16 bytes. The content
/// is undefined. Size 0 yields a distinct block of 16 bytes. Returns NULL and
/// sets ENOMEM without memory, or if `size` exceeds PTRDIFF_MAX. Lock-free.
/// O(1): a thread-cache hit takes no atomic operation; a miss takes a few, and
/// refills the cache with a batch. Source of the thread caches' exchange of
/// batches: Bonwick and Adams, Magazines and Vmem (2001).
ASHLAR_API void* ash_malloc(size_t size) ASHLAR_NOEXCEPT ASHLAR_ALLOCATES(alloc_size(1));
/// Allocates a block of `count * size` zero bytes, aligned to 16 bytes. Returns
/// NULL and sets ENOMEM as ash_malloc() does, and if the product overflows.
/// Lock-free. O(bytes), unless the block is known to be zero already.
ASHLAR_API void* ash_calloc(size_t count, size_t size) ASHLAR_NOEXCEPT
    ASHLAR_ALLOCATES(alloc_size(1, 2));
/// Resizes a block to at least `size` bytes and returns its address, which may
/// be new. The first min(old, new) bytes are kept. A NULL block allocates. Size
/// 0 frees the block and returns NULL, as in glibc. On failure returns NULL and
/// sets ENOMEM; the old block is untouched. Shrinking never fails. Misuse
/// aborts, unless the block is left as it is. Lock-free. O(1) in place,
/// O(min(old, new)) for a copy; the system moves the pages of very large
/// blocks.
ASHLAR_API void* ash_realloc(void* block, size_t size) ASHLAR_NOEXCEPT
    __attribute__((warn_unused_result, alloc_size(2)));
/// Resizes a block to `count * size` bytes as ash_realloc() does. Returns NULL
/// and sets ENOMEM also if the product overflows.
ASHLAR_API void* ash_reallocarray(void* block, size_t count, size_t size) ASHLAR_NOEXCEPT
    __attribute__((warn_unused_result, alloc_size(2, 3)));
/// Frees a block. NULL is ignored. Leaves `errno` unchanged. Misuse aborts, at
/// once or later. Lock-free; any thread may free the blocks of another. O(1);
/// the free of a large block may return memory to the system.
ASHLAR_API void ash_free(void* block) ASHLAR_NOEXCEPT;
/// Frees a block and checks its size (C23). `size` is the requested size in
/// bytes. NULL is ignored. A size that exceeds the block aborts. So does a size
/// below half of the block, unless the block was left large by a realloc that
/// had no memory to shrink it. Otherwise as ash_free().
ASHLAR_API void ash_free_sized(void* block, size_t size) ASHLAR_NOEXCEPT;
/// Frees a block of ash_aligned_alloc() and checks its size (C23). `alignment`
/// and `size` are those of the allocation, in bytes. Values that belong to a
/// block of another size abort. NULL is ignored. Otherwise as ash_free().
ASHLAR_API void ash_free_aligned_sized(void* block, size_t alignment, size_t size) ASHLAR_NOEXCEPT;

/// Allocates `size` bytes at a multiple of `alignment` bytes and stores the
/// address in `*out`. Returns 0, or an error code: EINVAL if `alignment` is not
/// a power of two and a multiple of sizeof(void*), ENOMEM without memory. On
/// failure `*out` is unchanged. Lock-free. O(1), as ash_malloc().
ASHLAR_API int ash_posix_memalign(void** out, size_t alignment, size_t size) ASHLAR_NOEXCEPT
    __attribute__((warn_unused_result));
/// Allocates `size` bytes at a multiple of `alignment` bytes. Returns NULL and
/// sets EINVAL if `alignment` is not a power of two, ENOMEM without memory.
/// Lock-free. O(1), as ash_malloc().
ASHLAR_API void* ash_aligned_alloc(size_t alignment, size_t size) ASHLAR_NOEXCEPT
    ASHLAR_ALLOCATES(alloc_size(2));
/// Allocates `size` bytes at a multiple of `alignment` bytes, which is rounded
/// up to a power of two, as in glibc. Returns NULL and sets EINVAL if it cannot
/// be rounded up, ENOMEM without memory. Lock-free. O(1), as ash_malloc().
ASHLAR_API void* ash_memalign(size_t alignment, size_t size) ASHLAR_NOEXCEPT
    ASHLAR_ALLOCATES(alloc_size(2));
/// Allocates `size` bytes at a multiple of the page size. Returns NULL and sets
/// ENOMEM without memory. Lock-free. O(1), as ash_malloc().
ASHLAR_API void* ash_valloc(size_t size) ASHLAR_NOEXCEPT ASHLAR_ALLOCATES(alloc_size(1));
/// Allocates `size` bytes, rounded up to whole pages and at least one page, at
/// a multiple of the page size. Returns NULL and sets ENOMEM without memory.
/// Lock-free. O(1), as ash_malloc().
ASHLAR_API void* ash_pvalloc(size_t size) ASHLAR_NOEXCEPT
    __attribute__((malloc, warn_unused_result));

/// Returns the usable bytes of a block, at least what was requested; 0 for
/// NULL. Misuse aborts if it is detected. Lock-free. O(1).
ASHLAR_API size_t ash_malloc_usable_size(void* block) ASHLAR_NOEXCEPT;
/// Returns the usable bytes of a block of `ash_malloc(size)`: a request for
/// that many wastes nothing. Returns 0 if `size` exceeds PTRDIFF_MAX.
/// Thread-safe. O(1).
ASHLAR_API size_t ash_good_size(size_t size) ASHLAR_NOEXCEPT;

/// Allocates up to `count` blocks of `size` bytes and stores their addresses in
/// out[0 .. n). Returns n. Fewer than `count` means that memory ran out; then
/// `errno` is ENOMEM. Each block is as one of ash_malloc(). Lock-free.
/// O(count); one atomic operation can take up to 64 small blocks.
ASHLAR_API size_t ash_malloc_batch(size_t size, size_t count, void** out) ASHLAR_NOEXCEPT;
/// Frees blocks[0 .. count), which may have any sizes. NULL entries are
/// skipped. The array is not changed. Errors and thread safety as ash_free().
/// O(count).
ASHLAR_API void ash_free_batch(void** blocks, size_t count) ASHLAR_NOEXCEPT;

/// Returns unused memory to the system, including that in caches of threads.
/// Another thread's cache keeps one block of each size, or everything while
/// that thread is inside an allocator call that missed. `pad` is ignored; glibc
/// has it. Returns 1 if any memory was returned, else 0. Lock-free. O(size of
/// the heap).
ASHLAR_API int ash_malloc_trim(size_t pad) ASHLAR_NOEXCEPT;

/// Limits the memory of malloc, in bytes; 0 removes a limit. Above `soft`, free
/// memory is returned to the system at once. An allocation that would exceed
/// `hard` fails as without memory, and a soft limit above it counts as equal.
/// Units of 64 KiB that are in use or still have their pages count, and so do
/// blocks with a mapping of their own. Thread-safe. O(1).
ASHLAR_API void ash_set_limit(size_t soft, size_t hard) ASHLAR_NOEXCEPT;

/// Checks the invariants of the process heap. Returns the number of faults, 0
/// for a sound heap. Prints a line on stderr for each fault. Thread-safe: work
/// in progress of other threads is not reported. May sleep, up to half a second
/// for each suspicious slab, to let such work finish. O(size of the heap).
ASHLAR_API size_t ash_check(void) ASHLAR_NOEXCEPT;

/// Kinds of faults that end a program.
enum ash_fault_kind {
    /// A block was freed that is free already.
    ASH_DOUBLE_FREE = 1,
    /// A pointer was freed that is not the start of a block.
    ASH_INVALID_FREE = 2,
    /// The size in a sized free is not that of the block.
    ASH_WRONG_SIZE = 3,
    /// A free block was written to.
    ASH_WRITE_AFTER_FREE = 4,
    /// Bytes behind the end of a block were written to, or were read behind a
    /// block that `ASHLAR_GUARD_SAMPLE` chose.
    ASH_OVERFLOW = 5,
    /// The heap's own tables are damaged.
    ASH_CORRUPTION = 6,
    /// Bytes before a block that `ASHLAR_GUARD_SAMPLE` chose were used.
    ASH_UNDERFLOW = 7,
    /// Such a block was used after its free.
    ASH_USE_AFTER_FREE = 8,
    /// An address among such blocks was used, where none has been.
    ASH_WILD_ACCESS = 9
};
/// A fault, for the program's handler. Valid only during the call.
struct ash_fault {
    /// One of `ash_fault_kind`. Later versions may add others.
    int kind;
    /// The address that the line names.
    const void* pointer;
    /// Bytes of the block. 0: its size is unknown, or there is no block.
    size_t size;
    /// The line that was printed, without its newline.
    const char* text;
    /// Return addresses of the faulting thread, the newest first.
    const size_t* stack;
    /// Number of them, at most 48.
    size_t frames;
};
/// The type of a handler for ash_set_report_handler(). `user` is the argument
/// that was registered with it.
// NOLINTNEXTLINE(modernize-use-using)
typedef void (*ash_report_handler)(const struct ash_fault* fault, void* user);
/// Registers the handler of reports, for all threads; NULL removes it. The
/// thread that meets a fault calls it after the report was written. It may run
/// in several threads at once, and in a signal handler that frees a block. An
/// access beside a block that `ASHLAR_GUARD_SAMPLE` chose raises SIGSEGV: then
/// it runs in the library's handler of that signal.
///
/// If the handler returns, the program ends as `ASHLAR_REPORT_ACTION` says, by
/// default by abort(), or by the SIGSEGV. It may end the program itself. It may
/// also leave by longjmp(), or by siglongjmp() from the handler of a signal:
/// blocks that the faulty call was moving may be lost then, but the heap stays
/// usable. It must not allocate, free or throw, nor wait for threads that do. A
/// fault in the handler does not call it again.
///
/// Returns 0. Returns -1 if another thread has been writing a report for 5
/// seconds, for which the call waits. Thread-safe. O(1).
ASHLAR_API int ash_set_report_handler(ash_report_handler handler, void* user) ASHLAR_NOEXCEPT;
/// The code that a signal handler has interrupted: the argument of
/// ash_leave_handler().
struct ash_interrupted {
    /// Its cache.
    void* cache;
    /// How many handlers of the thread had begun and not ended.
    unsigned level;
};
/// Begins a signal handler that allocates or frees memory. Called by the
/// handler, or by a function that it calls, before its first allocation. Until
/// ash_leave_handler() the thread uses another cache, so that the interrupted
/// code may be anywhere in the allocator. Handlers may interrupt each other. A
/// handler may end by siglongjmp() instead: docs/guarantees.md says which
/// memory that may lose. Not needed with `ASHLAR_SIGNALS=1`, but harmless.
/// Returns the argument of ash_leave_handler(). Never fails; leaves `errno`
/// unchanged. Lock-free. O(1), one system call.
ASHLAR_API struct ash_interrupted ash_enter_handler(void) ASHLAR_NOEXCEPT;
/// Ends a signal handler, which must not allocate or free afterwards. `code`
/// is the value that ash_enter_handler() returned to this handler. Never fails;
/// leaves `errno` unchanged. Lock-free. O(1).
ASHLAR_API void ash_leave_handler(struct ash_interrupted code) ASHLAR_NOEXCEPT;

/// Memory of a heap, in bytes where nothing else is said. The values are exact
/// while no thread allocates or frees. They are consistent always: none is
/// negative, and no part is larger than the whole. `held` is the sum of `live`,
/// `cached`, `depot`, `slabs` and `kept`.
struct ash_stats {
    /// In blocks that the program holds.
    size_t live;
    /// Of `live`: what the program asked for. An estimate by size class.
    size_t asked;
    /// Of `live`: in blocks with mappings of their own.
    size_t mapped;
    /// In free blocks of thread caches.
    size_t cached;
    /// In free blocks of the depot, where threads exchange batches.
    size_t depot;
    /// Free in slabs: free blocks, and what is too short for one.
    size_t slabs;
    /// In free runs that are kept for requests of the same length.
    size_t kept;
    /// In units of 64 KiB that hold blocks or are kept for reuse.
    size_t held;
    /// In units that were used before and are free, with or without memory.
    size_t free;
    /// Of `free`: with memory that is not returned to the system yet.
    size_t dirty;
    /// In the heap's own tables.
    size_t metadata;
    /// Maximum of `held` so far. A heap of several regions adds up their
    /// maxima.
    size_t peak;
    /// Reserved address space.
    size_t reserved;
    /// Number of live blocks.
    size_t blocks;
    /// How often a thread's cache was empty.
    size_t refills;
    /// How often a thread's cache was full.
    size_t overflows;
    /// Batches of blocks that threads took from the depot.
    size_t depot_takes;
    /// Batches of blocks that threads gave to the depot.
    size_t depot_gives;
    /// How often a thread got the lock of the free runs.
    size_t lock_taken;
    /// How often another thread had that lock for too long.
    size_t lock_refused;
    /// Calls of mmap() so far, as all below by the whole process. 0 for a
    /// private heap.
    size_t maps;
    /// Calls of munmap().
    size_t unmaps;
    /// Calls of mprotect(), which make memory accessible.
    size_t commits;
    /// Calls of madvise(), which return memory.
    size_t purges;
    /// Calls of mremap().
    size_t moves;
};
/// Returns the memory statistics of the process heap. Never fails. Reads the
/// heap's tables in `/proc/self/mem` if it can; else blocks in caches count as
/// live. Lock-free. O(size of the heap).
ASHLAR_API struct ash_stats ash_statistics(void) ASHLAR_NOEXCEPT;

/// Blocks of one size, of the process heap and the heaps that it grew by.
struct ash_class_stats {
    /// Bytes of a block; 0 stands for all runs over 2 MiB.
    size_t size;
    /// Slabs of this class; of more than 32 KiB, blocks.
    size_t slabs;
    /// Blocks that the program holds.
    size_t live;
    /// Free blocks in thread caches.
    size_t cached;
    /// Free blocks in the depot.
    size_t depot;
    /// Free blocks in slabs.
    size_t free;
};
/// Stores the statistics of each size with slabs in out[0 .. n), the smallest
/// first, and of the longest runs last; of at most `count` sizes. Returns n.
/// 73 are always enough. Never fails. Lock-free. O(size of the heap).
ASHLAR_API size_t ash_class_statistics(struct ash_class_stats* out, size_t count) ASHLAR_NOEXCEPT;

/// Writes a report about the process to a file descriptor: the steps from the
/// bytes that the program asked for to the resident set size (RSS) that the
/// kernel reports; the sizes and slabs that hold the most for the least;
/// counters. `docs/tuning.md` explains each line. It needs `/proc`, and stops
/// no thread. Returns 0, or -1 if it could not be written. Thread-safe.
/// O(resident memory).
ASHLAR_API int ash_report(int descriptor) ASHLAR_NOEXCEPT;
/// Writes the same report as one JSON object. Returns 0 or -1 as ash_report().
/// Thread-safe. O(resident memory).
ASHLAR_API int ash_report_json(int descriptor) ASHLAR_NOEXCEPT;
/// Writes metrics about the process to a file descriptor, as OpenMetrics text:
/// resident memory by use, the heap by state, blocks of each size, counters of
/// misses and of system calls. A server may answer a scrape of Prometheus with
/// it. Each piece is written by write(), and a partial write is continued; a
/// descriptor that does not block may fail. Needs `/proc`, allocates nothing,
/// and stops no thread. Returns 0, or -1 if it could not be written.
/// Thread-safe. O(resident memory).
ASHLAR_API int ash_metrics(int descriptor) ASHLAR_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
