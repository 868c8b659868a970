#include "command/run.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "command/libraries.hpp"
#include "command/program.hpp"

namespace ashlar::command {

std::vector<char*> exec_arguments(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    return arguments;
}

void run(const std::vector<std::string>& program, bool with_statistics) {
    const std::string path = find_program(program.front());
    const std::string preload = preload_value(find_ashlar());
    for (const auto& warning : preload_warnings(path))
        std::fprintf(stderr, "ashlar: warning: %s\n", warning.c_str());
    ::setenv("LD_PRELOAD", preload.c_str(), 1);
    if (with_statistics) ::setenv("ASHLAR_STATS", "1", 1);
    // execvp, for it also starts scripts that have no #! line.
    ::execvp(path.c_str(), exec_arguments(program).data());
    const int error = errno;
    throw Failure(
        kNotExecutable,
        path + ": " + (error == ENOENT ? "its interpreter does not exist" : std::strerror(error)));
}

}  // namespace ashlar::command
