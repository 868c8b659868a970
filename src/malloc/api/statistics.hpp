// The statistics functions of glibc. Their sums are exact only while no other
// thread changes the heap. Any thread.
#ifndef ASHLAR_MALLOC_API_STATISTICS_HPP
#define ASHLAR_MALLOC_API_STATISTICS_HPP

#include <malloc.h>
#include <cstddef>
#include <cstdio>

namespace ashlar::api {

[[nodiscard]] int trim() noexcept;
[[nodiscard]] struct mallinfo info() noexcept;  // figures that don't fit an int are INT_MAX
[[nodiscard]] struct mallinfo2 info2() noexcept;
// One XML element, as malloc_info() of glibc; its version attribute names the
// layout. EINVAL unless options is 0.
[[nodiscard]] int write_info(int options, std::FILE* out) noexcept;
void print_statistics() noexcept;
// 1 for the parameters that <malloc.h> names, which have no effect here; 0 for
// others.
[[nodiscard]] int accept_option(int parameter) noexcept;

}  // namespace ashlar::api

#endif
