// guards CASE: one fault over a block of 24 bytes that lies beside a guard page
// (ASHLAR_GUARD_SAMPLE=1). It announces the block's address first.
#include <dlfcn.h>
#include <malloc.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kSize = 24;
char sink;

std::size_t page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

// At the end of its page, or at the beginning. Each miss gives another block,
// and other sizes of the class would hit.
char* block(bool at_end) {
    for (int i = 0; i < 400; ++i) {
        char* found = static_cast<char*>(std::malloc(kSize));
        const std::size_t within = reinterpret_cast<std::uintptr_t>(found) % page();
        if (malloc_usable_size(found) == kSize && within == (at_end ? page() - 32 : 0)) {
            std::fprintf(stderr, "block %p\n", static_cast<void*>(found));
            return found;
        }
    }
    std::_Exit(3);
}

void read_at(const char* at) { __atomic_store_n(&sink, __atomic_load_n(at, 0), 0); }
void write_at(char* at) { __atomic_store_n(at, char{7}, 0); }

char* freed() {
    char* found = block(true);
    std::free(found);
    return found;
}

[[noreturn]] void own_handler(int) {
    static constexpr char kText[] = "own handler\n";
    if (write(STDERR_FILENO, kText, sizeof kText - 1) < 0) _exit(2);
    _exit(42);
}

void in_another_thread() {
    char* found = nullptr;
    std::thread([&found] { found = freed(); }).join();
    write_at(found);
}

void under_own_handler(bool in_pool) {
    signal(SIGSEGV, own_handler);
    read_at(in_pool ? freed() : reinterpret_cast<char*>(std::uintptr_t{4096}));
}

void in_child() {
    char* found = block(true);
    const pid_t child = fork();
    if (child == 0) {
        std::free(found);
        read_at(found);
    }
    int status = 0;
    waitpid(child, &status, 0);
    found[0] = 1;  // still the parent's
    std::free(found);
    std::exit(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

// Uses the heap as any program does, beside guarded blocks.
void use() {
    std::vector<std::vector<char>> kept;
    for (std::size_t i = 0; i < 20000; ++i) {
        const std::size_t size = i * 37 % 5000;
        auto* some = static_cast<char*>(std::malloc(size));
        std::memset(some, 1, size);
        some = static_cast<char*>(std::realloc(some, size + 100));
        std::free(some);
        kept.emplace_back(i % 300);
        if (kept.size() > 500) kept.erase(kept.begin(), kept.begin() + 250);
        delete[] new (std::align_val_t{64}) long[7]{};
        auto* zeroed = static_cast<char*>(std::calloc(3, 1 + i % 1000));
        for (std::size_t j = 0; j < 3 * (1 + i % 1000); ++j) {
            if (zeroed[j] != 0) std::_Exit(4);
        }
        std::free(zeroed);
    }
}

void handler_is_default() {
    struct sigaction found {};
    sigaction(SIGSEGV, nullptr, &found);
    std::exit(found.sa_handler == SIG_DFL ? 0 : 1);
}

// With sixty guarded pages in use, and more.
void report() {
    std::vector<char*> kept(60);
    for (char*& each : kept) each = block(true);
    const auto write_report = reinterpret_cast<int (*)(int)>(dlsym(RTLD_DEFAULT, "ash_report"));
    if (write_report == nullptr || write_report(STDERR_FILENO) != 0) std::exit(1);
}

struct Case {
    const char* name;
    void (*run)();
};

const Case kCases[] = {
    {"read_behind", [] { read_at(block(true) + kSize + 8); }},
    {"write_behind", [] { write_at(block(true) + kSize + 11); }},
    {"read_before", [] { read_at(block(false) - 2); }},
    {"write_before", [] { write_at(block(false) - 1); }},
    {"read_freed", [] { read_at(freed()); }},
    {"write_freed", [] { write_at(freed() + 3); }},
    {"behind_freed", [] { write_at(freed() + kSize + 8); }},
    {"other_thread", in_another_thread},
    {"free_twice", [] { std::free(freed()); }},
    {"realloc_freed", [] { sink = *static_cast<char*>(std::realloc(freed(), 100)); }},
    {"free_inside", [] { std::free(block(true) + 8); }},
    {"free_behind", [] { std::free(block(true) + 64); }},
    {"free_before", [] { std::free(block(false) - 64); }},
    {"wrong_size", [] { ::operator delete (block(true), std::size_t{8}); }},
    {"overwritten_behind",
     [] {
         char* found = block(false);
         write_at(found + kSize + 3);
         std::free(found);
     }},
    {"overwritten_before",
     [] {
         char* found = block(true);
         write_at(found - 2);
         std::free(found);
     }},
    {"realloc_moves",
     [] {
         char* found = block(true);
         char* moved = static_cast<char*>(std::realloc(found, kSize - 1));
         if (moved == found) std::_Exit(5);
         read_at(found);
     }},
    {"elsewhere", [] { read_at(reinterpret_cast<char*>(std::uintptr_t{4096})); }},
    {"sent", [] { kill(getpid(), SIGSEGV); }},
    {"own_handler", [] { under_own_handler(false); }},
    {"own_handler_in_pool", [] { under_own_handler(true); }},
    {"child", in_child},
    {"use", use},
    {"handler_is_default", handler_is_default},
    {"report", report},
};

}  // namespace

int main(int argc, char** argv) {
    for (const Case& each : kCases) {
        if (argc != 2 || std::strcmp(each.name, argv[1]) != 0) continue;
        each.run();
        return 0;
    }
    std::fputs("usage: guards CASE\n", stderr);
    return 2;
}
