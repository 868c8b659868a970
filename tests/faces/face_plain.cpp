// The face of every program that is linked with the drop-in: the names of libc.
#include <malloc.h>
#include <stdlib.h>

#include "c23.hpp"
#include "face.hpp"

const Face face = {
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
