// Linked into the tests of a coverage build: what ends without running its exit handlers writes its counts first. By a signal
// handler and in the place of libc's _exit, so that no test and no source has a word about it.
#include <csignal>

#include <sys/syscall.h>
#include <unistd.h>

extern "C" void __gcov_dump();

namespace {

[[gnu::constructor]] void count_aborts() {
    std::signal(SIGABRT, [](int) {
        __gcov_dump();
        std::signal(SIGABRT, SIG_DFL);
        std::raise(SIGABRT);  // comes when this handler has returned
    });
}

}  // namespace

extern "C" void _exit(int status) {
    __gcov_dump();
    for (;;) syscall(SYS_exit_group, status);
}
