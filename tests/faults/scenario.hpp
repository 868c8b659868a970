// A program that uses every entry point, every kind of block, threads that
// start and end, heaps, and growth beyond the first region. Any step may be
// refused memory. Each refusal must be a NULL with ENOMEM (or a bad_alloc), and
// no block may change.
#ifndef ASHLAR_TESTS_FAULTS_SCENARIO_HPP
#define ASHLAR_TESTS_FAULTS_SCENARIO_HPP

#include <cstddef>

namespace faults {

// Runs it once and frees everything. Returns the number of refused allocations;
// ends the process with a line on stderr on any other fault. `all`: none may be
// refused.
std::size_t live(bool all);

// Called when everything is freed: nothing may be held, and the heap must be
// sound.
void expect_nothing_held();

}  // namespace faults

#endif
