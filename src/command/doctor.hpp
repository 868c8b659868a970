// `ashlar doctor`: whether the library is in effect, what the kernel allows it,
// and how to mend what is misconfigured.
#ifndef ASHLAR_COMMAND_DOCTOR_HPP
#define ASHLAR_COMMAND_DOCTOR_HPP

#include <string>
#include <vector>

#include "command/subject.hpp"

namespace ashlar::command {

struct DoctorQuestion {
    std::vector<std::string> words;  // a process, a program and its arguments, or nothing
    bool json = false;
};

enum class Weight { note, warning, error };  // an error: malloc is not Ashlar's

struct Finding {
    Weight weight;
    std::string what;
    std::string mend;  // empty: there is nothing to do
};

/// Most serious first.
std::vector<Finding> findings_of(const Subject& subject);

/// Prints what it found. Returns the exit status: 1 if there is a warning or an
/// error. Throws Failure if there is no such process or program.
int examine(const DoctorQuestion& question);

/// The output, on stdout.
void print_text(const Subject& subject, const std::vector<Finding>& findings);
void print_json(const Subject& subject, const std::vector<Finding>& findings);

/// The position of Ashlar in the subject's objects; their number: it is none of
/// them.
std::size_t ashlar_in(const Subject& subject);
/// How it came there: "preloaded", "linked", "built in" or "opened later".
std::string origin_of(const Subject& subject, std::size_t position);

}  // namespace ashlar::command

#endif
