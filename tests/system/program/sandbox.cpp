// A seccomp filter as a sandbox has it: it knows the calls that the C library's
// malloc makes, and of madvise only the advice that malloc gives. Every other
// call ends the process. The workload then uses blocks of every size in several
// threads.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <thread>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "commands.hpp"

namespace commands {

using measure::require;

namespace {

#if defined(__x86_64__)
long long third_argument(const ucontext_t& context) { return context.uc_mcontext.gregs[REG_RDX]; }
#else
long long third_argument(const ucontext_t& context) {
    return static_cast<long long>(context.uc_mcontext.regs[2]);
}
#endif

constexpr std::uint32_t allowed_advice[] = {MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE};

constexpr std::uint32_t allowed_calls[] = {
    // malloc
    SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_futex, SYS_getrandom,
    SYS_sched_getaffinity,
    // threads
    SYS_clone, SYS_clone3, SYS_set_robust_list, SYS_rseq, SYS_rt_sigprocmask, SYS_rt_sigaction,
    SYS_exit, SYS_exit_group, SYS_gettid, SYS_getpid, SYS_tgkill, SYS_sched_yield,
    // the C library reads the number of processors, and the program its own
    // figures
    SYS_openat, SYS_read, SYS_pread64, SYS_close, SYS_newfstatat, SYS_fstat, SYS_lseek, SYS_write,
    SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_rt_sigreturn, SYS_restart_syscall};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, field))
#define UNLESS(value, steps) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (steps))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))

void say(const char* text, std::size_t length) {
    if (write(2, text, length) < 0) _exit(3);
}

/// The filter's end of a process, with a line that names the call.
void report_call(int, siginfo_t* info, void* context) {
    char text[128];
    const int length =
        std::snprintf(text, sizeof text, "the sandbox ends call %d, argument 3: %lld\n",
                      info->si_syscall, third_argument(*static_cast<ucontext_t*>(context)));
    say(text, static_cast<std::size_t>(length));
    _exit(128 + SIGSYS);
}

void install_handler() {
    struct sigaction action {};
    action.sa_sigaction = report_call;
    action.sa_flags = SA_SIGINFO;
    require(sigaction(SIGSYS, &action, nullptr) == 0, "sigaction");
}

void install_filter() {
    sock_filter filter[128];
    std::size_t count = 0;
    const auto add = [&](sock_filter step) { filter[count++] = step; };
    add(LOAD(nr));
    for (const std::uint32_t call : allowed_calls) {
        add(UNLESS(call, 1));
        add(ANSWER(SECCOMP_RET_ALLOW));
    }
    add(UNLESS(SYS_madvise, 1 + 2 * std::size(allowed_advice)));
    add(LOAD(args[2]));
    for (const std::uint32_t advice : allowed_advice) {
        add(UNLESS(advice, 1));
        add(ANSWER(SECCOMP_RET_ALLOW));
    }
    add(ANSWER(SECCOMP_RET_TRAP));
    const sock_fprog program{static_cast<unsigned short>(count), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        measure::skip("there is no seccomp");
    }
}

#undef LOAD
#undef UNLESS
#undef ANSWER

/// Blocks of 16 bytes to 40 MiB: allocated, grown, given back in two orders,
/// and once more.
void work() {
    constexpr std::size_t count = 12;
    void* blocks[count];
    for (std::size_t round = 0; round < 3; ++round) {
        for (std::size_t size = 16; size <= 40 * measure::mib; size *= 3) {
            const std::size_t live = size > measure::mib ? 2 : count;
            for (std::size_t i = 0; i < live; ++i) {
                blocks[i] = i % 2 == 0 ? std::malloc(size) : std::calloc(1, size);
                require(blocks[i] != nullptr, "malloc");
                std::memset(blocks[i], 1, size < measure::mib ? size : measure::mib);
                if (i % 3 == 0) blocks[i] = std::realloc(blocks[i], 2 * size);
                require(blocks[i] != nullptr, "realloc");
            }
            for (std::size_t i = 0; i < live; ++i) {
                std::free(blocks[round % 2 == 0 ? i : live - 1 - i]);
            }
        }
    }
}

/// 40 MiB of small blocks at once: slabs of one class that no block was in
/// before.
void burst_of_small() {
    constexpr std::size_t count = 40 * measure::kib;
    static void* blocks[count];
    for (auto& block : blocks) {
        block = std::malloc(measure::kib);
        require(block != nullptr, "malloc");
        std::memset(block, 1, measure::kib);
    }
    for (auto& block : blocks) std::free(block);
}

}  // namespace

void sandbox(Arguments) {
    install_handler();
    install_filter();
    burst_of_small();
    work();
    std::thread threads[4];
    for (auto& thread : threads) thread = std::thread(work);
    for (auto& thread : threads) thread.join();
    measure::rest_ms(600);
    work();
    malloc_trim(0);
    work();
    measure::figure("works", 1);
}

}  // namespace commands
