// A program that filters its system calls, in all its threads, and is killed by
// any that malloc needs no longer: a library must not make others behind its
// back.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>
#include <thread>

#include "situation.hpp"

namespace {

using situation::require;

#define KILL_AT(number)                                \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

// Status 77: the machine does not permit filters.
void filter() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        KILL_AT(SYS_membarrier),
        KILL_AT(SYS_openat),
        KILL_AT(SYS_prctl),
        KILL_AT(SYS_futex),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog all{sizeof program / sizeof *program, program};
    require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &all) != 0)
        _exit(situation::skipped);
}

}  // namespace

int main() {
    situation::require_ashlar();
    std::thread([] { situation::exercise(); }).join();
    filter();
    situation::exercise();
    using Trim = int (*)(std::size_t);
    reinterpret_cast<Trim>(dlsym(RTLD_DEFAULT, "malloc_trim"))(0);
    situation::exercise();
    sleep(3);  // as long as a background thread would need for two passes
    _exit(0);
}
