// The faults, each with how and when it must be seen, at each level of checks.
// README.md has the same as a table for readers.
#ifndef ASHLAR_MISUSE_CASES_HPP
#define ASHLAR_MISUSE_CASES_HPP

#include <cstddef>

namespace misuse {

constexpr std::size_t largest_in_a_slab = 32 * 1024;
constexpr std::size_t largest_with_a_bin = 1024 * 1024;
constexpr const char* call_is_over = "the call is over\n";

enum class Seen {
    at_once,   // by the faulty call itself
    later,     // when the block goes back to its slab or its units: here by the end of a thread, or
               // trim
    on_reuse,  // when the block, or one behind it, is handed out again
    never,     // by nothing
    harmless,  // nothing to see, and nothing of the heap comes to harm
};

struct Case {
    const char* name;
    void (*commit)(std::size_t size);
    const char* fault;
    const char* detail;  // the text in the brackets, with SIZE for the block's size
    struct When {
        Seen in_slab;
        Seen in_run;  // of units, kept in bins
        Seen larger;  // without a bin
    };
    When by_default;
    When full;  // ASHLAR_CHECK=full. At paranoid writes into free memory may fault instead.
};

constexpr std::size_t case_count = 35;
extern const Case cases[case_count];

}  // namespace misuse

#endif
