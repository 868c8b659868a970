// The child of a fork goes on with every manager, whatever other threads did
// with it at that moment.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

constexpr Size kMiB = Size{1} << 20;

// Threads that call a manager all the while, until the end of their life.
class Busy {
  public:
    using Call = std::function<void(MemoryManager&, std::mt19937&)>;
    Busy(MemoryManager& manager, const std::vector<Call>& calls) {
        for (const Call& call : calls) {
            threads_.emplace_back(
                [this, &manager, call, seed = static_cast<unsigned>(threads_.size())] {
                    std::mt19937 random(seed);
                    while (!stop_) call(manager, random);
                });
        }
    }
    ~Busy() {
        stop_ = true;
        for (std::thread& thread : threads_) thread.join();
    }

  private:
    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

// Runs in a child; returns what act() returns, or -1 if it ends in another way.
// A child that hangs is ended by a signal.
int in_child(const std::function<int()>& act) {
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(20);
        _exit(act());
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void churn(MemoryManager& manager, std::mt19937& random) {
    std::array<std::optional<Offset>, 40> blocks;
    for (auto& block : blocks)
        block = manager.allocate_root(1 + random() % (random() % 2 == 0 ? 900 : 50'000));
    if (blocks[0]) static_cast<void>(manager.try_set_name(*blocks[0], "a name"));
    for (const auto& block : blocks) {
        if (block) static_cast<void>(manager.try_deallocate(*block));
    }
}

// 0: the manager works, else the step that failed.
int work_with(MemoryManager& manager) {
    if (manager.check() != 0) return 1;
    std::vector<Offset> blocks;
    for (int i = 0; i < 500; ++i) {
        const auto block = manager.allocate_root(i % 2 == 0 ? 100 : 10'000);
        if (!block) return 2;
        manager.write(*block, make::pattern(100, 1));
        blocks.push_back(*block);
    }
    manager.set_name(blocks[0], "the child's");
    manager.defragment();
    manager.collect({});
    for (const Offset block : blocks) manager.deallocate(block);
    manager.trim();
    if (!manager.find_leaks({}).empty()) return 3;
    manager.stop_collector();
    return manager.check() == 0 ? 0 : 4;
}

class Fork : public testing::Test {
  protected:
    void SetUp() override {
#if defined(__SANITIZE_THREAD__)
        GTEST_SKIP() << "ThreadSanitizer ends the child of a process with threads";
#endif
    }
};

TEST_F(Fork, ChildUsesAManagerThatOtherThreadsAllocateFrom) {
    MemoryManager manager(64 * kMiB);
    const Busy busy(manager, {churn, churn, churn});
    for (int i = 0; i < 40; ++i) ASSERT_EQ(in_child([&] { return work_with(manager); }), 0);
}

TEST_F(Fork, ChildUsesAManagerInACycle) {
    MemoryManager manager(64 * kMiB);
    CollectorOptions options;
    options.period = std::chrono::milliseconds(0);
    options.budget = 16;
    options.roots = [] { return std::vector<Offset>(); };
    for (int i = 0; i < 3000; ++i)
        ASSERT_TRUE(manager.allocate_root(i % 2 == 0 ? 64 : 2000, 8).has_value());
    manager.start_collector(std::move(options));
    const Busy busy(manager, {churn});
    for (int i = 0; i < 15; ++i) ASSERT_EQ(in_child([&] { return work_with(manager); }), 0);
}

TEST_F(Fork, ChildEndsWhatOtherThreadsMove) {
    MemoryManager manager(64 * kMiB);
    std::vector<Handle> handles;
    for (int i = 0; i < 2000; ++i) handles.push_back(manager.allocate_movable(1000).value());
    std::atomic<std::size_t> next{0};
    const Busy busy(manager, {[&](MemoryManager& moved, std::mt19937&) {
                                  Handle& handle = handles[next++ * 7 % handles.size()];
                                  // In a pass.
                                  if (moved.try_deallocate(handle) != Status::ok) return;
                                  handle = moved.allocate_movable(1000).value();
                              },
                              [](MemoryManager& moved, std::mt19937&) {
                                  moved.defragment();
                                  const std::vector<Move> moves = moved.begin_pass();
                                  if (!moves.empty()) moved.end_pass({});
                              }});
    for (int i = 0; i < 40; ++i) {
        ASSERT_EQ(in_child([&] {
                      if (manager.check() != 0) return 1;
                      try {
                          manager.defragment();
                      } catch (const Pinned&) {
                          manager.end_pass({});  // one that had been planned
                          manager.defragment();
                      }
                      return manager.check() == 0 ? 0 : 2;
                  }),
                  0);
    }
}

TEST_F(Fork, ChildUsesAManagerThatGrows) {
    ManagerOptions options;
    options.limit = 64 * kMiB;
    options.grow_by = [](Size, Size wanted) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return wanted;
    };
    MemoryManager manager(kMiB, std::move(options));
    const Busy busy(manager, {[](MemoryManager& grown, std::mt19937&) {
                        const auto block = grown.allocate_root(2 * kMiB);
                        if (block) grown.deallocate(*block);
                        grown.trim();
                    }});
    for (int i = 0; i < 8; ++i) ASSERT_EQ(in_child([&] { return work_with(manager); }), 0);
}

// A visitor holds the lock of its own manager while it waits for that of
// another one.
TEST_F(Fork, WaitsForThreadsThatUseTwoManagersAtATime) {
    MemoryManager first(kMiB), second(kMiB);
    const Offset one = first.allocate_root(5000).value();
    const Offset two = second.allocate_root(5000).value();
    const auto crossing = [](MemoryManager& other, Offset block) {
        return [&other, block](Offset, Size, auto&&) {
            std::byte byte{};
            other.read(block, std::span(&byte, 1));
        };
    };
    const Busy busy(
        first, {[&](MemoryManager&, std::mt19937&) { first.collect({}, crossing(second, two)); }});
    for (int i = 0; i < 200; ++i) {
        ASSERT_EQ(in_child([&] {
                      return first.is_block(one) && second.is_block(two) && first.check() == 0 ? 0
                                                                                               : 1;
                  }),
                  0);
    }
}

// A visitor holds the lock of its manager while it waits for the list of all
// managers.
TEST_F(Fork, WaitsForVisitorsThatMakeManagers) {
    MemoryManager manager(kMiB);
    const Offset root = manager.allocate_root(5000).value();
    const Busy busy(manager, {[&](MemoryManager&, std::mt19937&) {
                        manager.collect({}, [](auto...) { const MemoryManager made(Size{4096}); });
                    }});
    for (int i = 0; i < 20; ++i)
        ASSERT_EQ(in_child([&] { return manager.is_block(root) ? 0 : 1; }), 0);
}

TEST_F(Fork, CallbackOfACycleMayFork) {
    MemoryManager manager(16 * kMiB);
    const Offset root = manager.allocate_root(64, 8).value();
    static_cast<void>(manager.allocate(64, 8));
    bool forked = false;
    int told = -1;
    const auto done = manager.collect({}, [&](auto...) {
        if (forked) return;
        forked = true;
        told = in_child([&] { return manager.is_block(root) && manager.check() == 0 ? 0 : 1; });
    });
    EXPECT_EQ(told, 0);
    EXPECT_EQ(done.freed_blocks, 1U);
}

TEST_F(Fork, ChildStartsACollectorOfItsOwn) {
    MemoryManager manager(16 * kMiB);
    const auto options = [] {
        CollectorOptions made;
        made.period = std::chrono::milliseconds(0);
        made.roots = [] { return std::vector<Offset>(); };
        return made;
    };
    manager.start_collector(options());
    while (manager.last_collection().cycles == 0) std::this_thread::yield();
    EXPECT_EQ(in_child([&] {
                  static_cast<void>(manager.allocate(100));
                  manager.start_collector(options());
                  while (manager.statistics().blocks != 0) std::this_thread::yield();
                  manager.stop_collector();
                  return 0;
              }),
              0);
}

}  // namespace
