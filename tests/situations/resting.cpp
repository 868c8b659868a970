// A program with threads that rests: the background thread returns its memory,
// and then nothing wakes up any more. The first argument names the case.
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdint>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "situation.hpp"

namespace {

using situation::require;

constexpr std::size_t kMiB = 1024;  // in KiB, as resident_kib()

// Reads a file of /proc; empty if there is none.
std::string text_of(const std::string& path) {
    std::string text(4096, '\0');
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t n = file >= 0 ? read(file, text.data(), text.size()) : -1;
    if (file >= 0) close(file);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
}

std::string line_of(const std::string& text, const char* name) {
    const std::size_t at = text.find(name);
    require(at != std::string::npos, name);
    return text.substr(at, text.find('\n', at) - at);
}

unsigned threads_now() {
    const std::string line = line_of(text_of("/proc/self/status"), "Threads:");
    return static_cast<unsigned>(std::strtoul(line.c_str() + 8, nullptr, 10));
}

// The status of the background thread, read without the heap: a use of it would
// wake the thread up. The kernel numbers it after the thread whose creation
// started it.
const char* background_status() {
    static char text[4096];
    for (int id = getpid(); id < getpid() + 2000; ++id) {
        char path[64];
        std::snprintf(path, sizeof path, "/proc/self/task/%d/status", id);
        const int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0) continue;
        const ssize_t n = read(file, text, sizeof text - 1);
        close(file);
        text[n > 0 ? n : 0] = '\0';
        if (std::strstr(text, "Name:\tashlar\n") != nullptr) return text;
    }
    require(false, "there is no background thread");
    return "";
}

// How often it has gone to sleep.
long background_sleeps() {
    const char* const name = "\nvoluntary_ctxt_switches:";
    const char* at = std::strstr(background_status(), name);
    require(at != nullptr, name);
    return std::strtol(at + std::strlen(name), nullptr, 10);
}

// Mixed sizes, all touched, then freed. One large block stays out: its size
// would decide the result.
void burst(std::size_t mib, unsigned seed) {
    std::vector<void*> blocks;
    for (std::size_t sum = 0; sum < mib << 20;) {
        seed = seed * 1103515245 + 12345;
        const std::size_t size = 16 + (seed >> 8) % (seed >> 28 == 0   ? 100000
                                                     : seed >> 29 == 0 ? 4000
                                                                       : 600);
        blocks.push_back(std::malloc(size));
        require(blocks.back() != nullptr, "malloc failed");
        std::memset(blocks.back(), 1, size);
        sum += size;
    }
    for (void* block : blocks) std::free(block);
}

// Threads that sleep after a burst, and hold a block each. One more thread hits
// its cache all the time, if `hits`.
void returns(unsigned threads, bool hits) {
    const std::size_t before = situation::resident_kib();
    std::atomic<bool> done{false};
    std::vector<std::thread> all;
    for (unsigned t = 0; t < threads; ++t) {
        all.emplace_back([&done, t] {
            void* kept = std::malloc(1000);
            burst(12, t);
            while (!done.load()) usleep(500000);
            std::free(kept);
        });
    }
    if (hits) {
        all.emplace_back([&done] {
            burst(12, 99);
            while (!done.load()) {
                void* block = std::malloc(100);
                std::memset(block, 1, 100);
                std::free(block);
            }
        });
    }
    sleep(11);
    const std::size_t left = situation::resident_kib() - before;
    std::printf("%zu KiB left\n", left);
    require(left < 8 * kMiB, "more than 8 MiB are left after 10 seconds");
    done.store(true);
    for (std::thread& thread : all) thread.join();
    situation::require_sound_heap();
}

// One thread, which makes no call after its burst. Nothing else returns memory.
void falls_asleep() {
    const std::size_t before = situation::resident_kib();
    burst(100, 1);
    const std::size_t left = situation::resident_kib() - before;
    std::printf("%zu KiB left\n", left);
    require(left < 12 * kMiB, "one thread keeps more than 12 MiB of a burst of 100");
    for (int i = 0; i < 4; ++i) burst(100, 1);
    const std::size_t repeated = situation::resident_kib() - before;
    std::printf("%zu KiB left after five\n", repeated);
    require(repeated < 50 * kMiB, "one thread keeps more than half of repeated bursts");
    situation::require_sound_heap();
}

// Threads leave a few blocks of a burst on each slab, and end. The program goes
// on, and takes and gives a little all the time.
void goes_on() {
    constexpr std::size_t kKept = 50;  // of so many blocks one
    const std::size_t before = situation::resident_kib();
    std::vector<std::thread> all;
    for (unsigned t = 0; t < 4; ++t) {
        all.emplace_back([t] {
            std::vector<void*> blocks(40000);
            for (std::size_t i = 0; i < blocks.size(); ++i) {
                const std::size_t size = 16 + (i * 2654435761U + t) % 2000;
                blocks[i] = std::malloc(size);
                std::memset(blocks[i], 1, size);
            }
            for (std::size_t i = 0; i < blocks.size(); ++i) {
                if (i % kKept != 0) std::free(blocks[i]);
            }
        });
    }
    for (std::thread& thread : all) thread.join();
    for (int i = 0; i < 1100; ++i) {
        void* some[20];
        for (std::size_t k = 0; k < 20; ++k) some[k] = std::malloc(16 + k * 100);
        for (void* block : some) std::free(block);
        usleep(10000);
    }
    const std::size_t left = situation::resident_kib() - before;
    std::printf("%zu KiB left\n", left);
    require(left < 24 * kMiB, "more than 24 MiB are left of 156, with 13 on pages in use");
    situation::require_sound_heap();
}

// Nothing wakes up any more when all is returned.
void sleeps() {
    std::thread thread([] { burst(4, 1); });
    thread.join();
    sleep(8);
    const long before = background_sleeps();
    sleep(4);
    require(background_sleeps() == before, "the background thread wakes up");
    require(line_of(background_status(), "SigBlk:") != "SigBlk:\t0000000000000000",
            "signals are not blocked");
    std::thread([] { burst(64, 2); }).join();
    sleep(2);
    require(background_sleeps() > before, "a burst does not wake it");
}

// Calls that fail in processes with several threads.
void alone() {
    std::thread([] { burst(1, 1); }).join();
    require(threads_now() == 2, "the program's thread has not started the background thread");
    require(unshare(CLONE_THREAD) == 0, "unshare fails because of the background thread");
    require(threads_now() == 1, "the background thread is still there");
    std::thread([] { burst(1, 1); }).join();
    require(threads_now() == 2, "it was not started again");
}

// Credentials belong to all threads.
void credentials() {
    if (geteuid() != 0) _exit(situation::skipped);
    std::thread([] { burst(1, 1); }).join();
    require(setresuid(65534, 65534, 65534) == 0, "setresuid");
    require(line_of(background_status(), "Uid:") == "Uid:\t65534\t65534\t65534\t65534",
            "the background thread kept its rights");
}

// The child of a fork has no such thread until it creates threads, also one by
// a bare clone, of which no library is told.
void forks() {
    std::thread([] { burst(1, 1); }).join();
    pid_t child = fork();
    if (child == 0) {
        require(threads_now() == 1, "a child begins with a thread");
        std::thread([] { burst(1, 1); }).join();
        require(threads_now() == 2, "a child's thread starts one");
        _exit(0);
    }
    int status = 0;
    require(waitpid(child, &status, 0) == child && status == 0, "the child of fork");
    child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (child == 0) {
        alarm(20);
        require(unshare(CLONE_THREAD) == 0, "unshare in the child of a clone");
        _exit(0);
    }
    require(waitpid(child, &status, 0) == child && status == 0, "the child of clone");
}

// The program's main thread ends before its last thread. The test's limit of
// time finds a process that does not end.
void main_ends() {
    std::thread([] { burst(1, 1); }).join();
    require(threads_now() == 2, "there is no background thread");
    std::thread([] {
        usleep(100000);
        std::thread([] { burst(1, 2); }).join();
    }).detach();
    pthread_exit(nullptr);
}

// A child that shares the memory asks for a filter: its parent's thread goes on
// as before, and does not spin.
void vforks() {
    std::thread([] { burst(1, 1); }).join();
    const pid_t child = vfork();
    if (child == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        unshare(CLONE_THREAD);
        _exit(0);
    }
    int status = 0;
    require(waitpid(child, &status, 0) == child && status == 0, "the child of vfork");
    const std::clock_t before = std::clock();
    sleep(2);
    require(std::clock() - before < CLOCKS_PER_SEC / 2, "the background thread spins");
    require(threads_now() == 2, "the background thread has ended");
}

// Rights of single threads that the program gives up.
void gives_up_rights() {
    std::thread([] { burst(1, 1); }).join();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    require(threads_now() == 1, "the background thread kept its rights");
    std::thread([] { burst(1, 1); }).join();
    require(threads_now() == 1, "it was started again");
}

void count(unsigned expected) {
    require(threads_now() == expected, "the number of threads at the start");
    std::thread([] { burst(1, 1); }).join();
    require(threads_now() == expected, "the number of threads after one of the program's");
}

}  // namespace

int main(int argc, char** argv) {
    situation::require_ashlar();
    const std::string name = argc > 1 ? argv[1] : "";
    if (name == "sleeping") returns(16, false);
    if (name == "hitting") returns(4, true);
    if (name == "going_on") goes_on();
    if (name == "one") falls_asleep();
    if (name == "quiet") sleeps();
    if (name == "alone") alone();
    if (name == "credentials") credentials();
    if (name == "forks") forks();
    if (name == "vforks") vforks();
    if (name == "rights") gives_up_rights();
    if (name == "main_ends") main_ends();
    if (name == "count") count(static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)));
    return 0;
}
