// The real system calls, for the explorer: the linker redirects those of the
// code under test to hooks.cpp.
#ifndef ASHLAR_TESTS_MODEL_REAL_HPP
#define ASHLAR_TESTS_MODEL_REAL_HPP

#include <sys/mman.h>
#include <cstddef>

// NOLINTBEGIN: the linker's names
extern "C" {
void* __real_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void* start, std::size_t bytes);
}
// NOLINTEND

#endif
