// The calling thread's return addresses, and their lines in a report. Uses
// neither malloc nor a lock of its own, never faults by a frame that is wrong,
// and works in signal handlers and on any stack.
#ifndef ASHLAR_BASE_STACK_HPP
#define ASHLAR_BASE_STACK_HPP

#include <cstdint>

namespace ashlar::base {

// Stores at most `most` return addresses, the newest first: the first is the
// caller's place. Returns their number. With the ucontext_t that a signal
// handler got, they begin where the signal interrupted the thread. By the
// tables that compilers store for exceptions (frame_rules.hpp); where a
// function has none, or in a static program, by frame pointers. Needs 4 KiB of
// stack. O(frames), with about a system call for each page of the stack.
[[gnu::noinline]] unsigned capture_stack(std::uintptr_t* frames, unsigned most,
                                         const void* context) noexcept;

// A line for each: "#0 0x7f12345678 /usr/lib/libx.so.1+0x4567". The offset is
// that of the call, for `addr2line -e /usr/lib/libx.so.1 0x4567`. Addresses
// only, where the system has no /proc. False: some lines could not be written.
// Needs 1 KiB of stack. O(frames) reads of /proc/self/maps.
bool print_stack(int descriptor, const std::uintptr_t* frames, unsigned n) noexcept;

}  // namespace ashlar::base

#endif
