// signal_lacking: sigaction's kin where libc has sigaction() only. The library
// looks for the others by the dlsym() of this program, which finds none.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <dlfcn.h>

extern "C" {
using Plain = void (*)(int);
int libcs_sigaction(int number, const struct sigaction* wanted, struct sigaction* before) noexcept
    asm("__sigaction");
Plain bsd_signal(int number, Plain handler) noexcept;
Plain ssignal(int number, Plain handler) noexcept;
Plain sysv_signal(int number, Plain handler) noexcept;
Plain libcs_sysv_signal(int number, Plain handler) noexcept asm("__sysv_signal");
Plain sigset(int number, Plain handler) noexcept;
}

namespace {

using Find = void* (*)(void*, const char*);

// libc's own: the library's functions have no version.
void* find_in_libc(const char* name) {
    for (const char* version : {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5"}) {
        if (void* found = dlvsym(RTLD_NEXT, name, version); found != nullptr) return found;
    }
    return nullptr;
}

int withheld = 0;
bool is_lacking(const char* name) {
    for (const char* each : {"__sigaction", "signal", "bsd_signal", "ssignal", "sysv_signal",
                             "__sysv_signal", "sigset"}) {
        if (std::strcmp(name, each) == 0) return true;
    }
    return false;
}

int faults = 0;
void require(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "signal_lacking: %s\n", what);
    ++faults;
}

int calls = 0;
void plain(int) {
    ++calls;
    std::free(std::malloc(100));
}
void other(int) { calls += 100; }

struct sigaction now() {
    struct sigaction found {};
    sigaction(SIGUSR1, nullptr, &found);
    return found;
}
constexpr int kFlags = static_cast<int>(SA_RESTART | SA_RESETHAND | SA_NODEFER);

void like_bsd(Plain (*function)(int, Plain), const char* name) {
    calls = 0;
    signal(SIGUSR1, SIG_DFL);
    require(function(SIGUSR1, plain) == SIG_DFL, name);
    require(function(SIGUSR1, plain) == plain && (now().sa_flags & kFlags) == SA_RESTART, name);
    raise(SIGUSR1);
    raise(SIGUSR1);
    require(calls == 2 && now().sa_handler == plain, name);
    require(function(SIGKILL, plain) == SIG_ERR && errno == EINVAL, name);
    require(function(SIGUSR1, SIG_ERR) == SIG_ERR && errno == EINVAL, name);
}

void like_sysv(Plain (*function)(int, Plain), const char* name) {
    calls = 0;
    signal(SIGUSR1, other);
    require(function(SIGUSR1, plain) == other, name);
    require((now().sa_flags & kFlags) == static_cast<int>(SA_RESETHAND | SA_NODEFER), name);
    raise(SIGUSR1);
    require(calls == 1 && now().sa_handler == SIG_DFL, name);
}

void like_sigset() {
    calls = 0;
    signal(SIGUSR1, other);
    require(sigset(SIGUSR1, SIG_HOLD) == other, "sigset does not return the handler");
    raise(SIGUSR1);
    require(calls == 0, "SIG_HOLD does not block the signal");
    require(sigset(SIGUSR1, plain) == SIG_HOLD, "sigset does not say that it was blocked");
    require(calls == 1 && now().sa_handler == plain, "sigset does not unblock the signal");
    require(sigset(1000, plain) == SIG_ERR && errno == EINVAL, "sigset(1000)");
}

}  // namespace

extern "C" void* dlsym(void* handle, const char* name) noexcept {
    if (is_lacking(name)) {
        ++withheld;
        return nullptr;
    }
    if (handle == RTLD_NEXT) return find_in_libc(name);
    return reinterpret_cast<Find>(find_in_libc("dlsym"))(handle, name);
}

int main() {
    require(withheld == 7, "the library has found the names");
    struct sigaction action {};
    action.sa_handler = plain;
    require(libcs_sigaction(SIGUSR1, &action, nullptr) == 0 && now().sa_handler == plain,
            "__sigaction");
    like_bsd(signal, "signal");
    like_bsd(bsd_signal, "bsd_signal");
    like_bsd(ssignal, "ssignal");
    like_sysv(sysv_signal, "sysv_signal");
    like_sysv(libcs_sysv_signal, "__sysv_signal");
    like_sigset();
    return faults == 0 ? 0 : 1;
}
