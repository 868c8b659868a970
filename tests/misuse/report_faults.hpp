// The faults of the program `reports`: each frees a block of 48 bytes twice, or
// what is no block, under other circumstances. place_faults.cpp has those of
// blocks beside guard pages (ASHLAR_GUARD_SAMPLE=1), of size 0, and of private
// heaps, and those near a block.
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
void in_a_file_that_gets_full();
void on_a_pipe_that_nobody_reads();
void in_a_signal_handler_with_garbled_tables();
void of_two_threads_in_a_file();
// Makes the program's handler one that prints what it gets.
void describe_faults();

void sampled_twice();
void sampled_overwritten();
void sampled_fault();
void sampled_fault_with_a_handler();
void sampled_twice_with_a_handler();
void sampled_fault_with_a_handler_that_jumps();
void sampled_fault_after_a_jump();
void sampled_fault_on_a_small_stack();
void of_size_0();
void into_size_0();
void behind_a_run();
void behind_a_mapped_block();
void behind_the_blocks_of_a_slab();
void of_a_private_heap();

}  // namespace misuse

#endif
