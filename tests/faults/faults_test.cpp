// The uses of every point fail once, and from then on, each in a process of its own: the program is told, nothing leaks, the
// heap stays sound, and all works again when the point does.
#include <sys/wait.h>
#include <unistd.h>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "cache/growth.hpp"
#include "cache/process.hpp"
#include "points.hpp"
#include "scenario.hpp"

namespace {

using faults::Point;

// The first uses are all tried, of the rest every so manieth; ASHLAR_FAULTS=all: each.
std::uint64_t step_after(std::uint64_t n) {
    const char* wish = std::getenv("ASHLAR_FAULTS");
    return n < ASHLAR_FIRST || (wish != nullptr && std::string(wish) == "all") ? 1 : ASHLAR_SAMPLE;
}

// Runs f in a child and returns what it left with; -1: it was ended by a signal.
template <class F>
int in_child(F f) {
    const pid_t child = fork();
    if (child == 0) {
        f();
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return -2;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Those of the process heap: with everything freed there are no others.
std::size_t regions() {
    std::size_t count = ashlar::cache::existing_process() != nullptr ? 1 : 0;
    ashlar::cache::each_grown([&count](ashlar::cache::Core&) noexcept { ++count; });
    return count;
}

void live_with(Point point, std::uint64_t n, bool on) {
    faults::plan(point, n, on);
    const std::size_t refused = faults::live(false);
    const bool reached = faults::refusals() != 0;
    faults::plan(point, 0, false);
    faults::expect_nothing_held();
    faults::live(true);
    faults::expect_nothing_held();
    if (point == Point::map || point == Point::unmap || point == Point::enroll) {
        faults::live(true);  // has grown as far as this scenario makes it
        faults::expect_nothing_held();
        const std::size_t mapped = faults::mapped();
        faults::live(true);
        faults::expect_nothing_held();
        if (faults::mapped() != mapped) _exit(3);
    }
    if (faults::mappings() != regions()) _exit(7);
    if (faults::stuck() != faults::rescued()) _exit(4);
    if (faults::unmapped_while_known() != 0) _exit(8);
    if (!reached) _exit(5);
    if (refused == 0 && on && (point == Point::map || point == Point::span) && n == 1) _exit(6);
}

std::uint64_t count_uses(Point point) {
    int pipes[2];
    if (pipe(pipes) != 0) return 0;
    const int status = in_child([&] {
        faults::plan(point, 0, false);
        faults::live(true);
        const std::uint64_t uses = faults::uses(point);
        if (write(pipes[1], &uses, sizeof uses) != sizeof uses) _exit(1);
    });
    std::uint64_t uses = 0;
    close(pipes[1]);
    if (status != 0 || read(pipes[0], &uses, sizeof uses) != sizeof uses) uses = 0;
    close(pipes[0]);
    return uses;
}

class EachUse : public testing::TestWithParam<unsigned> {};

TEST_P(EachUse, FailsOnceAndFromThenOn) {
    const auto point = static_cast<Point>(GetParam());
    const std::uint64_t uses = count_uses(point);
    ASSERT_GT(uses, 0U) << "the scenario does not use this point, or the linker does not send it here";
    std::uint64_t tried = 0;
    for (std::uint64_t n = 1; n <= uses; n += step_after(n)) {
        for (const bool on : {false, true}) {
            ASSERT_EQ(in_child([&] { live_with(point, n, on); }), 0) << "use " << n << (on ? " and all after it" : "");
            ++tried;
        }
    }
    RecordProperty("faults", std::to_string(tried));
    std::printf("%s: %llu uses, %llu faults injected\n", faults::name_of(point), static_cast<unsigned long long>(uses),
                static_cast<unsigned long long>(tried));
}

INSTANTIATE_TEST_SUITE_P(Point, EachUse, testing::Range(0U, faults::kPoints),
                         [](const auto& instance) { return std::string(faults::name_of(static_cast<Point>(instance.param))); });

}  // namespace
