// at_exit KIND: one write that no call of malloc() or free() would find, in a
// program that then ends by exit(). At the levels `full` and `paranoid` the
// drop-in compares all blocks at exit, if the program has one thread. README.md
// has the table.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "child.hpp"

namespace {

constexpr std::size_t kRun = 256 * 1024;

unsigned char* take(std::size_t size) {
    auto* block = static_cast<unsigned char*>(std::malloc(size));
    if (block == nullptr) _exit(3);
    return block;
}
// The compiler knows nothing of the address. Always another value than before.
void change(unsigned char* at) {
    asm volatile("" : "+r"(at) : : "memory");
    *at ^= 0x55;
    asm volatile("" : : : "memory");
}
// A write to byte `at` of a block that is never freed.
void write_live(std::size_t size, std::size_t at) { change(take(size) + at); }
void over_small() { write_live(60, 60); }
void over_small_rest() { write_live(65, 79); }
void over_page() { write_live(4096, 4096); }
void over_run() { write_live(kRun - 100, kRun - 100); }
void over_run_rest() { write_live(kRun - 100, kRun - 1); }
void over_into_free() { write_live(8, 39); }
void over_resized() {
    auto* block = static_cast<unsigned char*>(std::realloc(take(200), 190));
    if (block == nullptr) _exit(3);
    change(block + 190);
}
void write_free(std::size_t size, std::size_t at) {
    static_cast<void>(take(size));  // keeps the slab
    unsigned char* block = take(size);
    std::free(block);
    change(block + at);
}
void into_free() { write_free(60, 8); }
void into_free_far() { write_free(4000, 2000); }

// Blocks of all sizes, live ones, freed ones and resized ones.
void nothing() {
    std::vector<unsigned char*> blocks;
    for (std::size_t size = 0; size < 70000; size += size / 16 + 1) {
        for (int i = 0; i < 5; ++i) blocks.push_back(take(size));
        std::memset(blocks.back(), 0xaa, size);
        void* aligned = nullptr;
        if (posix_memalign(&aligned, 4096, size) != 0) _exit(3);
        if (size % 2 == 0) std::free(aligned);
    }
    for (std::size_t i = 0; i < blocks.size(); i += 2) std::free(blocks[i]);
    for (std::size_t i = 1; i < blocks.size(); i += 4)
        blocks[i] = static_cast<unsigned char*>(std::realloc(blocks[i], i * 100));
    static_cast<void>(take(kRun));
    static_cast<void>(take(40 * kRun));
}
void one_that_runs() {
    static std::atomic<int> step{0};
    std::thread([] {
        std::free(take(100));
        step = 1;
        while (step != 2) usleep(1000);
    }).detach();
    while (step != 1) usleep(1000);
    over_small();
}
void in_child() {
    const pid_t child = fork();
    if (child == 0) return over_small();  // and leaves main
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) _exit(4);
}
void in_handler() {
    over_small();
    struct sigaction action {};
    action.sa_handler = [](int) { std::exit(0); };
    sigaction(SIGUSR1, &action, nullptr);
    raise(SIGUSR1);
}

constexpr const char* kWell = "";
constexpr const char* kOver = "overflow";
constexpr const char* kWritten = "write after free";

struct Kind {
    const char* name;
    void (*commit)();
    const char* full;  // the fault that the line names
    const char* paranoid;
};
constexpr Kind kinds[] = {
    {"over_small", over_small, kOver, kOver},
    {"over_small_rest", over_small_rest, kOver, kOver},
    {"over_page", over_page, kWell, kOver},
    {"over_run", over_run, kOver, kOver},
    {"over_run_rest", over_run_rest, kWell, kOver},
    {"over_into_free", over_into_free, kWell, kWritten},
    {"over_resized", over_resized, kOver, kOver},
    {"into_free", into_free, kWritten, kWritten},
    {"into_free_far", into_free_far, kWell, kWritten},
    {"nothing", nothing, kWell, kWell},
    {"one_that_runs", one_that_runs, kWell, kWell},
    {"in_child", in_child, kWell, kWell},
    {"in_handler", in_handler, kWell, kWell},
};

bool is_right(const Kind& kind, int status, const std::string& said) {
    const char* const level = std::getenv("ASHLAR_CHECK");
    const std::string at = level == nullptr ? "" : level;
    const std::string ending = at == "paranoid" ? kind.paranoid : at == "full" ? kind.full : kWell;
    if (ending == kWell) return status == 0 && said.empty();
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
           said.find("ashlar: " + ending) == 0 && said.find('\n') == said.size() - 1;
}

int run(const Kind& kind) {
    const Ending child = run_in_child([&kind] {
        // The child of a fork compares nothing.
        execl("/proc/self/exe", "at_exit", kind.name, "--here", static_cast<char*>(nullptr));
        _exit(5);
    });
    if (is_right(kind, child.status, child.written)) return 0;
    std::printf("%s: ended with status 0x%x and wrote:\n%s", kind.name,
                static_cast<unsigned>(child.status), child.written.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    for (const Kind& kind : kinds) {
        if (argc < 2 || std::strcmp(kind.name, argv[1]) != 0) continue;
        if (argc == 2) return run(kind);
        kind.commit();
        return 0;
    }
    std::fputs("usage: at_exit KIND [--here]\n", stderr);
    return 2;
}
