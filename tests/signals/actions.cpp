// signal_actions: what sigaction() and its kin promise, with ASHLAR_SIGNALS=1
// and without. The program's argument: whether handlers are wrapped (1 or 0).
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
using Plain = void (*)(int);
Plain sysv_signal(int number, Plain handler) noexcept;
Plain bsd_signal(int number, Plain handler) noexcept;
Plain sigset(int number, Plain handler) noexcept;
}

namespace {

int faults = 0;
void require(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "signal_actions: %s\n", what);
    ++faults;
}

// The handlers of this page.
int calls = 0;
int last_number = 0;
siginfo_t last_info;
bool mask_has_usr2 = false;
bool on_alternate = false;
bool has_context = false;

void note(int number) {
    ++calls;
    last_number = number;
    sigset_t mask;
    sigprocmask(SIG_BLOCK, nullptr, &mask);
    mask_has_usr2 = sigismember(&mask, SIGUSR2) == 1;
    stack_t stack{};
    sigaltstack(nullptr, &stack);
    on_alternate = (stack.ss_flags & SS_ONSTACK) != 0;
    std::free(std::malloc(100));
}
void plain(int number) {
    note(number);
    errno = EDOM;
}
void informed(int number, siginfo_t* info, void* context) {
    note(number);
    last_info = *info;
    has_context = context != nullptr;
}
void other(int number) { note(number + 1000); }

struct sigaction now(int number) {
    struct sigaction found {};
    require(sigaction(number, nullptr, &found) == 0, "a query fails");
    return found;
}

// Whether the kernel has the program's handler itself. Around the library, by
// libc's own function.
bool kernel_has(int number, Plain handler) {
    using Action = int (*)(int, const struct sigaction*, struct sigaction*);
    void* const libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    const auto action = reinterpret_cast<Action>(dlsym(libc, "sigaction"));
    struct sigaction found {};
    require(action(number, nullptr, &found) == 0, "libc's query fails");
    return found.sa_handler == handler;
}

struct sigaction make(Plain handler, int flags) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigemptyset(&action.sa_mask);
    return action;
}

void queries(bool wrapped) {
    struct sigaction before {};
    struct sigaction action = make(plain, SA_RESTART | SA_NODEFER);
    sigaddset(&action.sa_mask, SIGUSR2);
    require(now(SIGUSR1).sa_handler == SIG_DFL, "the first handler is not the default");
    require(sigaction(SIGUSR1, &action, &before) == 0 && before.sa_handler == SIG_DFL,
            "the default is not returned");
    require(kernel_has(SIGUSR1, plain) == !wrapped, "the handler is wrapped, or is not");
    const struct sigaction found = now(SIGUSR1);
    require(found.sa_handler == plain, "a query does not return the program's handler");
    require((found.sa_flags & (SA_RESTART | SA_NODEFER | SA_SIGINFO | SA_ONSTACK)) ==
                (SA_RESTART | SA_NODEFER),
            "a query returns other flags");
    require(sigismember(&found.sa_mask, SIGUSR2) == 1, "a query returns another mask");
    errno = 7;
    raise(SIGUSR1);
    // As each thread has an errno of its own, only the wrapper keeps it.
    require(calls == 1 && last_number == SIGUSR1 && mask_has_usr2, "the handler was not called");
    require(errno == (wrapped ? 7 : EDOM), "errno");
    // Set again what a query returned: the program's own handler.
    require(sigaction(SIGUSR1, &found, &before) == 0 && before.sa_handler == plain,
            "the handler is not returned");
    raise(SIGUSR1);
    require(calls == 2, "the handler that was set again was not called");
    require(siginterrupt(SIGUSR1, 1) == 0 && now(SIGUSR1).sa_handler == plain &&
                (now(SIGUSR1).sa_flags & SA_RESTART) == 0,
            "siginterrupt");
    siginterrupt(SIGUSR1, 0);  // signal() would remember the other
    require(sigaction(SIGKILL, &action, nullptr) == -1 && errno == EINVAL, "SIGKILL");
    require(sigaction(-1, &action, nullptr) == -1 && errno == EINVAL, "-1");
    require(sigaction(1000, &action, nullptr) == -1 && errno == EINVAL, "1000");
}

void flags() {
    calls = 0;
    struct sigaction action = make(nullptr, static_cast<int>(SA_SIGINFO | SA_RESETHAND));
    action.sa_sigaction = informed;
    sigaction(SIGUSR1, &action, nullptr);
    require((now(SIGUSR1).sa_flags & SA_SIGINFO) != 0 && now(SIGUSR1).sa_sigaction == informed,
            "SA_SIGINFO is not returned");
    sigval value{};
    value.sival_int = 4711;
    sigqueue(getpid(), SIGUSR1, value);
    require(calls == 1 && last_info.si_value.sival_int == 4711 && has_context, "SA_SIGINFO");
    require(now(SIGUSR1).sa_handler == SIG_DFL, "SA_RESETHAND");
    static char memory[64 * 1024];
    stack_t stack{};
    stack.ss_sp = memory;
    stack.ss_size = sizeof memory;
    sigaltstack(&stack, nullptr);
    action = make(plain, SA_ONSTACK);
    sigaction(SIGUSR1, &action, nullptr);
    raise(SIGUSR1);
    require(calls == 2 && on_alternate, "SA_ONSTACK");
    action = make(plain, 0);
    sigaction(SIGUSR1, &action, nullptr);
    raise(SIGUSR1);
    require(calls == 3 && !on_alternate, "without SA_ONSTACK");
    action = make(SIG_IGN, 0);
    sigaction(SIGUSR1, &action, nullptr);
    require(kernel_has(SIGUSR1, SIG_IGN) && now(SIGUSR1).sa_handler == SIG_IGN, "SIG_IGN");
    raise(SIGUSR1);
    require(calls == 3, "SIG_IGN calls the handler");
}

void old_functions() {
    calls = 0;
    require(signal(SIGUSR1, plain) == SIG_IGN, "signal returns no SIG_IGN");
    require(signal(SIGUSR1, other) == plain, "signal does not return the handler");
    require((now(SIGUSR1).sa_flags & SA_RESTART) != 0, "signal without SA_RESTART");
    raise(SIGUSR1);
    require(last_number == SIGUSR1 + 1000, "signal");
    require(sysv_signal(SIGUSR1, plain) == other, "sysv_signal does not return the handler");
    raise(SIGUSR1);
    require(now(SIGUSR1).sa_handler == SIG_DFL && calls == 2, "sysv_signal");
    require(bsd_signal(SIGUSR1, plain) == SIG_DFL, "bsd_signal");
    require(sigset(SIGUSR1, other) == plain, "sigset does not return the handler");
    require(sigset(SIGUSR1, SIG_DFL) == other, "sigset does not return the second one");
    require(signal(SIGKILL, plain) == SIG_ERR, "signal(SIGKILL)");
}

// More handlers for one signal than have a wrapper each: the others are called
// as they are.
template <int i>
void numbered(int number) {
    ++calls;
    last_number = number + i;
}
template <int i>
void install_each() {
    require(signal(SIGUSR2, numbered<i>) != SIG_ERR, "signal fails");
    require(now(SIGUSR2).sa_handler == numbered<i>, "one of many handlers is not returned");
    raise(SIGUSR2);
    require(last_number == SIGUSR2 + i, "one of many handlers is not called");
    if constexpr (i > 0) install_each<i - 1>();
}

void children(char** argv) {
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, plain);
    const pid_t child = fork();
    if (child == 0) {
        raise(SIGUSR1);
        raise(SIGUSR2);
        char* const arguments[] = {argv[0], argv[1], const_cast<char*>("child"), nullptr};
        execv(argv[0], arguments);
        _exit(9);
    }
    int status = -1;
    waitpid(child, &status, 0);
    require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child of exec");
}

}  // namespace

int main(int argc, char** argv) {
    const bool wrapped = argc > 1 && argv[1][0] == '1';
    if (argc > 2) {  // after exec: ignored signals are, handlers are not there
        require(now(SIGUSR1).sa_handler == SIG_IGN, "SIG_IGN did not outlive exec");
        require(now(SIGUSR2).sa_handler == SIG_DFL, "a handler outlived exec");
        return faults;
    }
    queries(wrapped);
    flags();
    old_functions();
    install_each<19>();
    children(argv);
    return faults == 0 ? 0 : 1;
}
