// A program's life with the allocator, of which any step may be refused memory: every face, every kind of block, threads that
// come and go, heaps, growth beyond the first region. Each refusal must be a NULL with ENOMEM (or a bad_alloc), and no
// block may change.
#ifndef ASHLAR_TESTS_FAULTS_SCENARIO_HPP
#define ASHLAR_TESTS_FAULTS_SCENARIO_HPP

#include <cstddef>

namespace faults {

// Runs it once and frees everything. Returns how many allocations were refused; ends the process with a line on stderr when
// something else is wrong. `all`: none may be refused.
std::size_t live(bool all);

// Everything was freed: nothing may be held, and the heap must be sound.
void expect_nothing_held();

}  // namespace faults

#endif
