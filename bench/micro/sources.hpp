// The sources of blocks: the C interface of Ashlar, and the system's malloc for
// comparison.
#ifndef ASHLAR_BENCH_SOURCES_HPP
#define ASHLAR_BENCH_SOURCES_HPP

#include <cstddef>
#include <cstdlib>

#include <ashlar/ashlar.h>

namespace bench {

struct System {
    static void* take(std::size_t size) { return std::malloc(size); }
    static void* take_zeroed(std::size_t size) { return std::calloc(1, size); }
    static void* take_aligned(std::size_t alignment, std::size_t size) {
        return std::aligned_alloc(alignment, size);
    }
    static void* resize(void* block, std::size_t size) { return std::realloc(block, size); }
    static void give(void* block) { std::free(block); }
};

struct Ashlar {
    static void* take(std::size_t size) { return ash_malloc(size); }
    static void* take_zeroed(std::size_t size) { return ash_calloc(1, size); }
    static void* take_aligned(std::size_t alignment, std::size_t size) {
        return ash_aligned_alloc(alignment, size);
    }
    static void* resize(void* block, std::size_t size) { return ash_realloc(block, size); }
    static void give(void* block) { ash_free(block); }
};

}  // namespace bench

#endif
