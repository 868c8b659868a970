#include <cstdint>

#include <gtest/gtest.h>

#include "base/atomic.hpp"

#include "support/together.hpp"

namespace {

using namespace ashlar::base;

template <class T>
concept ReadsAsValue = requires(T& word) {
    static_cast<int>(word);
};
template <class T>
concept LoadsWithoutOrder = requires(T& word) {
    word.load();
};
template <class T>
concept Increments = requires(T& word) {
    ++word;
};
template <class T>
concept Assigns = requires(T& word) {
    word = 1;
};

TEST(Atomic, HasNoDefaultOrderAndNoOperators) {
    EXPECT_FALSE(ReadsAsValue<Atomic<int>>);
    EXPECT_FALSE(LoadsWithoutOrder<Atomic<int>>);
    EXPECT_FALSE(Increments<Atomic<int>>);
    EXPECT_FALSE(Assigns<Atomic<int>>);
}

TEST(Atomic, OperationsReturnTheOldValue) {
    Atomic<std::uint64_t> word{0b1100};
    EXPECT_EQ(word.fetch_or(0b0011, seq_cst), 0b1100U);
    EXPECT_EQ(word.fetch_and(0b0110, acq), 0b1111U);
    EXPECT_EQ(word.fetch_add(4, rlx), 0b0110U);
    EXPECT_EQ(word.fetch_sub(1, rlx), 0b1010U);
    EXPECT_EQ(word.exchange(77, acq_rel), 0b1001U);
    word.store(78, rel);
    EXPECT_EQ(word.load(acq), 78U);
}

TEST(Atomic, FailingCasReturnsTheFoundValue) {
    Atomic<int> word{5};
    int expected = 4;
    EXPECT_FALSE(word.cas(expected, 6, seq_cst, rlx));
    EXPECT_EQ(expected, 5);
    EXPECT_TRUE(word.cas(expected, 6, seq_cst, rlx));
    EXPECT_EQ(word.load(rlx), 6);
}

TEST(TryLock, TryLockFailsAtOnceWhileHeld) {
    TryLock lock{};
    EXPECT_TRUE(lock.try_lock());
    EXPECT_FALSE(lock.try_lock());
    lock.unlock();
    EXPECT_TRUE(lock.try_lock());
    lock.reset();
    EXPECT_TRUE(lock.try_lock());
}

TEST(TryLock, ProtectsPlainData) {
    TryLock lock{};
    std::uint64_t inside = 0;
    Atomic<std::uint64_t> entered{0};
    together(4, [&](unsigned) {
        for (int i = 0; i < 20'000; ++i) {
            if (!lock.try_lock()) continue;
            ++inside;
            lock.unlock();
            entered.fetch_add(1, rlx);
        }
    });
    EXPECT_EQ(inside, entered.load(rlx));
    EXPECT_GT(inside, 0U);
}

}  // namespace
