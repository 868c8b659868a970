// glibc's questions about the heap, answered. Sums over a moving heap.
#ifndef ASHLAR_FACES_STATISTICS_HPP
#define ASHLAR_FACES_STATISTICS_HPP

#include <malloc.h>
#include <cstddef>
#include <cstdio>

namespace ashlar::faces {

[[nodiscard]] int trim() noexcept;
[[nodiscard]] struct mallinfo info() noexcept;  // what doesn't fit an int is INT_MAX
[[nodiscard]] struct mallinfo2 info2() noexcept;
// One XML element, as malloc_info() of glibc; its version attribute names the layout. EINVAL unless options is 0.
[[nodiscard]] int write_info(int options, std::FILE* out) noexcept;
void print_statistics() noexcept;
// 1 for the parameters that <malloc.h> names, which tune what Ashlar does not have; 0 for others.
[[nodiscard]] int accept_option(int parameter) noexcept;

}  // namespace ashlar::faces

#endif
