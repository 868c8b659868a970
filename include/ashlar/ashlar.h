/* Ashlar, a lock-free concurrent allocator: the C interface.
 *
 * These are the standard allocation functions under the prefix ash_, plus what the standard lacks: batches, good sizes and a
 * heap check. Every function may be called from any thread, at any time, also before constructors and after destructors have
 * run, and none waits for another thread. Blocks are interchangeable with those of malloc() where libashlar.so is the program's
 * malloc. Errors: bad input prints one line on stderr that names the pointer and the fault, then calls abort(); out of memory
 * gives NULL and errno = ENOMEM (posix_memalign: the return value), and the heap stays whole.
 *
 * To test what a program does when memory ends, run it under libashlar.so with ASHLAR_FAIL_NTH in the environment: N lets the
 * N-th allocation of the process fail, N+ it and all after it, N+K it and every K-th after it; a suffix @SIZE counts only
 * allocations of at least SIZE bytes; 0 counts and fails none.
 */
#ifndef ASHLAR_ASHLAR_H
#define ASHLAR_ASHLAR_H

#include <stddef.h>

#define ASHLAR_VERSION_MAJOR 0
#define ASHLAR_VERSION_MINOR 1
#define ASHLAR_VERSION_PATCH 0

#if defined(__cplusplus)
#define ASHLAR_NOEXCEPT noexcept
extern "C" {
#else
#define ASHLAR_NOEXCEPT
#endif

#define ASHLAR_API __attribute__((visibility("default")))
#define ASHLAR_ALLOCATES(...) __attribute__((malloc, warn_unused_result, __VA_ARGS__))

/* Returns "major.minor.patch" of the library that is running. */
ASHLAR_API const char* ash_version(void) ASHLAR_NOEXCEPT;

/* A block of at least `size` bytes (size 0: a block of its own, of 16 bytes), aligned to 16, not cleared. NULL and ENOMEM when
 * there is no memory or size > PTRDIFF_MAX. O(1); a miss of the thread's cache costs a few atomic operations per batch. */
ASHLAR_API void* ash_malloc(size_t size) ASHLAR_NOEXCEPT ASHLAR_ALLOCATES(alloc_size(1));
/* The same for count * size bytes, all zero. NULL and ENOMEM where the product overflows. */
ASHLAR_API void* ash_calloc(size_t count, size_t size) ASHLAR_NOEXCEPT ASHLAR_ALLOCATES(alloc_size(1, 2));
/* Resizes a block, moving it if it must; the first min(old, new) bytes are kept. ash_realloc(NULL, n) allocates;
 * ash_realloc(p, 0) frees p and returns NULL, as in glibc. On failure p is untouched and still yours. */
ASHLAR_API void* ash_realloc(void* block, size_t size) ASHLAR_NOEXCEPT __attribute__((warn_unused_result, alloc_size(2)));
/* ash_realloc(block, count * size); ENOMEM where the product overflows. */
ASHLAR_API void* ash_reallocarray(void* block, size_t count, size_t size) ASHLAR_NOEXCEPT
    __attribute__((warn_unused_result, alloc_size(2, 3)));
/* Gives a block back; NULL does nothing. Keeps errno. O(1). */
ASHLAR_API void ash_free(void* block) ASHLAR_NOEXCEPT;
/* C23: the same for a block of which the caller knows the requested size (and alignment); a size that can't be right aborts. */
ASHLAR_API void ash_free_sized(void* block, size_t size) ASHLAR_NOEXCEPT;
ASHLAR_API void ash_free_aligned_sized(void* block, size_t alignment, size_t size) ASHLAR_NOEXCEPT;

/* Aligned blocks. `alignment` is in bytes and must be a power of two (posix_memalign: and a multiple of sizeof(void*)); what is
 * not gives EINVAL. memalign rounds up to a power of two, as glibc does. valloc aligns to a page; pvalloc also rounds up size.
 */
ASHLAR_API int ash_posix_memalign(void** out, size_t alignment, size_t size) ASHLAR_NOEXCEPT
    __attribute__((warn_unused_result));
ASHLAR_API void* ash_aligned_alloc(size_t alignment, size_t size) ASHLAR_NOEXCEPT ASHLAR_ALLOCATES(alloc_size(2));
ASHLAR_API void* ash_memalign(size_t alignment, size_t size) ASHLAR_NOEXCEPT ASHLAR_ALLOCATES(alloc_size(2));
ASHLAR_API void* ash_valloc(size_t size) ASHLAR_NOEXCEPT ASHLAR_ALLOCATES(alloc_size(1));
ASHLAR_API void* ash_pvalloc(size_t size) ASHLAR_NOEXCEPT __attribute__((malloc, warn_unused_result));

/* Bytes of the block that may be used: at least what was asked for. 0 for NULL. */
ASHLAR_API size_t ash_malloc_usable_size(void* block) ASHLAR_NOEXCEPT;
/* The usable size that ash_malloc(size) would give: asking for it wastes nothing. 0 where size > PTRDIFF_MAX. */
ASHLAR_API size_t ash_good_size(size_t size) ASHLAR_NOEXCEPT;

/* Allocates up to `count` blocks of `size` bytes into out[0 .. n) and returns n; n < count only when memory ran out (ENOMEM).
 * Costs one atomic operation for up to 64 blocks where the thread's cache has too few. */
ASHLAR_API size_t ash_malloc_batch(size_t size, size_t count, void** out) ASHLAR_NOEXCEPT;
/* Frees blocks[0 .. count), of any sizes; NULLs are skipped. The array is the caller's and is left as it is. */
ASHLAR_API void ash_free_batch(void** blocks, size_t count) ASHLAR_NOEXCEPT;

/* Gives memory that nobody uses back to the system, also the calling thread's cache. Returns 1 if any was given back, else 0.
 * `pad` is there for glibc's sake and ignored: nothing free is kept. O(size of the heap). */
ASHLAR_API int ash_malloc_trim(size_t pad) ASHLAR_NOEXCEPT;

/* Walks the process heap and checks every invariant that can be seen from outside. Returns the number of faults found, 0 for a
 * sound heap; each fault is a line on stderr. Other threads may run; what they change meanwhile is not counted as a fault. */
ASHLAR_API size_t ash_check(void) ASHLAR_NOEXCEPT;

/* What the process heap holds, in bytes. Sums over a moving heap: exact only while no other thread allocates. */
struct ash_stats {
    size_t live;     /* in blocks that the program holds, blocks in thread caches included */
    size_t held;     /* in units (64 KiB) that hold live blocks or are kept for reuse */
    size_t free;     /* in units that are free, clean or not */
    size_t peak;     /* the most that was ever held */
    size_t reserved; /* address space */
};
ASHLAR_API struct ash_stats ash_statistics(void) ASHLAR_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
