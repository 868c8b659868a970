// Starts the background thread, and keeps it out of the program's way. Replaces
// pthread_create, pthread_exit, unshare, setns, capset and prctl. In the
// drop-in only.
//
// The program's first pthread_create() also starts the background thread: the
// program holds no lock of libc there. A program that gives up rights, or
// filters its system calls, ends the thread for ever. From then on the library
// makes no call that malloc does not need.
#include <dlfcn.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <ctime>

#include "malloc/process/background.hpp"
#include "malloc/settings/settings.hpp"

namespace {

using ashlar::cache::background;
using ashlar::settings::Background;
using Create = ashlar::cache::Background::Create;

using Exit = void (*)(void*);

constinit ashlar::base::Atomic<Create> next_create{};
constinit ashlar::base::Atomic<Exit> next_exit{};

// libc's function.
template <class F>
F find(ashlar::base::Atomic<F>& next, const char* name) noexcept {
    F found = next.load(ashlar::base::rlx);  // relaxed: all threads find the same
    if (found != nullptr) return found;
    found = reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
    next.store(found, ashlar::base::rlx);
    return found;
}

// Waiting must not end the calling thread.
class Uncancelled {
  public:
    Uncancelled() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~Uncancelled() { pthread_setcancelstate(before_, nullptr); }
    Uncancelled(const Uncancelled&) = delete;
    Uncancelled& operator=(const Uncancelled&) = delete;

  private:
    int before_ = 0;
};

[[gnu::constructor]] void start_on_request() noexcept {
    if (ashlar::settings::environment().background == Background::on)
        background.start(find<Create>(next_create, "pthread_create"));
}

// For calls that fail in a process with several threads: ends the background
// thread if the call does, and calls again. A thread that was joined may still
// count for a moment.
template <class Call>
int call_alone(Call call) noexcept {
    constexpr timespec kMoment{0, 1000000};
    int result = call();
    if (result == 0 || errno != EINVAL) return result;
    Uncancelled uncancelled;
    if (!background.stop()) return result;
    for (int tries = 0; tries < 50; ++tries) {
        result = call();
        if (result == 0 || errno != EINVAL) break;
        nanosleep(&kMoment, nullptr);
    }
    return result;
}

// The rights that these options take belong to one thread, and filters are for
// all: the background thread would keep the rights, or break the filter.
bool takes_rights(int option) noexcept {
    switch (option) {
        case PR_SET_NO_NEW_PRIVS:
        case PR_SET_SECCOMP:
        case PR_SET_SECUREBITS:
        case PR_CAPBSET_DROP:
        case PR_CAP_AMBIENT: return true;
        default: return false;
    }
}

void forbid() noexcept {
    const int before = errno;
    Uncancelled uncancelled;
    background.forbid();
    errno = before;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*main)(void*),
                   void* argument) noexcept {
    const auto create = find<Create>(next_create, "pthread_create");
    if (create == nullptr) return EAGAIN;
    const int error = create(thread, attributes, main, argument);
    if (error == 0 && ashlar::settings::environment().background != Background::off)
        background.start(create);
    return error;
}

// The process ends when the last thread of the program does. So the background
// thread must not outlive the main thread, which may end before others.
void pthread_exit(void* result) {
    if (getpid() == static_cast<pid_t>(syscall(SYS_gettid))) forbid();
    find<Exit>(next_exit, "pthread_exit")(result);
    __builtin_unreachable();
}

int unshare(int flags) noexcept {
    return call_alone([=]() noexcept { return static_cast<int>(syscall(SYS_unshare, flags)); });
}
int setns(int file, int kind) noexcept {
    return call_alone([=]() noexcept { return static_cast<int>(syscall(SYS_setns, file, kind)); });
}
int capset(void* header, const void* data) noexcept {
    forbid();
    return static_cast<int>(syscall(SYS_capset, header, data));
}

int prctl(int option, ...) noexcept {
    std::va_list list;
    va_start(list, option);
    const unsigned long second = va_arg(list, unsigned long);
    const unsigned long third = va_arg(list, unsigned long);
    const unsigned long fourth = va_arg(list, unsigned long);
    const unsigned long fifth = va_arg(list, unsigned long);
    va_end(list);
    if (takes_rights(option)) forbid();
    return static_cast<int>(syscall(SYS_prctl, option, second, third, fourth, fifth));
}

}  // extern "C"
#pragma GCC visibility pop
