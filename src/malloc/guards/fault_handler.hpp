// The handler of SIGSEGV that reports faults in the guarded pages. Any other
// fault reaches the handler that was there before, or the system's default. A
// handler that the program installs later replaces this one.
#ifndef ASHLAR_MALLOC_GUARDS_FAULT_HANDLER_HPP
#define ASHLAR_MALLOC_GUARDS_FAULT_HANDLER_HPP

namespace ashlar::guards {

// Called once, before the program has more than one thread. False: the system
// refuses.
bool handle_faults() noexcept;

}  // namespace ashlar::guards

#endif
