// The faults of the program `reports`: each frees a block of 48 bytes twice, or
// what is no block, under other circumstances.
#ifndef ASHLAR_MISUSE_REPORT_FAULTS_HPP
#define ASHLAR_MISUSE_REPORT_FAULTS_HPP

namespace misuse {

void free_twice();
void in_a_signal_handler();
void in_another_thread();
void with_a_garbled_slab();
void with_garbled_tables();
void with_a_handler();
void without_the_handler();
void with_a_handler_that_exits();
void with_a_handler_that_jumps();
void with_a_handler_that_frees_twice();
void in_two_threads();
void while_signals_are_handled();
void without_stderr();
void with_a_fault_in_the_report();
void of_no_block();

}  // namespace misuse

#endif
