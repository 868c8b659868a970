// The cases of the program `reports`: a fault, settings, and what the parent
// expects. The macros are expressions of what reports say.
#ifndef ASHLAR_MISUSE_REPORT_CASES_HPP
#define ASHLAR_MISUSE_REPORT_CASES_HPP

#include <span>
#include <vector>

namespace misuse {

struct Case {
    const char* name;
    void (*commit)();
    std::vector<const char*> settings;
    int signal;  // that ends the program; 0: it exits
    int status;
    const char* on_stderr;  // expressions, of the whole text
    const char* in_file;    // nullptr: there is none
};

// Of report_cases.cpp and of place_cases.cpp.
std::span<const Case> report_cases();
std::span<const Case> place_cases();

}  // namespace misuse

#define LINE "ashlar: double free of 0x[0-9a-f]+ \\(48-byte block\\)\n"
#define HEX "(  0x[0-9a-f]+:( [0-9a-f]{2}){16}\n)"
#define STACK "(#[0-9]+ 0x[0-9a-f]+( [^\n]+\\+0x[0-9a-f]+)?\n)+"
#define BLOCKS(state)                                                        \
    "  block     0x[0-9a-f]+ to 0x[0-9a-f]+, 48 bytes, " state               \
    "\n"                                                                     \
    "  slab      0x[0-9a-f]+, class 3, 64 KiB: 1365 blocks, [0-9]+ not free" \
    " in it\n(  (before|after )    0x[0-9a-f]+ to 0x[0-9a-f]+, 48 bytes, [a-z: ]+\n){1,2}"
#define FOUND "found by thread [0-9]+ of process [0-9]+:\n" STACK
#define FULL BLOCKS("free: in the cache of a thread") HEX "{4}" FOUND

#endif
