// ashlar_workloads: runs one workload under whatever malloc the process has, and prints one line of JSON. Plain libc,
// so that the program itself allocates nothing that the workload does not.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "blocks.hpp"
#include "measure.hpp"

namespace bench {

void fail(const char* what) noexcept {
    constexpr char who[] = "ashlar_workloads: ";
    for (const char* part : {who, what, "\n"}) {
        if (write(STDERR_FILENO, part, std::strlen(part)) < 0) break;
    }
    _exit(1);
}

namespace {

/// A line such as "VmHWM:  1234 kB" of /proc/self/status; 0 where the kernel has none.
long status_kib(const char* text, const char* field) noexcept {
    const char* line = std::strstr(text, field);
    return line == nullptr ? 0 : std::strtol(line + std::strlen(field), nullptr, 10);
}

void read_status(char* text, std::size_t size) noexcept {
    text[0] = '\0';
    const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    const ssize_t length = read(file, text, size - 1);
    text[length < 0 ? 0 : length] = '\0';
    close(file);
}

/// The file that malloc comes from: proof that the preload took effect.
const char* allocator_file() noexcept {
    Dl_info info{};
    void* address = dlsym(RTLD_DEFAULT, "malloc");
    return address != nullptr && dladdr(address, &info) != 0 ? info.dli_fname : "";
}

void run(const Workload& workload, double scale) noexcept {
    Measure measure(scale);
    workload.run(measure);
    static char status[8192];
    read_status(status, sizeof status);
    const double nanoseconds = 1e9 * measure.seconds() / static_cast<double>(measure.operations());
    std::printf(
        "{\"name\": \"%s\", \"threads\": %u, \"operations\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f, "
        "\"ns_per_operation\": %.4f, \"peak_kib\": %ld, \"resident_kib\": %ld, \"checksum\": \"%016llx\", "
        "\"malloc\": \"%s\"}\n",
        workload.name, workload.threads, static_cast<unsigned long long>(measure.operations()), measure.seconds(),
        measure.cpu_seconds(), nanoseconds, status_kib(status, "VmHWM:"), status_kib(status, "VmRSS:"),
        static_cast<unsigned long long>(measure.checksum()), allocator_file());
    std::fflush(stdout);
}

template <class Each>
void each_workload(Each each) {
    for (const Theme& theme :
         {pairs(), batches(), replacement(), handover(), servers(), growth(), large_blocks(), special(), phases()}) {
        for (std::size_t i = 0; i < theme.count; ++i) each(theme.first[i]);
    }
}

struct Options {
    const char* name = nullptr;
    double scale = 1;
    bool list = false;
    bool smoke = false;
};

bool parse(int count, char** arguments, Options& options) noexcept {
    for (int i = 1; i < count; ++i) {
        const char* argument = arguments[i];
        if (std::strcmp(argument, "--list") == 0) {
            options.list = true;
        } else if (std::strcmp(argument, "--smoke") == 0) {
            options.smoke = true;
            options.scale = 0.01;
        } else if (std::strcmp(argument, "--scale") == 0 && i + 1 < count) {
            char* end = nullptr;
            options.scale = std::strtod(arguments[++i], &end);
            if (*end != '\0' || !(options.scale > 0)) return false;
        } else if (argument[0] != '-' && options.name == nullptr) {
            options.name = argument;
        } else {
            return false;
        }
    }
    return options.list || options.smoke || options.name != nullptr;
}

int main_of(int count, char** arguments) {
    Options options;
    if (!parse(count, arguments, options)) {
        std::fputs(
            "usage: ashlar_workloads NAME [--scale X]   runs one workload\n"
            "       ashlar_workloads [NAME] --smoke     runs it, or all of them, briefly\n"
            "       ashlar_workloads --list             prints the names\n",
            stderr);
        return 2;
    }
    bool found = false;
    each_workload([&](const Workload& workload) {
        if (options.name != nullptr && std::strcmp(options.name, workload.name) != 0) return;
        found = true;
        if (options.list) {
            std::printf("%s %u\n", workload.name, workload.threads);
        } else {
            run(workload, options.scale);
        }
    });
    if (!found) std::fprintf(stderr, "ashlar_workloads: no workload is called %s (see --list)\n", options.name);
    return found ? 0 : 2;
}

}  // namespace
}  // namespace bench

int main(int count, char** arguments) { return bench::main_of(count, arguments); }
