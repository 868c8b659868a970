// libc's allocation functions, a line each. What each does is documented in include/ashlar/ashlar.h under the prefix ash_.
#include <malloc.h>
#include <cstddef>
#include <cstdio>

#include "faces/entry.hpp"
#include "faces/statistics.hpp"

namespace face = ashlar::faces;

#pragma GCC visibility push(default)
extern "C" {

void* malloc(std::size_t size) noexcept { return face::take<face::allocate_or_errno>(size); }
void free(void* block) noexcept { face::give(block); }
void* calloc(std::size_t count, std::size_t size) noexcept { return face::allocate_zeroed(count, size); }
void* realloc(void* block, std::size_t size) noexcept { return face::resize(block, size); }
void* reallocarray(void* block, std::size_t count, std::size_t size) noexcept { return face::resize_array(block, count, size); }
void cfree(void* block) noexcept { face::give(block); }
void free_sized(void* block, std::size_t size) noexcept { face::free_sized(block, size); }
void free_aligned_sized(void* block, std::size_t alignment, std::size_t size) noexcept {
    face::free_aligned_sized(block, alignment, size);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    return face::posix_memalign(out, alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept { return face::aligned_alloc(alignment, size); }
void* memalign(std::size_t alignment, std::size_t size) noexcept { return face::memalign(alignment, size); }
void* valloc(std::size_t size) noexcept { return face::page_aligned(size); }
void* pvalloc(std::size_t size) noexcept { return face::whole_pages(size); }

std::size_t malloc_usable_size(void* block) noexcept { return face::usable_size(block); }
int malloc_trim(std::size_t) noexcept { return face::trim(); }
int mallopt(int parameter, int) noexcept { return face::accept_option(parameter); }
struct mallinfo mallinfo() noexcept {
    return face::info();
}
struct mallinfo2 mallinfo2() noexcept {
    return face::info2();
}
int malloc_info(int options, std::FILE* out) noexcept { return face::write_info(options, out); }
void malloc_stats() noexcept { face::print_statistics(); }

// The names under which libc exports its own, for programs that reach around an interposed malloc.
void* __libc_malloc(std::size_t size) noexcept { return face::take<face::allocate_or_errno>(size); }
void __libc_free(void* block) noexcept { face::give(block); }
void* __libc_calloc(std::size_t count, std::size_t size) noexcept { return face::allocate_zeroed(count, size); }
void* __libc_realloc(void* block, std::size_t size) noexcept { return face::resize(block, size); }
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept { return face::memalign(alignment, size); }
void* __libc_valloc(std::size_t size) noexcept { return face::page_aligned(size); }
void* __libc_pvalloc(std::size_t size) noexcept { return face::whole_pages(size); }
int __libc_mallopt(int parameter, int) noexcept { return face::accept_option(parameter); }
int __posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    return face::posix_memalign(out, alignment, size);
}

}  // extern "C"
#pragma GCC visibility pop
