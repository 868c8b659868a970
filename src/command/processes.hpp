// Running processes with a heap of this library, seen from outside.
#ifndef ASHLAR_COMMAND_PROCESSES_HPP
#define ASHLAR_COMMAND_PROCESSES_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "malloc/inspect/survey.hpp"

namespace ashlar::command {

/// A process as it was when it was found: a later one may have the same number.
struct Process {
    int pid = 0;
    std::uint64_t started = 0;  // in ticks of the system since it booted
    std::string command;        // as the kernel has it; any bytes
    std::uint64_t heap = 0;     // the description of its process heap
};

/// All numbers of processes that the system shows.
std::vector<int> all_processes();

/// When a process began; 0: there is none, or it has ended.
std::uint64_t start_of(int pid);

/// Finds the heap of a process. errno says why where that is the reason.
/// `thorough` is for a process that the user named.
inspect::Found find(int pid, bool thorough, Process& out);

/// Reads the heap of a process. False: it is no longer there.
bool observe(const Process& process, inspect::Result& out);

}  // namespace ashlar::command

#endif
