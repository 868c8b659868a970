// What `ashlar doctor` looks at: a process, a program, or this machine alone.
// Reads /proc, and starts nothing but the dynamic linker to list a program's
// libraries.
#ifndef ASHLAR_COMMAND_SUBJECT_HPP
#define ASHLAR_COMMAND_SUBJECT_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command/objects.hpp"

namespace ashlar::command {

/// Of the kernel, for the process or for this one.
struct Machine {
    std::uint64_t memory = 0;         // that the process may have
    std::uint64_t group_limit = 0;    // of its control groups
    std::uint64_t address_space = 0;  // RLIMIT_AS
    std::uint64_t locked = 0;         // RLIMIT_MEMLOCK
    long overcommit = -1;             // -1, here and below: unknown
    long most_mappings = -1;
    long seccomp = -1;
    std::string huge_pages;  // always, madvise, never; empty: unknown
};

/// Bytes of anonymous memory of a process.
struct Memory {
    std::uint64_t reserved = 0;  // without access
    std::uint64_t accessible = 0;
    std::uint64_t resident = 0;  // of all of its memory
    std::size_t mappings = 0;
    // Of these the heap's, about a quarter up the address space; 0: the address
    // space is limited, and the heap is among the others.
    std::uint64_t region = 0;
    std::uint64_t region_reserved = 0;
    std::uint64_t region_accessible = 0;
};

struct Subject {
    std::optional<long> process;
    std::string program;                   // empty: neither
    std::vector<std::string> environment;  // NAME=value
    std::vector<std::string> preloaded;    // the words of LD_PRELOAD
    std::vector<Object> objects;           // in search order, the program first
    std::vector<std::string> complaints;   // of the dynamic linker
    bool native = true;
    bool secure = false;  // with privileges, so that the linker drops LD_PRELOAD
    std::optional<Memory> memory;
    Machine machine;

    [[nodiscard]] std::string variable(const std::string& name) const;
};

/// Throws Failure if there is no such process, or if it may not be looked at.
Subject look_at_process(long process);
/// The program as `ashlar run` would start it: with the library preloaded.
/// Throws Failure if there is no such program.
Subject look_at_program(const std::string& name);
/// This machine, and what the environment would give to a program.
Subject look_at_machine();

}  // namespace ashlar::command

#endif
