#include "region/region.hpp"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <cerrno>

namespace ashlar::region {

namespace {

void* reserve(std::size_t bytes) noexcept {
    const int saved = errno;
    void* start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    errno = saved;
    return start == MAP_FAILED ? nullptr : start;
}

void release(void* start, std::size_t bytes) noexcept {
    const int saved = errno;
    // It may fail where it would split a mapping and the process has as many as it may: the address range stays, the memory
    // goes.
    if (munmap(start, bytes) != 0) madvise(start, bytes, MADV_DONTNEED);
    errno = saved;
}

// MADV_DONTNEED, not MADV_FREE: the latter leaves the resident size at its peak until the system runs short. It fails where the
// program has locked its memory; the pages then keep what is in them.
bool purge(void* start, std::size_t bytes) noexcept {
    const int saved = errno;
    const bool zero = madvise(start, bytes, MADV_DONTNEED) == 0;
    errno = saved;
    return zero;
}

// One call for all pages instead of a fault for each. Linux 5.14; older kernels refuse, and the pages come one by one.
void populate(void* start, std::size_t bytes) noexcept {
    constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, which older headers lack
    const int saved = errno;
    madvise(start, bytes, kPopulateWrite);
    errno = saved;
}

}  // namespace

constinit const Source kSystem{reserve, release, purge, populate};

std::size_t page_size() noexcept { return getauxval(AT_PAGESZ); }

}  // namespace ashlar::region
