// Linked into the tests that run under qemu-user. It adds a line of its own to stderr when a signal ends a program, which no
// test of a message expects; and the kernel can't start programs of another processor, so that a test that starts itself again
// must name the emulator.
#include <array>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <vector>

#include <unistd.h>

namespace {

[[gnu::constructor]] void end_silently() {
    std::signal(SIGABRT, [](int) {
        close(STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL);
        std::raise(SIGABRT);  // comes when this handler has returned
    });
}

}  // namespace

// In the place of libc's, for GoogleTest's death tests.
extern "C" int execv(const char* program, char* const* arguments) noexcept {
    std::array<char, PATH_MAX> path;
    if (realpath(program, path.data()) == nullptr) return -1;
    std::vector<const char*> all = {ASHLAR_EMULATOR, path.data()};
    for (char* const* argument = arguments + 1; *argument != nullptr; ++argument) all.push_back(*argument);
    all.push_back(nullptr);
    return execve(all[0], const_cast<char* const*>(all.data()), environ);
}
