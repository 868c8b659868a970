// Names the part of the process heap that the line of 64 bytes at an address
// belongs to.
#ifndef ASHLAR_BENCH_WHERE_HPP
#define ASHLAR_BENCH_WHERE_HPP

#include <string>

namespace bench {

[[nodiscard]] std::string where_is(const void* address);

}  // namespace bench

#endif
