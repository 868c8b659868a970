#include "malloc/api/signal_fallback.hpp"

#include <cerrno>

namespace ashlar::api {

namespace {

Plain act(Action next, int number, Plain handler, int flags) noexcept {
    struct sigaction action {
    }, before{};
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigemptyset(&action.sa_mask);
    return next(number, &action, &before) == 0 ? before.sa_handler : SIG_ERR;
}

Plain set(Action next, int number, Plain handler) noexcept {
    sigset_t one, mask;
    sigemptyset(&one);
    if (sigaddset(&one, number) != 0) return SIG_ERR;
    Plain before = SIG_ERR;
    const bool holds = handler == SIG_HOLD;
    if (holds) {
        struct sigaction now {};
        if (next(number, nullptr, &now) == 0) before = now.sa_handler;
    } else {
        before = act(next, number, handler, 0);
    }
    if (before == SIG_ERR) return SIG_ERR;
    pthread_sigmask(holds ? SIG_BLOCK : SIG_UNBLOCK, &one, &mask);
    return sigismember(&mask, number) == 1 ? SIG_HOLD : before;
}

}  // namespace

Plain signal_by(Action next, SignalKind kind, int number, Plain handler) noexcept {
    if (handler == SIG_ERR || (handler == SIG_HOLD && kind != SignalKind::set)) {
        errno = EINVAL;
        return SIG_ERR;
    }
    if (kind == SignalKind::set) return set(next, number, handler);
    constexpr int kOnce = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    return act(next, number, handler, kind == SignalKind::bsd ? SA_RESTART : kOnce);
}

}  // namespace ashlar::api
