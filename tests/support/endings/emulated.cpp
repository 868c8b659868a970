// Linked into the tests that run under qemu-user. When a signal ends a program,
// qemu-user adds a line to stderr, which the tests of messages do not expect.
// The kernel cannot start programs of another processor, so a test that starts
// itself again must name the emulator.
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>

#include <unistd.h>

namespace {

std::array<char, PATH_MAX> own_path;

[[gnu::constructor]] void prepare() {
    if (realpath("/proc/self/exe", own_path.data()) == nullptr) own_path[0] = '\0';
    std::signal(SIGABRT, [](int) {
        close(STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL);
        std::raise(SIGABRT);  // delivered when this handler returns
    });
}

}  // namespace

// Replaces libc's, for GoogleTest's death tests, which start their own program.
// They call it on a stack of a single page.
extern "C" int execv(const char*, char* const* arguments) noexcept {
    static std::array<const char*, 64> all{ASHLAR_EMULATOR, own_path.data()};
    std::size_t count = 0;
    while (all[count] != nullptr) ++count;
    for (char* const* argument = arguments + 1; *argument != nullptr; ++argument) {
        if (count + 1 == all.size()) {
            errno = E2BIG;
            return -1;
        }
        all[count++] = *argument;
    }
    return execve(all[0], const_cast<char* const*>(all.data()), environ);
}
