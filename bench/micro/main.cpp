// ashlar_micro: each layer by itself, and each entry point beside the system's malloc, in one process. What a whole program
// gains is for ashlar_workloads to say; this shows where a call spends its time. ashlar_micro_counted is the same over a core
// that counts: its columns are accesses to shared words per operation, its times mean nothing.
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
    if constexpr (ashlar::base::kCounting) passed.insert(passed.begin() + 1, {soon, table});  // what was asked for comes later
    count = static_cast<int>(passed.size());
    passed.push_back(nullptr);
    benchmark::Initialize(&count, passed.data());
    if (benchmark::ReportUnrecognizedArguments(count, passed.data())) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
