// Which limits of a program make the process heap release its reservation.
// setrlimit is that of src/malloc/api/setrlimit.cpp, and the heap below it
// counts the releases.
#include <cerrno>
#include <csignal>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "malloc/process/process.hpp"

namespace {
int releases = 0;
}

namespace ashlar::cache {
void release_reservation() noexcept { ++releases; }
}  // namespace ashlar::cache

namespace {

rlimit limit_of(__rlimit_resource resource) {
    rlimit now{};
    EXPECT_EQ(getrlimit(resource, &now), 0);
    return now;
}

class Limits : public testing::Test {
  protected:
    void SetUp() override {
        releases = 0;
        wide_.rlim_max = before_.rlim_max;
    }
    void TearDown() override { EXPECT_EQ(setrlimit(RLIMIT_AS, &before_), 0); }

    const rlimit before_ = limit_of(RLIMIT_AS);
    rlimit wide_{rlim_t{1} << 46, RLIM_INFINITY};  // finite, and larger than any test needs
};

TEST_F(Limits, AddressSpaceLimitReleasesTheReservation) {
    EXPECT_EQ(setrlimit(RLIMIT_AS, &wide_), 0);
    EXPECT_EQ(releases, 1);
    EXPECT_EQ(setrlimit64(RLIMIT_AS, reinterpret_cast<const rlimit64*>(&wide_)), 0);
    EXPECT_EQ(releases, 2);
    EXPECT_EQ(prlimit(0, RLIMIT_AS, &wide_, nullptr), 0);
    EXPECT_EQ(releases, 3);
    EXPECT_EQ(prlimit64(getpid(), RLIMIT_AS, reinterpret_cast<const rlimit64*>(&wide_), nullptr),
              0);
    EXPECT_EQ(releases, 4);
    EXPECT_EQ(limit_of(RLIMIT_AS).rlim_cur, wide_.rlim_cur);
}

TEST_F(Limits, InfiniteLimitKeepsTheReservation) {
    const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
    if (before_.rlim_max != RLIM_INFINITY) GTEST_SKIP() << "the tests' own limit is finite";
    EXPECT_EQ(setrlimit(RLIMIT_AS, &none), 0);
    rlimit now{};
    EXPECT_EQ(prlimit(0, RLIMIT_AS, nullptr, &now), 0);
    EXPECT_EQ(releases, 0);
}

TEST_F(Limits, LimitOfAnotherResourceKeepsTheReservation) {
    for (const __rlimit_resource resource :
         {RLIMIT_NOFILE, RLIMIT_STACK, RLIMIT_DATA, RLIMIT_MEMLOCK}) {
        const rlimit now = limit_of(resource);
        EXPECT_EQ(setrlimit(resource, &now), 0);
    }
    EXPECT_EQ(releases, 0);
}

TEST_F(Limits, LimitOfAnotherProcessKeepsTheReservation) {
    const pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    EXPECT_EQ(prlimit(child, RLIMIT_AS, &wide_, nullptr), 0);
    EXPECT_EQ(releases, 0);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}

TEST_F(Limits, SetrlimitReturnsTheSystemsAnswer) {
    const rlimit crossed{20, 10};
    errno = 0;
    EXPECT_EQ(setrlimit(RLIMIT_AS, &crossed), -1);
    EXPECT_EQ(errno, EINVAL);
    rlimit old{};
    EXPECT_EQ(setrlimit(RLIMIT_AS, &wide_), 0);
    EXPECT_EQ(prlimit(0, RLIMIT_AS, &before_, &old), 0);
    EXPECT_EQ(old.rlim_cur, wide_.rlim_cur);
}

TEST_F(Limits, LockedMemoryLimitCountsForMlockallOfPresentPages) {
    const rlimit before = limit_of(RLIMIT_MEMLOCK);
    const rlimit little{0, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &little), 0);
    mlockall(MCL_FUTURE | MCL_ONFAULT);  // whether or not the caller may
    munlockall();
    EXPECT_EQ(mlockall(0), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(releases, 0);
    mlockall(MCL_CURRENT | MCL_ONFAULT);
    munlockall();
    EXPECT_EQ(releases, 1);
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &before), 0);
}

TEST_F(Limits, InfiniteLockedMemoryLimitKeepsTheReservation) {
    const rlimit before = limit_of(RLIMIT_MEMLOCK);
    const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0) GTEST_SKIP() << "the hard limit can't be raised";
    mlockall(MCL_CURRENT | MCL_ONFAULT);
    munlockall();
    EXPECT_EQ(releases, 0);
    ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &before), 0);
}

}  // namespace
