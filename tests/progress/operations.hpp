// The operations of a scripted victim, by name: the driver's side of the list.
// operations.cpp has the worker's.
#ifndef ASHLAR_PROGRESS_OPERATIONS_HPP
#define ASHLAR_PROGRESS_OPERATIONS_HPP

#include <cstdint>

namespace progress {

// The begin and the end of an instance of the operation.
enum class Span {
    marked,  // between two markers
    exit,    // from the marker to the end of the thread
};

struct Operation {
    const char* name;
    const char* what;
    Span span;
    // The units that its blocks may occupy, cached ones included, each size
    // rounded up by itself. A thread that ends inside the operation may lose
    // these beside its slabs.
    std::uint32_t units;
    std::uint32_t sizes;     // how many size classes it uses: one current slab each
    bool of_ashlar = false;  // needs a function that only Ashlar has
    bool long_one = false;   // half a million instructions: not for a test that is to be quick
    bool hot = false;        // never comes to a purge
    // Each instance in a process of its own: what happens once in a process.
    bool young = false;
};

constexpr Operation operations[] = {
    {"malloc-hot", "4 mallocs of 64 bytes from a full bin", Span::marked, 1, 1, false, false, true},
    {"free-hot", "4 frees of 64 bytes into a bin with room", Span::marked, 1, 1, false, false,
     true},
    {"malloc-small", "300 mallocs of 64 bytes: refills from the depot and from slabs", Span::marked,
     2, 1},
    {"free-small", "300 frees of them: overflows", Span::marked, 2, 1},
    {"free-others", "300 frees of 200-byte blocks that another thread allocated", Span::marked, 2,
     1},
    {"medium", "20 mallocs of 4 KiB, then 20 frees", Span::marked, 3, 1},
    {"slabs", "30 mallocs of 20 KiB, then 30 frees: slabs created and retired", Span::marked, 12,
     1},
    {"runs", "3 mallocs of 256 KiB, then 3 frees", Span::marked, 13, 0},
    {"large", "2 mallocs of 3 MiB, then 2 frees", Span::marked, 98, 0},
    {"calloc", "calloc of 100 bytes, 3,000 and 70 KiB, and frees", Span::marked, 6, 2},
    {"realloc-small", "a string grows from 20 bytes to 20 KiB and shrinks", Span::marked, 16, 12},
    {"realloc-large", "a buffer grows from 33 KiB to 1.1 MiB and shrinks", Span::marked, 30, 0},
    {"aligned", "posix_memalign to 64 bytes, 4 KiB, 64 KiB and 1 MiB, and frees", Span::marked, 40,
     2},
    {"batch", "ash_malloc_batch and ash_free_batch of 200 blocks", Span::marked, 2, 1, true},
    {"purge", "the free that purges pages unused for two ticks", Span::marked, 96, 0},
    {"trim", "malloc_trim with free pages", Span::marked, 40, 4, false, true},
    {"commit", "malloc of 24 MiB: the heap grows across a commit step", Span::marked, 384, 0, false,
     false, false, true},
    {"purge-long", "the free of 17 MiB, which is purged at once", Span::marked, 272, 0, false,
     false, false, true},
    {"shed", "setrlimit of the address space: unused reservations are released", Span::marked, 0, 0,
     true, false, false, true},
    {"mapped", "malloc of 40 MiB, realloc to 48 MiB, and the free", Span::marked, 864, 0},
    {"calloc-fresh", "4 callocs of 8 KiB, calloc of 300 KiB and of 2 MiB, and frees", Span::marked,
     40, 1},
    {"thread-start", "a new thread's first malloc and free: its cache is committed", Span::marked,
     1, 1},
    {"thread-exit", "the end of a thread with full bins", Span::exit, 16, 4},
    {"thread-drop", "the end of one of many threads: its cache goes back to the system", Span::exit,
     16, 4},
    {"after-exit", "malloc and free in a thread whose cache has gone", Span::marked, 5, 2},
};
constexpr std::uint32_t operation_count = sizeof operations / sizeof *operations;

}  // namespace progress

#endif
