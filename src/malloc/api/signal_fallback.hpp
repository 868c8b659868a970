// signal() and its kin by sigaction(), as POSIX and System V define them: for a
// libc that lacks some of these names. Any thread, also in handlers.
#ifndef ASHLAR_MALLOC_API_SIGNAL_FALLBACK_HPP
#define ASHLAR_MALLOC_API_SIGNAL_FALLBACK_HPP

#include <csignal>

namespace ashlar::api {

using Plain = void (*)(int);
using Action = int (*)(int, const struct sigaction*, struct sigaction*) noexcept;

enum class SignalKind : unsigned {
    bsd,   // the handler stays, and system calls go on
    sysv,  // the handler is called once
    set    // sigset(): also blocks and unblocks the signal
};

// `next`: libc's sigaction(). Returns the handler before, SIG_HOLD from
// sigset() if the signal was blocked, or SIG_ERR with errno.
Plain signal_by(Action next, SignalKind kind, int number, Plain handler) noexcept;

}  // namespace ashlar::api

#endif
