// The other names that glibc's malloc.o defines. Only in the object for static
// linking: with all of these here, no reference inside libc pulls that file in,
// so that a program never has two mallocs.
#include <malloc.h>
#include <cstddef>
#include <cstdio>

extern "C" {

#define ASHLAR_SAME(type, name, as, ...) \
    type name(__VA_ARGS__) noexcept { return as; }

ASHLAR_SAME(void*, __malloc, malloc(n), std::size_t n)
ASHLAR_SAME(void, __free, free(p), void* p)
ASHLAR_SAME(void*, __calloc, calloc(n, m), std::size_t n, std::size_t m)
ASHLAR_SAME(void*, __realloc, realloc(p, n), void* p, std::size_t n)
ASHLAR_SAME(void*, __memalign, memalign(a, n), std::size_t a, std::size_t n)
ASHLAR_SAME(void*, __valloc, valloc(n), std::size_t n)
ASHLAR_SAME(void*, __pvalloc, pvalloc(n), std::size_t n)
ASHLAR_SAME(std::size_t, __malloc_usable_size, malloc_usable_size(p), void* p)
ASHLAR_SAME(int, __malloc_trim, malloc_trim(n), std::size_t n)
ASHLAR_SAME(int, __mallopt, mallopt(a, b), int a, int b)
ASHLAR_SAME(int, __malloc_info, malloc_info(a, f), int a, std::FILE* f)
ASHLAR_SAME(void, __malloc_stats, malloc_stats())
ASHLAR_SAME(struct mallinfo2, __mallinfo2, mallinfo2())
ASHLAR_SAME(struct mallinfo2, __libc_mallinfo2, mallinfo2())
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
ASHLAR_SAME(struct mallinfo, __mallinfo, mallinfo())
ASHLAR_SAME(struct mallinfo, __libc_mallinfo, mallinfo())
#pragma GCC diagnostic pop

// fork() calls these around itself to hold libc's arena locks; here is nothing
// to hold.
void __malloc_fork_lock_parent() noexcept {}
void __malloc_fork_unlock_parent() noexcept {}
void __malloc_fork_unlock_child() noexcept {}
// Called as a thread ends; the thread's cache goes by its own destructor.
void __malloc_arena_thread_freeres() noexcept {}
// Never called: Ashlar has no break to move.
void* __glibc_morecore(std::ptrdiff_t) noexcept { return nullptr; }

}  // extern "C"
