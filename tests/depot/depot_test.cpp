// Magazines in and out of a depot. Its blocks are only pointers to it: made-up ones will do.
#include <memory>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "../base/random.hpp"
#include "../base/together.hpp"
#include "depot/depot.hpp"

namespace {

using namespace ashlar::base;
using namespace ashlar::depot;

class DepotTest : public testing::Test {
  protected:
    static constexpr std::size_t no_budget = SIZE_MAX;

    DepotTest() {
        ashlar::region::Carver measure(0);
        std::make_unique<Depot>()->layout(measure);
        memory_ = std::vector<std::byte>(measure.used() + kCacheLine);
        ashlar::region::Carver carver(round_up(reinterpret_cast<std::uintptr_t>(memory_.data()), kCacheLine));
        depot_->layout(carver);
    }
    // Block number i of the pretended heap.
    static void* block(std::size_t i) { return reinterpret_cast<void*>((i + 1) * 4096); }
    static std::vector<void*> batch(Bin c, std::size_t first) {
        std::vector<void*> blocks;
        for (std::size_t i = 0; i < batch_of_class(c); ++i) blocks.push_back(block(first + i));
        return blocks;
    }
    bool give(Bin c, const std::vector<void*>& blocks, std::size_t budget = no_budget) { return give(way_, c, blocks, budget); }
    bool give(Way& way, Bin c, const std::vector<void*>& blocks, std::size_t budget = no_budget) {
        return depot_->give(c, blocks.data(), static_cast<std::uint32_t>(blocks.size()), budget, way);
    }
    std::vector<void*> take(Bin c) { return take(way_, c); }
    std::vector<void*> take(Way& way, Bin c) {
        std::vector<void*> blocks(kMagazineBlocks);
        blocks.resize(depot_->take(c, blocks.data(), way));
        return blocks;
    }
    [[nodiscard]] std::size_t visited(Bin c) const {
        std::size_t n = 0;
        depot_->visit(c, [&n](void*) { ++n; });
        return n;
    }

    std::unique_ptr<Depot> depot_{new Depot{}};
    Way way_;

  private:
    std::vector<std::byte> memory_;
};

TEST_F(DepotTest, BatchesAreBounded) {
    for (Bin c = 1; c < kClasses; ++c) {
        EXPECT_GE(batch_of_class(c), 2U) << "class " << c;
        EXPECT_LE(batch_of_class(c), kMagazineBlocks);
        EXPECT_LE(batch_of_class(c) * std::size_t{kGeometry[c].size}, kGeometry[c].size > kMaxMany ? 256U * 1024 : 32U * 1024);
        EXPECT_LE(magazines_of_class(c), kShelves * kWordBits);
        EXPECT_EQ(magazines_of_class(c) == 2 * kShelves, kGeometry[c].size > kMaxMany) << "class " << c;
    }
}

TEST_F(DepotTest, EmptyHasNothing) {
    for (Bin c = 1; c < kClasses; ++c) EXPECT_TRUE(take(c).empty());
}

TEST_F(DepotTest, WhatWasGivenComesOutOnce) {
    const auto blocks = batch(4, 0);
    EXPECT_TRUE(give(4, blocks));
    EXPECT_TRUE(take(5).empty()) << "classes are apart";
    EXPECT_EQ(visited(4), blocks.size());
    EXPECT_EQ(take(4), blocks);
    EXPECT_TRUE(take(4).empty());
    EXPECT_EQ(visited(4), 0U);
}

TEST_F(DepotTest, PartOfABatchStaysAPart) {
    EXPECT_TRUE(give(4, {block(7), block(9), block(8)}));
    EXPECT_EQ(take(4), (std::vector<void*>{block(7), block(9), block(8)}));
}

TEST_F(DepotTest, TheNewestMagazineIsTakenFirst) {
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(give(4, {block(i)}));
    EXPECT_EQ(take(4), std::vector<void*>{block(2)});
    EXPECT_TRUE(give(4, {block(9)}));
    EXPECT_EQ(take(4), std::vector<void*>{block(9)}) << "the warmest";
    EXPECT_EQ(take(4), std::vector<void*>{block(1)});
    EXPECT_EQ(take(4), std::vector<void*>{block(0)});
}

TEST_F(DepotTest, AThreadTakesItsOwnFirst) {
    Way other(1);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(give(4, {block(i)}));
        EXPECT_TRUE(give(other, 4, {block(10 + i)}));
    }
    for (std::size_t i = 3; i-- > 0;) EXPECT_EQ(take(4), std::vector<void*>{block(i)});
    EXPECT_EQ(take(4), std::vector<void*>{block(12)}) << "of another, who has wanted none";
    EXPECT_EQ(take(other, 4), std::vector<void*>{block(11)});
}

TEST_F(DepotTest, WhoHasFilledItsShelfTakesWhatItPutElsewhereFirst) {
    const std::size_t shelf = magazines_of_class(4) / kShelves;
    for (std::size_t i = 0; i < 2 * shelf + 1; ++i) ASSERT_TRUE(give(4, {block(i)}));
    for (std::size_t i = 2 * shelf + 1; i-- > 0;) ASSERT_EQ(take(4), std::vector<void*>{block(i)});
    EXPECT_TRUE(take(4).empty());
}

// Of blocks that share cache lines: who takes five in a row and gives them back will take them again.
TEST_F(DepotTest, WhatAThreadWantsAgainIsNotForOthers) {
    Way other(1);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(take(4).empty());
    for (std::size_t i = 0; i < 6; ++i) EXPECT_TRUE(give(4, {block(i)}));
    EXPECT_EQ(take(other, 4).size(), 1U) << "the sixth";
    EXPECT_TRUE(take(other, 4).empty());
    for (int i = 0; i < 5; ++i) EXPECT_EQ(take(4).size(), 1U);
    EXPECT_TRUE(take(4).empty());
}

TEST_F(DepotTest, LargerBlocksAreKeptForNobody) {
    Way other(1);
    const Bin c = class_of_size(kCacheLine) + 1;
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(take(c).empty());
    EXPECT_TRUE(give(c, {block(0)}));
    EXPECT_EQ(take(other, c).size(), 1U);
}

TEST_F(DepotTest, NoMoreIsKeptThanAThreadTookOfLate) {
    Way other(1);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(take(4).empty());
    for (std::size_t i = 0; i < 50; ++i) EXPECT_TRUE(give(4, {block(i)}));
    for (int i = 0; i < 40; ++i) EXPECT_EQ(take(other, 4).size(), 1U);
    EXPECT_TRUE(take(other, 4).empty()) << "ten are kept";
    for (std::size_t i = 0; i < 200; ++i) EXPECT_TRUE(give(4, {block(100 + i)}));
    for (int i = 0; i < 210; ++i) EXPECT_EQ(take(other, 4).size(), 1U) << "it only gives now";
}

TEST_F(DepotTest, AThreadThatAlwaysTakesKeepsABoundedNumber) {
    Way other(1);
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(take(4).empty());
    for (std::size_t i = 0; i < 60; ++i) EXPECT_TRUE(give(4, {block(i)}));
    std::size_t got = 0;
    while (!take(other, 4).empty()) ++got;
    EXPECT_EQ(got, 60U - 32);
}

TEST_F(DepotTest, WhatIsKeptCanBeEmptiedAndIsForgottenWithItsThread) {
    Way other(1);
    void* out[kMagazineBlocks];
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(take(4).empty());
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(give(4, {block(i)}));
    EXPECT_TRUE(take(other, 4).empty());
    EXPECT_EQ(depot_->take_any(4, out), 1U);
    depot_->forget(other);
    EXPECT_TRUE(take(other, 4).empty()) << "another's";
    depot_->forget(way_);
    EXPECT_EQ(take(other, 4).size(), 1U);
}

TEST_F(DepotTest, NothingIsKeptForAThreadThatAForkLeftBehind) {
    Way other(1);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(take(4).empty());
    EXPECT_TRUE(give(4, {block(0)}));
    EXPECT_TRUE(take(other, 4).empty());
    depot_->adopt_fork();
    EXPECT_EQ(take(other, 4).size(), 1U);
}

TEST_F(DepotTest, HoldsAsManyMagazinesAsItsClassMay) {
    for (Bin c = 1; c < kClasses; ++c) {
        for (std::uint32_t i = 0; i < magazines_of_class(c); ++i) {
            Way way(i);
            ASSERT_TRUE(give(way, c, batch(c, i * kMagazineBlocks)));
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

TEST_F(DepotTest, TheBudgetIsOfAllClassesTogether) {
    const std::size_t bytes = batch_of_class(4) * std::size_t{kGeometry[4].size};
    EXPECT_TRUE(give(4, batch(4, 0), 2 * bytes));
    EXPECT_TRUE(give(4, batch(4, 100), 2 * bytes));
    EXPECT_FALSE(give(4, batch(4, 200), 2 * bytes));
    EXPECT_FALSE(give(9, batch(9, 200), 2 * bytes)) << "another class";
    EXPECT_FALSE(give(9, batch(9, 200), 0));
    EXPECT_EQ(take(4).size(), batch_of_class(4));
    EXPECT_TRUE(give(9, batch(9, 200), 2 * bytes)) << "room again";
}

// A class whose home shelf is full puts magazines on others, which must not go past the budget unseen.
TEST_F(DepotTest, TheBudgetIsOfAllShelvesTogether) {
    constexpr std::size_t budget = std::size_t{8} << 20;
    for (Bin c = 5; c <= class_of_size(kMaxMany); ++c) {
        Way first(0);
        Way second(kShelves);  // of the same home
        while (give(first, c, batch(c, 0), budget)) {
        }
        for (std::uint32_t i = 0; i < magazines_of_class(c) / kShelves; ++i) static_cast<void>(take(second, c));
    }
    std::size_t bytes = 0;
    for (Bin c = 1; c < kClasses; ++c) bytes += visited(c) * kGeometry[c].size;
    EXPECT_GE(bytes, budget / 2);
    EXPECT_LE(bytes, budget + budget / 2);
}

TEST_F(DepotTest, OfLargerBlocksAThreadFillsItsOwnShelfOnly) {
    constexpr Bin c = class_of_size(kMaxMany) + 1;
    for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(give(c, batch(c, i * 100)));
    EXPECT_FALSE(give(c, batch(c, 900)));
    Way other(1);
    EXPECT_TRUE(give(other, c, batch(c, 300)));
    EXPECT_FALSE(depot_->close(c)) << "three are full";
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(give(c, batch(c, 900)));
    EXPECT_TRUE(depot_->close(c)) << "and four were refused";
}

TEST_F(DepotTest, TheBudgetIsOfAllThreadsTogether) {
    const std::size_t bytes = batch_of_class(4) * std::size_t{kGeometry[4].size};
    const std::size_t budget = 32 * bytes;
    std::size_t given = 0;
    for (std::uint32_t thread = 0; thread < kShelves; ++thread) {
        Way way(thread);
        while (give(way, 4, batch(4, given * 1000), budget)) ++given;
    }
    EXPECT_GE(given * bytes, budget);
    EXPECT_LE(given * bytes, budget + budget / 2) << "each may put a little on a shelf of its own without a look at the others";
}

TEST_F(DepotTest, AClassThatOnlyRefusesIsClosedUntilSomebodyWantsIt) {
    const std::size_t budget = 2 * batch_of_class(4) * std::size_t{kGeometry[4].size};
    EXPECT_TRUE(give(4, batch(4, 0), budget));
    EXPECT_TRUE(give(4, batch(4, 200), budget));
    EXPECT_FALSE(depot_->close(4));
    for (int i = 0; i < 8; ++i) EXPECT_FALSE(give(4, batch(4, 400), budget));
    EXPECT_FALSE(depot_->close(4)) << "four times what is in it";
    EXPECT_FALSE(give(4, batch(4, 400), budget));
    EXPECT_TRUE(depot_->close(4));
    EXPECT_FALSE(depot_->close(4)) << "once is enough";
    void* out[kMagazineBlocks];
    while (depot_->take_any(4, out) != 0) {
    }
    EXPECT_FALSE(give(4, batch(4, 0), budget)) << "still closed";
    EXPECT_TRUE(take(4).empty());
    EXPECT_TRUE(give(4, batch(4, 0), budget)) << "open: somebody looked for one";
}

TEST_F(DepotTest, AClassWithNothingInItIsNotClosed) {
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(give(4, batch(4, 0), 0));
    EXPECT_FALSE(depot_->close(4)) << "there is nothing to empty";
    EXPECT_TRUE(give(4, batch(4, 0)));
}

TEST_F(DepotTest, AForkKeepsWhatIsPublishedAndFreesTheOtherMagazines) {
    for (std::uint32_t i = 0; i < magazines_of_class(4); ++i) ASSERT_TRUE(give(4, batch(4, i * kMagazineBlocks)));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(take(4).size(), batch_of_class(4));
    depot_->adopt_fork();
    EXPECT_EQ(visited(4), std::size_t{magazines_of_class(4) - 3} * batch_of_class(4));
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(give(4, batch(4, 90'000 + i * 64)));
    EXPECT_FALSE(give(4, batch(4, 99'999))) << "as many as before, no more";
    const std::size_t bytes = std::size_t{magazines_of_class(4)} * batch_of_class(4) * kGeometry[4].size;
    EXPECT_FALSE(give(5, batch(5, 0), bytes)) << "the bytes were counted again";
    EXPECT_TRUE(give(5, batch(5, 0), bytes + 1));
}

// [E10] Every block goes from hand to hand: what the last hand wrote is read by the next, and nobody meets a torn magazine. Of
// class 4 some are kept.
class DepotExchange : public DepotTest, public testing::WithParamInterface<Bin> {};

TEST_P(DepotExchange, LosesNothing) {
    constexpr unsigned threads = 4;
    const Bin c = GetParam();
    const std::size_t magazines = magazines_of_class(c);
    std::vector<std::uint64_t> payload(magazines * kMagazineBlocks);
    Atomic<std::uint32_t> faults{0};
    std::vector<std::vector<void*>> held_by(threads);
    together(threads, [&](unsigned self) {
        std::vector<void*>& held = held_by[self];
        Random random(self + 1);
        Way way(self % 2);  // two threads at each home
        for (std::size_t i = self; i < payload.size(); i += threads) held.push_back(&payload[i]);
        for (int step = 0; step < 100'000; ++step) {
            const auto n = random.below(batch_of_class(c)) + 1;
            if (random.below(2) == 0 && held.size() >= n) {
                for (std::size_t i = held.size() - n; i < held.size(); ++i) ++*static_cast<std::uint64_t*>(held[i]);
                if (depot_->give(c, &held[held.size() - n], n, no_budget, way)) held.resize(held.size() - n);
            } else {
                void* out[kMagazineBlocks];
                const std::uint32_t got = depot_->take(c, out, way);
                if (got > batch_of_class(c)) faults.fetch_add(1, rlx);
                for (std::uint32_t i = 0; i < got; ++i) ++*static_cast<std::uint64_t*>(out[i]);
                held.insert(held.end(), out, out + got);
            }
        }
    });
    std::multiset<void*> all;
    for (const auto& held : held_by) all.insert(held.begin(), held.end());
    void* out[kMagazineBlocks];
    for (std::uint32_t n = depot_->take_any(c, out); n != 0; n = depot_->take_any(c, out)) all.insert(out, out + n);
    EXPECT_EQ(all.size(), payload.size());
    EXPECT_EQ(std::set<void*>(all.begin(), all.end()).size(), payload.size());
    EXPECT_EQ(faults.load(rlx), 0U);
}

INSTANTIATE_TEST_SUITE_P(Classes, DepotExchange, testing::Values(4, 16));

}  // namespace
