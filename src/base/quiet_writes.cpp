#include "base/quiet_writes.hpp"

#include <cerrno>
#include <ctime>

namespace ashlar::base {

namespace {

constexpr int kSignals[] = {SIGPIPE, SIGXFSZ};

}  // namespace

QuietWrites::QuietWrites() noexcept {
    sigset_t both;
    sigemptyset(&both);
    for (const int number : kSignals) sigaddset(&both, number);
    pthread_sigmask(SIG_BLOCK, &both, &before_);
}

QuietWrites::~QuietWrites() {
    const int saved = errno;
    constexpr timespec kNoTime{};
    for (const int number : kSignals) {
        if (whole_ || sigismember(&before_, number) == 1) continue;
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, number);
        sigtimedwait(&one, nullptr, &kNoTime);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = saved;
}

}  // namespace ashlar::base
