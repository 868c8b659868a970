// The subcommands. Each takes its arguments as text, measures, and adds its
// figures to the line.
#ifndef ASHLAR_SYSTEM_COMMANDS_HPP
#define ASHLAR_SYSTEM_COMMANDS_HPP

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "measure.hpp"

namespace commands {

/// The words after the subcommand's name.
class Arguments {
  public:
    Arguments(int count, char** words) : count_(count), words_(words) {}
    std::size_t count() const { return static_cast<std::size_t>(count_); }
    const char* word(std::size_t i) const {
        measure::require(i < count(), "an argument is missing");
        return words_[i];
    }
    std::size_t number(std::size_t i) const { return std::strtoul(word(i), nullptr, 10); }
    bool is(std::size_t i, const char* text) const { return std::strcmp(word(i), text) == 0; }

  private:
    int count_;
    char** words_;
};

/// A few blocks of every size up to 64 KiB, written: a program that has only
/// just started.
void use_a_little();

// reserve.cpp
void crash(Arguments);
void lock_all(Arguments);
void tiny(Arguments);
void until_null(Arguments);
void limit_itself(Arguments);
void beyond_ram(Arguments);

// giving_back.cpp
void one_block(Arguments);
void vector(Arguments);
void free_untouched(Arguments);
void aligned(Arguments);

// bursts.cpp
void burst(Arguments);

// untouched.cpp
void partly(Arguments);
void calloc_again(Arguments);

// threads.cpp
void ended_threads(Arguments);
void idle_threads(Arguments);

// footprint.cpp
void footprint(Arguments);

// sandbox.cpp
void sandbox(Arguments);

// speed.cpp
void pairs(Arguments);
void grow(Arguments);

}  // namespace commands

#endif
