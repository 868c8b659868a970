// `ashlar core`: what a process held, by its core file.
#ifndef ASHLAR_COMMAND_CORE_HPP
#define ASHLAR_COMMAND_CORE_HPP

#include <string>

namespace ashlar::command {

struct CoreQuestion {
    std::string file;
    std::string executable;  // empty: not checked
    std::string address;     // empty: the report
    std::string output;      // of the picture; empty: none
    bool json = false;
};

/// Prints the report, or what lies at the address; or writes the picture.
/// Returns the exit status. Throws Failure if the core can't be read, or has no
/// heap of this library.
int look_at_core(const CoreQuestion& question);

}  // namespace ashlar::command

#endif
