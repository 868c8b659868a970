// Writes that fail without a signal: a pipe that nobody reads (SIGPIPE), a file
// at its limit (SIGXFSZ). The handlers and the mask of the program stay as they
// are. Any thread, signal handlers too.
#ifndef ASHLAR_BASE_QUIET_WRITES_HPP
#define ASHLAR_BASE_QUIET_WRITES_HPP

#include <csignal>

namespace ashlar::base {

// While it lives, the two signals wait. After a write that has failed it takes
// them back, unless the program had blocked them. One system call at both ends,
// of a kind that every sandbox allows.
class QuietWrites {
  public:
    QuietWrites() noexcept;
    ~QuietWrites();
    // The result of a write.
    void see(bool whole) noexcept { whole_ = whole_ && whole; }
    QuietWrites(const QuietWrites&) = delete;
    QuietWrites& operator=(const QuietWrites&) = delete;

  private:
    sigset_t before_;  // the thread's mask
    bool whole_ = true;
};

}  // namespace ashlar::base

#endif
