// Large runs: their records, alignments, and changes in place.
#include <vector>

#include "base/size_class.hpp"

#include "spans_fixture.hpp"

namespace {

using ashlar::base::bin_of_run;
using ashlar::base::kNoUnit;
using ashlar::base::rlx;
using ashlar::base::UnitId;
using ashlar::spans::Kind;
using ashlar::spans::UnitState;

class LargeTest : public SpansOver {
  protected:
    LargeTest() : SpansOver(2000) {}

    UnitId take_large(std::uint32_t units, std::uint32_t align = 1) {
        return spans_.take_large(units, align).start;
    }
    [[nodiscard]] UnitState state(UnitId unit) const { return spans_.state(unit, rlx); }
    [[nodiscard]] std::uint32_t bin(UnitId unit) const { return spans_.page_map()[unit].load(rlx); }
};

TEST_F(LargeTest, UnitStateReturnsItsKindAndValue) {
    for (const Kind kind : {Kind::none, Kind::owned, Kind::shared, Kind::large}) {
        const UnitState state = UnitState::of(kind, 123456);
        EXPECT_EQ(state.kind(), kind);
        EXPECT_EQ(state.value(), 123456U);
    }
    EXPECT_EQ(UnitState::none().raw, 0U) << "purged and fresh records are right";
}

TEST_F(LargeTest, TakeLargeRecordsTheRunAtItsFirstUnitOnly) {
    for (const std::uint32_t units : {1U, 5U, 16U, 17U, 100U}) {
        const UnitId start = take_large(units);
        EXPECT_EQ(state(start), UnitState::of(Kind::large, units));
        EXPECT_EQ(bin(start), bin_of_run(units));
        for (UnitId unit = start + 1; unit < start + units; ++unit) {
            ASSERT_EQ(state(unit).kind(), Kind::none);
            ASSERT_EQ(bin(unit), 0U);
        }
    }
}

TEST_F(LargeTest, GiveLargeSucceedsOnce) {
    for (const std::uint32_t units : {3U, 40U}) {
        const UnitId start = take_large(units);
        EXPECT_FALSE(spans_.give_large(start + 1)) << "inside";
        EXPECT_TRUE(spans_.give_large(start));
        EXPECT_FALSE(spans_.give_large(start)) << "a double free";
        EXPECT_EQ(state(start), UnitState::none());
        EXPECT_EQ(bin(start), 0U);
    }
    expect_one_hole();
}

TEST_F(LargeTest, TakeLargeAlignedGivesThePadsBack) {
    const UnitId odd = take(17);
    std::size_t held = 17;
    std::vector<UnitId> runs;
    for (const std::uint32_t align : {2U, 4U, 16U, 64U, 256U}) {
        for (const std::uint32_t units : {1U, 3U, 20U, 65U}) {
            const UnitId start = take_large(units, align);
            ASSERT_NE(start, kNoUnit);
            EXPECT_EQ(spans_.region().address(start) % (align * ashlar::base::kUnitSize), 0U);
            EXPECT_EQ(state(start), UnitState::of(Kind::large, units));
            runs.push_back(start);
            held += units;
        }
    }
    spans_.give_recent();
    EXPECT_EQ(spans_.counts().held, held) << "the pads were given back";
    for (const UnitId start : runs) EXPECT_TRUE(spans_.give_large(start));
    spans_.give(odd, 17);
    expect_one_hole();
}

TEST_F(LargeTest, TakeLargeBeyondTheRegionIsRefused) {
    EXPECT_EQ(take_large(2001), kNoUnit);
    EXPECT_NE(take_large(2000), kNoUnit);
    EXPECT_EQ(take_large(1), kNoUnit);
}

TEST_F(LargeTest, TakeLargeAlignedIsRefusedOnlyIfNoneFitsTheRegion) {
    for (const std::uint32_t align : {512U, 1024U, 2048U, 1U << 14, 1U << 20}) {
        UnitId aligned = static_cast<UnitId>(-(spans_.region().address(0) >> 16)) & (align - 1);
        if (aligned == 0) aligned = align;
        const bool fits = aligned + 10 <= 2001;
        const UnitId start = take_large(10, align);
        ASSERT_EQ(start != kNoUnit, fits) << align;
        if (!fits) continue;
        EXPECT_EQ(spans_.region().address(start) >> 16 & (align - 1), 0U);
        EXPECT_TRUE(spans_.give_large(start));
        spans_.give_recent();
    }
}

TEST_F(LargeTest, ResizeLargeGrowsIntoFreeUnitsAndTheFrontier) {
    const UnitId a = take_large(10);
    const UnitId b = take_large(30);
    EXPECT_FALSE(spans_.resize_large(a, 10, 11)) << "its neighbour is held";
    EXPECT_EQ(state(a), UnitState::of(Kind::large, 10)) << "nothing changed";
    EXPECT_TRUE(spans_.resize_large(b, 30, 100)) << "at the frontier";
    EXPECT_EQ(state(b), UnitState::of(Kind::large, 100));
    EXPECT_TRUE(spans_.give_large(b));
    EXPECT_TRUE(spans_.resize_large(a, 10, 40)) << "into the hole";
    EXPECT_EQ(state(a), UnitState::of(Kind::large, 40));
    EXPECT_EQ(bin(a), 0U) << "40 units have no bin";
    EXPECT_EQ(take(70), a + 40) << "the rest of the hole";
    EXPECT_FALSE(spans_.resize_large(a, 40, 41));
}

TEST_F(LargeTest, ResizeLargeGivesTheTailBack) {
    const UnitId a = take_large(100);
    const UnitId wall = take(17);
    EXPECT_TRUE(spans_.resize_large(a, 100, 16));
    EXPECT_EQ(state(a), UnitState::of(Kind::large, 16));
    EXPECT_EQ(bin(a), bin_of_run(16));
    EXPECT_EQ(take(84), a + 16);
    spans_.give(a + 16, 84);
    spans_.give(wall, 17);
    EXPECT_TRUE(spans_.give_large(a));
    expect_one_hole();
}

TEST_F(LargeTest, ResizeLargePastTheRegionIsRefused) {
    const UnitId a = take_large(1990);
    EXPECT_FALSE(spans_.resize_large(a, 1990, 2001));
    EXPECT_TRUE(spans_.resize_large(a, 1990, 2000));
    EXPECT_TRUE(spans_.give_large(a));
    expect_one_hole();
}

}  // namespace
