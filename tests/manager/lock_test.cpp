// The manager's lock: one thread at a time has it, and who had to wait has it as well.
#include <gtest/gtest.h>
#include <atomic>
#include <thread>

#include "../base/together.hpp"
#include "manager/lock.hpp"

namespace {

using ashlar::manager::Guard;
using ashlar::manager::Lock;

class LockTest : public testing::Test {
  protected:
    LockTest() { lock.attach(&word_); }
    // Whether another thread, which asks for the lock now, is kept waiting until the caller calls release().
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

TEST_F(LockTest, KeepsOthersWaiting) {
    lock.lock();
    expect_waits([this] { lock.unlock(); });
    const Guard guard(lock);  // free again
}

TEST_F(LockTest, IsOneThreadsAtATime) {
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

// Who may take it again still keeps others out, also when it has given back what it took again.
TEST_F(LockTest, TakenAgainIsOneThreadsAllTheSame) {
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

TEST_F(LockTest, IsWantedWhileSomebodyWaits) {
    lock.lock();
    EXPECT_FALSE(lock.wanted()) << "by who has it";
    std::thread other([this] { const Guard guard(lock); });
    while (!lock.wanted()) std::this_thread::yield();
    lock.unlock();
    other.join();
    EXPECT_FALSE(lock.wanted());
}

TEST(LockOfOneThread, IsNone) {
    Lock lock;
    const Guard guard(lock);
    const Guard again(lock);
}

}  // namespace
