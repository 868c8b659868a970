// usage: ashlar_system SITUATION ARGUMENTS...
// Brings the process into the situation, measures, and prints one line of JSON.
// Status 77: the machine lacks something.
#include <cstdio>
#include <cstring>

#include "commands.hpp"

namespace {

struct Command {
    const char* name;
    const char* arguments;
    void (*run)(commands::Arguments);
};

constexpr Command all[] = {
    {"crash", "", commands::crash},
    {"lock", "", commands::lock_all},
    {"tiny", "", commands::tiny},
    {"until-null", "SIZE CAP", commands::until_null},
    {"limit-itself", "as|data BYTES", commands::limit_itself},
    {"beyond-ram", "FACTOR", commands::beyond_ram},
    {"one-block", "MIB", commands::one_block},
    {"vector", "MIB ROUNDS", commands::vector},
    {"free-untouched", "MIB", commands::free_untouched},
    {"aligned", "COUNT SIZE ROUNDS", commands::aligned},
    {"burst", "small|mixed|large|huge one|staying|ended forward|reverse|random MIB SECONDS",
     commands::burst},
    {"partly", "malloc|calloc COUNT SIZE BYTES", commands::partly},
    {"calloc-again", "MIB", commands::calloc_again},
    {"footprint", "", commands::footprint},
    {"ended-threads", "THREADS BLOCKS", commands::ended_threads},
    {"idle-threads", "THREADS BLOCKS", commands::idle_threads},
    {"sandbox", "", commands::sandbox},
    {"pairs", "SIZE COUNT", commands::pairs},
    {"grow", "BLOCKS MIB STEP_KIB|0", commands::grow},
};

}  // namespace

int main(int argc, char** argv) {
    for (const Command& command : all) {
        if (argc < 2 || std::strcmp(argv[1], command.name) != 0) continue;
        command.run(commands::Arguments(argc - 2, argv + 2));
        measure::print();
        return 0;
    }
    std::fprintf(stderr, "usage:\n");
    for (const Command& command : all) {
        std::fprintf(stderr, "  ashlar_system %s %s\n", command.name, command.arguments);
    }
    return 2;
}
