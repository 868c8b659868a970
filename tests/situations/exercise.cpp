// The plain workload for tools and sandboxes: every size, in threads, with
// threads that free for others, and a fork.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>

#include "situation.hpp"

int main() {
    if constexpr (!SITUATION_WITHOUT_ASHLAR) situation::require_ashlar();
    situation::exercise();
    std::vector<std::unique_ptr<std::string>> strings;
    for (std::size_t i = 0; i < 5000; ++i) strings.push_back(std::make_unique<std::string>(i, 'x'));
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(situation::exercise, 8);
    std::thread([&] { strings.clear(); }).join();
    for (auto& thread : threads) thread.join();
    const pid_t child = fork();
    if (child == 0) {
        situation::exercise(4);
        _exit(0);
    }
    int status = 0;
    situation::require(waitpid(child, &status, 0) == child && status == 0, "a child failed");
    return 0;
}
