// What `ashlar compare` prints.
#ifndef ASHLAR_COMMAND_OUTPUT_HPP
#define ASHLAR_COMMAND_OUTPUT_HPP

#include "command/compare.hpp"

namespace ashlar::command {

/// The table and, per failed allocator, why; on stdout.
void print_table(const Options& options, const Comparison& comparison);

/// One JSON object on stdout, as kJsonHelp describes it.
void print_json(const Options& options, const Comparison& comparison);

extern const char* const kJsonHelp;

}  // namespace ashlar::command

#endif
