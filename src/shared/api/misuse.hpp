// Ends a program that misused a shared heap: one line on stderr, then abort().
#ifndef ASHLAR_SHARED_API_MISUSE_HPP
#define ASHLAR_SHARED_API_MISUSE_HPP

#include "shared/api/mapping.hpp"

namespace ashlar::shared {

// `call`: what the program wanted, "free" for example.
[[noreturn, gnu::cold]] void report_misuse(Mapping& mapping, const char* call, Offset offset,
                                           Fault fault) noexcept;
// The address lies outside the heap's range.
[[noreturn, gnu::cold]] void report_foreign(Mapping& mapping, const char* call,
                                            const void* address) noexcept;
// The address lies in no open heap.
[[noreturn, gnu::cold]] void report_closed(const char* call, const void* address) noexcept;

}  // namespace ashlar::shared

#endif
