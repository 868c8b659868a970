#include "base/barrier.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace ashlar::base {

namespace {

constinit Atomic<std::uint32_t> forbidden{};

bool membarrier(int command) noexcept {
    const int before = errno;
    const bool done = syscall(SYS_membarrier, command, 0, 0) == 0;
    errno = before;
    return done;
}

}  // namespace

bool enable_barriers() noexcept { return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED); }

void forbid_barriers() noexcept { forbidden.store(1, rlx); }  // relaxed: a request
void allow_barriers() noexcept { forbidden.store(0, rlx); }

bool put_barriers() noexcept {
    if (forbidden.load(rlx) != 0) return false;  // relaxed, likewise
    if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) return true;
    return enable_barriers() && membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

}  // namespace ashlar::base
