// Programs that go up and down at an edge: of a slab, a run, or the cap of free
// memory. Such a program may make at most 10 system calls in a million
// operations. A tracer counts them; status 77: tracing is not permitted.
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <csignal>
#include <ctime>
#include <vector>

#include "situation.hpp"

namespace {

using situation::require;

constexpr long kOperations = 1000000;
constexpr long kMost = 10;

void mark() { syscall(SYS_getppid); }

// `count` blocks of `size` stay; then `more` are allocated, touched and freed
// again and again.
void waves(std::size_t count, std::size_t more, std::size_t size) {
    std::vector<char*> kept(count);
    for (char*& block : kept) {
        block = static_cast<char*>(std::malloc(size));
        block[0] = 1;
    }
    std::vector<char*> blocks(more);
    const auto wave = [&] {
        for (char*& block : blocks) {
            block = static_cast<char*>(std::malloc(size));
            for (std::size_t i = 0; i < size; i += 16384) block[i] = 1;
        }
        for (char* block : blocks) std::free(block);
    };
    for (int i = 0; i < 20; ++i) wave();
    mark();
    for (long left = kOperations; left > 0; left -= static_cast<long>(2 * more)) wave();
    mark();
    _exit(0);
}

// System calls of the child between its two marks. -1: tracing is not
// permitted.
long count_calls(void (*program)()) {
    const pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(situation::skipped);
        raise(SIGSTOP);
        program();
    }
    int status = 0;
    require(waitpid(child, &status, 0) == child, "waitpid");
    if (WIFEXITED(status)) return -1;
    ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    long stops = 0;
    unsigned marks = 0;
    for (;;) {
        require(ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0, "PTRACE_SYSCALL");
        require(waitpid(child, &status, 0) == child, "waitpid");
        if (WIFEXITED(status)) break;
        if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
        __ptrace_syscall_info info{};
        ptrace(static_cast<__ptrace_request>(PTRACE_GET_SYSCALL_INFO), child, sizeof info, &info);
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
        if (info.entry.nr == SYS_getppid) ++marks;
        if (marks == 1) ++stops;
    }
    require(WEXITSTATUS(status) == 0 && marks == 2, "the traced program");
    return stops - 1;  // the first mark
}

void at_a_slab() { waves(0, 65, 1024); }
void at_many_slabs() { waves(2000, 300, 32768); }
void at_a_run() { waves(7, 1, 200000); }
void at_a_long_run() { waves(3, 1, 3 << 20); }
void at_some_runs() { waves(20, 40, 300000); }
void at_the_cap() { waves(0, 700, 65536); }
void above_the_cap() { waves(100, 2000, 65536); }

}  // namespace

int main() {
    situation::require_ashlar();
    struct Case {
        const char* name;
        void (*program)();
    };
    constexpr Case cases[] = {
        {"a slab", at_a_slab},           {"many slabs", at_many_slabs}, {"a run", at_a_run},
        {"a long run", at_a_long_run},   {"some runs", at_some_runs},   {"the cap", at_the_cap},
        {"above the cap", above_the_cap}};
    bool few = true;
    for (const Case& each : cases) {
        const long calls = count_calls(each.program);
        if (calls < 0) return situation::skipped;
        std::printf("%s: %ld system calls in a million operations\n", each.name, calls);
        std::fflush(stdout);
        few = few && calls <= kMost;
    }
    require(few, "too many system calls");
    return 0;
}
