// Commits in steps: writable units, refusals, and unused units given back.
#include <cstdint>
#include <cstring>
#include <vector>

#include <sys/mman.h>

#include "committed_fixture.hpp"
#include "support/together.hpp"

namespace {

using namespace committed_fixture;

class CommittedTest : public CommittedOver {
  protected:
    CommittedTest() : CommittedOver(100'000) {}
};

TEST_F(CommittedTest, StartsWithAQuarterOfAMebibyte) {
    EXPECT_EQ(committed_.end(), 4U);
    EXPECT_EQ(committed_.limit(), 100'001U);
    layer_.write(4);
}

TEST_F(CommittedTest, StepsAreAnEighthAndAtMost64MiB) {
    UnitId before = committed_.end();
    while (before < 60'000) {
        ASSERT_TRUE(committed_.cover(before + 1));
        const UnitId step = committed_.end() - before;
        const UnitId share = before / 8;
        ASSERT_EQ(step, share < 4 ? 4 : share > 1024 ? 1024 : share) << "from " << before;
        before = committed_.end();
    }
}

TEST_F(CommittedTest, CoverCommitsTheRequestIfAStepIsLess) {
    ASSERT_TRUE(committed_.cover(5000));
    EXPECT_EQ(committed_.end(), 5000U);
    layer_.write(5000);
}

TEST_F(CommittedTest, CoverOfCommittedUnitsMakesNoCall) {
    ASSERT_TRUE(committed_.cover(1000));
    const std::size_t commits = FakeSource::commits;
    EXPECT_TRUE(committed_.cover(1000));
    EXPECT_TRUE(committed_.cover(1));
    EXPECT_EQ(FakeSource::commits, commits);
    EXPECT_TRUE(committed_.cover(1001));
    EXPECT_GT(FakeSource::commits, commits);
}

TEST_F(CommittedTest, CoverCommitsEveryUnitAndNoMore) {
    EXPECT_FALSE(committed_.cover(100'002));
    EXPECT_FALSE(committed_.cover(UINT32_MAX));
    EXPECT_EQ(committed_.end(), 4U);
    ASSERT_TRUE(committed_.cover(100'001));
    EXPECT_EQ(committed_.end(), 100'001U);
    layer_.write(100'001);
}

TEST_F(CommittedTest, EachStepCommitsTheTablesUpToAWordBeyond) {
    for (UnitId end = 4; end < 2000; end = committed_.end() + 1) {
        ASSERT_TRUE(committed_.cover(end));
        layer_.write(committed_.end());
    }
}

TEST_F(CommittedTest, TableEntriesReadAsZeroAtFirst) {
    ASSERT_TRUE(committed_.cover(2000));
    for (UnitId unit = 0; unit < 2000; ++unit)
        ASSERT_EQ(layer_.bytes[unit] | layer_.wide[std::size_t{unit} * 64 + 9], 0U);
}

TEST_F(CommittedTest, CoverRefusedOnceChangesNothingAndSucceedsLater) {
    ASSERT_TRUE(committed_.cover(100));
    const UnitId end = committed_.end();
    FakeSource::commits_left = 0;
    EXPECT_FALSE(committed_.cover(end + 1));
    EXPECT_FALSE(committed_.cover(end + 1)) << "asked again";
    EXPECT_TRUE(committed_.cover(end));
    EXPECT_EQ(committed_.end(), end);
    layer_.write(end);
    FakeSource::commits_left = SIZE_MAX;
    EXPECT_TRUE(committed_.cover(end + 1));
    layer_.write(committed_.end());
}

// The source grants the tables and refuses the units, or refuses some of the
// tables.
TEST_F(CommittedTest, CoverRefusedWithinAStepChangesNothing) {
    ASSERT_TRUE(committed_.cover(4000));
    const UnitId end = committed_.end();
    for (std::size_t granted = 0; granted < 2; ++granted) {
        FakeSource::commits_left = granted;
        EXPECT_FALSE(committed_.cover(end + 300)) << granted;
        EXPECT_EQ(committed_.end(), end);
    }
    FakeSource::commits_left = SIZE_MAX;
    ASSERT_TRUE(committed_.cover(end + 300));
    layer_.write(committed_.end());
}

TEST_F(CommittedTest, CoverTakesOnlyTheNeededUnitsIfTheStepIsRefused) {
    ASSERT_TRUE(committed_.cover(8000));
    FakeSource::most_committed = 10 * kUnitSize;
    EXPECT_TRUE(committed_.cover(8003));
    EXPECT_EQ(committed_.end(), 8003U) << "a step would be 1000 units";
    layer_.write(8003);
    EXPECT_FALSE(committed_.cover(8003 + 20));
    EXPECT_TRUE(committed_.cover(8003 + 10));
    layer_.write(8013);
}

TEST_F(CommittedTest, StartReportsARefusalOfTheFirstUnit) {
    Committed other{};
    FakeSource::commits_left = 0;
    EXPECT_FALSE(other.start(layer_.region, layer_.tables));
    EXPECT_EQ(other.end(), 0U);
}

TEST_F(CommittedTest, DiscardReturnsWholePagesOfDiscardableTables) {
    ASSERT_TRUE(committed_.cover(1000));
    layer_.write(1000);
    const std::size_t page = page_size();
    const auto entry = [this](UnitId unit) {
        return reinterpret_cast<std::uintptr_t>(layer_.wide + std::size_t{unit} * 64);
    };
    FakeSource::purged = FakeSource::purges = 0;
    committed_.discard(101, 900);
    EXPECT_EQ(FakeSource::purges, 1U) << "the other tables are kept";
    EXPECT_GE(FakeSource::last_start, entry(101));
    EXPECT_LT(FakeSource::last_start, entry(101) + page);
    EXPECT_LE(FakeSource::last_start + FakeSource::last_bytes, entry(900));
    EXPECT_GT(FakeSource::last_start + FakeSource::last_bytes, entry(900) - page);
    for (UnitId unit = 1; unit < 1000; ++unit) {
        const std::uint64_t now = layer_.wide[std::size_t{unit} * 64 + 63];
        ASSERT_TRUE(now == unit || (now == 0 && unit >= 101 && unit < 900)) << unit;
        ASSERT_EQ(layer_.bytes[unit], 1U);
    }
    EXPECT_EQ(layer_.wide[std::size_t{500} * 64 + 63], 0U);
    FakeSource::purges = 0;
    committed_.discard(101, 102);
    EXPECT_EQ(FakeSource::purges, 0U) << "no whole page";
}

TEST_F(CommittedTest, ShedReturnsUnusedAddressSpace) {
    ASSERT_TRUE(committed_.cover(1000));
    const UnitId end = committed_.end();
    const std::size_t reserved = FakeSource::reserved;
    EXPECT_TRUE(committed_.shed());
    EXPECT_EQ(committed_.limit(), end);
    const std::size_t unused = (100'001 - end) * kUnitSize;
    EXPECT_GE(reserved - FakeSource::reserved, unused + unused / kUnitSize * 500)
        << "with its tables";
    EXPECT_TRUE(is_mapped(layer_.region.address(end - 1)));
    EXPECT_FALSE(is_mapped(layer_.region.address(end)));
    EXPECT_FALSE(is_mapped(layer_.region.address(100'000)));
    EXPECT_FALSE(is_mapped(
        reinterpret_cast<std::uintptr_t>(layer_.wide + std::size_t{50'000} * 64) / 4096 * 4096));
    layer_.write(end);
    EXPECT_TRUE(committed_.cover(end));
    EXPECT_FALSE(committed_.shed()) << "nothing is left";
    FakeSource::refuse_reserve_at = true;
    EXPECT_FALSE(committed_.cover(end + 1));
    FakeSource::refuse_reserve_at = false;
    EXPECT_TRUE(committed_.cover(end + 1)) << "reserved again";
    layer_.write(end + 1);
}

TEST_F(CommittedTest, ShedOfAWholeRegionFindsNothing) {
    ASSERT_TRUE(committed_.cover(100'001));
    EXPECT_FALSE(committed_.shed());
    layer_.write(100'001);
}

// Units that a thread has begun to commit stay reserved, even after a refusal.
TEST_F(CommittedTest, ShedKeepsWhatIsBeingCommitted) {
    static Committed* committed;
    committed = &committed_;
    FakeSource::in_commit = [](void*, std::size_t) {
        FakeSource::in_commit = nullptr;
        EXPECT_TRUE(committed->shed());
    };
    ASSERT_TRUE(committed_.cover(500));
    EXPECT_EQ(committed_.limit(), 500U);
    layer_.write(500);
    FakeSource::refuse_reserve_at = true;
    EXPECT_FALSE(committed_.cover(501));
}

class SmallCommitted : public CommittedOver {
  protected:
    SmallCommitted() : CommittedOver(1) {}
};

TEST_F(SmallCommitted, RegionOfOneUnitIsCommittedAtTheStart) {
    EXPECT_EQ(committed_.end(), 2U);
    layer_.write(2);
    EXPECT_TRUE(committed_.cover(2));
    EXPECT_FALSE(committed_.cover(3));
    EXPECT_FALSE(committed_.shed());
}

// A thread whose cover() succeeds can write to units that any thread committed.
TEST_F(CommittedTest, CoverByManyThreadsCommitsEachUnit) {
    constexpr unsigned threads = 4;
    ashlar::base::Atomic<std::uint32_t> next{4};
    together(threads, [&](unsigned) {
        for (;;) {
            const UnitId unit = next.fetch_add(7, ashlar::base::rlx);
            if (unit + 7 > 20'000) return;
            ASSERT_TRUE(committed_.cover(unit + 7));
            for (UnitId mine = unit; mine < unit + 7; ++mine) {
                *reinterpret_cast<char*>(layer_.region.address(mine)) = 'x';
                layer_.bytes[mine] = 1;
                layer_.wide[std::size_t{mine} * 64] = mine;
            }
        }
    });
    for (UnitId unit = 4; unit < 19'000; ++unit)
        ASSERT_EQ(layer_.wide[std::size_t{unit} * 64], unit);
}

TEST_F(CommittedTest, ShedDuringCommitsLosesNothing) {
    constexpr unsigned threads = 3;
    for (int round = 0; round < 20; ++round) {
        Fixture<Layer> fixture(3000);
        Committed& committed = fixture->committed;
        FakeSource::refuse_reserve_at = true;
        together(threads, [&](unsigned self) {
            if (self == 0) {
                while (committed.end() < 200) std::this_thread::yield();
                static_cast<void>(committed.shed());
                return;
            }
            for (UnitId end = 5 + self; end <= 3001 && committed.cover(end); end += 3) {
                *reinterpret_cast<char*>(fixture->region.address(end - 1)) = 'x';
                fixture->bytes[end - 1] = 1;
            }
        });
        const UnitId limit = committed.limit();
        ASSERT_TRUE(committed.cover(limit));
        fixture->write(limit);
        ASSERT_FALSE(committed.cover(limit + 1));
    }
}

}  // namespace
