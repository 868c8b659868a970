// ashlar_counters: how the allocator scales, on a machine with few cores. More
// and more threads do the same work while the core counts their accesses to
// shared words. The figures do not depend on the machine's speed, and hardly on
// its load.
#include <sys/wait.h>
#include <unistd.h>

#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <ashlar/ashlar.h>

#include "../count/count.hpp"
#include "where.hpp"
#include "work.hpp"

namespace bench {

void fail(const char* what) noexcept {
    std::fprintf(stderr, "ashlar_counters: %s\n", what);
    std::_Exit(1);
}

namespace {
constexpr std::uintptr_t stamp = 0x5a5a5a5a5a5a5a5a;
}

void* make(std::size_t size) noexcept {
    void* block = ash_malloc(size);
    if (block == nullptr) fail("out of memory");
    *static_cast<std::uintptr_t*>(block) = reinterpret_cast<std::uintptr_t>(block) ^ stamp;
    return block;
}

void drop(void* block) noexcept {
    auto* word = static_cast<std::uintptr_t*>(block);
    if (*word != (reinterpret_cast<std::uintptr_t>(block) ^ stamp))
        fail("a block lost its content");
    *word = 0;
    ash_free(block);
}

namespace {

struct Options {
    std::uint64_t operations = 20'000;
    std::uint32_t yield = 8;
    unsigned most_threads = 64;
    std::string only;
};

struct Result {
    Counts counts;
    Lines lines;
    std::uint64_t operations;
};

template <class Body>
void in_threads(unsigned count, Body body) {
    std::vector<std::thread> threads;
    for (unsigned self = 0; self < count; ++self) {
        threads.emplace_back([&body, self] {
            sit_on_core(self);
            body(self);
        });
    }
    for (std::thread& thread : threads) thread.join();
}

class Measurement {
  public:
    explicit Measurement(std::uint32_t yield) noexcept : yield_(yield) {}
    void start() noexcept {
        follow_lines(true);
        yield_every(yield_);
        before_ = all_counts();
    }
    void stop() noexcept {
        yield_every(0);
        result.counts = all_counts() - before_;
        result.lines = lines();
        follow_lines(false);
    }
    Result result{};

  private:
    std::uint32_t yield_;
    Counts before_;
};

Result measure(const Kind& kind, unsigned threads, const Options& options) {
    const std::unique_ptr<Work> work = kind.make(threads, options.operations);
    Measurement measurement(options.yield);
    std::atomic<std::uint64_t> operations{0};
    if (kind.generations > 1) {
        in_threads(threads, [&](unsigned self) { work->prepare(self); });
        measurement.start();
        for (unsigned i = 0; i < kind.generations; ++i) {
            in_threads(threads, [&](unsigned self) { operations += work->run(self); });
        }
        measurement.stop();
        in_threads(threads, [&](unsigned self) { work->finish(self); });
    } else {
        // The last thread to arrive starts and stops the count, while all
        // others wait.
        unsigned phase = 0;
        std::barrier turn(
            threads, [&]() noexcept { phase++ == 0 ? measurement.start() : measurement.stop(); });
        in_threads(threads, [&](unsigned self) {
            work->prepare(self);
            turn.arrive_and_wait();
            operations += work->run(self);
            turn.arrive_and_wait();
            work->finish(self);
        });
    }
    measurement.result.operations = operations;
    return measurement.result;
}

void print(unsigned threads, const Result& result) {
    using ashlar::base::Event;
    const auto per_operation = [&result](std::uint64_t events) {
        return static_cast<double>(events) / static_cast<double>(result.operations);
    };
    const Counts& counts = result.counts;
    const Lines& lines = result.lines;
    std::printf("%7u %9.4f %9.4f %9.5f %8.5f %8.5f %8.3f %8.4f %9.5f  %s\n", threads,
                per_operation(counts.read_modify_writes()), per_operation(counts[Event::vain]),
                per_operation(counts[Event::cas_failed]), per_operation(counts[Event::lock_had]),
                per_operation(counts[Event::lock_refused]), per_operation(counts[Event::load]),
                per_operation(lines.misses), per_operation(lines.worst.misses),
                lines.worst.misses == 0 ? "" : where_is(lines.worst.address).c_str());
    if (lines.untracked != 0)
        std::printf("        (%.4f accesses per operation to lines beyond the table)\n",
                    per_operation(lines.untracked));
}

/// Runs a row in a process of its own: it begins with an empty heap.
bool row(const Kind& kind, unsigned threads, const Options& options) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) fail("no process");
    if (child == 0) {
        const Result result = measure(kind, threads, options);
        if (result.operations == 0 ||
            (threads > 1 && result.counts[ashlar::base::Event::load] == 0))
            fail("nothing was counted");
        print(threads, result);
        if (ash_check() != 0) fail("the heap is broken");
        std::fflush(nullptr);
        std::_Exit(0);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool table(const Kind& kind, const Options& options) {
    std::printf(
        "\n%s: %s\nthreads       rmw      vain  cas-lost    locks  refused    loads   misses "
        "worst-line\n",
        kind.name, kind.what);
    bool good = true;
    for (unsigned threads = kind.least_threads; threads <= options.most_threads; threads *= 2) {
        good = row(kind, threads, options) && good;
    }
    return good;
}

bool parse(int count, char** arguments, Options& options) {
    for (int i = 1; i < count; ++i) {
        const std::string name = arguments[i];
        char* end = nullptr;
        if (name == "--smoke") {
            options.operations = 200;
            options.most_threads = 4;
            continue;
        }
        if (++i == count) return false;
        const std::uint64_t value = std::strtoul(arguments[i], &end, 10);
        if (name == "--only") {
            options.only = arguments[i];
        } else if (*end != '\0' || end == arguments[i]) {
            return false;
        } else if (name == "--operations" && value > 0) {
            options.operations = value;
        } else if (name == "--yield") {
            options.yield = static_cast<std::uint32_t>(value);
        } else if (name == "--threads" && value > 0 && value <= 64) {
            options.most_threads = static_cast<unsigned>(value);
        } else {
            return false;
        }
    }
    return true;
}

int main_of(int count, char** arguments) {
    Options options;
    if (!parse(count, arguments, options)) {
        std::fputs(
            "usage: ashlar_counters [--only NAME] [--threads MOST] [--operations N] [--yield "
            "STEPS] [--smoke]\n"
            "  --threads MOST     1, 2, 4 ... MOST threads (64)\n"
            "  --operations N     of each thread (20000)\n"
            "  --yield STEPS      a thread yields the processor after one in STEPS accesses to "
            "shared words, at random, so "
            "that\n"
            "                     all threads are in the middle of something; 0: never (8)\n",
            stderr);
        return 2;
    }
    std::printf(
        "Per operation (a block allocated and freed), of all threads together; a yield in %u "
        "accesses.\n",
        options.yield);
    bool good = true;
    bool found = false;
    for (const Kinds& kinds : {kinds_alone(), kinds_across()}) {
        for (const Kind& kind : kinds) {
            if (!options.only.empty() && options.only != kind.name) continue;
            found = true;
            good = table(kind, options) && good;
        }
    }
    if (!found) fail("there is no such work");
    return good ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int count, char** arguments) { return bench::main_of(count, arguments); }
