// Writes that fail without a signal: a pipe that nobody reads (SIGPIPE), a file
// at its limit (SIGXFSZ). The handlers and the mask of the program stay as they
// are. Any thread, signal handlers too.
#ifndef ASHLAR_BASE_QUIET_WRITES_HPP
#define ASHLAR_BASE_QUIET_WRITES_HPP

#include <csignal>

namespace ashlar::base {

// While it lives, the two signals wait. It takes back those that its thread got
// meanwhile, unless they were waiting before.
class QuietWrites {
  public:
    QuietWrites() noexcept;
    ~QuietWrites();
    QuietWrites(const QuietWrites&) = delete;
    QuietWrites& operator=(const QuietWrites&) = delete;

  private:
    sigset_t before_;   // the thread's mask
    sigset_t waiting_;  // signals that were waiting before
};

}  // namespace ashlar::base

#endif
