// Reports of faults beside guarded blocks, and of their misuse: the place
// relative to the block, and the stacks of the calls, which are part of every
// report. They end as all reports do (base/report.hpp). Uses neither malloc nor
// stdio; may be called in a signal handler.
#ifndef ASHLAR_MALLOC_GUARDS_GUARD_REPORT_HPP
#define ASHLAR_MALLOC_GUARDS_GUARD_REPORT_HPP

#include "malloc/guards/guard_record.hpp"

namespace ashlar::guards {

enum class Access : unsigned { unknown, read, write };

struct Fault {
    std::uintptr_t address;
    Access access;
    const void* context;  // of the signal
};

// A fault in the pool. Returns if the signal shall end the program.
[[gnu::cold]] void report_fault(const Record::Copy& block, const Fault& fault) noexcept;
// Ends the program: an address that is no live block was freed, or its size was
// asked for (realloc asks as well).
enum class Call : unsigned { free, size };
[[noreturn, gnu::cold]] void report_misuse(const Record::Copy& block, std::uintptr_t address,
                                           Call call) noexcept;
// Ends the program: this byte beside a block was overwritten before its free.
[[noreturn, gnu::cold]] void report_overwritten(const Record::Copy& block,
                                                std::uintptr_t byte) noexcept;

}  // namespace ashlar::guards

#endif
