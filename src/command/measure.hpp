// One run of the program under one allocator, and its cost.
#ifndef ASHLAR_COMMAND_MEASURE_HPP
#define ASHLAR_COMMAND_MEASURE_HPP

#include <string>
#include <vector>

namespace ashlar::command {

struct Command {
    std::string path;                    // the file to start
    std::vector<std::string> arguments;  // the program's name and its arguments
    bool show_output = false;
};

struct Run {
    double wall_seconds = 0;  // from exec to the end of the program that was started
    double user_seconds = 0;  // of it and all its descendants that were waited for
    double system_seconds = 0;
    long peak_kib = 0;        // the largest resident set that any one of them had
    int status = 0;           // as wait() gives it
    bool not_loaded = false;  // the dynamic linker said that it could not preload the library
    std::string last_lines;   // of stderr
    [[nodiscard]] bool failed() const noexcept { return status != 0 || not_loaded; }
};

/// Starts the program with this LD_PRELOAD, without input, and waits for it.
/// Throws Failure where it can't be started. Not for use in several threads.
Run measure(const Command& command, const std::string& preload);

/// "exit status 3", "killed by signal 11 (Segmentation fault)" …
std::string describe_failure(const Run& run);

}  // namespace ashlar::command

#endif
