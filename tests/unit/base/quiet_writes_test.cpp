// Writes to a pipe that nobody reads, and what becomes of its signal.
#include <cerrno>
#include <csignal>
#include <ctime>

#include <unistd.h>

#include <gtest/gtest.h>

#include "base/line.hpp"
#include "base/quiet_writes.hpp"

namespace {

using namespace ashlar::base;

class DeadPipe {
  public:
    DeadPipe() {
        EXPECT_EQ(pipe(ends_), 0);
        close(ends_[0]);
    }
    ~DeadPipe() { close(ends_[1]); }
    DeadPipe(const DeadPipe&) = delete;
    DeadPipe& operator=(const DeadPipe&) = delete;

    [[nodiscard]] bool write() const {
        Line line;
        return line.text("lost").write(ends_[1]);
    }

  private:
    int ends_[2] = {};
};

bool waits(int number) {
    sigset_t waiting;
    sigpending(&waiting);
    return sigismember(&waiting, number) == 1;
}

bool is_blocked(int number) {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return sigismember(&mask, number) == 1;
}

TEST(QuietWrites, FailWithoutASignal) {
    const DeadPipe pipe;
    errno = 7;
    {
        QuietWrites quiet;
        quiet.see(true);
        quiet.see(pipe.write());
        EXPECT_TRUE(waits(SIGPIPE));
    }
    EXPECT_FALSE(waits(SIGPIPE));
    EXPECT_FALSE(is_blocked(SIGPIPE));
    EXPECT_FALSE(is_blocked(SIGXFSZ));
    EXPECT_EQ(errno, 7);
}

TEST(QuietWrites, KeepASignalThatTheProgramHasBlocked) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &one, nullptr);
    raise(SIGPIPE);
    const DeadPipe pipe;
    {
        QuietWrites quiet;
        quiet.see(pipe.write());
    }
    EXPECT_TRUE(is_blocked(SIGPIPE));
    constexpr timespec kNoTime{};
    EXPECT_EQ(sigtimedwait(&one, nullptr, &kNoTime), SIGPIPE);
    pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
}

}  // namespace
