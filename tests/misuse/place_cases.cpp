#include "report_cases.hpp"

#include <csignal>

#include "report_faults.hpp"

namespace misuse {

namespace {

#define SAMPLED "ASHLAR_GUARD_SAMPLE=1"
#define CALLS " thread [0-9]+:\n" STACK
#define ALLOCATED "ashlar: allocated by" CALLS
#define SAMPLED_LINE "ashlar: double free of 0x[0-9a-f]+ \\(40-byte block\\)\n"
#define FAULT_LINE                                         \
    "ashlar: use after free: (write|access) to 0x[0-9a-f]" \
    "+, byte 3 of a block of 40 bytes, which is free\n"

const Case cases[] = {
    {"sampled_twice",
     sampled_twice,
     {SAMPLED, "ASHLAR_REPORT_FILE=report.%p"},
     SIGABRT,
     0,
     SAMPLED_LINE,
     SAMPLED_LINE "ashlar: freed now by" CALLS "ashlar: freed by" CALLS ALLOCATED},
    {"sampled_on_stderr",
     sampled_twice,
     {SAMPLED},
     SIGABRT,
     0,
     SAMPLED_LINE "ashlar: freed now by" CALLS "ashlar: freed by" CALLS ALLOCATED,
     nullptr},
    {"sampled_exits",
     sampled_twice,
     {SAMPLED, "ASHLAR_REPORT_ACTION=exit:7"},
     0,
     7,
     SAMPLED_LINE "[^]*" ALLOCATED,
     nullptr},
    {"sampled_overwritten",
     sampled_overwritten,
     {SAMPLED, "ASHLAR_REPORT_ACTION=signal:10"},
     SIGUSR1,
     0,
     "ashlar: (over|under)flow: write to [^\n]* as it is freed\nashlar: freed by" CALLS ALLOCATED,
     nullptr},
    {"sampled_twice_with_a_handler",
     sampled_twice_with_a_handler,
     {SAMPLED},
     SIGABRT,
     0,
     SAMPLED_LINE "[^]*" ALLOCATED "handler mine: 1 40 stack \\[ashlar: double free [^\n]*\\]\n",
     nullptr},
    {"sampled_full",
     sampled_twice,
     {SAMPLED, "ASHLAR_REPORT=full", "ASHLAR_STACKS=100"},
     SIGABRT,
     0,
     SAMPLED_LINE "[^]*" ALLOCATED
                  "  block     0x[0-9a-f]+ to 0x[0-9a-f]+, 40 bytes, free, sampled\n" FOUND
                  "freed by [^]*freed before that by [^]*allocated by [^]*",
     nullptr},
    {"sampled_fault",
     sampled_fault,
     {SAMPLED, "ASHLAR_REPORT_FILE=report.%p"},
     SIGSEGV,
     0,
     FAULT_LINE,
     FAULT_LINE "ashlar: fault in" CALLS "ashlar: freed by" CALLS ALLOCATED},
    {"sampled_fault_exits",
     sampled_fault,
     {SAMPLED, "ASHLAR_REPORT_ACTION=exit:7"},
     0,
     7,
     FAULT_LINE "[^]*" ALLOCATED,
     nullptr},
    {"sampled_fault_aborts",
     sampled_fault,
     {SAMPLED, "ASHLAR_REPORT_ACTION=abort"},
     SIGABRT,
     0,
     FAULT_LINE "[^]*" ALLOCATED,
     nullptr},
    {"sampled_fault_with_a_handler",
     sampled_fault_with_a_handler,
     {SAMPLED},
     SIGSEGV,
     0,
     FAULT_LINE "[^]*" ALLOCATED "handler mine: 8 40 stack \\[ashlar: use after free: [^\n]*\\]\n",
     nullptr},
    {"sampled_fault_with_a_handler_that_jumps",
     sampled_fault_with_a_handler_that_jumps,
     {SAMPLED},
     0,
     0,
     FAULT_LINE "[^]*" FAULT_LINE "[^]*",
     nullptr},
    {"sampled_fault_after_a_jump",
     sampled_fault_after_a_jump,
     {SAMPLED},
     0,
     0,
     SAMPLED_LINE "[^]*" FAULT_LINE "[^]*",
     nullptr},
    {"sampled_fault_on_a_small_stack",
     sampled_fault_on_a_small_stack,
     {SAMPLED, "ASHLAR_REPORT=full", "ASHLAR_STACKS=100"},
     SIGSEGV,
     0,
     FAULT_LINE "[^]*allocated by thread [0-9]+, [^]*",
     nullptr},
    {"of_size_0",
     of_size_0,
     {"ASHLAR_CHECK=paranoid"},
     SIGABRT,
     0,
     "ashlar: double free of 0x[0-9a-f]+ [^\n]*\n"
     "  block     (0x[0-9a-f]+) to \\1, 0 bytes, free, in memory that can't be touched\n" FOUND,
     nullptr},
    {"into_size_0",
     into_size_0,
     {"ASHLAR_CHECK=paranoid"},
     SIGABRT,
     0,
     "ashlar: invalid free of 0x[0-9a-f]+4 [^\n]*\n"
     "  block     (0x[0-9a-f]+0) to \\1, 0 bytes, live, in memory that can't be touched\n" FOUND,
     nullptr},
    {"behind_a_run",
     behind_a_run,
     {"ASHLAR_REPORT=full"},
     SIGABRT,
     0,
     "ashlar: invalid free of 0x[0-9a-f]+ \\(not from this heap\\)\n"
     "  place     in [^\n]*\n"
     "  nearest   0x[0-9a-f]+ to 0x[0-9a-f]+, 1048576 bytes, live; the address is 100 bytes behind "
     "it"
     "\n" HEX "{0,4}" FOUND,
     nullptr},
    {"behind_a_mapped_block",
     behind_a_mapped_block,
     {"ASHLAR_REPORT=full"},
     SIGABRT,
     0,
     "ashlar: invalid free of 0x[0-9a-f]+ \\(not from this heap\\)\n"
     "  place     in no heap of Ashlar\n"
     "  nearest   0x[0-9a-f]+ to 0x[0-9a-f]+, 67108864 bytes, live; the address is 100 bytes "
     "behind it"
     "\n" HEX "{0,4}" FOUND,
     nullptr},
    {"behind_the_blocks_of_a_slab",
     behind_the_blocks_of_a_slab,
     {"ASHLAR_CHECK=full"},
     SIGABRT,
     0,
     "ashlar: [^\n]* of 0x[0-9a-f]+ [^\n]*\n"
     "  place     behind the last block of a slab\n  slab [^\n]*\n  before [^\n]*, live\n"
     "  nearest   0x[0-9a-f]+ to 0x[0-9a-f]+, 48 bytes, live; the address is 0 bytes behind it"
     "\n" HEX "{0,4}" FOUND,
     nullptr},
    {"of_a_private_heap",
     of_a_private_heap,
     {"ASHLAR_REPORT=full", "ASHLAR_STACKS=100"},
     SIGABRT,
     0,
     LINE "[^]*" FOUND "freed by thread [0-9]+, 0 calls ago:\n" STACK
          "freed before that by thread [0-9]+, 1 calls ago:\n" STACK
          "allocated by thread [0-9]+, 2 calls ago:\n" STACK,
     nullptr},
};

}  // namespace

std::span<const Case> place_cases() { return cases; }

}  // namespace misuse
