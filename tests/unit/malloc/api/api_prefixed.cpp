// The interface of programs that keep their malloc and call Ashlar by name.
#include <ashlar/ashlar.h>

#include "api.hpp"

const Api api = {
    .name = "ash_",
    .malloc = ash_malloc,
    .calloc = ash_calloc,
    .realloc = ash_realloc,
    .reallocarray = ash_reallocarray,
    .free = ash_free,
    .free_sized = ash_free_sized,
    .free_aligned_sized = ash_free_aligned_sized,
    .posix_memalign = ash_posix_memalign,
    .aligned_alloc = ash_aligned_alloc,
    .memalign = ash_memalign,
    .valloc = ash_valloc,
    .pvalloc = ash_pvalloc,
    .usable_size = ash_malloc_usable_size,
    .trim = ash_malloc_trim,
};
