// Starts programs while threads allocate: vfork and exec, posix_spawn, system,
// popen. The children run under the drop-in themselves.
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>

#include "situation.hpp"

extern char** environ;

namespace {

std::atomic<bool> over{false};

void churn() {
    while (!over.load(std::memory_order_relaxed)) situation::exercise(8);
}

void wait_for(pid_t child) {
    int status = 0;
    situation::require(
        waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7,
        "a child failed");
}

const char* const arguments[] = {"sh", "-c", "exit 7", nullptr};

void by_vfork() {
    const pid_t child = vfork();
    if (child == 0) {
        execv("/bin/sh", const_cast<char* const*>(arguments));
        _exit(127);
    }
    situation::require(child > 0, "vfork failed");
    wait_for(child);
}

void by_posix_spawn() {
    pid_t child = 0;
    posix_spawn_file_actions_t actions;
    situation::require(posix_spawn_file_actions_init(&actions) == 0, "file actions");
    for (int i = 0; i < 20; ++i) {
        situation::require(
            posix_spawn_file_actions_addopen(&actions, 50 + i, "/dev/null", O_RDONLY, 0) == 0,
            "addopen");
    }
    situation::require(posix_spawnp(&child, "sh", &actions, nullptr,
                                    const_cast<char* const*>(arguments), environ) == 0,
                       "posix_spawnp failed");
    situation::require(posix_spawn_file_actions_destroy(&actions) == 0, "file actions");
    wait_for(child);
}

void by_popen() {
    FILE* output = popen("echo one; echo two | tr a-z A-Z", "r");
    situation::require(output != nullptr, "popen failed");
    char* line = nullptr;
    std::size_t capacity = 0;
    std::string all;
    while (getline(&line, &capacity, output) > 0) all += line;
    std::free(line);
    situation::require(pclose(output) == 0 && all == "one\nTWO\n", "the output of a pipe");
}

}  // namespace

int main() {
    situation::require_ashlar();
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(churn);
    for (int i = 0; i < 40; ++i) {
        by_vfork();
        by_posix_spawn();
        by_popen();
        const int status = std::system("exit 7");
        situation::require(WIFEXITED(status) && WEXITSTATUS(status) == 7, "system failed");
    }
    over.store(true, std::memory_order_relaxed);
    for (auto& thread : threads) thread.join();
    return 0;
}
