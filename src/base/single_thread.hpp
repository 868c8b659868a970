// Whether the process has one thread, as glibc knows it. Any thread.
#ifndef ASHLAR_BASE_SINGLE_THREAD_HPP
#define ASHLAR_BASE_SINGLE_THREAD_HPP

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace ashlar::base {

// True: no other thread runs, and none that this one does not create later. So
// an access of the caller is concurrent with none. glibc does not count threads
// that a program makes by the system call itself.
#if __has_include(<sys/single_threaded.h>)
[[nodiscard]] inline bool single_threaded() noexcept { return __libc_single_threaded != 0; }
#else
[[nodiscard]] inline bool single_threaded() noexcept { return false; }
#endif

}  // namespace ashlar::base

#endif
