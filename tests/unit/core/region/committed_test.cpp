// Commits in steps: writable units, refusals, and unused units given back.
#include <cstdint>
#include <cstring>
#include <vector>

#include <sys/mman.h>

#include <gtest/gtest.h>

#include "core/region/committed.hpp"
#include "support/together.hpp"

#include "support/region_fixture.hpp"

namespace {

using namespace ashlar::region;
using ashlar::base::kUnitSize;
using ashlar::base::UnitId;

// A layer with little else than tables.
struct Layer {
    void layout(Carver& carver, const Region& of) noexcept {
        region = of;
        static_cast<void>(carver.array<std::uint64_t>(1));  // every heap has dense metadata
        bytes = carver.table<std::uint8_t>(of.end);
        wide = carver.table<std::uint64_t>(of.end, 0, 64, true);
        words = carver.table<std::uint64_t>(of.end, 6);
    }
    bool start(const Tables& of) noexcept {
        tables = of;
        return committed.start(region, of);
    }

    // Writes to units and to every entry below `end`, and to a word of bits
    // beyond.
    void write(UnitId end) const {
        for (UnitId unit = 1; unit < end; ++unit) {
            auto* start = reinterpret_cast<char*>(region.address(unit));
            if (unit % 64 == 1 || unit + 1 == end) start[0] = start[kUnitSize - 1] = 'x';
            bytes[unit] = 1;
            wide[std::size_t{unit} * 64 + 63] = unit;
        }
        words[(end + 63 < region.end ? end + 63 : region.end - 1) / 64] = end;
    }

    Region region;
    Tables tables;
    Committed committed;
    std::uint8_t* bytes;
    std::uint64_t* wide;
    std::uint64_t* words;
};

bool is_mapped(std::uintptr_t page) {
    unsigned char resident;
    return mincore(reinterpret_cast<void*>(page), page_size(), &resident) == 0;
}

class CommittedOver : public testing::Test {
  protected:
    explicit CommittedOver(UnitId units, bool stepwise = false) : units_(units), fixture_(units, stepwise) {}

    UnitId units_;
    Fixture<Layer> fixture_;
    Layer& layer_ = *fixture_;
    Committed& committed_ = fixture_->committed;
};

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
    for (UnitId unit = 0; unit < 2000; ++unit) ASSERT_EQ(layer_.bytes[unit] | layer_.wide[std::size_t{unit} * 64 + 9], 0U);
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
    const auto entry = [this](UnitId unit) { return reinterpret_cast<std::uintptr_t>(layer_.wide + std::size_t{unit} * 64); };
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
    EXPECT_GE(reserved - FakeSource::reserved, unused + unused / kUnitSize * 500) << "with its tables";
    EXPECT_TRUE(is_mapped(layer_.region.address(end - 1)));
    EXPECT_FALSE(is_mapped(layer_.region.address(end)));
    EXPECT_FALSE(is_mapped(layer_.region.address(100'000)));
    EXPECT_FALSE(is_mapped(reinterpret_cast<std::uintptr_t>(layer_.wide + std::size_t{50'000} * 64) / 4096 * 4096));
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
    for (UnitId unit = 4; unit < 19'000; ++unit) ASSERT_EQ(layer_.wide[std::size_t{unit} * 64], unit);
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

// A region that is reserved in steps. The address spaces of ThreadSanitizer and
// of emulators have no room for it.
class Stepwise : public CommittedOver {
  protected:
    Stepwise() : CommittedOver(100'000, true) {}
    void SetUp() override {
        if (!layer_.region.stepwise) GTEST_SKIP() << "this address space has no room for such a region";
    }
    [[nodiscard]] bool is_reserved(UnitId unit) const { return is_mapped(layer_.region.address(unit)); }
};

TEST_F(Stepwise, ReservesALittleMoreThanItCommits) {
    EXPECT_EQ(committed_.end(), 4U);
    EXPECT_EQ(committed_.limit(), 129U);
    EXPECT_TRUE(is_reserved(128));
    EXPECT_FALSE(is_reserved(129));
    EXPECT_FALSE(is_mapped(reinterpret_cast<std::uintptr_t>(layer_.wide + std::size_t{1000} * 64) / 4096 * 4096));
    layer_.write(4);
}

TEST_F(Stepwise, ReservesAheadOfTheSteps) {
    ASSERT_TRUE(committed_.cover(300));
    EXPECT_GE(committed_.limit(), 300U + 64) << "the next step needs no reservation";
    EXPECT_LE(committed_.limit(), 300U + 256);
    layer_.write(300);
}

TEST_F(Stepwise, CoversEveryUnitAndNoMore) {
    EXPECT_FALSE(committed_.cover(100'002));
    for (UnitId end = 4; end < 100'001; end = committed_.end() + 1) {
        ASSERT_TRUE(committed_.cover(end));
        ASSERT_LE(committed_.limit() - committed_.end(), 256 + committed_.end() / 2);
    }
    ASSERT_TRUE(committed_.cover(100'001));
    EXPECT_EQ(committed_.limit(), 100'001U);
    layer_.write(100'001);
}

TEST_F(Stepwise, CoverRefusedOnceChangesNothingAndSucceedsLater) {
    FakeSource::refuse_reserve_at = true;
    EXPECT_TRUE(committed_.cover(129));
    EXPECT_FALSE(committed_.cover(130));
    EXPECT_EQ(committed_.limit(), 129U);
    FakeSource::refuse_reserve_at = false;
    EXPECT_TRUE(committed_.cover(130));
    layer_.write(130);
}

TEST_F(Stepwise, CoverKeepsMappingsOfOthers) {
    auto* other = reinterpret_cast<char*>(layer_.region.address(700));
    ASSERT_EQ(mmap(other, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
              other);
    *other = 'x';
    while (committed_.cover(committed_.end() + 1)) {
    }
    const UnitId limit = committed_.limit();
    EXPECT_TRUE(limit >= 500 && limit <= 700) << limit;
    EXPECT_EQ(committed_.end(), limit) << "the reserved units are used";
    const std::size_t reserved = FakeSource::reserved;
    EXPECT_FALSE(committed_.cover(701));
    EXPECT_EQ(committed_.limit(), limit);
    EXPECT_EQ(FakeSource::reserved, reserved) << "the incomplete reservation is released";
    EXPECT_EQ(*other, 'x');
    munmap(other, page_size());
    ASSERT_TRUE(committed_.cover(701));
    layer_.write(701);
}

TEST_F(Stepwise, CoverReservesShedUnitsAgain) {
    ASSERT_TRUE(committed_.cover(1000));
    EXPECT_TRUE(committed_.shed());
    EXPECT_EQ(committed_.limit(), committed_.end());
    EXPECT_FALSE(is_reserved(committed_.end()));
    ASSERT_TRUE(committed_.cover(2000));
    layer_.write(2000);
}

TEST_F(Stepwise, ReleaseReturnsTablesAndUnits) {
    ASSERT_TRUE(committed_.cover(3000));
    committed_.release();
    EXPECT_FALSE(is_reserved(1) || is_reserved(2999));
    EXPECT_FALSE(is_mapped(reinterpret_cast<std::uintptr_t>(layer_.bytes)));
}

// A refused thread tries again: another one may be reserving.
TEST_F(Stepwise, CoverByManyThreadsReservesEachUnit) {
    constexpr unsigned threads = 4;
    ashlar::base::Atomic<std::uint32_t> next{4};
    together(threads, [&](unsigned self) {
        for (;;) {
            const UnitId unit = next.fetch_add(91, ashlar::base::rlx);
            if (unit + 91 > 90'000) return;
            while (!committed_.cover(unit + 91)) std::this_thread::yield();
            if (self == 0 && unit % 8 == 0) static_cast<void>(committed_.shed());
            for (UnitId mine = unit; mine < unit + 91; ++mine) layer_.bytes[mine] = 1;
            *reinterpret_cast<char*>(layer_.region.address(unit + 90)) = 'x';
        }
    });
    layer_.write(90'000);
}

}  // namespace
