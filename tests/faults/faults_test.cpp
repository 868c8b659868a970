// Each use of every point fails once, and from then on, in a process of its
// own. The program must be told, nothing may leak, the heap must stay sound,
// and everything must work again afterwards.
#include <sys/wait.h>
#include <unistd.h>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "malloc/process/growth.hpp"
#include "malloc/process/process.hpp"
#include "points.hpp"
#include "scenario.hpp"

namespace {

using faults::Point;

// All of the first uses are tried, and a sample of the others;
// ASHLAR_FAULTS=all: all of them.
std::uint64_t step_after(std::uint64_t n) {
    const char* wish = std::getenv("ASHLAR_FAULTS");
    return n < ASHLAR_FIRST || (wish != nullptr && std::string(wish) == "all") ? 1 : ASHLAR_SAMPLE;
}

// Runs f in a child and returns its exit status; -1: a signal ended it.
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

// The bytes of the process heap's regions. When everything is freed there is no
// other mapping.
std::size_t regions() {
    const ashlar::cache::Heap* heap = ashlar::cache::existing_process();
    std::size_t bytes = heap != nullptr ? heap->mapped() : 0;
    ashlar::cache::each_grown(
        [&bytes](ashlar::cache::Heap& grown) noexcept { bytes += grown.mapped(); });
    return bytes;
}

void live_with(Point point, std::uint64_t n, bool on) {
    faults::plan(point, n, on);
    const std::size_t refused = faults::live(false);
    const bool reached = faults::refusals() != 0;
    faults::plan(point, 0, false);
    faults::expect_nothing_held();
    faults::live(true);
    faults::expect_nothing_held();
    const bool below_heaps = point == Point::map || point == Point::unmap ||
                             point == Point::commit || point == Point::remap;
    if (below_heaps || point == Point::enroll) {
        faults::live(true);  // has grown as much as the scenario needs
        faults::expect_nothing_held();
        const std::size_t mapped = faults::mapped();
        faults::live(true);
        faults::expect_nothing_held();
        if (faults::mapped() != mapped) _exit(3);
    }
    if (faults::mapped() != regions()) _exit(7);
    if (faults::stuck() != faults::rescued()) _exit(4);
    if (faults::unmapped_while_known() != 0) _exit(8);
    // The number of threads that commit one step at once differs from run to
    // run.
    if (!reached && point != Point::commit) _exit(5);
    if (refused == 0 && on &&
        (point == Point::map || point == Point::commit || point == Point::span) && n == 1)
        _exit(6);
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
    ASSERT_GT(uses, 0U)
        << "the scenario does not use this point, or the linker does not redirect it";
    std::uint64_t tried = 0;
    for (std::uint64_t n = 1; n <= uses; n += step_after(n)) {
        for (const bool on : {false, true}) {
            ASSERT_EQ(in_child([&] { live_with(point, n, on); }), 0)
                << "use " << n << (on ? " and all after it" : "");
            ++tried;
        }
    }
    RecordProperty("faults", std::to_string(tried));
    std::printf("%s: %llu uses, %llu faults injected\n", faults::name_of(point),
                static_cast<unsigned long long>(uses), static_cast<unsigned long long>(tried));
}

INSTANTIATE_TEST_SUITE_P(Point, EachUse, testing::Range(0U, faults::kPoints),
                         [](const auto& instance) {
                             return std::string(
                                 faults::name_of(static_cast<Point>(instance.param)));
                         });

}  // namespace
