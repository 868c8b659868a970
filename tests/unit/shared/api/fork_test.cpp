// A shared heap across fork and exec.
#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "shared/api/mapping.hpp"
#include "support/random.hpp"
#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;

struct SharedHeapFork : ::testing::Test {
    TemporaryName name;
    SharedHeap heap = make_heap(name);
    ~SharedHeapFork() override { EXPECT_EQ(heap.check(), 0U); }
    [[nodiscard]] shared::SlotId slot() const { return heap.mapping()->enter().id; }
};

// Allocates and frees; checks that nobody else writes into its blocks.
int work(SharedHeap& heap, unsigned seed) {
    Random random(seed);
    std::vector<std::pair<unsigned char*, std::size_t>> live;
    const auto check_and_free = [&](std::size_t i) {
        const auto [block, size] = live[i];
        bool intact = true;
        for (std::size_t at = 0; at < size; ++at) intact = intact && block[at] == seed % 256;
        live[i] = live.back();
        live.pop_back();
        heap.deallocate(block);
        return intact;
    };
    for (int i = 0; i < 3000; ++i) {
        if (live.size() < 50) {
            const std::size_t size =
                random.below(20) == 0 ? random.below(100000) : random.below(300);
            auto* const block = static_cast<unsigned char*>(heap.allocate(size));
            if (block == nullptr) return 2;
            std::memset(block, static_cast<int>(seed % 256), size);
            live.emplace_back(block, size);
        } else if (!check_and_free(random.below(live.size()))) {
            return 3;
        }
    }
    while (!live.empty()) {
        if (!check_and_free(live.size() - 1)) return 3;
    }
    return 0;
}

TEST_F(SharedHeapFork, TheChildAttachesAnew) {
    const shared::SlotId mine = slot();
    EXPECT_EQ(in_child([&] { return slot() == mine || slot() == 0 ? 1 : 0; }), 0);
    EXPECT_EQ(slot(), mine);
    EXPECT_EQ(heap.statistics().threads, 2U);  // the child ended by _exit()
    EXPECT_EQ(heap.recover(), 1U);
}

TEST_F(SharedHeapFork, AGrandchildAttachesAnew) {
    const shared::SlotId mine = slot();
    const int result = in_child([&] {
        const int early = in_child([&] { return slot() == mine ? 1 : 0; });
        const shared::SlotId second = slot();
        const int late = in_child([&] { return slot() == mine || slot() == second ? 1 : 0; });
        return early == 0 && late == 0 ? 0 : 1;
    });
    EXPECT_EQ(result, 0);
    EXPECT_EQ(heap.recover(), 3U);
}

TEST_F(SharedHeapFork, AThreadOfTheChildAttachesAnew) {
    const shared::SlotId mine = slot();
    EXPECT_EQ(in_child([&] {
                  shared::SlotId first = 0;
                  std::thread([&] { first = slot(); }).join();
                  return first == mine || first == 0 ? 1 : slot() == mine ? 2 : 0;
              }),
              0);
    EXPECT_EQ(heap.recover(), 1U);
}

TEST_F(SharedHeapFork, ParentAndChildrenAllocateAtOnce) {
    static_cast<void>(heap.allocate(100));
    std::vector<pid_t> children;
    for (unsigned i = 0; i < 4; ++i)
        children.push_back(start_child([&] { return work(heap, 10 + i); }));
    EXPECT_EQ(work(heap, 1), 0);
    for (const pid_t child : children) EXPECT_EQ(end_of(child), 0);
    heap.recover();
    EXPECT_EQ(heap.statistics().threads, 1U);
}

TEST_F(SharedHeapFork, AForkWhileThreadsAllocateLeavesTheChildUsable) {
    std::atomic<bool> stop{false};
    std::thread busy([&] {
        while (!stop) heap.deallocate(heap.allocate(200));
    });
    for (unsigned i = 0; i < 10; ++i) EXPECT_EQ(in_child([&] { return work(heap, 20 + i); }), 0);
    stop = true;
    busy.join();
    heap.recover();
    EXPECT_EQ(heap.statistics().threads, 1U);
}

TEST_F(SharedHeapFork, TheChildClosesItsHeapWithoutHarm) {
    EXPECT_EQ(in_child([&] {
                  static_cast<void>(heap.allocate(8));
                  const SharedHeap taken = std::move(heap);
                  return 0;
              }),
              0);
    EXPECT_EQ(heap.statistics().threads, 1U);  // it detached
    EXPECT_NE(heap.allocate(8), nullptr);
}

TEST_F(SharedHeapFork, AnExecIsADeath) {
    const pid_t child = start_child([&] {
        static_cast<void>(heap.allocate(100));
        execl("/bin/sleep", "sleep", "60", nullptr);
        return 1;
    });
    const pid_t parent = getpid();
    std::size_t recovered = 0;
    while (recovered == 0 && kill(child, 0) == 0) recovered = heap.recover();
    EXPECT_EQ(getpid(), parent);
    EXPECT_EQ(recovered, 1U);
    EXPECT_EQ(heap.doubts().size(), 1U);
    kill(child, SIGKILL);
    end_of(child);
}

}  // namespace
