// A program that limits itself: setrlimit, prlimit and mlockall go through
// Ashlar, and must behave like libc's. The test compares their results with
// those of the system calls.
#include <cerrno>
#include <csignal>
#include <initializer_list>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "situation.hpp"

namespace {

rlimit limit_of(int resource, pid_t process = 0) {
    rlimit now{};
    situation::require(syscall(SYS_prlimit64, process, resource, nullptr, &now) == 0,
                       "SYS_prlimit64");
    return now;
}

bool same(const rlimit& a, const rlimit& b) {
    return a.rlim_cur == b.rlim_cur && a.rlim_max == b.rlim_max;
}

void require_error(int result, int error, const char* what) {
    situation::require(result == -1 && errno == error, what);
    errno = 0;
}

void come_through_ashlar() {
    Dl_info ours{};
    situation::require(dladdr(dlsym(RTLD_DEFAULT, "ash_version"), &ours) != 0, "dladdr");
    for (const char* name : {"setrlimit", "setrlimit64", "prlimit", "prlimit64", "mlockall"}) {
        Dl_info used{};
        situation::require(
            dladdr(dlsym(RTLD_DEFAULT, name), &used) != 0 && used.dli_fbase == ours.dli_fbase,
            name);
    }
}

void set_limits() {
    const rlimit before = limit_of(RLIMIT_NOFILE);
    rlimit wanted{50, before.rlim_max};
    errno = 0;
    situation::require(
        setrlimit(RLIMIT_NOFILE, &wanted) == 0 && same(limit_of(RLIMIT_NOFILE), wanted),
        "setrlimit");
    rlimit64 wanted64{60, before.rlim_max};
    situation::require(
        setrlimit64(RLIMIT_NOFILE, &wanted64) == 0 && limit_of(RLIMIT_NOFILE).rlim_cur == 60,
        "setrlimit64");
    rlimit old{};
    wanted.rlim_cur = 70;
    situation::require(prlimit(0, RLIMIT_NOFILE, &wanted, &old) == 0 && old.rlim_cur == 60,
                       "prlimit's old limit");
    situation::require(same(limit_of(RLIMIT_NOFILE), wanted), "prlimit");
    rlimit64 old64{};
    wanted64.rlim_cur = 80;
    situation::require(
        prlimit64(getpid(), RLIMIT_NOFILE, &wanted64, &old64) == 0 && old64.rlim_cur == 70,
        "prlimit64");
    situation::require(prlimit(0, RLIMIT_NOFILE, nullptr, &old) == 0 && old.rlim_cur == 80,
                       "prlimit that only asks");
    situation::require(
        prlimit(0, RLIMIT_NOFILE, &before, nullptr) == 0 && same(limit_of(RLIMIT_NOFILE), before),
        "prlimit");
    situation::require(errno == 0, "errno after success");
}

void report_errors() {
    const rlimit crossed{20, 10};
    require_error(setrlimit(RLIMIT_NOFILE, &crossed), EINVAL, "a soft limit over the hard one");
    require_error(setrlimit(RLIMIT_AS, &crossed), EINVAL,
                  "a soft limit of address space over the hard one");
    const rlimit now = limit_of(RLIMIT_NOFILE);
    require_error(setrlimit(static_cast<__rlimit_resource>(30), &now), EINVAL, "no resource");
    require_error(prlimit(0, static_cast<__rlimit_resource>(30), nullptr, nullptr), EINVAL,
                  "no resource");
    require_error(prlimit(0x3FFFFFFF, RLIMIT_NOFILE, nullptr, nullptr), ESRCH, "no process");
    require_error(prlimit(0x3FFFFFFF, RLIMIT_AS, &now, nullptr), ESRCH, "no process");
    require_error(mlockall(0), EINVAL, "mlockall of nothing");
    require_error(mlockall(0x100), EINVAL, "mlockall with an unknown flag");
}

void limit_a_child() {
    const pid_t child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    const rlimit wanted{std::size_t{4} << 30, limit_of(RLIMIT_AS).rlim_max};
    situation::require(prlimit(child, RLIMIT_AS, &wanted, nullptr) == 0 &&
                           same(limit_of(RLIMIT_AS, child), wanted),
                       "a child's limit");
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}

// A limit above all reservations: the program goes on as before.
void limit_address_space() {
    const rlimit before = limit_of(RLIMIT_AS);
    const rlimit wanted{std::size_t{1} << 46, before.rlim_max};
    situation::require(setrlimit(RLIMIT_AS, &wanted) == 0 && same(limit_of(RLIMIT_AS), wanted),
                       "setrlimit of address space");
    situation::exercise();
    situation::require(setrlimit(RLIMIT_AS, &before) == 0 && same(limit_of(RLIMIT_AS), before),
                       "setrlimit back");
}

// In a child, since a released reservation does not come back: no right to lock
// memory.
void lock_memory() {
    const pid_t child = fork();
    if (child == 0) {
        const rlimit none{0, 0};
        situation::require(setrlimit(RLIMIT_MEMLOCK, &none) == 0, "setrlimit of locked memory");
        situation::require(geteuid() != 0 || setuid(65534) == 0, "setuid");
        require_error(mlockall(MCL_CURRENT), EPERM, "mlockall without a right to it");
        const rlimit more{1, 1};
        require_error(setrlimit(RLIMIT_MEMLOCK, &more), EPERM, "raising a hard limit");
        situation::exercise();
        _exit(0);
    }
    int status = 0;
    situation::require(
        waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
        "the child");
    situation::require(mlockall(MCL_FUTURE | MCL_ONFAULT) == 0 || errno == ENOMEM || errno == EPERM,
                       "mlockall of the future");
    situation::require(munlockall() == 0, "munlockall");
}

}  // namespace

int main() {
    situation::require_ashlar();
    come_through_ashlar();
    set_limits();
    report_errors();
    limit_a_child();
    limit_address_space();
    lock_memory();
    situation::exercise();
    situation::require_sound_heap();
    return 0;
}
