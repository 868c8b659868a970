// steps: freezes a thread after instruction k of an operation, for every k. The
// others must still finish a round of all work, which frees blocks of the
// frozen thread. With --end the thread ends there, and the heap is checked. A
// round counts as blocked if no helper takes a step for the whole of
// --patience, and all finish when the frozen thread goes on. So neither a slow
// machine nor another cause counts.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
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
    std::size_t choose = 0;  // a random choice of so many operations; 0: all
    std::uint64_t part = 0;  // the points k with k % parts == part
    std::uint64_t parts = 1;
    bool end = false;
    bool control = false;
};

/// The worker's report on its heap at the end.
struct Verdict {
    Tally tally;
    std::uint32_t faults = 0;
    std::uint32_t findings = 0;
};

/// The units that one thread may lose if it ends anywhere in this operation.
/// These are its blocks, cached ones included, a current slab for each class,
/// at most two slabs without a hint or owner, and the run that it holds. A slab
/// has at most five units. A call that misses or frees may run a tick, which
/// claims free units while it purges them: kMostUnits of
/// src/core/spans/spans_purge.cpp, and the rest of a word of the bitmap.
std::int64_t most_that_may_be_lost(const Operation& operation) {
    constexpr std::int64_t slab = 5;
    constexpr std::int64_t purged_by_one_call = 256 + 63;
    return operation.units + slab * operation.sizes + 2 * slab +
           (operation.hot ? 0 : purged_by_one_call);
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

/// The workers of one operation: one process for all its instances, or a new
/// one for each.
class Examination {
  public:
    Examination(const Options& options, std::uint32_t operation)
        : options_(options), operation_(operation) {}

    Verdict run() {
        for (int i = options_.points == 0 ? 3 : 1; i > 0; --i) {
            static_cast<void>(walk().freeze({}));
            instructions_ = std::max(instructions_, walk().tally().instructions);
            if (operations[operation_].young) close();
        }
        const std::vector<std::uint64_t> points = points_of(options_, instructions_);
        if (options_.end) {
            end_all(points);
        } else {
            freeze_all(points);
        }
        close();
        return verdict_;
    }

  private:
    struct Session {
        Session(const Options& options, std::uint32_t operation)
            : worker(options.worker, "scripted", options.preload),
              walk(worker, operation, options.patience) {}
        Worker worker;
        Walk walk;
    };
    Walk& walk() {
        if (!session_) session_.emplace(options_, operation_);
        return session_->walk;
    }
    void close() {
        if (!session_) return;
        session_->walk.merge_into(verdict_.tally);
        verdict_.faults += session_->worker.shared().faults.load();
        verdict_.findings += session_->worker.shared().findings.load();
        session_.reset();
    }

    /// Stops at every m-th point in one instance, for m instances. Between its
    /// stops an instance runs as if undisturbed, and the whole costs m walks
    /// instead of one for each point.
    void freeze_all(const std::vector<std::uint64_t>& points) {
        constexpr std::size_t short_one = 400;
        constexpr std::size_t few = 25;
        const std::size_t instances = options_.points != 0         ? 1
                                      : points.size() <= short_one ? points.size()
                                                                   : few;
        for (std::size_t first = 0; first < instances; ++first) {
            std::vector<std::uint64_t> left;
            for (std::size_t i = first; i < points.size(); i += instances)
                left.push_back(points[i]);
            while (!left.empty()) {
                const std::uint64_t blocked = walk().tally().blocked;
                const std::size_t done = walk().freeze(left);
                const bool all = walk().tally().blocked == blocked;
                if (operations[operation_].young) close();
                if (all) break;
                if (options_.control) return;
                left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(done));
            }
        }
    }
    void end_all(const std::vector<std::uint64_t>& points) {
        // An ended thread keeps its cache, so a process has only a few of them.
        const std::size_t ends_of_a_process = operations[operation_].young ? 1 : 1000;
        for (std::size_t i = 0; i < points.size(); ++i) {
            if (i % ends_of_a_process == 0) {
                close();
                walk().take_stock();
            }
            static_cast<void>(walk().end_at(points[i]));
        }
    }

    const Options& options_;
    std::uint32_t operation_;
    std::uint64_t instructions_ = 0;
    std::optional<Session> session_;
    Verdict verdict_;
};

constexpr const char* usage =
    "usage: steps [--preload LIB] [--operation NAME]... [--points N] [--end] [--seed N] "
    "[--patience SECONDS] [--control]\n"
    "             [--list]\n"
    "Freezes a thread after each instruction, or N random ones, of each operation of the "
    "allocator: LIB, or the system's.\n"
    "Counts how often that blocks other threads.\n"
    "  --end      ends the thread there\n"
    "  --choose   a random choice of N operations\n"
    "  --part     every N-th point\n"
    "  --control  status 0 at the first frozen thread that blocks others, 1 if none does\n"
    "Status: 0 no fault; 1 a thread is blocked, or memory is damaged or lost; 77 ptrace is not "
    "permitted.\n";

[[noreturn]] void list() {
    for (const Operation& operation : operations)
        std::printf("%s\t%s\n", operation.name, operation.what);
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
    options.worker =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "freeze_worker";
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
            default:
                std::fputs(usage, found == 'h' ? stdout : stderr);
                std::exit(found == 'h' ? 0 : 2);
        }
    }
    return options;
}

bool is_wanted(const Options& options, const Operation& operation) {
    if (!options.names.empty()) return options.names.count(operation.name) != 0;
    // For libc's allocator, the end of a thread cannot be told from other work
    // of libc.
    if (options.preload.empty() && operation.span == Span::exit) return false;
    return !operation.of_ashlar || options.preload.find("ashlar") != std::string::npos;
}

/// Prints a line of the table; false: a bound was exceeded.
bool report(const Options& options, const Operation& operation, const Verdict& verdict) {
    const Tally& tally = verdict.tally;
    std::printf("%-14s %7llu %6llu %8llu %8llu %8llu", operation.name,
                static_cast<unsigned long long>(tally.instructions),
                static_cast<unsigned long long>(tally.calls),
                static_cast<unsigned long long>(tally.longest_call),
                static_cast<unsigned long long>(tally.frozen),
                static_cast<unsigned long long>(tally.blocked));
    const std::int64_t bound = most_that_may_be_lost(operation);
    if (options.end)
        std::printf(" %6lld %6lld %6lld", static_cast<long long>(tally.lost),
                    static_cast<long long>(tally.most_lost), static_cast<long long>(bound));
    std::printf("\n");
    for (const auto& [place, times] : tally.places)
        std::printf("    blocked %u times at %s\n", times, place.c_str());
    if (verdict.faults != 0)
        std::printf("    %u blocks damaged or handed out twice\n", verdict.faults);
    // An ended thread may leave a hidden slab: one without a hint.
    const std::uint64_t may_be_found = options.end ? tally.frozen : 0;
    if (verdict.findings != 0)
        std::printf("    the heap check found %u slabs hidden\n", verdict.findings);
    if (tally.spreads) std::printf("    the heap grew although memory was free\n");
    std::fflush(stdout);
    const bool lost_too_much = options.end && tally.most_lost > bound;
    return verdict.faults == 0 && verdict.findings <= may_be_found && !lost_too_much &&
           !tally.spreads && tally.blocked == 0;
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
    std::printf("%s, seed %llu\n%-14s %7s %6s %8s %8s %8s%s\n",
                options.preload.empty() ? "libc" : options.preload.c_str(),
                static_cast<unsigned long long>(options.seed), "operation", "instr.", "calls",
                "longest", options.end ? "ended" : "frozen", "blocked",
                options.end ? "   lost   most  bound" : "");
    bool good = true;
    Tally all;
    for (const std::uint32_t i : chosen(options)) {
        const Verdict verdict = Examination(options, i).run();
        good = report(options, operations[i], verdict) && good;
        all.frozen += verdict.tally.frozen;
        all.blocked += verdict.tally.blocked;
        all.longest_call = std::max(all.longest_call, verdict.tally.longest_call);
        if (options.control && all.blocked != 0) return 0;
    }
    std::printf("%llu points, %llu blocked (%.1f%%), longest call %llu instructions\n",
                static_cast<unsigned long long>(all.frozen),
                static_cast<unsigned long long>(all.blocked),
                all.frozen == 0
                    ? 0.0
                    : 100.0 * static_cast<double>(all.blocked) / static_cast<double>(all.frozen),
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
