// What survivors see and do when a thread of another process dies.
#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <thread>
#include <vector>

#include "shared/api/mapping.hpp"
#include "unit/shared/names/traced.hpp"
#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;

#if defined(__SANITIZE_THREAD__)
constexpr bool kManyLocks = false;  // ThreadSanitizer ends a thread that holds 64 mutexes
#else
constexpr bool kManyLocks = true;
#endif

struct SharedHeapDeaths : ::testing::Test {
    TemporaryName name;
    SharedHeap heap = make_heap(name);
    ~SharedHeapDeaths() override { EXPECT_EQ(heap.check(), 0U); }

    // Runs act() in a child that then dies without detaching.
    template <class Act>
    pid_t die_after(Act act) {
        const pid_t child = start_child([&] {
            act();
            raise(SIGKILL);
            return 0;
        });
        EXPECT_TRUE(was_killed(end_of(child)));
        return child;
    }
};

TEST_F(SharedHeapDeaths, RecoverGivesBackWhatTheDeadKept) {
    die_after([&] {
        heap.deallocate(heap.allocate(32));
        heap.deallocate(heap.allocate(4000));
    });
    EXPECT_GT(heap.statistics().kept, 0U);
    EXPECT_EQ(heap.recover(), 1U);
    EXPECT_EQ(heap.statistics().kept, 0U);
    EXPECT_EQ(heap.statistics().threads, 1U);
    EXPECT_EQ(heap.recover(), 0U);
}

TEST_F(SharedHeapDeaths, TheBlockTakenLastIsInDoubtUntilSettled) {
    for (const std::size_t size : {100U, 100000U}) {
        die_after([&] {
            static_cast<void>(heap.allocate(8));
            static_cast<void>(heap.allocate(size));
        });
        EXPECT_EQ(heap.recover(), 1U);
        const std::vector<SharedDoubt> doubts = heap.doubts();
        ASSERT_EQ(doubts.size(), 1U);
        EXPECT_EQ(doubts[0].size, size);
        EXPECT_EQ(heap.statistics().doubts, 1U);
        heap.settle(doubts[0].block);
        EXPECT_TRUE(heap.doubts().empty());
        EXPECT_EQ(heap.usable_size(heap.to_address(doubts[0].block)), size);
        heap.deallocate(heap.to_address(doubts[0].block));
    }
}

TEST_F(SharedHeapDeaths, AFreeEndsTheDoubtAlsoIfTheBlockIsTakenAgain) {
    die_after([&] { static_cast<void>(heap.allocate(30000)); });
    EXPECT_EQ(heap.recover(), 1U);
    ASSERT_EQ(heap.doubts().size(), 1U);
    const std::uint64_t block = heap.doubts()[0].block;
    heap.deallocate(heap.to_address(block));
    EXPECT_TRUE(heap.doubts().empty());
    std::vector<void*> taken;
    do {
        taken.push_back(heap.allocate(30000));
        ASSERT_NE(taken.back(), nullptr);
    } while (heap.to_offset(taken.back()) != block);
    EXPECT_TRUE(heap.doubts().empty());
    EXPECT_EQ(heap.statistics().doubts, 0U);
}

TEST_F(SharedHeapDeaths, AResizeInPlaceEndsTheDoubt) {
    die_after([&] { static_cast<void>(heap.allocate(100)); });
    EXPECT_EQ(heap.recover(), 1U);
    ASSERT_EQ(heap.doubts().size(), 1U);
    static_cast<void>(heap.reallocate(heap.to_address(heap.doubts()[0].block), 101));
    EXPECT_TRUE(heap.doubts().empty());
}

// Dies where reallocate() frees the old block.
TEST_F(SharedHeapDeaths, ADeathInsideAReallocationLeavesTheNewBlockInDoubt) {
    die_after([&] {
        const shared::Owner me = heap.mapping()->enter();
        void* const old = heap.allocate(100);
        static_cast<void>(heap.allocate(3000));
        me.slot.moved.store(me.slot.record.load(base::rlx), base::rlx);
        heap.deallocate(old);
    });
    EXPECT_EQ(heap.recover(), 1U);
    ASSERT_EQ(heap.doubts().size(), 1U);
    EXPECT_EQ(heap.doubts()[0].size, 3000U);
}

TEST_F(SharedHeapDeaths, AReallocationThatReturnedLeavesNoOtherDoubt) {
    die_after([&] {
        void* const block = heap.reallocate(heap.allocate(100), 3000);
        static_cast<void>(heap.allocate(8));
        heap.deallocate(block);
    });
    EXPECT_EQ(heap.recover(), 1U);
    EXPECT_TRUE(heap.doubts().empty());
    die_after([&] {
        static_cast<void>(heap.reallocate(heap.allocate(100), 3000));
        heap.deallocate(heap.allocate(8));
    });
    EXPECT_EQ(heap.recover(), 1U);
    EXPECT_TRUE(heap.doubts().empty());
}

// Each block is known, free or in doubt.
TEST_F(SharedHeapDeaths, ADeathAtAnyInstructionOfAReallocationLosesNothing) {
    if (kSlower != 1 || !Traced::is_permitted()) GTEST_SKIP() << "too slow, or not permitted";
    bool running = true;
    for (long step = 0; running && !HasFailure(); step += Traced::stride(7)) {
        void* const block = heap.allocate(100);
        Traced other(
            step, [&] { heap.deallocate(heap.allocate(3000)); },
            [&] { return heap.reallocate(block, 3000) != nullptr ? 0 : 1; });
        running = other.stopped();
        other.kill();
        heap.recover();
        std::vector<std::uint64_t> live;
        heap.visit([&](SharedHeap::Block each) {
            if (each.start != heap.to_offset(block)) live.push_back(each.start);
            return true;
        });
        const std::vector<SharedDoubt> doubts = heap.doubts();
        EXPECT_LE(live.size(), 1U) << step;
        for (const std::uint64_t each : live) {
            EXPECT_TRUE(doubts.size() == 1 && doubts[0].block == each) << step;
            heap.deallocate(heap.to_address(each));
        }
        if (heap.block_at(heap.to_offset(block)).start != 0) heap.deallocate(block);
    }
}

TEST_F(SharedHeapDeaths, ADeadThreadsSlotServesAnother) {
    const auto slot = [&] { return static_cast<int>(heap.mapping()->enter().id); };
    int first = 0;
    for (int i = 0; i < 3; ++i) {
        int pipe_ends[2];
        ASSERT_EQ(pipe(pipe_ends), 0);
        die_after([&] {
            const int mine = slot();
            if (write(pipe_ends[1], &mine, sizeof mine) < 0) _exit(1);
        });
        int found = 0;
        ASSERT_EQ(read(pipe_ends[0], &found, sizeof found), static_cast<ssize_t>(sizeof found));
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        EXPECT_EQ(heap.recover(), 1U);
        if (i == 0) first = found;
        EXPECT_EQ(found, first);
    }
}

TEST_F(SharedHeapDeaths, AReallocationThatReturnedLeavesItsBlockInDoubt) {
    die_after([&] { static_cast<void>(heap.reallocate(heap.allocate(100), 3000)); });
    EXPECT_EQ(heap.recover(), 1U);
    ASSERT_EQ(heap.doubts().size(), 1U);
    EXPECT_EQ(heap.doubts()[0].size, 3000U);
}

TEST_F(SharedHeapDeaths, AThreadWhoseLastCallWasAFreeLeavesNoDoubt) {
    die_after([&] { heap.deallocate(heap.allocate(100)); });
    EXPECT_EQ(heap.recover(), 1U);
    EXPECT_TRUE(heap.doubts().empty());
}

TEST_F(SharedHeapDeaths, TheCallbackHearsOfEachDeath) {
    std::vector<pid_t> first;
    std::vector<pid_t> second;
    heap.on_death([&](pid_t process) { first.push_back(process); });
    heap.on_death([&](pid_t process) {
        second.push_back(process);
        heap.deallocate(heap.allocate(50));  // a callback may use the heap
    });
    const pid_t child = die_after([&] { static_cast<void>(heap.allocate(8)); });
    EXPECT_EQ(heap.recover(), 1U);
    EXPECT_TRUE(first.empty());
    EXPECT_EQ(second, std::vector<pid_t>{child});
    heap.on_death({});
    die_after([&] { static_cast<void>(heap.allocate(8)); });
    EXPECT_EQ(heap.recover(), 1U);
    EXPECT_EQ(second.size(), 1U);
}

TEST_F(SharedHeapDeaths, OrdinaryCallsRecoverInTime) {
    die_after([&] { static_cast<void>(heap.allocate(8)); });
    const std::uint32_t calls = shared::kMaxSlots * shared::kCallsToLook;
    std::uint32_t done = 0;
    while (heap.doubts().empty() && done < calls) {
        for (std::uint32_t i = 0; i < shared::kCallsToLook; ++i, ++done)
            heap.deallocate(heap.allocate(8));
    }
    EXPECT_LT(done, calls);
    EXPECT_EQ(heap.statistics().threads, 1U);
}

TEST_F(SharedHeapDeaths, MemoryOfTheDeadIsUsedBeforeOutOfMemoryIsReported) {
    die_after([&] {
        const shared::Owner me = heap.mapping()->enter();
        static_cast<void>(heap.mapping()->blocks().runs().take(me.id, 700));
    });
    void* const most = heap.allocate(std::size_t{600} << 16);
    EXPECT_NE(most, nullptr);
    EXPECT_EQ(heap.statistics().threads, 1U);
}

TEST_F(SharedHeapDeaths, ANewThreadAttachesIfTheDeadHaveAllSlots) {
    if (!kManyLocks) GTEST_SKIP();
    die_after([&] {
        while (heap.mapping()->lives().attach() != 0) {
        }
    });
    EXPECT_EQ(heap.statistics().threads, shared::kMaxSlots - shared::kReservedSlots);
    std::thread([&] { EXPECT_NE(heap.allocate(8), nullptr); }).join();
    EXPECT_EQ(heap.statistics().threads, 1U);
}

TEST_F(SharedHeapDeaths, ARescuerThatDiedIsRecoveredToo) {
    if (!kManyLocks) GTEST_SKIP();
    die_after([&] {
        while (heap.mapping()->lives().attach() != 0) {
        }
        static_cast<void>(heap.mapping()->lives().attach_reserved());
    });
    std::thread([&] { EXPECT_NE(heap.allocate(8), nullptr); }).join();
    EXPECT_EQ(heap.statistics().threads, 1U);
}

TEST_F(SharedHeapDeaths, WithoutASlotAThreadGetsNothingAndBreaksNothing) {
    if (!kManyLocks) GTEST_SKIP();
    void* const block = heap.allocate(100);
    std::vector<shared::SlotId> taken;
    while (const shared::SlotId slot = heap.mapping()->lives().attach()) taken.push_back(slot);
    std::thread([&] {
        EXPECT_EQ(heap.allocate(8), nullptr);
        EXPECT_EQ(heap.reallocate(block, 1000), nullptr);
        EXPECT_EQ(heap.recover(), 0U);
        heap.deallocate(block);
        try {
            const SharedHeap other(SharedHeapMode::open_only, name);
            ADD_FAILURE() << "attached";
        } catch (const SharedHeapError& error) {
            EXPECT_EQ(error.fault(), SharedHeapFault::too_many_threads) << error.what();
        }
    }).join();
    for (const shared::SlotId slot : taken) heap.mapping()->lives().detach(slot);
    EXPECT_EQ(heap.block_at(heap.to_offset(block)).start, 0U);
}

}  // namespace
