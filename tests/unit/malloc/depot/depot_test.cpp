// Magazines in and out of a depot. The depot never reads its blocks, so the
// tests use made-up pointers.
#include <cstdlib>
#include <memory>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "malloc/depot/depot.hpp"
#include "support/fake_source.hpp"
#include "support/random.hpp"
#include "support/together.hpp"

namespace {

using namespace ashlar::base;
using namespace ashlar::depot;

class DepotTest : public testing::Test {
  protected:
    static constexpr std::size_t no_budget = SIZE_MAX;

    DepotTest() {
        using namespace ashlar::region;
        FakeSource::reset();
        Carver measure(0);
        std::make_unique<Depot>()->layout(measure, FakeSource::source);
        Reservation made = Reservation::make(FakeSource::source, 1, measure);
        if (made.start == nullptr) std::abort();
        mapping_ = made.start;
        bytes_ = made.bytes;
        depot_->layout(made.carver, FakeSource::source);
    }
    ~DepotTest() override { FakeSource::source.release(mapping_, bytes_); }
    DepotTest(const DepotTest&) = delete;
    DepotTest& operator=(const DepotTest&) = delete;
    // Block number i of a heap that does not exist.
    static void* block(std::size_t i) { return reinterpret_cast<void*>((i + 1) * 4096); }
    static std::vector<void*> batch(Bin c, std::size_t first) {
        std::vector<void*> blocks;
        for (std::size_t i = 0; i < batch_of_class(c); ++i) blocks.push_back(block(first + i));
        return blocks;
    }
    bool give(Bin c, const std::vector<void*>& blocks, std::size_t budget = no_budget) {
        return give(way_, c, blocks, budget);
    }
    bool give(DepotHandle& handle, Bin c, const std::vector<void*>& blocks,
              std::size_t budget = no_budget) {
        return depot_->give(c, blocks.data(), static_cast<std::uint32_t>(blocks.size()), budget,
                            handle);
    }
    std::vector<void*> take(Bin c) { return take(way_, c); }
    std::vector<void*> take(DepotHandle& handle, Bin c) {
        std::vector<void*> blocks(kMagazineBlocks);
        blocks.resize(depot_->take(c, blocks.data(), handle));
        return blocks;
    }
    [[nodiscard]] std::size_t visited(Bin c) const {
        std::size_t n = 0;
        depot_->visit(c, [&n](void*) { ++n; });
        return n;
    }

    std::unique_ptr<Depot> depot_{new Depot{}};
    DepotHandle way_;

  private:
    void* mapping_;
    std::size_t bytes_;
};

TEST_F(DepotTest, BatchOfClassIsBounded) {
    for (Bin c = 1; c < kClasses; ++c) {
        EXPECT_GE(batch_of_class(c), 2U) << "class " << c;
        EXPECT_LE(batch_of_class(c), kMagazineBlocks);
        EXPECT_LE(batch_of_class(c) * std::size_t{kGeometry[c].size},
                  kGeometry[c].size > kMaxMany ? 256U * 1024 : 32U * 1024);
        EXPECT_LE(magazines_of_class(c), kShards * kWordBits);
        EXPECT_EQ(magazines_of_class(c) == 2 * kShards, kGeometry[c].size > kMaxMany)
            << "class " << c;
    }
}

TEST_F(DepotTest, TakeFromAnEmptyDepotReturnsNothing) {
    for (Bin c = 1; c < kClasses; ++c) EXPECT_TRUE(take(c).empty());
}

TEST_F(DepotTest, TakeReturnsAGivenBatchOnce) {
    const auto blocks = batch(4, 0);
    EXPECT_TRUE(give(4, blocks));
    EXPECT_TRUE(take(5).empty()) << "each class has its own magazines";
    EXPECT_EQ(visited(4), blocks.size());
    EXPECT_EQ(take(4), blocks);
    EXPECT_TRUE(take(4).empty());
    EXPECT_EQ(visited(4), 0U);
}

TEST_F(DepotTest, TakeReturnsAPartialBatchAsGiven) {
    EXPECT_TRUE(give(4, {block(7), block(9), block(8)}));
    EXPECT_EQ(take(4), (std::vector<void*>{block(7), block(9), block(8)}));
}

TEST_F(DepotTest, TakeReturnsTheNewestMagazineFirst) {
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(give(4, {block(i)}));
    EXPECT_EQ(take(4), std::vector<void*>{block(2)});
    EXPECT_TRUE(give(4, {block(9)}));
    EXPECT_EQ(take(4), std::vector<void*>{block(9)}) << "the warmest";
    EXPECT_EQ(take(4), std::vector<void*>{block(1)});
    EXPECT_EQ(take(4), std::vector<void*>{block(0)});
}

TEST_F(DepotTest, TakePrefersTheThreadsOwnMagazines) {
    DepotHandle other(1);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(give(4, {block(i)}));
        EXPECT_TRUE(give(other, 4, {block(10 + i)}));
    }
    for (std::size_t i = 3; i-- > 0;) EXPECT_EQ(take(4), std::vector<void*>{block(i)});
    EXPECT_EQ(take(4), std::vector<void*>{block(12)})
        << "of the other thread, which has reserved none";
    EXPECT_EQ(take(other, 4), std::vector<void*>{block(11)});
}

TEST_F(DepotTest, TakeAfterAFullShardReturnsTheNewestFirst) {
    const std::size_t shard = magazines_of_class(4) / kShards;
    for (std::size_t i = 0; i < 2 * shard + 1; ++i) ASSERT_TRUE(give(4, {block(i)}));
    for (std::size_t i = 2 * shard + 1; i-- > 0;) ASSERT_EQ(take(4), std::vector<void*>{block(i)});
    EXPECT_TRUE(take(4).empty());
}

// Blocks that share cache lines are reserved: a thread that takes five
// magazines in a row and gives them back will take them again.
TEST_F(DepotTest, TakeLeavesMagazinesReservedByAnotherThread) {
    DepotHandle other(1);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(take(4).empty());
    for (std::size_t i = 0; i < 6; ++i) EXPECT_TRUE(give(4, {block(i)}));
    EXPECT_EQ(take(other, 4).size(), 1U) << "the sixth";
    EXPECT_TRUE(take(other, 4).empty());
    for (int i = 0; i < 5; ++i) EXPECT_EQ(take(4).size(), 1U);
    EXPECT_TRUE(take(4).empty());
}

TEST_F(DepotTest, TakeOfLargerBlocksFindsNoReservation) {
    DepotHandle other(1);
    const Bin c = class_of_size(kCacheLine) + 1;
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(take(c).empty());
    EXPECT_TRUE(give(c, {block(0)}));
    EXPECT_EQ(take(other, c).size(), 1U);
}

TEST_F(DepotTest, ReservationIsTheRecentRunOfTakes) {
    DepotHandle other(1);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(take(4).empty());
    for (std::size_t i = 0; i < 50; ++i) EXPECT_TRUE(give(4, {block(i)}));
    for (int i = 0; i < 40; ++i) EXPECT_EQ(take(other, 4).size(), 1U);
    EXPECT_TRUE(take(other, 4).empty()) << "ten are reserved";
    for (std::size_t i = 0; i < 200; ++i) EXPECT_TRUE(give(4, {block(100 + i)}));
    for (int i = 0; i < 210; ++i)
        EXPECT_EQ(take(other, 4).size(), 1U)
            << "the reservation expired, because the thread only gives";
}

TEST_F(DepotTest, ReservationIsBounded) {
    DepotHandle other(1);
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(take(4).empty());
    for (std::size_t i = 0; i < 60; ++i) EXPECT_TRUE(give(4, {block(i)}));
    std::size_t got = 0;
    while (!take(other, 4).empty()) ++got;
    EXPECT_EQ(got, 60U - 32);
}

TEST_F(DepotTest, TakeAnyAndForgetOverrideAReservation) {
    DepotHandle other(1);
    void* out[kMagazineBlocks];
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(take(4).empty());
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(give(4, {block(i)}));
    EXPECT_TRUE(take(other, 4).empty());
    EXPECT_EQ(depot_->take_any(4, out), 1U);
    depot_->forget(other);
    EXPECT_TRUE(take(other, 4).empty()) << "reserved by the first thread";
    depot_->forget(way_);
    EXPECT_EQ(take(other, 4).size(), 1U);
}

TEST_F(DepotTest, AdoptForkDropsReservations) {
    DepotHandle other(1);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(take(4).empty());
    EXPECT_TRUE(give(4, {block(0)}));
    EXPECT_TRUE(take(other, 4).empty());
    depot_->adopt_fork();
    EXPECT_EQ(take(other, 4).size(), 1U);
}

TEST_F(DepotTest, GiveFillsEveryMagazineOfAClass) {
    for (Bin c = 1; c < kClasses; ++c) {
        for (std::uint32_t i = 0; i < magazines_of_class(c); ++i) {
            DepotHandle handle(i);
            ASSERT_TRUE(give(handle, c, batch(c, i * kMagazineBlocks)));
        }
        EXPECT_FALSE(give(c, batch(c, 99'999))) << "full";
        EXPECT_EQ(visited(c), std::size_t{magazines_of_class(c)} * batch_of_class(c));
        std::set<void*> seen;
        for (std::uint32_t i = 0; i < magazines_of_class(c); ++i) {
            for (void* each : take(c)) EXPECT_TRUE(seen.insert(each).second);
        }
        EXPECT_EQ(seen.size(), std::size_t{magazines_of_class(c)} * batch_of_class(c));
        EXPECT_TRUE(take(c).empty());
        EXPECT_EQ(visited(c), 0U);
    }
}

TEST_F(DepotTest, BudgetCountsAllClasses) {
    const std::size_t bytes = batch_of_class(4) * std::size_t{kGeometry[4].size};
    EXPECT_TRUE(give(4, batch(4, 0), 2 * bytes));
    EXPECT_TRUE(give(4, batch(4, 100), 2 * bytes));
    EXPECT_FALSE(give(4, batch(4, 200), 2 * bytes));
    EXPECT_FALSE(give(9, batch(9, 200), 2 * bytes)) << "another class";
    EXPECT_FALSE(give(9, batch(9, 200), 0));
    EXPECT_EQ(take(4).size(), batch_of_class(4));
    EXPECT_TRUE(give(9, batch(9, 200), 2 * bytes)) << "room again";
}

// A class whose home shard is full puts magazines on other shards. They count
// against the budget too.
TEST_F(DepotTest, BudgetCountsAllShards) {
    constexpr std::size_t budget = std::size_t{8} << 20;
    for (Bin c = 5; c <= class_of_size(kMaxMany); ++c) {
        DepotHandle first(0);
        DepotHandle second(kShards);  // the same home shard
        while (give(first, c, batch(c, 0), budget)) {
        }
        for (std::uint32_t i = 0; i < magazines_of_class(c) / kShards; ++i)
            static_cast<void>(take(second, c));
    }
    std::size_t bytes = 0;
    for (Bin c = 1; c < kClasses; ++c) bytes += visited(c) * kGeometry[c].size;
    EXPECT_GE(bytes, budget / 2);
    EXPECT_LE(bytes, budget + budget / 2);
}

TEST_F(DepotTest, GiveOfLargerBlocksFillsTheHomeShardOnly) {
    constexpr Bin c = class_of_size(kMaxMany) + 1;
    for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(give(c, batch(c, i * 100)));
    EXPECT_FALSE(give(c, batch(c, 900)));
    DepotHandle other(1);
    EXPECT_TRUE(give(other, c, batch(c, 300)));
    EXPECT_FALSE(depot_->close(c)) << "three are full";
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(give(c, batch(c, 900)));
    EXPECT_TRUE(depot_->close(c)) << "and four were refused";
}

TEST_F(DepotTest, BudgetCountsAllThreads) {
    const std::size_t bytes = batch_of_class(4) * std::size_t{kGeometry[4].size};
    const std::size_t budget = 32 * bytes;
    std::size_t given = 0;
    for (std::uint32_t thread = 0; thread < kShards; ++thread) {
        DepotHandle handle(thread);
        while (give(handle, 4, batch(4, given * 1000), budget)) ++given;
    }
    EXPECT_GE(given * bytes, budget);
    EXPECT_LE(given * bytes, budget + budget / 2)
        << "each thread may add a little to its own shard before it counts the others";
}

TEST_F(DepotTest, CloseAfterManyRefusalsLastsUntilATake) {
    const std::size_t budget = 2 * batch_of_class(4) * std::size_t{kGeometry[4].size};
    EXPECT_TRUE(give(4, batch(4, 0), budget));
    EXPECT_TRUE(give(4, batch(4, 200), budget));
    EXPECT_FALSE(depot_->close(4));
    for (int i = 0; i < 8; ++i) EXPECT_FALSE(give(4, batch(4, 400), budget));
    EXPECT_FALSE(depot_->close(4)) << "it takes more than four refusals for each magazine";
    EXPECT_FALSE(give(4, batch(4, 400), budget));
    EXPECT_TRUE(depot_->close(4));
    EXPECT_FALSE(depot_->close(4)) << "already closed";
    void* out[kMagazineBlocks];
    while (depot_->take_any(4, out) != 0) {
    }
    EXPECT_FALSE(give(4, batch(4, 0), budget)) << "still closed";
    EXPECT_TRUE(take(4).empty());
    EXPECT_TRUE(give(4, batch(4, 0), budget)) << "a take has opened the class";
}

TEST_F(DepotTest, CloseOfAnEmptyClassIsRefused) {
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(give(4, batch(4, 0), 0));
    EXPECT_FALSE(depot_->close(4)) << "there is nothing to empty";
    EXPECT_TRUE(give(4, batch(4, 0)));
}

TEST_F(DepotTest, AdoptForkKeepsPublishedMagazinesAndFreesTheOthers) {
    for (std::uint32_t i = 0; i < magazines_of_class(4); ++i)
        ASSERT_TRUE(give(4, batch(4, i * kMagazineBlocks)));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(take(4).size(), batch_of_class(4));
    depot_->adopt_fork();
    EXPECT_EQ(visited(4), std::size_t{magazines_of_class(4) - 3} * batch_of_class(4));
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(give(4, batch(4, 90'000 + i * 64)));
    EXPECT_FALSE(give(4, batch(4, 99'999))) << "as many as before, no more";
    const std::size_t bytes =
        std::size_t{magazines_of_class(4)} * batch_of_class(4) * kGeometry[4].size;
    EXPECT_FALSE(give(5, batch(5, 0), bytes)) << "the bytes were counted again";
    EXPECT_TRUE(give(5, batch(5, 0), bytes + 1));
}

// [E10] Threads exchange every block: the next holder reads what the last one
// wrote, and no thread sees a torn magazine. Some blocks of class 4 are
// reserved.
TEST_F(DepotTest, TakeIdleReturnsHalfOfWhatLayThereAtTwoCalls) {
    for (std::size_t i = 0; i < 8; ++i) ASSERT_TRUE(give(way_, 4, batch(4, i * 1000)));
    std::vector<void*> got;
    const auto look = [&] {
        got.clear();
        depot_->take_idle(4, [&](void* const* blocks, std::uint32_t n) {
            got.insert(got.end(), blocks, blocks + n);
        });
        return got.size() / batch_of_class(4);
    };
    EXPECT_EQ(look(), 0U);
    EXPECT_EQ(look(), 4U);
    EXPECT_EQ(got[0], block(0)) << "the oldest first";
    EXPECT_EQ(take(4), batch(4, 7000)) << "the newest is still there";
    EXPECT_EQ(look(), 2U);
    EXPECT_EQ(look(), 1U);
    EXPECT_EQ(look(), 0U);
}

TEST_F(DepotTest, PurgeIdleReturnsThePagesOfEmptyMagazinesOnce) {
    const auto look = [this] {
        FakeSource::purged = 0;
        depot_->purge_idle(4);
        return FakeSource::purged.load();
    };
    EXPECT_EQ(look(), 0U) << "no page was ever used";
    ASSERT_TRUE(give(way_, 4, batch(4, 0)));
    EXPECT_EQ(look() + look(), 0U) << "a magazine is full";
    EXPECT_EQ(take(4), batch(4, 0));
    EXPECT_EQ(look(), 0U);
    EXPECT_GT(look(), 4096U);
    EXPECT_EQ(look(), 0U);
    ASSERT_TRUE(give(way_, 4, batch(4, 5)));
    EXPECT_EQ(take(4), batch(4, 5));
    for (std::uint32_t i = 0; i < magazines_of_class(4); ++i)
        ASSERT_TRUE(give(way_, 4, batch(4, i * 1000))) << "its magazines can be used again";
}

class DepotExchange : public DepotTest, public testing::WithParamInterface<Bin> {};

TEST_P(DepotExchange, LosesAndDuplicatesNoBlock) {
    constexpr unsigned threads = 4;
    const Bin c = GetParam();
    const std::size_t magazines = magazines_of_class(c);
    std::vector<std::uint64_t> payload(magazines * kMagazineBlocks);
    Atomic<std::uint32_t> faults{0};
    std::vector<std::vector<void*>> held_by(threads);
    together(threads, [&](unsigned self) {
        std::vector<void*>& held = held_by[self];
        Random random(self + 1);
        DepotHandle handle(self % 2);  // two threads share each home shard
        for (std::size_t i = self; i < payload.size(); i += threads) held.push_back(&payload[i]);
        for (int step = 0; step < 100'000; ++step) {
            const auto n = random.below(batch_of_class(c)) + 1;
            if (random.below(2) == 0 && held.size() >= n) {
                for (std::size_t i = held.size() - n; i < held.size(); ++i)
                    ++*static_cast<std::uint64_t*>(held[i]);
                if (depot_->give(c, &held[held.size() - n], n, no_budget, handle))
                    held.resize(held.size() - n);
            } else {
                void* out[kMagazineBlocks];
                const std::uint32_t got = depot_->take(c, out, handle);
                if (got > batch_of_class(c)) faults.fetch_add(1, rlx);
                for (std::uint32_t i = 0; i < got; ++i) ++*static_cast<std::uint64_t*>(out[i]);
                held.insert(held.end(), out, out + got);
            }
        }
    });
    std::multiset<void*> all;
    for (const auto& held : held_by) all.insert(held.begin(), held.end());
    void* out[kMagazineBlocks];
    for (std::uint32_t n = depot_->take_any(c, out); n != 0; n = depot_->take_any(c, out))
        all.insert(out, out + n);
    EXPECT_EQ(all.size(), payload.size());
    EXPECT_EQ(std::set<void*>(all.begin(), all.end()).size(), payload.size());
    EXPECT_EQ(faults.load(rlx), 0U);
}

INSTANTIATE_TEST_SUITE_P(Classes, DepotExchange, testing::Values(4, 16));

}  // namespace
