// The background thread's states: passes, sleep and waking up. Its bounded
// sleeps end at once here.
#include "malloc/process/background.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <thread>

#include <gtest/gtest.h>

#include "base/barrier.hpp"
#include "malloc/process/pressure.hpp"

namespace {

using ashlar::cache::Background;

std::atomic<unsigned> passes;            // bounded sleeps
std::atomic<unsigned> sleeps;            // without a timeout
std::atomic<Background*> used_at_sleep;  // used once, just as it falls asleep
std::atomic<bool> barriers_fail;

}  // namespace

extern "C" long __real_syscall(long number, ...) noexcept;
extern "C" long __wrap_syscall(long number, ...) noexcept;
extern "C" long __wrap_syscall(long number, ...) noexcept {
    std::va_list list;
    va_start(list, number);
    long words[6];
    for (long& word : words) word = va_arg(list, long);
    va_end(list);
    if (number == SYS_membarrier) {
        // Here the state says that it sleeps, and it has not looked yet.
        if (Background* const background = used_at_sleep.exchange(nullptr)) background->notify();
        return barriers_fail.load() ? -1 : 0;
    }
    if (number == SYS_futex && words[1] == FUTEX_WAIT_PRIVATE) {
        if (words[3] != 0) {
            ++passes;
            std::this_thread::yield();
            return -1;
        }
        constexpr long kStarting = 1;  // a wait for the creator
        if (words[2] != kStarting) ++sleeps;
    }
    return __real_syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

namespace {

class BackgroundTest : public testing::Test {
  protected:
    void SetUp() override {
        passes = 0;
        sleeps = 0;
        barriers_fail = false;
    }
    void TearDown() override { background_.stop(); }
    static void until(const std::atomic<unsigned>& counter, unsigned value) {
        while (counter.load() < value) std::this_thread::yield();
    }
    Background background_{};
};

TEST_F(BackgroundTest, SleepsWithoutATimeoutAfterQuietPasses) {
    background_.start(pthread_create);
    until(sleeps, 1);
    EXPECT_EQ(passes.load(), 4U);
}

TEST_F(BackgroundTest, UseDuringAPassDelaysTheSleep) {
    background_.notify();
    background_.start(pthread_create);
    until(sleeps, 1);
    EXPECT_EQ(passes.load(), 5U);
}

TEST_F(BackgroundTest, NotifyWakesItUp) {
    background_.start(pthread_create);
    until(sleeps, 1);
    background_.notify();
    until(sleeps, 2);
    EXPECT_GE(passes.load(), 8U);
}

// E57.
TEST_F(BackgroundTest, UseThatComesAsItFallsAsleepIsSeen) {
    used_at_sleep = &background_;
    background_.start(pthread_create);
    until(sleeps, 1);
    EXPECT_GE(passes.load(), 8U) << "it slept although the heap was used";
}

TEST_F(BackgroundTest, WithoutBarriersItsSleepHasATimeout) {
    barriers_fail = true;
    background_.start(pthread_create);
    until(passes, 30);
    EXPECT_EQ(sleeps.load(), 0U);
    background_.notify();
    until(passes, 60);
}

TEST_F(BackgroundTest, StopEndsItAndSaysWhetherThereWasOne) {
    EXPECT_FALSE(background_.stop());
    background_.start(pthread_create);
    EXPECT_TRUE(background_.stop());
    EXPECT_FALSE(background_.stop());
    background_.start(pthread_create);
    until(sleeps, 1);
    EXPECT_TRUE(background_.stop()) << "also while it sleeps";
}

unsigned creations;
int refuse(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) {
    ++creations;
    return EAGAIN;
}

TEST_F(BackgroundTest, RefusedThreadIsTriedThreeTimes) {
    creations = 0;
    background_.start(refuse);
    const unsigned first = creations;
    EXPECT_GT(first, 0U);
    for (int i = 0; i < 5; ++i) background_.start(refuse);
    EXPECT_EQ(creations, 3 * first);
}

TEST_F(BackgroundTest, ForbiddenThreadNeverStartsAlsoInAChild) {
    background_.start(pthread_create);
    background_.forbid();
    background_.continue_in_child();
    creations = 0;
    background_.start(refuse);
    EXPECT_EQ(creations, 0U);
    ashlar::base::allow_barriers();
}

TEST(Pressure, ReadsTheFirstAverage) {
    using ashlar::cache::pressure_of;
    EXPECT_EQ(pressure_of("some avg10=12.34 avg60=0.00 avg300=0.00 total=1\nfull avg10=9.00"), 12);
    EXPECT_EQ(pressure_of("some avg10=0.00 avg60=77.00"), 0);
    EXPECT_EQ(pressure_of("full avg10=5.00"), -1);
    EXPECT_EQ(pressure_of("some avg10="), -1);
    EXPECT_EQ(pressure_of(""), -1);
}

}  // namespace
