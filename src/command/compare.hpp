// `ashlar compare`: a program under one allocator after the other, in rounds.
#ifndef ASHLAR_COMMAND_COMPARE_HPP
#define ASHLAR_COMMAND_COMPARE_HPP

#include <string>
#include <vector>

#include "command/libraries.hpp"
#include "command/measure.hpp"

namespace ashlar::command {

constexpr const char* kSystem = "system";
constexpr const char* kAshlar = "ashlar";

struct Options {
    int runs = 5;
    int warmup = 1;
    std::vector<std::string> added;  // NAME=LIB
    std::vector<std::string> only;   // names; empty: all
    bool json = false;
    bool show_output = false;
    std::vector<std::string> program;
};

struct Series {
    Allocator allocator;
    std::vector<Run> runs;  // runs[i] is of round i; without warm-up
    bool failed = false;
    Run failure;  // the run that failed
};

struct Comparison {
    std::vector<std::string> warnings;
    std::vector<Series> series;  // the system malloc first
};

/// Runs all of it and prints the result. Returns the exit status: 1 if the
/// program failed under the system malloc or under Ashlar.
int compare(const Options& options);

}  // namespace ashlar::command

#endif
