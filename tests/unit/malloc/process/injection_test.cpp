// Which allocations a plan lets fail, which are counted, and the line that
// reports the first failure.
#include <array>
#include <cstdio>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "malloc/process/injection.hpp"
#include "unit/malloc/process/hit_or_miss.hpp"

namespace {

using namespace ashlar::cache;

// The numbers, up to 12, of the allocations that fail. Runs in a thread of its
// own, since start() takes the caller's cache away.
std::string failing(const FailurePlan& plan) {
    std::string failed;
    std::thread([&] {
        Injection own{};
        own.start(plan, -1);
        EXPECT_TRUE(own.on());
        std::uint64_t count = 0;
        for (int i = 1; i <= 12; ++i) {
            if (!own.refuses(100)) continue;
            failed += std::to_string(i) + ' ';
            ++count;
        }
        EXPECT_EQ(own.counts().counted, 12U);
        EXPECT_EQ(own.counts().refused, count);
    }).join();
    return failed;
}

TEST(Injection, RefusesTheAllocationsOfThePlan) {
    EXPECT_EQ(failing({0, 0, 0}), "");
    EXPECT_EQ(failing({3, 0, 0}), "3 ");
    EXPECT_EQ(failing({10, 1, 0}), "10 11 12 ");
    EXPECT_EQ(failing({2, 4, 0}), "2 6 10 ");
}

TEST(Injection, CountsOnlyAllocationsOfTheLeastSize) {
    std::thread([] {
        Injection own{};
        own.start({1, 0, 1000}, -1);
        EXPECT_FALSE(own.refuses(999));
        EXPECT_EQ(own.counts().counted, 0U);
        EXPECT_TRUE(own.refuses(1000));
        EXPECT_EQ(own.counts().counted, 1U);
    }).join();
}

TEST(Injection, ReportsTheFirstFailureOnly) {
    std::FILE* file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    std::thread([file] {
        Injection own{};
        own.start({2, 1, 0}, fileno(file));
        for (int i = 0; i < 4; ++i) static_cast<void>(own.refuses(64));
    }).join();
    std::array<char, 200> text{};
    std::rewind(file);
    const std::size_t length = std::fread(text.data(), 1, text.size(), file);
    std::fclose(file);
    EXPECT_EQ(std::string(text.data(), length),
              "ashlar: allocation 2, of 64 bytes, fails as ASHLAR_FAIL_NTH asks\n");
}

// With a cache and without one.
TEST(Injection, LeaveOwnCacheLastsForTheThread) {
    for (const bool with_cache : {true, false}) {
        std::thread([with_cache] {
            if (with_cache) {
                EXPECT_NE(own_cache(), nullptr);
            }
            leave_own_cache();
            EXPECT_EQ(own_cache(), nullptr);
            give(hit_or_miss({100, 16}));
            EXPECT_EQ(own_cache(), nullptr);
        }).join();
    }
    EXPECT_EQ(check(), 0U);
}

}  // namespace
