// ashlar_workloads: runs one workload under whatever malloc the process has,
// and prints one line of JSON. Plain libc, so that the program itself allocates
// nothing that the workload does not.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <optional>

#include "blocks.hpp"
#include "measure.hpp"
#include "trace.hpp"
#include "watch.hpp"

namespace bench {

void fail(const char* what) noexcept {
    constexpr char who[] = "ashlar_workloads: ";
    for (const char* part : {who, what, "\n"}) {
        if (write(STDERR_FILENO, part, std::strlen(part)) < 0) break;
    }
    _exit(1);
}

namespace {

struct Options {
    const char* name = nullptr;
    double scale = 1;
    bool list = false;
    bool json = false;
    bool smoke = false;
    bool latency = false;
    bool idle = true;
    unsigned trace_ms = 0;
};

/// The file that malloc comes from: proof that the preload took effect.
const char* allocator_file() noexcept {
    Dl_info info{};
    void* address = dlsym(RTLD_DEFAULT, "malloc");
    return address != nullptr && dladdr(address, &info) != 0 ? info.dli_fname : "";
}

void print(const Workload& workload, const Measure& measure, std::uint64_t live_peak) noexcept {
    std::printf(
        "\"workload\": \"%s\", \"malloc\": \"%s\", \"threads\": %u, \"operations\": %llu, "
        "\"seconds\": %.6f, "
        "\"cpu_seconds\": %.6f, \"ns_per_operation\": %.4f, \"peak_kib\": %ld, \"final_kib\": %ld, "
        "\"minor_faults\": %ld, \"checksum\": \"%016llx\", ",
        workload.name, allocator_file(), workload.threads,
        static_cast<unsigned long long>(measure.operations()), measure.seconds(),
        measure.cpu_seconds(), 1e9 * measure.seconds() / static_cast<double>(measure.operations()),
        measure.peak_kib(), measure.final_kib(), measure.minor_faults(),
        static_cast<unsigned long long>(measure.checksum()));
    if (measure.idle_kib() < 0) {
        std::printf("\"idle_kib\": null, ");
    } else {
        std::printf("\"idle_kib\": %ld, ", measure.idle_kib());
    }
    if (live_peak == 0) {
        std::printf("\"live_peak_kib\": null");
    } else {
        std::printf("\"live_peak_kib\": %llu", static_cast<unsigned long long>(live_peak / 1024));
    }
}

void run(const Workload& workload, const Options& options) noexcept {
    Measure measure(options.scale, options.smoke ? 20 : 300, options.idle);
    watch::open((options.latency ? watch::latency : 0) | (options.trace_ms != 0 ? watch::live : 0) |
                (options.smoke ? watch::careful : 0));
    std::optional<Trace> trace;
    if (options.trace_ms != 0) trace.emplace(options.trace_ms);
    workload.run(measure);
    measure.settle();
    if (trace) trace->stop();
    const std::uint64_t sampled = trace ? trace->live_peak() : 0;
    std::printf("{");
    print(workload, measure, measure.live_peak() != 0 ? measure.live_peak() : sampled);
    if (options.latency) {
        std::printf(", \"latency\": ");
        watch::print_latency();
    }
    if (trace) {
        std::printf(", \"trace\": ");
        trace->print();
    }
    std::printf("}\n");
    std::fflush(stdout);
}

template <class Each>
void each_workload(Each each) {
    for (const Theme& theme :
         {pairs(), batches(), replacement(), random_live_sets(), handover(), asymmetric(),
          migration(), sharing(), servers(), cache_servers(), pools(), fractions(), syntax_trees(),
          growth(), large_blocks(), special(), phases()}) {
        for (std::size_t i = 0; i < theme.count; ++i) each(theme.first[i]);
    }
}

bool parse(int count, char** arguments, Options& options) noexcept {
    for (int i = 1; i < count; ++i) {
        const char* argument = arguments[i];
        if (std::strcmp(argument, "--list") == 0) {
            options.list = true;
        } else if (std::strcmp(argument, "--json") == 0) {
            options.json = true;
        } else if (std::strcmp(argument, "--latency") == 0) {
            options.latency = true;
        } else if (std::strcmp(argument, "--no-idle") == 0) {
            options.idle = false;
        } else if (std::strcmp(argument, "--trace") == 0 && i + 1 < count) {
            char* end = nullptr;
            options.trace_ms = static_cast<unsigned>(std::strtoul(arguments[++i], &end, 10));
            if (*end != '\0' || options.trace_ms == 0 || options.trace_ms > 10'000) return false;
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

void list(const Workload& workload, bool json, bool first) noexcept {
    if (!json) {
        std::printf("%s %u\n", workload.name, workload.threads);
        return;
    }
    std::printf("%s\n {\"name\": \"%s\", \"threads\": %u, \"family\": \"%s\", \"about\": \"%s\"}",
                first ? "[" : ",", workload.name, workload.threads, workload.family,
                workload.about);
}

int main_of(int count, char** arguments) {
    Options options;
    if (!parse(count, arguments, options)) {
        std::fputs(
            "usage: ashlar_workloads NAME [OPTIONS]     runs one workload and prints a line of "
            "JSON\n"
            "         --scale X      so many times the work (1 is about a second)\n"
            "         --latency      also percentiles of the time of each malloc and free; slows "
            "everything else down\n"
            "         --trace MS     also resident memory and live bytes each MS milliseconds\n"
            "         --no-idle      without the rest at the end, which takes 0.3 seconds: no "
            "idle_kib\n"
            "       ashlar_workloads [NAME] --smoke     runs it, or all of them, briefly\n"
            "       ashlar_workloads --list [--json]    prints names and threads; with --json "
            "families and descriptions\n",
            stderr);
        return 2;
    }
    bool found = false;
    each_workload([&](const Workload& workload) {
        if (options.name != nullptr && std::strcmp(options.name, workload.name) != 0) return;
        if (options.list) {
            list(workload, options.json, !found);
        } else {
            run(workload, options);
        }
        found = true;
    });
    if (options.list && options.json && found) std::puts("\n]");
    if (!found)
        std::fprintf(stderr, "ashlar_workloads: no workload is called %s (see --list)\n",
                     options.name);
    return found ? 0 : 2;
}

}  // namespace
}  // namespace bench

int main(int count, char** arguments) { return bench::main_of(count, arguments); }
