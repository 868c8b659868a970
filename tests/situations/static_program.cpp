// Linked with -static: every allocation of libc and libstdc++ in the program
// must be Ashlar's.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>

#include <ashlar/ashlar.h>

#include "situation.hpp"

namespace {

void use_libc() {
    FILE* file = std::fopen("/proc/self/status", "r");
    situation::require(file != nullptr, "fopen");
    char* line = nullptr;
    std::size_t capacity = 0;
    int lines = 0;
    while (getline(&line, &capacity, file) > 0) ++lines;
    std::free(line);
    std::fclose(file);
    situation::require(lines > 5, "getline");
    char* text = nullptr;
    situation::require(asprintf(&text, "%0300d", 1) == 300, "asprintf");
    std::free(text);
}

void use_threads() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back(situation::exercise, 8);
    for (auto& thread : threads) thread.join();
}

}  // namespace

int main() {
    const std::size_t before = ash_statistics().live;
    std::vector<std::string> strings(1000, std::string(1000, 's'));
    situation::require(ash_statistics().live >= before + 1000 * 1000,
                       "std::string is not Ashlar's");
    char* copy = strdup(strings[0].c_str());
    situation::require(copy != nullptr && ash_malloc_usable_size(copy) >= 1001,
                       "strdup is not Ashlar's");
    std::free(copy);
    use_libc();
    use_threads();
    std::atomic<bool> over{false};
    std::thread beside([&] {
        while (!over.load()) situation::exercise(8);
    });
    for (int i = 0; i < 50; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            strings.clear();
            use_libc();
            use_threads();
            std::exit(ash_check() == 0 ? 0 : 1);
        }
        int status = 0;
        situation::require(
            waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
            "a child failed");
    }
    over.store(true);
    beside.join();
    try {
        throw std::string("thrown");  // an exception object is an allocation as well
    } catch (const std::string& caught) {
        situation::require(caught == "thrown", "an exception's content");
    }
    situation::require(ash_check() == 0, "ash_check");
    return 0;
}
