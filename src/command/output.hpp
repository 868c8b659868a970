// The output of `ashlar compare`.
#ifndef ASHLAR_COMMAND_OUTPUT_HPP
#define ASHLAR_COMMAND_OUTPUT_HPP

#include "command/compare.hpp"

namespace ashlar::command {

/// The table and, per failed allocator, why; on stdout.
void print_table(const Options& options, const Comparison& comparison);

/// One JSON object on stdout, as help.hpp describes it.
void print_json(const Options& options, const Comparison& comparison);

}  // namespace ashlar::command

#endif
