// Memory pressure as the kernel measures it (PSI), of the process's cgroup.
#ifndef ASHLAR_MALLOC_PROCESS_PRESSURE_HPP
#define ASHLAR_MALLOC_PROCESS_PRESSURE_HPP

namespace ashlar::cache {

// The share of the last ten seconds in which some task of the cgroup waited for
// memory, in percent, from the text of a memory.pressure. -1: it is no such
// text.
[[nodiscard]] int pressure_of(const char* text) noexcept;
// Gives the calling thread a table of file descriptors of its own, and closes
// them: what it opens later takes no number from the program. Where the system
// cannot do that, under_pressure() opens nothing.
void use_own_descriptors() noexcept;
// Whether that share of the process's cgroup (version 2) is high. False where
// there is no such file. Seven system calls at the first call, four later.
[[nodiscard]] bool under_pressure() noexcept;

}  // namespace ashlar::cache

#endif
