// Asks the dynamic linker which libraries a program would load. It maps them,
// and runs neither them nor the program.
#ifndef ASHLAR_COMMAND_LINKER_HPP
#define ASHLAR_COMMAND_LINKER_HPP

#include <string>
#include <vector>

namespace ashlar::command {

struct Listing {
    std::vector<std::string> paths;  // in the order in which names are looked up
    std::vector<std::string> complaints;
};

/// Throws Failure if the linker cannot be started.
Listing list_libraries(const std::string& linker, const std::string& program,
                       const std::string& preload);

}  // namespace ashlar::command

#endif
