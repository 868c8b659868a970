// Replaces setrlimit, prlimit and mlockall. The kernel counts reserved address
// space against RLIMIT_AS, and mlockall() counts it against RLIMIT_MEMLOCK. So
// the process heap first releases the part that it has not used. Then the
// system call is made, as in libc: a child of vfork sets limits too, and must
// not search for libc's function by name.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "malloc/process/process.hpp"

// By their names for the linker: headers of different libcs declare different
// types for `resource`.
#pragma GCC visibility push(default)
extern "C" {
int ashlar_setrlimit(int resource, const rlimit* wanted) noexcept asm("setrlimit");
int ashlar_setrlimit64(int resource, const rlimit* wanted) noexcept asm("setrlimit64");
int ashlar_prlimit(pid_t process, int resource, const rlimit* wanted, rlimit* before) noexcept
    asm("prlimit");
int ashlar_prlimit64(pid_t process, int resource, const rlimit* wanted, rlimit* before) noexcept
    asm("prlimit64");
int ashlar_mlockall(int flags) noexcept asm("mlockall");
}
#pragma GCC visibility pop

namespace {

static_assert(sizeof(rlim_t) == 8,
              "the kernel's words, so that the names with 64 are the same functions");

int limit(pid_t process, int resource, const rlimit* wanted, rlimit* before) noexcept {
    if (resource == RLIMIT_AS && wanted != nullptr && wanted->rlim_cur != RLIM_INFINITY &&
        (process == 0 || process == getpid())) {
        ashlar::cache::release_reservation();
    }
    return static_cast<int>(syscall(SYS_prlimit64, process, resource, wanted, before));
}

bool lockable_memory_is_limited() noexcept {
    rlimit now{};
    return getrlimit(RLIMIT_MEMLOCK, &now) == 0 && now.rlim_cur != RLIM_INFINITY;
}

}  // namespace

int ashlar_setrlimit(int resource, const rlimit* wanted) noexcept {
    return limit(0, resource, wanted, nullptr);
}
int ashlar_setrlimit64(int resource, const rlimit* wanted) noexcept {
    return limit(0, resource, wanted, nullptr);
}
int ashlar_prlimit(pid_t process, int resource, const rlimit* wanted, rlimit* before) noexcept {
    return limit(process, resource, wanted, before);
}
int ashlar_prlimit64(pid_t process, int resource, const rlimit* wanted, rlimit* before) noexcept {
    return limit(process, resource, wanted, before);
}

int ashlar_mlockall(int flags) noexcept {
    if ((flags & MCL_CURRENT) != 0 && lockable_memory_is_limited())
        ashlar::cache::release_reservation();
    return static_cast<int>(syscall(SYS_mlockall, flags));
}
