// usage: interleave [--list] [--most N] [--random N] [--seconds N] [--seed N] [--schedule TEXT
// [--trace]] [NAME...]
//
// Explores the scenarios whose names begin with one of the names, or all.
//   --most      schedules of the exhaustive part of each
//   --random    random schedules of each
//   --seconds   time for each scenario, instead of both
//   --schedule  only this schedule, as a fault printed it
// Status 1: a fault was found.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "explorer.hpp"
#include "real.hpp"

namespace {

using namespace interleave;

struct Options {
    std::uint64_t most = 20000;
    std::uint64_t random = 2000;
    double seconds = 0;
    std::uint64_t seed = 1;
    const char* schedule = nullptr;
    bool list = false;
    bool trace = false;
    std::vector<std::string> names;
};

// The levels, each completed before the next: the simplest schedule that shows
// a fault comes first.
constexpr Bounds kLevels[] = {{0, 0}, {1, 0}, {1, 1}, {2, 0}, {2, 1},
                              {2, 2}, {3, 1}, {3, 2}, {4, 2}, {5, 3}};

class Exploration {
  public:
    Exploration(const Entry& entry, const Options& options)
        : name_(entry.name), options_(options), scenario_(entry.make()),
          scheduler_(memory_, *scenario_) {
        scenario_->set_up();
        memory_.remember();
    }

    void run() {
        if (options_.schedule != nullptr) return replay();
        // Shows most of the visible words.
        const std::uint64_t warm_up = options_.random < 200 ? options_.random : 200;
        random(warm_up, 0);
        exhaust();
        random(options_.random - warm_up, options_.seconds);
        if (!memory_.restored())
            scheduler_.fail("a run left traces: something was written that the hooks don't see");
        const std::string verdict = scenario_->verdict();
        if (!verdict.empty()) scheduler_.fail(verdict);
        print();
    }

  private:
    // The longest run so far is the expected number of steps.
    void one(Strategy& strategy) {
        scheduler_.run(strategy);
        if (scheduler_.steps() > steps_) steps_ = scheduler_.steps();
    }
    void replay() {
        Schedule schedule;
        if (!from_string(options_.schedule, schedule)) {
            std::fprintf(stderr, "interleave: not a schedule: %s\n", options_.schedule);
            std::_Exit(2);
        }
        Replay strategy(schedule);
        scheduler_.trace(options_.trace);
        one(strategy);
        std::printf("%s: no fault with --schedule %s\n", name_,
                    to_string(scheduler_.schedule()).c_str());
    }
    void random(std::uint64_t runs, double seconds) {
        const auto start = std::chrono::steady_clock::now();
        const auto elapsed = [&] {
            return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        };
        for (std::uint64_t i = 0; seconds > 0 ? elapsed() < seconds / 2 : i < runs; ++i) {
            Random strategy(options_.seed * 1000003 + random_++, steps_);
            one(strategy);
        }
    }
    void exhaust() {
        const auto start = std::chrono::steady_clock::now();
        const auto enough = [&] {
            if (options_.seconds <= 0) return exhaustive_ >= options_.most;
            return exhaustive_ % 64 == 0 &&
                   std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
                           .count() >= options_.seconds / 2;
        };
        static_cast<void>(memory_.grew());
        for (const Bounds& bounds : kLevels) {
            Exhaustive strategy(bounds);
            while (strategy.next()) {
                if (enough()) return;
                one(strategy);
                ++exhaustive_;
                // The positions of the choices have changed.
                if (memory_.grew()) strategy.restart();
            }
            complete_ = &bounds;
        }
    }
    void print() const {
        std::printf("%s: %llu schedules", name_,
                    static_cast<unsigned long long>(exhaustive_ + random_));
        if (complete_ != nullptr) {
            std::printf(", among them all with up to %u switches and %u old values",
                        complete_->switches, complete_->old);
        }
        std::printf("; %llu at random, --seed %llu; %u steps at most\n",
                    static_cast<unsigned long long>(random_),
                    static_cast<unsigned long long>(options_.seed), steps_);
    }

    const char* name_;
    const Options& options_;
    Memory memory_;
    std::unique_ptr<Scenario> scenario_;
    Scheduler scheduler_;
    std::uint32_t steps_ = 0;
    std::uint64_t exhaustive_ = 0;
    std::uint64_t random_ = 0;
    const Bounds* complete_ = nullptr;
};

// The code under test hashes the address of a thread-local word, which the
// system puts onto the thread's stack. A stack at a fixed place makes that
// address the same in every process.
void on_fixed_stack(void* (*begin)(void*), void* argument) {
    constexpr std::uintptr_t kStackStart = std::uintptr_t{1} << 45;
    constexpr std::size_t kStackBytes = std::size_t{4} << 20;
    void* stack =
        __real_mmap(reinterpret_cast<void*>(kStackStart), kStackBytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;
    if (stack == MAP_FAILED || pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstack(&attributes, stack, kStackBytes) != 0 ||
        pthread_create(&thread, &attributes, begin, argument) != 0) {
        std::perror("interleave: a thread");
        std::_Exit(2);
    }
    pthread_join(thread, nullptr);
}

struct Job {
    const Entry& entry;
    const Options& options;
};

// Runs the scenario in a process of its own: each begins with untouched memory,
// and a fault ends only that one.
bool explore(const Entry& entry, const Options& options) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        Job job{entry, options};
        on_fixed_stack(
            [](void* argument) -> void* {
                const Job& here = *static_cast<Job*>(argument);
                Exploration(here.entry, here.options).run();
                std::fflush(stdout);
                _exit(0);
            },
            &job);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        std::perror("interleave: fork");
        std::exit(2);
    }
    if (status != 0) std::printf("%s: FAILED\n", entry.name);
    return status == 0;
}

// Scenarios with a fault that must be found: they run only by their names.
constexpr char kMutation[] = "mutation.";

bool wanted(const Options& options, const char* name) {
    for (const std::string& prefix : options.names) {
        if (std::strncmp(name, prefix.c_str(), prefix.size()) == 0) return true;
    }
    return options.names.empty() && std::strncmp(name, kMutation, sizeof kMutation - 1) != 0;
}

Options parse(int count, char** words) {
    Options options;
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        const char* value = i + 1 < count ? words[i + 1] : "";
        if (word == "--list" || word == "--trace") {
            (word == "--list" ? options.list : options.trace) = true;
            continue;
        }
        if (word.rfind("--", 0) != 0) {
            options.names.push_back(word);
            continue;
        }
        ++i;
        if (word == "--most") {
            options.most = std::strtoull(value, nullptr, 10);
        } else if (word == "--random") {
            options.random = std::strtoull(value, nullptr, 10);
        } else if (word == "--seconds") {
            options.seconds = std::strtod(value, nullptr);
        } else if (word == "--seed") {
            options.seed = std::strtoull(value, nullptr, 10);
        } else if (word == "--schedule") {
            options.schedule = value;
        } else {
            std::fprintf(stderr,
                         "usage: interleave [--list] [--most N] [--random N] [--seconds N] [--seed "
                         "N] [--schedule TEXT "
                         "[--trace]] [NAME...]\n");
            std::exit(2);
        }
    }
    return options;
}

}  // namespace

int main(int count, char** words) {
    const Options options = parse(count, words);
    unsigned found = 0;
    unsigned failed = 0;
    for (const Entry& entry : entries()) {
        if (!wanted(options, entry.name)) continue;
        ++found;
        if (options.list) {
            std::printf("%s\n", entry.name);
        } else if (!explore(entry, options)) {
            ++failed;
        }
    }
    if (found == 0) std::fprintf(stderr, "interleave: no scenario of that name\n");
    return found == 0 ? 2 : failed != 0 ? 1 : 0;
}
