// steps: freezes a thread after instruction k of an operation, for every k, and looks whether the others still finish a round
// of everything, frees of its blocks among it. With --end it never goes on: it is ended there, and the heap is looked through.
// A round counts as blocked only if no helper has taken a step for the whole of --patience, and if it then finishes when the
// frozen thread goes on: so a slow machine is no fault, and the blame is the frozen thread's.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <getopt.h>

#include "walk.hpp"

namespace progress {
namespace {

constexpr int skipped = 77;

struct Options {
    std::string preload;
    std::string worker;
    std::set<std::string> names;  // empty: all operations
    std::size_t points = 0;       // 0: every instruction
    std::uint64_t seed = std::random_device{}();
    double patience = 20;
    std::size_t choose = 0;  // so many operations by chance; 0: all
    std::uint64_t part = 0;  // the points k with k % parts == part
    std::uint64_t parts = 1;
    bool end = false;
    bool control = false;
};

/// What the worker said of its heap at the end.
struct Verdict {
    Tally tally;
    std::uint32_t faults = 0;
    std::uint32_t findings = 0;
};

/// What one thread that ends anywhere in this operation may take with it, in units: its blocks, the cached ones included, a
/// current slab for each class, at most two slabs that are hidden or nobody's, and the run in its hands. A slab is five units
/// at most.
std::int64_t most_that_may_be_lost(const Operation& operation) {
    constexpr std::int64_t slab = 5;
    return operation.units + slab * operation.sizes + 2 * slab;
}

std::vector<std::uint64_t> points_of(const Options& options, std::uint64_t instructions) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t k = 1; k <= instructions; ++k) {
        if (k % options.parts == options.part) all.push_back(k);
    }
    if (options.points == 0 || options.points >= all.size()) return all;
    std::mt19937_64 random(options.seed);
    std::vector<std::uint64_t> some;
    std::sample(all.begin(), all.end(), std::back_inserter(some), options.points, random);
    return some;
}

/// Every m-th point in one instance, m instances: each instance is stopped rarely enough to take the ways that it takes when
/// nobody disturbs it, and the whole costs m walks, not one for each point.
void freeze_all(Walk& walk, const Options& options, const std::vector<std::uint64_t>& points) {
    constexpr std::size_t short_one = 400;
    constexpr std::size_t few = 25;
    const std::size_t instances = options.points != 0 ? 1 : points.size() <= short_one ? points.size() : few;
    for (std::size_t first = 0; first < instances; ++first) {
        std::vector<std::uint64_t> left;
        for (std::size_t i = first; i < points.size(); i += instances) left.push_back(points[i]);
        while (!left.empty()) {
            const std::uint64_t blocked = walk.tally().blocked;
            const std::size_t done = walk.freeze(left);
            if (walk.tally().blocked == blocked) break;
            if (options.control) return;
            left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(done));
        }
    }
}

Verdict examine(const Options& options, std::uint32_t operation) {
    // A thread that has ended keeps its cache: not too many of them in one process.
    constexpr std::size_t ends_of_a_process = 1000;
    Verdict verdict;
    std::vector<std::uint64_t> points;
    std::size_t from = 0;
    do {
        Worker worker(options.worker, "scripted", options.preload);
        Walk walk(worker, operation, options.patience);
        if (points.empty()) {
            for (int i = options.points == 0 ? 3 : 1; i > 0; --i) static_cast<void>(walk.freeze({}));
            points = points_of(options, walk.tally().instructions);
        }
        if (options.end) {
            walk.take_stock();
            const std::size_t to = std::min(points.size(), from + ends_of_a_process);
            for (; from < to; ++from) static_cast<void>(walk.end_at(points[from]));
        } else {
            freeze_all(walk, options, points);
            from = points.size();
        }
        walk.merge_into(verdict.tally);
        verdict.faults += worker.shared().faults.load();
        verdict.findings += worker.shared().findings.load();
    } while (from < points.size());
    return verdict;
}

constexpr const char* usage =
    "usage: steps [--preload LIB] [--operation NAME]... [--points N] [--end] [--seed N] [--patience SECONDS] [--control] "
    "[--list]\n"
    "Freezes a thread after each instruction (or N random ones) of each operation of the allocator (LIB, or the system's), and "
    "counts\n"
    "how often that blocks other threads. --end: ends it there. --choose: N operations by chance; --part: every N-th point. "
    "Exit status: 0 all is well, 1 something is blocked, damaged or "
    "lost,\n"
    "77 ptrace is not permitted. With --control it ends at the first that is blocked, and that is status 0.\n";

[[noreturn]] void list() {
    for (const Operation& operation : operations) std::printf("%s\t%s\n", operation.name, operation.what);
    std::exit(0);
}

Options parse(int argc, char** argv) {
    static const option known[] = {{"preload", required_argument, nullptr, 'p'},
                                   {"operation", required_argument, nullptr, 'o'},
                                   {"points", required_argument, nullptr, 'n'},
                                   {"seed", required_argument, nullptr, 's'},
                                   {"patience", required_argument, nullptr, 't'},
                                   {"worker", required_argument, nullptr, 'w'},
                                   {"end", no_argument, nullptr, 'e'},
                                   {"control", no_argument, nullptr, 'c'},
                                   {"choose", required_argument, nullptr, 'r'},
                                   {"part", required_argument, nullptr, 'm'},
                                   {"list", no_argument, nullptr, 'l'},
                                   {"help", no_argument, nullptr, 'h'},
                                   {nullptr, 0, nullptr, 0}};
    Options options;
    options.worker = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "freeze_worker";
    for (int found = 0; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (found) {
            case 'p': options.preload = optarg; break;
            case 'o': options.names.insert(optarg); break;
            case 'n': options.points = std::stoul(optarg); break;
            case 's': options.seed = std::stoull(optarg); break;
            case 't': options.patience = std::stod(optarg); break;
            case 'w': options.worker = optarg; break;
            case 'e': options.end = true; break;
            case 'c': options.control = true; break;
            case 'r': options.choose = std::stoul(optarg); break;
            case 'm':
                options.part = std::stoull(optarg);
                options.parts = std::stoull(std::strchr(optarg, '/') + 1);
                break;
            case 'l': list();
            default: std::fputs(usage, found == 'h' ? stdout : stderr); std::exit(found == 'h' ? 0 : 2);
        }
    }
    return options;
}

bool is_wanted(const Options& options, const Operation& operation) {
    if (!options.names.empty()) return options.names.count(operation.name) != 0;
    // The end of a thread of libc's own allocator can't be told from the rest of libc's work.
    if (options.preload.empty() && operation.span == Span::exit) return false;
    return !operation.of_ashlar || options.preload.find("ashlar") != std::string::npos;
}

/// Prints a line of the table; false: a bar was not held.
bool report(const Options& options, const Operation& operation, const Verdict& verdict) {
    const Tally& tally = verdict.tally;
    std::printf("%-14s %7llu %6llu %8llu %8llu %8llu", operation.name, static_cast<unsigned long long>(tally.instructions),
                static_cast<unsigned long long>(tally.calls), static_cast<unsigned long long>(tally.longest_call),
                static_cast<unsigned long long>(tally.frozen), static_cast<unsigned long long>(tally.blocked));
    const std::int64_t bound = most_that_may_be_lost(operation);
    if (options.end)
        std::printf(" %6lld %6lld %6lld", static_cast<long long>(tally.lost), static_cast<long long>(tally.most_lost),
                    static_cast<long long>(bound));
    std::printf("\n");
    for (const auto& [place, times] : tally.places) std::printf("    blocked %u times at %s\n", times, place.c_str());
    if (verdict.faults != 0) std::printf("    %u blocks damaged or handed out twice\n", verdict.faults);
    // A hidden slab is what an ended thread may leave.
    const std::uint64_t may_be_found = options.end ? tally.frozen : 0;
    if (verdict.findings != 0) std::printf("    the heap check found %u slabs hidden\n", verdict.findings);
    if (tally.spreads) std::printf("    the heap grew although memory was free\n");
    std::fflush(stdout);
    const bool lost_too_much = options.end && tally.most_lost > bound;
    return verdict.faults == 0 && verdict.findings <= may_be_found && !lost_too_much && !tally.spreads && tally.blocked == 0;
}

std::vector<std::uint32_t> chosen(const Options& options) {
    std::vector<std::uint32_t> all;
    for (std::uint32_t i = 0; i < operation_count; ++i) {
        const bool too_long = options.choose != 0 && operations[i].long_one;
        if (is_wanted(options, operations[i]) && !too_long) all.push_back(i);
    }
    if (options.choose == 0) return all;
    std::mt19937_64 random(options.seed);
    std::vector<std::uint32_t> some;
    std::sample(all.begin(), all.end(), std::back_inserter(some), options.choose, random);
    return some;
}

int run(const Options& options) {
    std::printf("%s, seed %llu\n%-14s %7s %6s %8s %8s %8s%s\n", options.preload.empty() ? "libc" : options.preload.c_str(),
                static_cast<unsigned long long>(options.seed), "operation", "instr.", "calls", "longest",
                options.end ? "ended" : "frozen", "blocked", options.end ? "   lost   most  bound" : "");
    bool good = true;
    Tally all;
    for (const std::uint32_t i : chosen(options)) {
        const Verdict verdict = examine(options, i);
        good = report(options, operations[i], verdict) && good;
        all.frozen += verdict.tally.frozen;
        all.blocked += verdict.tally.blocked;
        all.longest_call = std::max(all.longest_call, verdict.tally.longest_call);
        if (options.control && all.blocked != 0) return 0;
    }
    std::printf("%llu points, %llu blocked (%.1f%%), longest call %llu instructions\n",
                static_cast<unsigned long long>(all.frozen), static_cast<unsigned long long>(all.blocked),
                all.frozen == 0 ? 0.0 : 100.0 * static_cast<double>(all.blocked) / static_cast<double>(all.frozen),
                static_cast<unsigned long long>(all.longest_call));
    return good && !options.control ? 0 : 1;
}

}  // namespace
}  // namespace progress

int main(int argc, char** argv) try {
    return progress::run(progress::parse(argc, argv));
} catch (const std::system_error& error) {
    std::fprintf(stderr, "steps: %s\n", error.what());
    return error.code() == std::errc::operation_not_permitted ? progress::skipped : 2;
} catch (const std::exception& error) {
    std::fprintf(stderr, "steps: %s\n", error.what());
    return 2;
}
