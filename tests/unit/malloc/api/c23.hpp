// C23's sized frees, which the headers of glibc 2.36 do not declare yet.
#ifndef ASHLAR_TESTS_UNIT_MALLOC_API_C23_HPP
#define ASHLAR_TESTS_UNIT_MALLOC_API_C23_HPP

#include <cstddef>

extern "C" void free_sized(void* block, std::size_t size) noexcept;
extern "C" void free_aligned_sized(void* block, std::size_t alignment, std::size_t size) noexcept;

#endif
