// Callbacks of a cycle that ask for another one, which could never begin, or
// for its end; and callbacks for growth that do.
#include <pthread.h>
#include <signal.h>

#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

class CollectorCallbacks : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, CollectorCallbacks, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(CollectorCallbacks, CollectingInAVisitorThrowsAndEndsTheCycle) {
    MemoryManager manager(1U << 20, make::options(0, GetParam()));
    const Offset root = manager.allocate(64, 8).value(), lost = manager.allocate(64, 8).value();
    const ReferenceVisitor collects = [&](auto...) { manager.collect({}); };
    const ReferenceVisitor finds = [&](auto...) { static_cast<void>(manager.find_leaks({})); };
    const ReferenceVisitor stops = [&](auto...) { manager.stop_collector(); };
    for (const ReferenceVisitor& visitor : {collects, finds, stops}) {
        try {
            manager.collect(std::vector{root}, visitor);
            FAIL() << "no exception";
        } catch (const ManagerError& error) {
            EXPECT_EQ(error.status(), Status::in_callback);
            EXPECT_NE(std::string(error.what()).find("called by a callback"), std::string::npos);
        }
        EXPECT_TRUE(manager.is_block(lost));
    }
    EXPECT_EQ(manager.collect(std::vector{root}).freed_blocks, 1U) << "the next one is as ever";
}

// Of the thread that calls.
bool is_blocked(int signal) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    return sigismember(&blocked, signal) == 1;
}

TEST(CollectorThread, BlocksSignalsAndHasAName) {
    MemoryManager manager(1U << 20);
    std::vector<int> open;
    std::string name(16, 0);
    std::atomic<bool> asked{false};
    CollectorOptions options;
    options.roots = [&] {
        if (asked) return std::vector<Offset>();
        for (int signal = 1; signal < 32; ++signal) {
            if (signal != SIGKILL && signal != SIGSTOP && !is_blocked(signal))
                open.push_back(signal);
        }
        pthread_getname_np(pthread_self(), name.data(), name.size());
        asked = true;
        return std::vector<Offset>();
    };
    manager.start_collector(std::move(options));
    EXPECT_FALSE(is_blocked(SIGUSR1)) << "only the collector's thread";
    while (!asked) std::this_thread::yield();
    manager.stop_collector();
    EXPECT_EQ(open, (std::vector<int>{SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS}));
    EXPECT_STREQ(name.c_str(), "ashlar-collect");
}

TEST_P(CollectorCallbacks, VisitorMayCollectAnotherManager) {
    MemoryManager manager(1U << 20, make::options(0, GetParam())),
        other(1U << 20, make::options(0, GetParam()));
    const Offset root = manager.allocate(64, 8).value();
    ASSERT_TRUE(other.allocate(64));
    std::uint64_t freed = 0;
    manager.collect(std::vector{root}, [&](auto...) { freed += other.collect({}).freed_blocks; });
    EXPECT_EQ(freed, 1U);
}

// A cycle may wait for growth, which is in the hands of the callback.
TEST_P(CollectorCallbacks, CollectingInAGrowthCallbackThrows) {
    MemoryManager* self = nullptr;
    unsigned refused = 0;
    ManagerOptions options = make::options(0, GetParam());
    options.limit = Size{4} << 20;
    options.grow_by = [&](Size, Size wanted) {
        const auto refuses = [&](auto act) {
            try {
                act();
                ADD_FAILURE() << "no exception";
            } catch (const ManagerError& error) {
                EXPECT_EQ(error.status(), Status::in_callback);
                EXPECT_NE(
                    std::string(error.what()).find("called by a callback of the buffer's growth"),
                    std::string::npos);
                ++refused;
            }
        };
        refuses([&] { self->collect({}); });
        refuses([&] { static_cast<void>(self->find_leaks({})); });
        refuses([&] { self->stop_collector(); });
        if (GetParam() == make::Mode::many) {
            CollectorOptions collector;
            collector.roots = [] { return std::vector<Offset>(); };
            refuses([&] { self->start_collector(collector); });
        }
        return wanted;
    };
    MemoryManager manager(100, std::move(options));
    self = &manager;
    ASSERT_TRUE(manager.allocate(500));
    EXPECT_EQ(refused, GetParam() == make::Mode::many ? 4U : 3U);
    EXPECT_EQ(manager.collect({}).freed_blocks, 1U) << "afterwards it may";
    manager.stop_collector();
}

TEST(CollectorThreadCallbacks, CollectingInTheRootSourceThrows) {
    MemoryManager manager(1U << 20);
    const Offset root = manager.allocate(64, 8).value(), lost = manager.allocate(64, 8).value();
    std::atomic<unsigned> refused{0};
    CollectorOptions options;
    options.period = std::chrono::milliseconds(0);
    options.roots = [&] {
        const auto refuses = [&](auto act) {
            try {
                act();
            } catch (const ManagerError& error) {
                refused += error.status() == Status::in_callback ? 1 : 0;
            }
        };
        refuses([&] { manager.collect(std::vector{root}); });
        refuses([&] { static_cast<void>(manager.find_leaks(std::vector{root})); });
        refuses([&] {
            CollectorOptions another;
            another.roots = [] { return std::vector<Offset>(); };
            manager.start_collector(another);
        });
        refuses([&] { manager.stop_collector(); });
        return std::vector{root};
    };
    manager.start_collector(options);
    while (manager.last_collection().cycles == 0) std::this_thread::yield();
    manager.stop_collector();
    EXPECT_GE(refused, 4U);
    EXPECT_EQ(refused % 4, 0U);
    EXPECT_FALSE(manager.is_block(lost));
    EXPECT_TRUE(manager.is_block(root));
}

// Another thread may ask while a callback runs: its cycle is the next one.
TEST(CollectorThreadCallbacks, OtherThreadsMayCollectMeanwhile) {
    MemoryManager manager(1U << 20);
    const Offset root = manager.allocate(64, 8).value();
    std::thread another;
    const ReferenceVisitor visitor = [&](auto...) {
        if (!another.joinable())
            another = std::thread([&] { EXPECT_EQ(manager.collect(std::vector{root}).roots, 1U); });
    };
    manager.collect(std::vector{root}, visitor);
    another.join();
    EXPECT_EQ(manager.last_collection().cycles, 2U);
}

}  // namespace
