// usage: ashlar_shared_bench [--smoke] [--rounds N] [--folder DIRECTORY]
//                            [--work NAME] [--processes N]
//
// Compares shared heaps; prints a JSON object for each run. In each round every
// heap does the same work in turn, so that ratios within a round suffer little
// from other load. report.py makes tables of the lines.
// With --work only that workload runs.
#include <cstring>

#include "deaths.hpp"

namespace bench {
namespace {

struct Scale {
    unsigned rounds = 5;
    std::uint64_t operations = 1000000;  // of all processes together
    std::size_t live = 100000;
    unsigned kills = 20;
    std::vector<unsigned> processes{1, 2, 4, 8};
    std::string work = {};  // empty: all
};

enum class Kind { pairs, replace, hand_over };

struct Workload {
    const char* name;
    Kind kind;
    Sizes sizes;
    std::size_t live;
    std::uint64_t share;  // does 1/share of the operations
};

constexpr Workload kWorkloads[] = {
    {"pairs-64", Kind::pairs, {64, 64}, 1, 1},
    {"sets-small", Kind::replace, {16, 256}, 5000, 1},
    {"hand-over-64", Kind::hand_over, {64, 64}, 1, 1},
    {"mixed", Kind::replace, {16, 32768}, 1000, 2},
    {"large", Kind::replace, {65536, 1048576}, 16, 20},
};

template <class Heap>
void run(const Workload& workload, const std::string& place, unsigned processes, std::uint64_t all,
         unsigned round) {
    Heap::remove(place);
    const SharedPage shared;
    const Heap created(Open::create, place);
    const std::uint64_t operations = all / workload.share / processes;
    // A tenth of the work comes first, so that most pages are in the file.
    const double ns = run_team(
        *shared, processes,
        [&](unsigned number) {
            Heap heap(Open::existing, place);
            const std::size_t live =
                workload.kind == Kind::replace ? workload.live : 2 * Ring::kPlaces;
            replace(heap, workload.sizes, live, operations / 10, number);
            return heap;
        },
        [&](Heap& heap, unsigned number) {
            switch (workload.kind) {
                case Kind::pairs: pairs(heap, workload.sizes.least, operations); break;
                case Kind::replace:
                    replace(heap, workload.sizes, workload.live, operations, number);
                    break;
                case Kind::hand_over:
                    hand_over(heap, *shared, workload.sizes.least, operations, number, processes);
                    break;
            }
        });
    const auto count = static_cast<double>(operations * processes);
    std::printf(R"({"kind": "time", "heap": "%s", "work": "%s", "processes": %u, "round": %u, )",
                Heap::kName, workload.name, processes, round);
    std::printf(R"("ns": %.2f, "cpu_ns": %.2f})"
                "\n",
                ns / count, static_cast<double>(shared->processor_ns.load()) / count);
    Heap::remove(place);
}

// Bytes with pages in the file, for one live set.
template <class Heap>
void memory(const char* name, Sizes sizes, std::size_t blocks, const std::string& place,
            const std::string& path) {
    Heap::remove(place);
    Heap heap(Open::create, place);
    const std::size_t before = pages_of(path);
    Random random(1);
    std::size_t asked = 0;
    for (std::size_t i = 0; i < blocks; ++i) {
        const std::size_t size = sizes(random);
        const Held held = take(heap, size, 1);
        std::memset(held.block, 1, size);
        asked += size;
    }
    std::printf(
        R"({"kind": "memory", "heap": "%s", "work": "%s", "asked": %zu, "empty": %zu, "full": %zu})"
        "\n",
        Heap::kName, name, asked, before, pages_of(path));
    Heap::remove(place);
}

template <class Heap>
void memories(const Scale& scale, const std::string& place, const std::string& path) {
    memory<Heap>("64 bytes", {64, 64}, scale.live, place, path);
    memory<Heap>("16 to 255 bytes", {16, 256}, scale.live, place, path);
    memory<Heap>("16 bytes to 32 KiB", {16, 32768}, scale.live / 10, place, path);
}

void all(const Scale& scale, const std::string& folder) {
    const std::string name = shared_name();
    const std::string file = file_name(folder);
    for (const Workload& workload : kWorkloads) {
        if (!scale.work.empty() && scale.work != workload.name) continue;
        for (const unsigned processes : scale.processes) {
            if (processes == 0 || processes > kMostProcesses) fail("expected 1 to 16 processes");
            for (unsigned round = 0; round < scale.rounds; ++round) {
                run<Ashlar<false>>(workload, name, processes, scale.operations, round);
                run<Boost<false>>(workload, name, processes, scale.operations, round);
                run<Ashlar<true>>(workload, file, processes, scale.operations, round);
                run<Boost<true>>(workload, file, processes, scale.operations, round);
            }
        }
    }
    if (!scale.work.empty()) return;
    memories<Ashlar<false>>(scale, name, "/dev/shm" + name);
    memories<Boost<false>>(scale, name, "/dev/shm" + name);
    recovery<Ashlar<false>>(name, scale.live, scale.rounds * 3);
    kills<Ashlar<false>>(name, scale.kills);
    kills<Boost<false>>(name, scale.kills);
    kills<Ashlar<true>>(file, scale.kills);
    kills<Boost<true>>(file, scale.kills);
}

int start(int count, char** words) {
    Scale scale;
    const char* temporary = std::getenv("TMPDIR");
    std::string folder = temporary != nullptr ? temporary : "/tmp";
    for (int i = 1; i < count; ++i) {
        const bool has_value = i + 1 < count;
        if (std::strcmp(words[i], "--smoke") == 0) {
            scale = {1, 4000, 2000, 2, {1, 2}, scale.work};
        } else if (std::strcmp(words[i], "--rounds") == 0 && has_value) {
            scale.rounds = static_cast<unsigned>(std::strtoul(words[++i], nullptr, 10));
        } else if (std::strcmp(words[i], "--folder") == 0 && has_value) {
            folder = words[++i];
        } else if (std::strcmp(words[i], "--work") == 0 && has_value) {
            scale.work = words[++i];
        } else if (std::strcmp(words[i], "--processes") == 0 && has_value) {
            scale.processes = {static_cast<unsigned>(std::strtoul(words[++i], nullptr, 10))};
        } else {
            std::fprintf(stderr,
                         "usage: ashlar_shared_bench [--smoke] [--rounds N] [--folder DIRECTORY] "
                         "[--work NAME] [--processes N]\n");
            return 2;
        }
    }
    all(scale, folder);
    return 0;
}

}  // namespace
}  // namespace bench

int main(int count, char** words) {
    try {
        return bench::start(count, words);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ashlar_shared_bench: %s\n", error.what());
        return 1;
    }
}
