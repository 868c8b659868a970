// The program that the user names: where it is, whether it can be started, and
// whether LD_PRELOAD can have an effect on it.
#ifndef ASHLAR_COMMAND_PROGRAM_HPP
#define ASHLAR_COMMAND_PROGRAM_HPP

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ashlar::command {

// A shell's status if it can't start a program.
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

/// An error of which the message is for the user and the code is the exit
/// status of the command.
class Failure : public std::runtime_error {
  public:
    Failure(int status, const std::string& message)
        : std::runtime_error(message), status_(status) {}
    [[nodiscard]] int status() const noexcept { return status_; }

  private:
    int status_;
};

/// The file that execvp would start; throws Failure with kNotFound or
/// kNotExecutable.
std::string find_program(const std::string& name);

/// The file itself, or the program that the kernel starts for a script.
std::string interpreter_of(const std::string& program);

/// Whether the kernel would start it in secure mode, where the dynamic linker
/// drops LD_PRELOAD.
bool gains_privileges(const std::string& path);

/// Sentences for the user: why a preloaded allocator will not reach this
/// program, or why the comparison is spoiled.
std::vector<std::string> preload_warnings(const std::string& program);

/// The value of LD_PRELOAD with `library` in front of its present value. Throws
/// Failure if the path can't be written in it.
std::string preload_value(const std::string& library);

}  // namespace ashlar::command

#endif
