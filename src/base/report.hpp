// The end of a program that misused the heap: one line on stderr, then abort().
// Uses neither malloc nor stdio.
#ifndef ASHLAR_BASE_REPORT_HPP
#define ASHLAR_BASE_REPORT_HPP

#include <cstddef>

#include "base/config.hpp"

namespace ashlar::base {

// Size 0: there is no block there any more, of whatever size it was.
[[noreturn, gnu::cold]] void report_double_free(const void* block, std::size_t block_size) noexcept;
[[noreturn, gnu::cold]] void report_inside(const void* pointer, std::size_t block_size) noexcept;
[[noreturn, gnu::cold]] void report_foreign(const void* pointer) noexcept;
[[noreturn, gnu::cold]] void report_wrong_size(const void* block, std::size_t block_size,
                                               std::size_t given) noexcept;
// `at`: the offset of the first byte that was written.
[[noreturn, gnu::cold]] void report_write_after_free(const void* block, std::size_t block_size,
                                                     std::size_t at) noexcept;
// The block was allocated with `size` bytes; `at` is the offset of the first
// changed byte from its end.
[[noreturn, gnu::cold]] void report_overflow(const void* block, std::size_t size,
                                             std::size_t at) noexcept;
[[noreturn, gnu::cold]] void report_corruption(const void* where, const char* what) noexcept;

// A line without the abort, for check(): "ashlar: check: <what> at <where>".
[[gnu::cold]] void report_finding(const void* where, const char* what) noexcept;

// A state transition from the wrong state is a bug of this library: found in
// debug builds only.
inline void expect(bool holds, const void* where, const char* what) noexcept {
    if constexpr (kDebug) {
        if (!holds) report_corruption(where, what);
    }
}

}  // namespace ashlar::base

#endif
