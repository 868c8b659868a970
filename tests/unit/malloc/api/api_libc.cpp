// The aliases that glibc exports beside malloc, for old programs and
// interposers. Functions without an alias have their plain name here.
#include <malloc.h>
#include <stdlib.h>

#include "api.hpp"
#include "c23.hpp"

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void __libc_free(void*);
void* __libc_memalign(std::size_t, std::size_t);
void* __libc_valloc(std::size_t);
void* __libc_pvalloc(std::size_t);
}

const Api api = {
    .name = "__libc_",
    .malloc = __libc_malloc,
    .calloc = __libc_calloc,
    .realloc = __libc_realloc,
    .reallocarray = reallocarray,
    .free = __libc_free,
    .free_sized = free_sized,
    .free_aligned_sized = free_aligned_sized,
    .posix_memalign = posix_memalign,
    .aligned_alloc = aligned_alloc,
    .memalign = __libc_memalign,
    .valloc = __libc_valloc,
    .pvalloc = __libc_pvalloc,
    .usable_size = malloc_usable_size,
    .trim = malloc_trim,
};
