#include "base/barrier.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace ashlar::base {

namespace {

bool membarrier(int command) noexcept {
    const int before = errno;
    const bool done = syscall(SYS_membarrier, command, 0, 0) == 0;
    errno = before;
    return done;
}

}  // namespace

bool enable_barriers() noexcept { return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED); }

bool put_barriers() noexcept {
    if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) return true;
    return enable_barriers() && membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

}  // namespace ashlar::base
