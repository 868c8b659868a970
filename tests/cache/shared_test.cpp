// Without a cache of one's own: the shared caches, each used by one thread at a time, none waited for.
#include <array>

#include "../base/together.hpp"
#include "core_fixture.hpp"

namespace {

using namespace ashlar::base;

class SharedTest : public CoreOver {
  protected:
    static constexpr std::uint32_t shared = 16;

    SharedTest() : CoreOver(400) {
        // They lie behind the heap itself, in the same order as it carves them.
        ashlar::region::Carver carver(reinterpret_cast<std::uintptr_t>(&core_));
        carver.array<Core>(1);
        caches_ = carver.array<Cache>(shared);
    }
    // As threads would that are in the middle of something, or stopped there.
    void hold_all() {
        for (std::uint32_t i = 0; i < shared; ++i) ASSERT_EQ(caches_[i].busy.exchange(1, acq), 0U);
    }
    void leave_all() {
        for (std::uint32_t i = 0; i < shared; ++i) caches_[i].busy.store(0, rel);
    }
    [[nodiscard]] std::size_t attached() const {
        std::size_t n = 0;
        for (std::uint32_t i = 0; i < shared; ++i) n += caches_[i].attached() ? 1U : 0U;
        return n;
    }
    std::size_t cached_in_shared(Bin bin) {
        std::size_t n = 0;
        for (std::uint32_t i = 0; i < shared; ++i) n += caches_[i].attached() ? cached(caches_[i], bin) : 0;
        return n;
    }

    Cache* caches_;
};

TEST_F(SharedTest, OneOfThemServes) {
    void* block = core_.take(4);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(attached(), 1U);
    core_.give(block, 4);
    EXPECT_EQ(core_.take(4), block);
    EXPECT_EQ(attached(), 1U) << "a thread comes back to the same";
    core_.give(block, 4);
    EXPECT_GT(cached_in_shared(4), 0U);
    expect_empty();
}

TEST_F(SharedTest, WhereOneIsBusyAnotherServes) {
    void* first = core_.take(4);
    for (std::uint32_t i = 0; i < shared; ++i) {
        if (caches_[i].attached()) caches_[i].busy.store(1, rlx);
    }
    void* second = core_.take(4);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(attached(), 2U);
    EXPECT_NE(first, second);
    core_.give(first, 4);
    core_.give(second, 4);
    leave_all();
    expect_empty();
}

TEST_F(SharedTest, WhereAllAreBusyTheSlabsServe) {
    hold_all();
    Blocks blocks;
    for (const Bin bin : {Bin{4}, kClasses - 1, kClasses, kBins - 1}) {
        for (int i = 0; i < 3; ++i) {
            blocks.push_back(core_.take(bin));
            ASSERT_NE(blocks.back(), nullptr);
            EXPECT_EQ(core_.size_of(blocks.back()).bin, bin);
        }
    }
    EXPECT_TRUE(distinct(blocks));
    EXPECT_EQ(live().size(), blocks.size()) << "no cache has more of them";
    for (void* block : blocks) core_.give(block, core_.size_of(block).bin);
    EXPECT_TRUE(live().empty());
    leave_all();
    EXPECT_EQ(attached(), 0U);
    expect_empty();
}

TEST_F(SharedTest, WhereAllAreBusyAndNothingIsFreeTheAnswerIsNull) {
    hold_all();
    bool zero = false;
    void* all = core_.take_large(400 * kUnitSize, 1, zero);
    ASSERT_NE(all, nullptr);
    EXPECT_EQ(core_.take(4), nullptr);
    EXPECT_EQ(core_.take(kClasses), nullptr);
    core_.give_large(all);
    void* block = core_.take(4);
    EXPECT_NE(block, nullptr);
    core_.give(block, 4);
    leave_all();
    expect_empty();
}

TEST_F(SharedTest, ReclaimPassesBusyOnesBy) {
    void* block = core_.take(4);
    core_.give(block, 4);
    hold_all();
    core_.reclaim();
    EXPECT_GT(cached_in_shared(4), 0U);
    leave_all();
    expect_empty();
}

TEST_F(SharedTest, TheChildOfAForkCanUseThemAgain) {
    core_.give(core_.take(4), 4);
    hold_all();
    core_.adopt_fork(nullptr);
    for (std::uint32_t i = 0; i < shared; ++i) EXPECT_EQ(caches_[i].busy.load(rlx), 0U);
    expect_empty();
}

// More threads than caches that they hash to; blocks go round, and [E11] orders what a cache's users do.
TEST_F(SharedTest, ManyThreadsShareThem) {
    constexpr unsigned threads = 6;
    std::array<Atomic<std::uint64_t*>, 32> places{};
    Atomic<std::uint32_t> faults{0};
    together(threads, [&](unsigned self) {
        for (std::uint64_t step = 0; step < 4000; ++step) {
            auto* words = static_cast<std::uint64_t*>(core_.take(4));
            if (words == nullptr) {
                faults.fetch_add(1, rlx);
                continue;
            }
            words[0] = words[7] = self * 1'000'000 + step;
            words = places[(step * 7 + self) % places.size()].exchange(words, ar);
            if (words == nullptr) continue;
            if (words[0] != words[7]) faults.fetch_add(1, rlx);
            words[0] = 0;
            core_.give(words, 4);
        }
    });
    for (auto& place : places) {
        if (void* block = place.load(acq); block != nullptr) core_.give(block, 4);
    }
    EXPECT_EQ(faults.load(rlx), 0U);
    expect_empty();
}

// Nothing but [E11] orders what these threads do: their blocks stay with them, the caches go from hand to hand.
TEST_F(SharedTest, ACacheIsHandedOverWhole) {
    constexpr unsigned threads = shared + 6;  // some must meet
    Atomic<std::uint32_t> faults{0};
    together(threads, [&](unsigned self) {
        for (std::uint64_t step = 0; step < 300; ++step) {
            auto* words = static_cast<std::uint64_t*>(core_.take(4));
            if (words == nullptr) {
                faults.fetch_add(1, rlx);
                return;
            }
            words[0] = words[7] = self;
            if (step % 16 == 0) std::this_thread::yield();
            if (words[0] != self || words[7] != self) faults.fetch_add(1, rlx);
            core_.give(words, 4);
        }
    });
    EXPECT_EQ(faults.load(rlx), 0U);
    expect_empty();
}

}  // namespace
