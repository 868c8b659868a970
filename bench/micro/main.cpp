// ashlar_micro measures each layer by itself, and each entry point beside the
// system's malloc, in one process. It shows the time of each step of a call.
// ashlar_micro_counted runs the same over a core that counts accesses to shared
// words. Its columns are accesses per operation, and its times mean nothing.
#include <benchmark/benchmark.h>

#include <string_view>
#include <vector>

#include "base/config.hpp"

int main(int count, char** arguments) {
    static char brief[] = "--benchmark_min_time=0.0001";
    static char soon[] = "--benchmark_min_time=0.05";
    static char table[] = "--benchmark_counters_tabular=true";
    std::vector<char*> passed(arguments, arguments + count);
    for (char*& argument : passed) {
        if (std::string_view(argument) == "--smoke") argument = brief;
    }
    // Before the user's arguments, which override these.
    if constexpr (ashlar::base::kCounting) passed.insert(passed.begin() + 1, {soon, table});
    count = static_cast<int>(passed.size());
    passed.push_back(nullptr);
    benchmark::Initialize(&count, passed.data());
    if (benchmark::ReportUnrecognizedArguments(count, passed.data())) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
