// The names of libc, as a program linked with the drop-in calls them.
#include <malloc.h>
#include <stdlib.h>

#include "api.hpp"
#include "c23.hpp"

const Api api = {
    .name = "plain",
    .malloc = malloc,
    .calloc = calloc,
    .realloc = realloc,
    .reallocarray = reallocarray,
    .free = free,
    .free_sized = free_sized,
    .free_aligned_sized = free_aligned_sized,
    .posix_memalign = posix_memalign,
    .aligned_alloc = aligned_alloc,
    .memalign = memalign,
    .valloc = valloc,
    .pvalloc = pvalloc,
    .usable_size = malloc_usable_size,
    .trim = malloc_trim,
};
