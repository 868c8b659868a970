// exit_barriers: how many barriers the library puts into its threads at exit,
// while 1,000 of them sleep. The program stands between the library and libc's
// syscall(). Without arguments it starts itself, and reads the count then.
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "situation.hpp"

extern "C" char** environ;

namespace {

using situation::require;

constexpr int kThreads = 1000;
// Three for each eight caches, and some for those of threads that came first.
constexpr std::uint32_t kMost = 3 * (kThreads / 8) + 12;

std::uint32_t* barriers = nullptr;  // of the parent too; null before main()

using Call = long (*)(long, ...);

sem_t ready;

void* sleep_with_a_cache(void*) {
    std::free(std::malloc(100));
    sem_post(&ready);
    for (;;) pause();
}

std::uint32_t* shared_counter(int file) {
    void* const mapped = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    require(mapped != MAP_FAILED, "no memory is shared");
    return static_cast<std::uint32_t*>(mapped);
}

// 77: the machine lacks room for so many threads.
int end_with_threads(int file) {
    sem_init(&ready, 0, 0);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 128 * 1024);
    for (int i = 0; i < kThreads; ++i) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, sleep_with_a_cache, nullptr) != 0) return 77;
    }
    for (int i = 0; i < kThreads; ++i) sem_wait(&ready);
    barriers = shared_counter(file);
    return 0;
}

}  // namespace

extern "C" [[gnu::visibility("default")]] long syscall(long number, ...) noexcept {
    static const auto next = reinterpret_cast<Call>(dlsym(RTLD_NEXT, "syscall"));
    if (number == SYS_membarrier && barriers != nullptr)
        __atomic_fetch_add(barriers, 1, __ATOMIC_RELAXED);
    long words[6];
    va_list arguments;
    va_start(arguments, number);
    for (long& word : words) word = va_arg(arguments, long);
    va_end(arguments);
    return next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

int main(int argc, char** argv) {
    situation::require_ashlar();
    if (argc > 1) return end_with_threads(std::atoi(argv[1]));
    const int file = memfd_create("barriers", 0);
    require(file >= 0 && ftruncate(file, 4096) == 0, "no memory is shared");
    std::uint32_t* const count = shared_counter(file);
    const std::string number = std::to_string(file);
    char* const arguments[] = {argv[0], const_cast<char*>(number.c_str()), nullptr};
    pid_t child = 0;
    require(posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments, environ) == 0,
            "the program does not start itself");
    int status = 0;
    require(waitpid(child, &status, 0) == child && WIFEXITED(status), "the child did not end");
    if (WEXITSTATUS(status) != 0) return WEXITSTATUS(status);
    std::printf("%u barriers at exit\n", *count);
    require(*count != 0, "no cache was looked at");
    require(*count <= kMost, "more barriers than eight caches share");
    return 0;
}
