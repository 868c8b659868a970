// The end of a program that misused the heap: one line on stderr, then the
// ending that the product has set, or abort(). Uses neither malloc nor stdio;
// any thread, signal handlers too.
#ifndef ASHLAR_BASE_REPORT_HPP
#define ASHLAR_BASE_REPORT_HPP

#include <cstddef>
#include <cstdint>

#include "base/config.hpp"

namespace ashlar::base {

enum class Misuse : unsigned {
    double_free = 1,
    invalid_free,
    wrong_size,
    write_after_free,
    overflow,
    corruption,
    underflow,
    use_after_free,
    wild_access
};

struct Report {
    Misuse kind;
    const void* pointer;
    std::size_t size;  // of the block; 0: unknown, or no block
    const char* line;  // as printed, without its newline

    // Prints what else is known about the block: part of every report. False:
    // some could not be written. Null: nothing else.
    bool (*more)(int descriptor, const void* subject) = nullptr;
    const void* subject = nullptr;
    // The ucontext_t of a SIGSEGV. Null: a call has met the fault.
    const void* context = nullptr;
    // The stack of the fault. Null: that of the report.
    const std::uintptr_t* frames = nullptr;
    unsigned count = 0;
};

// Prints the line, then calls the ending.
class Line;
[[noreturn, gnu::cold]] void end_program(Line& line, Misuse kind, const void* pointer,
                                         std::size_t size) noexcept;
// The same; the line of the report is filled in.
[[noreturn, gnu::cold]] void end_program(Line& line, Report& report) noexcept;
// The same for a report with a context. Returns if the signal shall end the
// program.
[[gnu::cold]] void report_signal(Line& line, Report& report) noexcept;
// Called after the line was printed. If it returns, abort() follows, or the
// signal ends the program. The last one that was set counts, for the whole
// process. None: what else is known goes to stderr.
using Ending = void (*)(const Report& report) noexcept;
void set_ending(Ending ending) noexcept;

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
