// `ashlar run`: becomes the program, with libashlar.so as its malloc.
#ifndef ASHLAR_COMMAND_RUN_HPP
#define ASHLAR_COMMAND_RUN_HPP

#include <string>
#include <vector>

namespace ashlar::command {

/// Does not return unless the program can't be started: then it throws Failure.
[[noreturn]] void run(const std::vector<std::string>& program, bool with_statistics);

/// The arguments as exec wants them; valid as long as `words` is.
std::vector<char*> exec_arguments(const std::vector<std::string>& words);

}  // namespace ashlar::command

#endif
