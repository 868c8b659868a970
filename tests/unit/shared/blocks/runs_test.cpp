// Runs of units: first fit, growth of the file, and pages.
#include "../segment_fixture.hpp"

namespace {

using namespace ashlar::shared;
using namespace ashlar::shared::test;
using ashlar::base::kNoUnit;

constexpr std::size_t kPagesOfUnit = kUnitSize / FakeFile::kPage;

class SharedRuns : public SegmentTest {
  protected:
    explicit SharedRuns(UnitId count = 1000) : SegmentTest(count) {}
    UnitId take(std::uint32_t count, SlotId slot = 1) { return blocks.runs().take(slot, count); }
    void give(UnitId start, std::uint32_t count, SlotId slot = 1) {
        blocks.runs().give(slot, start, count);
    }
};

class SharedManyRuns : public SharedRuns {
  protected:
    SharedManyRuns() : SharedRuns(4000) {}
};

TEST_F(SharedRuns, TakeTheFirstThatFits) {
    EXPECT_EQ(take(3), 1U);
    EXPECT_EQ(take(2), 4U);
    EXPECT_EQ(take(5), 6U);
    give(1, 3);
    give(6, 5);
    EXPECT_EQ(take(4), 6U);
    EXPECT_EQ(take(2), 1U);
    EXPECT_EQ(take(1), 3U);
    EXPECT_EQ(take(1), 10U);
}

TEST_F(SharedRuns, NeighboursCoalesce) {
    for (UnitId start = 1; start < 200; start += 2) ASSERT_EQ(take(2), start);
    for (UnitId start = 1; start < 200; start += 4) give(start, 2);
    for (UnitId start = 3; start < 200; start += 4) give(start, 2);
    EXPECT_EQ(take(200), 1U);
}

TEST_F(SharedRuns, StatesTellTheRun) {
    const UnitId start = take(3);
    EXPECT_EQ(segment.state(start, rlx), UnitState::held(1, 3));
    EXPECT_EQ(segment.state(start + 2, rlx), UnitState::inside(start));
    EXPECT_EQ(blocks.runs().head(start + 2), start);
    EXPECT_EQ(blocks.runs().head(start + 3), kNoUnit);
    give(start, 3);
    for (UnitId unit = start; unit < start + 3; ++unit)
        EXPECT_EQ(segment.state(unit, rlx), UnitState::free(true));
    EXPECT_EQ(blocks.runs().head(start), kNoUnit);
}

// Contradicting states, as a stray write could leave them.
TEST_F(SharedRuns, HeadFollowsNoContradiction) {
    ASSERT_EQ(take(4), 1U);
    segment.state_word(3).store(UnitState::inside(5).raw, rlx);
    EXPECT_EQ(blocks.runs().head(3), kNoUnit);
    segment.state_word(3).store(UnitState::inside(0).raw, rlx);
    EXPECT_EQ(blocks.runs().head(3), kNoUnit);
    segment.state_word(3).store(UnitState::inside(2).raw, rlx);
    EXPECT_EQ(blocks.runs().head(3), kNoUnit);
    EXPECT_EQ(blocks.runs().head(units + 5), kNoUnit);
}

TEST_F(SharedRuns, GrowWithTheHeap) {
    EXPECT_EQ(segment.covered(), 0U);
    ASSERT_NE(take(1), kNoUnit);
    EXPECT_EQ(segment.covered(), 16U);
    ASSERT_NE(take(300), kNoUnit);
    EXPECT_GE(segment.covered(), 302U);
    EXPECT_LT(segment.covered(), 400U);
    ASSERT_EQ(take(units), kNoUnit);
    while (take(1) != kNoUnit) {
    }
    EXPECT_EQ(segment.covered(), units);
    EXPECT_EQ(segment.header().units_used.load(rlx), units - 1);
}

// Of the tables' pages only new ones: those of the bits and of the tags.
TEST_F(SharedManyRuns, GrowByTheNewPagesOfTables) {
    ASSERT_NE(take(15), kNoUnit);
    ASSERT_EQ(segment.covered(), 16U);
    const unsigned before = file.commits;
    ASSERT_NE(take(1), kNoUnit);
    EXPECT_EQ(segment.covered(), 32U);
    EXPECT_EQ(file.commits, before + 3);  // and the unit's
}

TEST_F(SharedRuns, GrowByLessIfTheFileIsAlmostFull) {
    ASSERT_NE(take(1), kNoUnit);
    file.room = 3 * kPagesOfUnit;  // not enough for the tables of 16 more units and their pages
    std::uint32_t taken = 1;
    while (take(1) != kNoUnit) ++taken;
    EXPECT_GE(taken, 3U);
    EXPECT_LT(file.room, kPagesOfUnit);
}

TEST_F(SharedRuns, AFullFileStillHasItsUnitsWithPages) {
    const UnitId first = take(2);
    const UnitId wall = take(1);
    const UnitId second = take(3);
    give(first, 2);
    ASSERT_EQ(blocks.runs().punch(1, 2), 2U);
    give(second, 3);
    file.room = 0;
    EXPECT_EQ(take(2), second) << "the first fit has no pages";
    EXPECT_EQ(take(2), kNoUnit);
    EXPECT_EQ(take(1), second + 2);
    EXPECT_EQ(take(1), kNoUnit);
    give(wall, 1);
    EXPECT_EQ(take(1), wall);
    file.room = 2 * kPagesOfUnit;
    EXPECT_EQ(take(2), first);
}

// A run of which a part has pages: the part must be found after the refusal.
TEST_F(SharedRuns, ARefusedCommitForgetsNoPages) {
    const UnitId start = take(3);
    give(start, 3);
    ASSERT_EQ(blocks.runs().punch(1, 1), 1U);
    file.room = 0;
    EXPECT_EQ(take(3), kNoUnit);
    EXPECT_EQ(segment.state(start + 1, rlx), UnitState::free(true));
    EXPECT_EQ(segment.state(start + 2, rlx), UnitState::free(false));
    EXPECT_EQ(segment.header().units_backed.load(rlx), 2U);
    EXPECT_EQ(take(2), start);
    file.room = ~std::size_t{0};
    EXPECT_EQ(take(1), start + 2);
}

TEST_F(SharedRuns, ARefusedCommitLosesNoUnits) {
    ASSERT_NE(take(1), kNoUnit);
    file.room = 0;
    EXPECT_EQ(take(4), kNoUnit);
    EXPECT_EQ(segment.header().units_used.load(rlx), 1U);
    file.room = ~std::size_t{0};
    EXPECT_EQ(take(4), 2U);
}

TEST_F(SharedRuns, CountUsedAndBackedUnits) {
    const UnitId start = take(10);
    EXPECT_EQ(segment.header().units_used.load(rlx), 10U);
    EXPECT_EQ(segment.header().units_backed.load(rlx), 0U);
    give(start, 10);
    EXPECT_EQ(segment.header().units_used.load(rlx), 0U);
    EXPECT_EQ(segment.header().units_backed.load(rlx), 10U);
    EXPECT_EQ(take(4), start);
    EXPECT_EQ(segment.header().units_backed.load(rlx), 6U);
    EXPECT_EQ(units_with_pages(), 10U);
}

// Free units keep 1024 with pages and half of those in use, less a batch of a
// quarter.
TEST_F(SharedManyRuns, FreeUnitsBeyondTheBoundLoseTheirPages) {
    std::vector<UnitId> all;
    for (unsigned i = 0; i < 900; ++i) all.push_back(take(2));
    for (const UnitId start : all) give(start, 2);
    const std::uint32_t backed = segment.header().units_backed.load(rlx);
    EXPECT_GE(backed, 768U);
    EXPECT_LE(backed, 1024U + 1800U / 2 + 2);
    EXPECT_EQ(units_with_pages(), backed);
}

// A run of 64 units loses its own pages instead.
TEST_F(SharedManyRuns, ALongRunBeyondTheBoundLosesItsPages) {
    const UnitId first = take(1000);
    const UnitId second = take(500);
    give(first, 1000);
    EXPECT_EQ(units_with_pages(), 1500U);
    give(second, 500);
    EXPECT_EQ(segment.state(second, rlx), UnitState::free(false));
    EXPECT_EQ(units_with_pages(), 1000U);
}

// Units that were free for two ages lose their pages, down to 256 of them; a
// unit that is used in between does not.
TEST_F(SharedManyRuns, UnitsThatNoRunNeedsLoseTheirPages) {
    give(take(600), 600);
    blocks.runs().age(1);
    EXPECT_EQ(segment.state(600, rlx), UnitState::aged());
    give(take(100), 100);
    EXPECT_EQ(segment.state(100, rlx), UnitState::free(true));
    EXPECT_EQ(units_with_pages(), 600U);
    blocks.runs().age(2);
    EXPECT_EQ(units_with_pages(), 256U);
    EXPECT_EQ(segment.header().units_backed.load(rlx), 256U);
    EXPECT_EQ(segment.state(100, rlx), UnitState::aged());
    EXPECT_EQ(take(600), 1U);
    EXPECT_EQ(units_with_pages(), 600U);
}

// Frees age the units by themselves, if more than 256 have pages.
TEST_F(SharedManyRuns, FreesAgeTheUnits) {
    give(take(200), 200);
    for (unsigned i = 0; i < 40000; ++i) give(take(1), 1);
    EXPECT_EQ(units_with_pages(), 200U);
    give(take(600), 600);
    for (unsigned i = 0; i < 40000; ++i) give(take(1), 1);
    EXPECT_EQ(units_with_pages(), 256U);
}

TEST_F(SharedManyRuns, AgedUnitsAreTakenFromAFullFile) {
    const UnitId start = take(300);
    give(start, 300);
    blocks.runs().age(1);
    file.room = 0;
    EXPECT_EQ(take(300), start);
    EXPECT_EQ(take(1), kNoUnit);
}

// Only the part of a run without pages is put into the file.
TEST_F(SharedRuns, CommitOnlyWhatHasNoPages) {
    const UnitId start = take(4);
    give(start, 4);
    ASSERT_EQ(blocks.runs().punch(1, 1), 1U);
    const unsigned before = file.commits;
    EXPECT_EQ(take(3), start);
    EXPECT_EQ(file.commits, before);
    give(start, 3);
    EXPECT_EQ(take(4), start);
    EXPECT_EQ(file.commits, before + 1);
}

TEST_F(SharedRuns, PunchReturnsPagesOfFreeUnits) {
    const UnitId start = take(6);
    const UnitId used = take(1);
    give(start, 6);
    EXPECT_EQ(blocks.runs().punch(2, 4), 4U);
    EXPECT_EQ(units_with_pages(), 3U);
    EXPECT_EQ(segment.header().units_backed.load(rlx), 2U);
    EXPECT_EQ(blocks.runs().punch(2, ~0U), 2U);
    EXPECT_EQ(blocks.runs().punch(2, ~0U), 0U);
    EXPECT_EQ(units_with_pages(), 1U);
    EXPECT_EQ(segment.state(used, rlx), UnitState::held(1, 1));
    EXPECT_EQ(take(6), start);
    EXPECT_EQ(units_with_pages(), 7U);
}

TEST_F(SharedRuns, ARefusedPunchKeepsThePages) {
    give(take(3), 3);
    file.punches = false;
    EXPECT_EQ(blocks.runs().punch(2, ~0U), 0U);
    EXPECT_EQ(segment.state(1, rlx), UnitState::free(true));
    EXPECT_EQ(segment.header().units_backed.load(rlx), 3U);
    EXPECT_EQ(take(3), 1U);
}

// A hint that is wrong costs a look, and the hints of its neighbours stay.
TEST_F(SharedRuns, SurviveWrongHints) {
    ASSERT_EQ(take(5), 1U);
    segment.free_units.insert(3);
    segment.free_units.insert(5);
    EXPECT_EQ(take(2), 6U);
    give(1, 5);
    EXPECT_EQ(take(5), 1U);
}

}  // namespace
