// Runs a program in a sandbox whose kernel refuses some calls, as containers
// and hardened systems do:
//   refuse map BYTES PRELOAD PROGRAM ARGS...     mappings of BYTES or more: ENOMEM
//   refuse advice 0 PRELOAD PROGRAM ARGS...      every madvise: EINVAL
//   refuse remap 0 PRELOAD PROGRAM ARGS...       every mremap: ENOMEM
// Status 77: no seccomp here.
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr std::uint32_t length_low = offsetof(seccomp_data, args) + 8;  // argument 1, little-endian
constexpr std::uint32_t length_high = length_low + 4;

bool install(const sock_filter* filter, std::size_t size) {
    const sock_fprog program{static_cast<unsigned short>(size), const_cast<sock_filter*>(filter)};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool refuse_call(std::uint32_t number, std::uint32_t error) {
    const sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return install(filter, std::size(filter));
}

bool refuse_maps(std::uint64_t bytes) {
    const auto low = static_cast<std::uint32_t>(bytes);
    const auto high = static_cast<std::uint32_t>(bytes >> 32);
    const sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 6),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, length_high),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, high, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, length_low),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, low, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return install(filter, std::size(filter));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    const std::string_view what = argv[1];
    bool done = false;
    if (what == "map") done = refuse_maps(std::strtoull(argv[2], nullptr, 10));
    if (what == "advice") done = refuse_call(SYS_madvise, EINVAL);
    if (what == "remap") done = refuse_call(SYS_mremap, ENOMEM);
    if (!done) {
        std::perror("refuse: seccomp");
        return 77;
    }
    setenv("LD_PRELOAD", argv[3], 1);
    execv(argv[4], argv + 4);
    std::perror(argv[4]);
    return 127;
}
