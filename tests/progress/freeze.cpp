// freeze: freezes a thread of a worker program by ptrace at random instructions
// of the allocator. The other threads must still finish a batch of work of
// every kind. A batch counts as blocked if no helper takes a step for the whole
// of --patience, and all finish when the frozen thread goes on. So neither a
// slow machine nor another cause counts.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <thread>

#include <getopt.h>
#include <unistd.h>

#include "support/tracee.hpp"
#include "worker_process.hpp"

namespace progress {
namespace {

using namespace std::chrono_literals;
using tracing::Text;
using tracing::Tracee;

constexpr int skipped = 77;

struct Options {
    std::string preload;
    std::string worker;
    unsigned samples = 200;
    std::uint64_t seed = std::random_device{}();
    double patience = 20;
    bool control = false;
};

struct Outcome {
    unsigned samples = 0;
    unsigned blocked = 0;
    std::map<std::string, unsigned> places;  // where the frozen thread blocked the others
};

class Sampler {
  public:
    Sampler(const Options& options, Worker& worker)
        : options_(options), worker_(worker),
          victim_(static_cast<pid_t>(worker.shared().victim.load(std::memory_order_acquire))),
          text_(worker.process(), worker.shared().allocator), random_(options.seed) {
        if (text_.empty()) throw std::runtime_error("the allocator's mapping was not found");
    }

    Outcome run() {
        Outcome outcome;
        while (outcome.samples < options_.samples && !(options_.control && outcome.blocked > 0)) {
            if (!freeze_inside()) continue;
            ++outcome.samples;
            worker_.start_round();
            const bool blocked = !worker_.finishes(options_.patience);
            const std::uintptr_t place = victim_.pc();
            victim_.go_on();
            if (!blocked) continue;
            if (!worker_.finishes(options_.patience))
                throw std::runtime_error("the helpers did not finish after the thread went on");
            ++outcome.blocked;
            ++outcome.places[text_.describe(place)];
        }
        return outcome;
    }

  private:
    /// Lets the victim run for a random time, then for a random number of
    /// instructions, then to the next instruction of the allocator itself. In a
    /// libc function that the allocator calls, other threads might wait for a
    /// lock of libc.
    bool freeze_inside() {
        constexpr unsigned most_steps = 3000;
        std::this_thread::sleep_for(std::chrono::microseconds(random_() % 3000));
        victim_.stop();
        for (std::uint64_t left = random_() % 400; left > 0; --left) victim_.step();
        for (unsigned i = 0; i < most_steps; ++i) {
            if (text_.contains(victim_.pc())) return true;
            victim_.step();
        }
        victim_.go_on();
        return false;
    }

    const Options& options_;
    Worker& worker_;
    Tracee victim_;
    Text text_;
    std::mt19937_64 random_;
};

constexpr const char* usage =
    "usage: freeze [--preload LIB] [--samples N] [--seed N] [--patience SECONDS] [--control] "
    "[--worker PROGRAM]\n"
    "Freezes a thread at N random instructions of the allocator: LIB, or the system's. Counts how "
    "often that blocks others.\n"
    "  --control  status 0 at the first frozen thread that blocks others, 1 if none does\n"
    "Status: 0 no fault; 1 a thread is blocked, or memory is damaged; 77 ptrace is not "
    "permitted.\n";

Options parse(int argc, char** argv) {
    static const option known[] = {
        {"preload", required_argument, nullptr, 'p'}, {"samples", required_argument, nullptr, 'n'},
        {"seed", required_argument, nullptr, 's'},    {"patience", required_argument, nullptr, 't'},
        {"worker", required_argument, nullptr, 'w'},  {"control", no_argument, nullptr, 'c'},
        {"help", no_argument, nullptr, 'h'},          {nullptr, 0, nullptr, 0}};
    Options options;
    options.worker =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "freeze_worker";
    for (int found = 0; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (found) {
            case 'p': options.preload = optarg; break;
            case 'n': options.samples = static_cast<unsigned>(std::stoul(optarg)); break;
            case 's': options.seed = std::stoull(optarg); break;
            case 't': options.patience = std::stod(optarg); break;
            case 'w': options.worker = optarg; break;
            case 'c': options.control = true; break;
            default:
                std::fputs(usage, found == 'h' ? stdout : stderr);
                std::exit(found == 'h' ? 0 : 2);
        }
    }
    return options;
}

int report(const Options& options, const Worker& worker, const Outcome& outcome) {
    const unsigned faults = worker.shared().faults.load();
    std::printf(
        "%s: seed %llu, %u samples inside the allocator, %u blocked others (%.1f%%), %u damaged "
        "blocks\n",
        worker.shared().allocator, static_cast<unsigned long long>(options.seed), outcome.samples,
        outcome.blocked, outcome.samples == 0 ? 0.0 : 100.0 * outcome.blocked / outcome.samples,
        faults);
    for (const auto& [place, times] : outcome.places)
        std::printf("  blocked others %u times at %s\n", times, place.c_str());
    if (faults != 0) return 1;
    return (outcome.blocked > 0) == options.control ? 0 : 1;
}

}  // namespace
}  // namespace progress

int main(int argc, char** argv) try {
    const progress::Options options = progress::parse(argc, argv);
    progress::Worker worker(options.worker, "", options.preload);
    progress::Outcome outcome;
    {
        progress::Sampler sampler(options, worker);
        outcome = sampler.run();
    }
    return progress::report(options, worker, outcome);
} catch (const std::system_error& error) {
    std::fprintf(stderr, "freeze: %s\n", error.what());
    return error.code() == std::errc::operation_not_permitted ? progress::skipped : 2;
} catch (const std::exception& error) {
    std::fprintf(stderr, "freeze: %s\n", error.what());
    return 2;
}
