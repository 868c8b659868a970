// ashlar_startup COUNT LIBRARY PROGRAM [ARGUMENTS]: starts the program COUNT
// times under LD_PRELOAD=LIBRARY ("" for none), one after another, and prints
// one line of JSON. Linked statically: a child's peak counts from its parent's
// size on, which must be small.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>

namespace {

double now() noexcept {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

int run(long count, char** command, char** environment) noexcept {
    double least = 1e9;
    double total = 0;
    long peak = 0;
    for (long i = 0; i < count; ++i) {
        const double begin = now();
        pid_t child = 0;
        int status = 0;
        rusage usage{};
        if (posix_spawnp(&child, command[0], nullptr, nullptr, command, environment) != 0) return 1;
        if (wait4(child, &status, 0, &usage) != child || status != 0) return 1;
        const double seconds = now() - begin;
        total += seconds;
        if (seconds < least) least = seconds;
        if (usage.ru_maxrss > peak) peak = usage.ru_maxrss;
    }
    std::printf("{\"count\": %ld, \"mean_us\": %.2f, \"least_us\": %.2f, \"peak_kib\": %ld}\n",
                count, 1e6 * total / static_cast<double>(count), 1e6 * least, peak);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 4) {
        std::fputs("usage: ashlar_startup COUNT LIBRARY PROGRAM [ARGUMENTS]\n", stderr);
        return 2;
    }
    static char preload[4096];
    std::snprintf(preload, sizeof preload, "LD_PRELOAD=%s", arguments[2]);
    char path[] = "PATH=/usr/bin:/bin";
    char* environment[] = {path, arguments[2][0] != '\0' ? preload : nullptr, nullptr};
    const long repetitions = std::strtol(arguments[1], nullptr, 10);
    if (repetitions < 1 || run(repetitions, arguments + 3, environment) != 0) {
        std::fprintf(stderr, "ashlar_startup: %s did not run to success\n", arguments[3]);
        return 1;
    }
    return 0;
}
