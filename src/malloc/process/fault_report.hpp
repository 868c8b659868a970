// The end of a program that misused the heap, as the settings and the program
// want it: more about the fault on stderr or in a file, the program's handler,
// then abort(), an exit status or a signal.
// A SIGSEGV that was reported ends the program itself, unless the user wants
// another end. One thread reports at a time. The
// others have printed their line, and wait for a bounded time. No malloc, no
// stdio; any thread, signal handlers too.
#ifndef ASHLAR_MALLOC_PROCESS_FAULT_REPORT_HPP
#define ASHLAR_MALLOC_PROCESS_FAULT_REPORT_HPP

#include "base/report.hpp"
#include "malloc/settings/settings.hpp"

namespace ashlar::cache {

// Of the product: the settings that the user has given. None: the defaults.
[[gnu::weak]] settings::Settings report_settings() noexcept;

// Makes the reports of the process end like that. Idempotent.
void arm_reports() noexcept;

inline constexpr unsigned kReportFrames = 48;

struct FaultStack {
    unsigned count;
    std::uintptr_t frames[kReportFrames];
};

// The program's own handler. `call` calls it with the types of the interface,
// and is null if there is none.
struct FaultHandler {
    void (*call)(const FaultHandler& handler, const base::Report& report, const FaultStack& stack);
    void (*function)();
    void* user;
};
// False: a report goes on for too long.
[[nodiscard]] bool set_fault_handler(const FaultHandler& handler) noexcept;

// Prints what the tables of the heaps and the recorded stacks say about the
// fault. False: some could not be written. One thread at a time.
bool print_details(int descriptor, const base::Report& report, const FaultStack& stack) noexcept;

}  // namespace ashlar::cache

#endif
