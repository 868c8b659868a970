#include "report_faults.hpp"

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ashlar/ashlar.h>

namespace misuse {

namespace {

std::atomic<bool> open_faults{false};
std::atomic<bool> open_lingers{false};
std::atomic<int> in_open{0};

void say(const char* text) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) _exit(2);
}

// In the report of one thread at a time.
void linger() {
    if (in_open++ != 0) say("two reports at once\n");
    usleep(200000);
    --in_open;
}

struct Blocks {
    char* before;
    char* block;
    char* after;
};

Blocks three_blocks() {
    const auto take = [] { return static_cast<char*>(std::malloc(40)); };
    Blocks blocks{take(), take(), take()};
    std::memset(blocks.block, 0x5a, 40);
    return blocks;
}

}  // namespace

void free_twice() {
    void* const block = three_blocks().block;
    std::free(block);
    std::free(block);
}

namespace {

// On another stack.
void run_in_handler(void (*handler)(int)) {
    static char stack[32768];
    const stack_t other{stack, 0, sizeof stack};
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK;
    sigfillset(&action.sa_mask);
    if (sigaltstack(&other, nullptr) != 0 || sigaction(SIGUSR1, &action, nullptr) != 0) _exit(3);
    static_cast<void>(raise(SIGUSR1));
}

}  // namespace

void in_a_signal_handler() {
    run_in_handler([](int) { free_twice(); });
}
void in_a_signal_handler_with_garbled_tables() {
    run_in_handler([](int) { with_garbled_tables(); });
}

void in_another_thread() { std::thread(free_twice).join(); }

void with_a_garbled_slab() {
    char* const block = three_blocks().block;
    const auto unit = reinterpret_cast<std::uintptr_t>(block) & ~std::uintptr_t{0xffff};
    std::memset(reinterpret_cast<void*>(unit), 0xff, 0x10000);
    std::free(block);
    std::free(block);
}

// The descriptions of heaps, by which the report finds their tables.
void with_garbled_tables() {
    char* const block = three_blocks().block;
    std::ifstream maps("/proc/self/maps");
    std::vector<std::uintptr_t> found;
    for (std::string line; std::getline(maps, line);) {
        if (line.find("rw-p") == std::string::npos) continue;
        const std::uintptr_t start = std::strtoul(line.c_str(), nullptr, 16);
        if (std::memcmp(reinterpret_cast<void*>(start), "ashlar heap ", 12) == 0)
            found.push_back(start);
    }
    if (found.empty()) _exit(4);
    // Behind the magic, the version and what makes the description valid.
    for (const std::uintptr_t each : found)
        std::memset(reinterpret_cast<void*>(each + 64), 0x5a, 96);
    std::free(block);
    std::free(block);
}

namespace {

using SetHandler = int (*)(ash_report_handler, void*);

void set_handler(ash_report_handler handler, void* user) {
    const auto set = reinterpret_cast<SetHandler>(dlsym(RTLD_DEFAULT, "ash_set_report_handler"));
    if (set == nullptr || set(handler, user) != 0) _exit(5);
}

void describe(const ash_fault* fault, void* user) {
    char text[600];
    std::snprintf(text, sizeof text, "handler %s: %d %zu %s [%s]\n", static_cast<char*>(user),
                  fault->kind, fault->size,
                  fault->frames > 0 && fault->stack[0] != 0 ? "stack" : "", fault->text);
    say(text);
}

char mine[] = "mine";

}  // namespace

void describe_faults() { set_handler(describe, mine); }

void with_a_handler() {
    describe_faults();
    free_twice();
}

void without_the_handler() {
    set_handler(describe, mine);
    set_handler(nullptr, nullptr);
    free_twice();
}

void with_a_handler_that_exits() {
    set_handler([](const ash_fault*, void*) { _exit(9); }, nullptr);
    free_twice();
}

namespace {

jmp_buf place;

}  // namespace

void with_a_handler_that_jumps() {
    set_handler(
        [](const ash_fault*, void*) {
            say("jump\n");
            longjmp(place, 1);
        },
        nullptr);
    static std::atomic<int> faults{0};
    if (setjmp(place) != 0 && faults == 2) {
        for (int i = 0; i < 1000; ++i) std::free(std::malloc(64));
        _exit(0);
    }
    ++faults;
    free_twice();
}

void with_a_handler_that_frees_twice() {
    set_handler(
        [](const ash_fault*, void*) {
            say("once\n");
            free_twice();
        },
        nullptr);
    free_twice();
}

// Each has printed its line before the other's handler returns.
void in_two_threads() {
    static std::atomic<int> ready{0};
    set_handler([](const ash_fault*, void*) { usleep(500000); }, nullptr);
    const auto run = [] {
        std::free(std::malloc(1));
        ++ready;
        while (ready < 2) {
        }
        free_twice();
    };
    std::thread other(run);
    run();
    other.join();
}

// Each ends when the other has reported too.
void of_two_threads_in_a_file() {
    static std::atomic<int> reported{0};
    set_handler(
        [](const ash_fault*, void*) {
            ++reported;
            while (reported < 2) usleep(1000);
            usleep(10000);
            _exit(8);
        },
        nullptr);
    open_lingers = true;
    std::thread(free_twice).detach();
    free_twice();
}

void in_a_file_that_gets_full() {
    const rlimit limit{100, 100};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(3);
    free_twice();
}

void on_a_pipe_that_nobody_reads() {
    int ends[2];
    if (pipe(ends) != 0) _exit(3);
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    free_twice();
}

void while_signals_are_handled() {
    static_cast<void>(signal(SIGUSR1, [](int) { say("not this one\n"); }));
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
    free_twice();
}

void without_stderr() {
    close(STDERR_FILENO);
    free_twice();
}

void with_a_fault_in_the_report() {
    open_faults = true;
    free_twice();
}

void of_no_block() {
    static int word;
    void* address = &word;
    std::free(address);
}

}  // namespace misuse

// The library's calls come here too: the program exports it.
extern "C" int open(const char* path, int flags, ...) {
    if (misuse::open_faults) static_cast<void>(raise(SIGSEGV));
    if (misuse::open_lingers && std::strncmp(path, "report.", 7) == 0) misuse::linger();
    constexpr mode_t kOwnersOnly = 0600;
    return openat(AT_FDCWD, path, flags, kOwnersOnly);
}
