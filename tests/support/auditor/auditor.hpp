// Decides whether a correct allocator can have a history, from the history
// alone. After Herlihy and Wing's linearizability: each call happens at one
// moment between its begin and its end.
//
//   take |-----x-----|                        give |-----x-----|
//                    |=== certainly held ==========|
//        |--------------- perhaps held -----------------------|
//
// For one byte there is such an order exactly if the times at which a thread
// certainly holds it are disjoint: put each take at its end and each give at
// its begin. So one sweep over the times decides, with the held bytes in a
// tree: O(n log n).
#ifndef ASHLAR_TESTS_SUPPORT_AUDITOR_AUDITOR_HPP
#define ASHLAR_TESTS_SUPPORT_AUDITOR_AUDITOR_HPP

#include <cstddef>
#include <string>
#include <vector>

#include "history.hpp"

namespace auditor {

enum class Fault {
    handed_out_twice,  // two threads certainly hold the same bytes
    freed_by_nobody,  // a free of bytes without a certain holder: a fault of the program, or a part
                      // of the history is missing
    refused_with_room,  // out of memory although at every moment of the call less than `capacity -
                        // slack` was perhaps held
    backwards,          // a call that ends before it begins
};
const char* name_of(Fault fault) noexcept;

struct Finding {
    Fault fault;
    Event first;
    Event second;  // of handed_out_twice
};
std::string describe(const Finding& finding);

// The amount that must be held before an allocation may be refused.
struct Bounds {
    std::size_t capacity = 0;  // 0: allocations may be refused at any time
    // Free bytes that the caller cannot get: caches of other threads,
    // remainders of slabs.
    std::size_t slack = 0;
};

struct Verdict {
    std::vector<Finding> findings;  // at most kMost
    std::size_t faults = 0;         // all of them
    std::size_t takes = 0, gives = 0, refusals = 0;
    std::size_t held_at_end = 0;  // blocks never freed
    // Of the most that was perhaps held during each refused call, the least.
    std::size_t least_at_refusal = 0;
};
inline constexpr std::size_t kMost = 20;

[[nodiscard]] Verdict audit_logs(const std::vector<const Log*>& logs, const Bounds& bounds);
[[nodiscard]] Verdict audit(std::vector<Event> events, const Bounds& bounds);

}  // namespace auditor

#endif
