// libc's allocation functions, one line each. include/ashlar/ashlar.h documents
// each under the prefix ash_. If a program's own malloc family lacks
// reallocarray, cfree or the sized frees, these call the program's realloc and
// free.
#include <malloc.h>
#include <cerrno>
#include <cstddef>
#include <cstdio>

#include "malloc/api/entry.hpp"
#include "malloc/api/replaced.hpp"
#include "malloc/api/statistics.hpp"

namespace api = ashlar::api;

extern "C" {
[[gnu::visibility("hidden")]] void* ashlar_own_realloc(void*, std::size_t) noexcept;
[[gnu::visibility("hidden")]] void ashlar_own_free(void*) noexcept;
}
ASHLAR_OWN_NAME("realloc", "ashlar_own_realloc");
ASHLAR_OWN_NAME("free", "ashlar_own_free");

namespace {

using Realloc = void*(void*, std::size_t) noexcept;
using Free = void(void*) noexcept;

// The program's own function that replaces ours, or nullptr. It is called by
// its address, since clang would take a call by name for a call of ours.
template <class F>
F* programs(F* seen, F* own) noexcept {
    ashlar::base::opaque(seen);
    return api::replaced(seen, own) ? seen : nullptr;
}

void* resize_array(void* block, std::size_t count, std::size_t size) noexcept {
    Realloc* const theirs = programs<Realloc>(realloc, ashlar_own_realloc);
    if (theirs == nullptr) [[likely]]
        return api::resize_array(block, count, size);
    std::size_t bytes;
    if (!__builtin_mul_overflow(count, size, &bytes)) return theirs(block, bytes);
    errno = ENOMEM;
    return nullptr;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

void* malloc(std::size_t size) noexcept { return api::take<api::allocate_or_errno>(size); }
void free(void* block) noexcept { api::give(block); }
void* calloc(std::size_t count, std::size_t size) noexcept {
    return api::allocate_zeroed(count, size);
}
void* realloc(void* block, std::size_t size) noexcept { return api::resize(block, size); }
void* reallocarray(void* block, std::size_t count, std::size_t size) noexcept {
    return resize_array(block, count, size);
}
void cfree(void* block) noexcept {
    Free* const theirs = programs<Free>(free, ashlar_own_free);
    theirs != nullptr ? theirs(block) : api::give(block);
}
void free_sized(void* block, std::size_t size) noexcept {
    Free* const theirs = programs<Free>(free, ashlar_own_free);
    theirs != nullptr ? theirs(block) : api::free_sized(block, size);
}
void free_aligned_sized(void* block, std::size_t alignment, std::size_t size) noexcept {
    Free* const theirs = programs<Free>(free, ashlar_own_free);
    theirs != nullptr ? theirs(block) : api::free_aligned_sized(block, alignment, size);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    return api::posix_memalign(out, alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    return api::aligned_alloc(alignment, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
    return api::memalign(alignment, size);
}
void* valloc(std::size_t size) noexcept { return api::page_aligned(size); }
void* pvalloc(std::size_t size) noexcept { return api::whole_pages(size); }

std::size_t malloc_usable_size(void* block) noexcept { return api::usable_size(block); }
int malloc_trim(std::size_t) noexcept { return api::trim(); }
int mallopt(int parameter, int) noexcept { return api::accept_option(parameter); }
struct mallinfo mallinfo() noexcept {
    return api::info();
}
struct mallinfo2 mallinfo2() noexcept {
    return api::info2();
}
int malloc_info(int options, std::FILE* out) noexcept { return api::write_info(options, out); }
void malloc_stats() noexcept { api::print_statistics(); }

// The names under which libc exports its own functions. Some programs call them
// to bypass an interposed malloc.
void* __libc_malloc(std::size_t size) noexcept { return api::take<api::allocate_or_errno>(size); }
void __libc_free(void* block) noexcept { api::give(block); }
void* __libc_calloc(std::size_t count, std::size_t size) noexcept {
    return api::allocate_zeroed(count, size);
}
void* __libc_realloc(void* block, std::size_t size) noexcept { return api::resize(block, size); }
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept {
    return api::memalign(alignment, size);
}
void* __libc_valloc(std::size_t size) noexcept { return api::page_aligned(size); }
void* __libc_pvalloc(std::size_t size) noexcept { return api::whole_pages(size); }
int __libc_mallopt(int parameter, int) noexcept { return api::accept_option(parameter); }
int __posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    return api::posix_memalign(out, alignment, size);
}

}  // extern "C"
#pragma GCC visibility pop
