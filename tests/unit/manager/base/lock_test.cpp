// The manager's lock: one thread at a time has it, and who had to wait has it
// as well.
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <gtest/gtest.h>
#include <atomic>
#include <thread>

#include "manager/base/lock.hpp"
#include "support/together.hpp"

namespace {

using ashlar::manager::Guard;
using ashlar::manager::Lock;

class LockTest : public testing::Test {
  protected:
    LockTest() { lock.attach(&word_); }
    // Whether another thread, which asks for the lock now, is kept waiting
    // until the caller calls release().
    template <class Release>
    void expect_waits(Release release) {
        std::atomic<bool> asks{false}, has{false};
        std::thread other([&] {
            asks = true;
            const Guard guard(lock);
            has = true;
        });
        while (!asks) std::this_thread::yield();
        for (int i = 0; i < 2000; ++i) std::this_thread::yield();
        EXPECT_FALSE(has);
        release();
        other.join();
        EXPECT_TRUE(has);
    }

    Lock lock;

  private:
    ashlar::base::TryLock word_{};
};

TEST_F(LockTest, HolderExcludesOthers) {
    lock.lock();
    expect_waits([this] { lock.unlock(); });
    const Guard guard(lock);  // free again
}

long nanoseconds(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// On the processor where the test began, with a real-time priority or without
// one. False: not permitted.
bool place(const cpu_set_t& processor, int policy, int priority) {
    const sched_param parameter{.sched_priority = priority};
    return pthread_setaffinity_np(pthread_self(), sizeof processor, &processor) == 0 &&
           pthread_setschedparam(pthread_self(), policy, &parameter) == 0;
}

// The holder has no processor but the one that the waiter keeps, and needs 20
// ms of it.
TEST_F(LockTest, RealTimeWaiterLetsTheHolderRun) {
    cpu_set_t processor;
    CPU_ZERO(&processor);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &processor);
    std::atomic<bool> held{false}, permitted{true}, asks{false};
    std::thread holder([&] {
        permitted = place(processor, SCHED_OTHER, 0);
        const Guard guard(lock);
        held = true;
        while (permitted && !asks) std::this_thread::yield();
        const long begin = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
        while (permitted && nanoseconds(CLOCK_THREAD_CPUTIME_ID) - begin < 20'000'000) {
        }
    });
    while (!held) std::this_thread::yield();
    long waited = 1, spun = 0;
    std::thread waiter([&] {
        permitted = permitted && place(processor, SCHED_FIFO, 1);
        const long begin = nanoseconds(CLOCK_MONOTONIC),
                   cost = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
        asks = true;
        const Guard guard(lock);
        waited = nanoseconds(CLOCK_MONOTONIC) - begin;
        spun = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cost;
    });
    waiter.join();
    holder.join();
    if (!permitted) GTEST_SKIP() << "no real-time priorities here";
    EXPECT_LT(spun, waited / 4) << "the waiter keeps the processor that the holder needs";
}

TEST_F(LockTest, AdmitsOneThreadAtATime) {
    constexpr unsigned kThreads = 4;
    constexpr unsigned kRounds = 5000;
    unsigned counter = 0;  // plain: the lock's
    std::atomic<unsigned> inside{0}, most{0};
    together(kThreads, [&](unsigned) {
        for (unsigned i = 0; i < kRounds; ++i) {
            const Guard guard(lock);
            if (++inside > 1) ++most;
            const unsigned before = counter;
            if (i % 16 == 0) std::this_thread::yield();  // so that others have to wait
            counter = before + 1;
            --inside;
        }
    });
    EXPECT_EQ(counter, kThreads * kRounds);
    EXPECT_EQ(most, 0U);
}

// A thread that may take the lock again still excludes others, also after it
// has released the second hold.
TEST_F(LockTest, ReentryStillExcludesOthers) {
    lock.lock();
    {
        const Lock::Again again(lock);
        {
            const Guard inner(lock);
            const Guard innermost(lock);
        }
        expect_waits([this] { lock.unlock(); });
    }
    const Guard guard(lock);
}

TEST_F(LockTest, WantedIsTrueWhileAThreadWaits) {
    lock.lock();
    EXPECT_FALSE(lock.wanted()) << "by who has it";
    std::thread other([this] { const Guard guard(lock); });
    while (!lock.wanted()) std::this_thread::yield();
    lock.unlock();
    other.join();
    EXPECT_FALSE(lock.wanted());
}

TEST(LockWithoutWord, MayBeTakenTwice) {
    Lock lock;
    const Guard guard(lock);
    const Guard again(lock);
}

}  // namespace
