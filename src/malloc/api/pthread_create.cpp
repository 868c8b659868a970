// Starts the background thread, and keeps it out of the program's way. Replaces
// pthread_create, unshare, setns and prctl. In the drop-in only.
//
// The program's first pthread_create() also starts the background thread: the
// program holds no lock of libc there. unshare() and setns() fail in processes
// with several threads, so that the background thread ends before. A program
// that filters its system calls first asks for that by prctl(). From then on
// the library makes no call that malloc does not need.
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

constinit ashlar::base::Atomic<Create> next_create{};

Create find_create() noexcept {
    Create found = next_create.load(ashlar::base::rlx);  // relaxed: all threads find the same
    if (found != nullptr) return found;
    found = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
    next_create.store(found, ashlar::base::rlx);
    return found;
}

[[gnu::constructor]] void start_on_request() noexcept {
    if (ashlar::settings::environment().background == Background::on)
        background.start(find_create());
}

// A thread that was joined may still count for a moment.
template <class Call>
int call_alone(Call call) noexcept {
    constexpr timespec kMoment{0, 1000000};
    const bool stopped = background.stop();
    int result = call();
    for (int tries = 0; stopped && result != 0 && errno == EINVAL && tries < 50; ++tries) {
        nanosleep(&kMoment, nullptr);
        result = call();
    }
    return result;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*main)(void*),
                   void* argument) noexcept {
    const Create create = find_create();
    if (create == nullptr) return EAGAIN;
    const int error = create(thread, attributes, main, argument);
    if (error == 0 && ashlar::settings::environment().background != Background::off)
        background.start(create);
    return error;
}

int unshare(int flags) noexcept {
    return call_alone([=]() noexcept { return static_cast<int>(syscall(SYS_unshare, flags)); });
}
int setns(int file, int kind) noexcept {
    return call_alone([=]() noexcept { return static_cast<int>(syscall(SYS_setns, file, kind)); });
}

int prctl(int option, ...) noexcept {
    std::va_list list;
    va_start(list, option);
    const unsigned long second = va_arg(list, unsigned long);
    const unsigned long third = va_arg(list, unsigned long);
    const unsigned long fourth = va_arg(list, unsigned long);
    const unsigned long fifth = va_arg(list, unsigned long);
    va_end(list);
    if (option == PR_SET_NO_NEW_PRIVS || option == PR_SET_SECCOMP) background.forbid();
    return static_cast<int>(syscall(SYS_prctl, option, second, third, fourth, fifth));
}

}  // extern "C"
#pragma GCC visibility pop
