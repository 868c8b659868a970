// The C entry points as a table of functions: the tests of their semantics are
// written once and linked with one table after another. Calls through it are
// opaque to the compiler, which may otherwise reason about malloc and free by
// name.
#ifndef ASHLAR_TESTS_UNIT_MALLOC_API_API_HPP
#define ASHLAR_TESTS_UNIT_MALLOC_API_API_HPP

#include <cstddef>
#include <cstdint>

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;
inline constexpr std::size_t ptrdiff_max = PTRDIFF_MAX;

struct Api {
    const char* name;
    void* (*malloc)(std::size_t);
    void* (*calloc)(std::size_t, std::size_t);
    void* (*realloc)(void*, std::size_t);
    void* (*reallocarray)(void*, std::size_t, std::size_t);
    void (*free)(void*);
    void (*free_sized)(void*, std::size_t);
    void (*free_aligned_sized)(void*, std::size_t, std::size_t);
    int (*posix_memalign)(void**, std::size_t, std::size_t);
    void* (*aligned_alloc)(std::size_t, std::size_t);
    void* (*memalign)(std::size_t, std::size_t);
    void* (*valloc)(std::size_t);
    void* (*pvalloc)(std::size_t);
    std::size_t (*usable_size)(void*);
    int (*trim)(std::size_t);
};

extern const Api api;

#endif
