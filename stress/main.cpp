// ashlar_stress: runs scenarios over the ash_ functions for some time, each
// from a seed, and checks the heap after each.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>

#include <getopt.h>

#include <ashlar/ashlar.h>

#include "scenario.hpp"

namespace {

struct Scenario {
    std::string_view name;
    void (*run)(stress::Run&);
};

constexpr Scenario scenarios[] = {
    {"churn", stress::churn},       {"pairs", stress::pairs},     {"ring", stress::ring},
    {"exchange", stress::exchange}, {"storm", stress::storm},     {"edge", stress::edge},
    {"large", stress::large},       {"heaps", stress::heaps},     {"trim", stress::trim},
    {"batches", stress::batches},   {"audited", stress::audited}, {"exhaust", stress::exhaust},
    {"forks", stress::forks},
#ifdef ASHLAR_STRESS_MARKET
    {"market", stress::market},
#endif
};

struct Options {
    double seconds = 2;
    std::size_t threads = 4;
    std::uint64_t seed = 1;
    std::string scenario;  // empty: all
};

constexpr const char* usage =
    "usage: ashlar_stress [--seconds S] [--threads T] [--seed N] [--scenario NAME] [--list]\n"
    "Runs each scenario, or the named one, for S seconds in T threads. Checks each block at its "
    "free, and the heap at the\n"
    "end. Status 1: a fault was found.\n";

[[noreturn]] void leave(int status, const char* message) {
    std::fputs(message, status == 0 ? stdout : stderr);
    std::exit(status);
}

Options parse(int argc, char** argv) {
    static const option known[] = {{"seconds", required_argument, nullptr, 's'},
                                   {"threads", required_argument, nullptr, 't'},
                                   {"seed", required_argument, nullptr, 'r'},
                                   {"scenario", required_argument, nullptr, 'n'},
                                   {"list", no_argument, nullptr, 'l'},
                                   {"help", no_argument, nullptr, 'h'},
                                   {nullptr, 0, nullptr, 0}};
    Options options;
    for (int found = 0; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (found) {
            case 's': options.seconds = std::stod(optarg); break;
            case 't': options.threads = std::stoul(optarg); break;
            case 'r': options.seed = std::stoull(optarg); break;
            case 'n': options.scenario = optarg; break;
            case 'l':
                for (const Scenario& scenario : scenarios) std::puts(scenario.name.data());
                leave(0, "");
            case 'h': leave(0, usage);
            default: leave(2, usage);
        }
    }
    if (optind != argc || options.threads < 2 || options.threads > 1000 || !(options.seconds > 0))
        leave(2, usage);
    return options;
}

/// The bytes that may still count as live when every block is freed: caches and
/// depots keep a bounded amount.
constexpr std::size_t bound_on_rest = std::size_t{64} << 20;

bool run_one(const Scenario& scenario, const Options& options) {
    stress::Run run{options.threads, options.seconds, options.seed, {}, {}};
    scenario.run(run);
    const std::size_t faults = ash_check();
    (void)ash_malloc_trim(0);
    const std::size_t after_trim = ash_check();
    const auto left = ash_statistics();
    const bool sound = faults == 0 && after_trim == 0 && left.live <= bound_on_rest;
    std::printf("%-9s threads %zu seed %llu: %llu operations, %zu bytes left live, %zu faults%s\n",
                scenario.name.data(), options.threads,
                static_cast<unsigned long long>(options.seed),
                static_cast<unsigned long long>(run.operations.load()), left.live,
                faults + after_trim, sound ? "" : "  FAILED");
    std::fflush(stdout);
    return sound && run.operations.load() > 0;
}

}  // namespace

int main(int argc, char** argv) try {
    const Options options = parse(argc, argv);
    bool known = false;
    bool sound = true;
    for (const Scenario& scenario : scenarios) {
        if (!options.scenario.empty() && options.scenario != scenario.name) continue;
        known = true;
        sound = run_one(scenario, options) && sound;
    }
    if (!known) leave(2, "ashlar_stress: no such scenario; see --list\n");
    return sound ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "ashlar_stress: %s\n", error.what());
    return 2;
}
