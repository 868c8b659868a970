// Purge, visit, the counts, and check(), which must find what the test has
// broken.
#include <algorithm>
#include <cstring>

#include "arena_fixture.hpp"

namespace {

using namespace ashlar::base;
using ashlar::spans::Kind;
using ashlar::spans::UnitState;

class InspectTest : public ArenaOver {
  protected:
    InspectTest() : ArenaOver(300) {}

    struct Seen {
        Blocks blocks;
        std::size_t bytes = 0;
        std::size_t most = SIZE_MAX;
    };
    static bool see(void* context, void* block, std::size_t size) {
        auto& seen = *static_cast<Seen*>(context);
        seen.blocks.push_back(block);
        seen.bytes += size;
        return seen.blocks.size() < seen.most;
    }
    static void hide_nothing(void*, Bin, std::uintptr_t, Word*) {}
    static void hide_first_word(void*, Bin, std::uintptr_t, Word* live) { live[0] = 0; }
    static void hide_runs(void*, Bin bin, std::uintptr_t, Word* live) {
        if (bin == 0 || is_run(bin)) live[0] = 0;
    }
    // What check() says; it must find exactly one fault.
    std::string finding() {
        testing::internal::CaptureStderr();
        EXPECT_EQ(arena_.check(), 1U);
        return testing::internal::GetCapturedStderr();
    }
    void set_state(UnitId unit, UnitState state) { spans_.state_word(unit).store(state.raw, rel); }
};

TEST_F(InspectTest, VisitSeesLiveBlocksInAddressOrder) {
    Blocks expected = take(1, 100);
    Blocks more = take(kClasses - 1, 20);
    give(1, {expected.begin() + 40, expected.end()});
    expected.resize(40);
    expected.insert(expected.end(), more.begin(), more.end());
    const auto large = spans_.take_large(20, 1);
    expected.push_back(reinterpret_cast<void*>(spans_.region().address(large.start)));
    std::sort(expected.begin(), expected.end());
    Seen seen;
    EXPECT_TRUE(arena_.visit(hide_nothing, nullptr, see, &seen));
    EXPECT_EQ(seen.blocks, expected);
    EXPECT_EQ(seen.bytes, 40U * 16 + 20 * kMaxSmall + 20 * kUnitSize);
    EXPECT_EQ(arena_.live_bytes(), seen.bytes);
}

TEST_F(InspectTest, VisitStopsOnRequestAndSkipsHiddenBlocks) {
    const Blocks blocks = take(1, 100);
    Seen two;
    two.most = 2;
    EXPECT_FALSE(arena_.visit(hide_nothing, nullptr, see, &two));
    EXPECT_EQ(two.blocks.size(), 2U);
    Seen rest;
    EXPECT_TRUE(arena_.visit(hide_first_word, nullptr, see, &rest));
    EXPECT_EQ(rest.blocks.size(), 36U) << "the first 64 blocks were hidden";
    EXPECT_EQ(blocks.size(), 100U);
}

TEST_F(InspectTest, VisitStopsAtALargeBlockAndSkipsAHiddenOne) {
    const auto large = spans_.take_large(20, 1);
    ASSERT_NE(large.start, kNoUnit);
    Seen one;
    one.most = 1;
    EXPECT_FALSE(arena_.visit(hide_nothing, nullptr, see, &one));
    EXPECT_EQ(one.bytes, 20 * kUnitSize);
    Seen none;
    EXPECT_TRUE(arena_.visit(hide_runs, nullptr, see, &none));
    EXPECT_TRUE(none.blocks.empty());
}

TEST_F(InspectTest, PurgeReportsWhetherItReturnedPages) {
    constexpr Bin c = kClasses - 1;
    const Blocks blocks = take(c, 6);
    give(c, {blocks[1], blocks[3]});  // two runs of pages in one slab
    leave_all();
    FakeSource::refuse_purge = true;
    EXPECT_FALSE(arena_.purge());
    FakeSource::refuse_purge = false;
    FakeSource::purges = 0;
    FakeSource::in_purge = [](void*, std::size_t) {
        if (FakeSource::purges > 1) FakeSource::refuse_purge = true;
    };
    EXPECT_TRUE(arena_.purge()) << "the first of several calls was granted";
    EXPECT_GT(FakeSource::purges, 1U);
}

TEST_F(InspectTest, FindReturnsBlocksOfSlabsOnly) {
    const auto large = spans_.take_large(2, 1);
    EXPECT_EQ(arena_.find(spans_.region().address(large.start)).size, 0U);
    EXPECT_EQ(arena_.find(spans_.region().address(250)).size, 0U) << "never used";
    EXPECT_EQ(arena_.find(0).size, 0U);
    Bin c = 1;
    const auto rest = [&c] {
        return kGeometry[c].units * kUnitSize -
               std::size_t{kGeometry[c].blocks} * kGeometry[c].size;
    };
    while (c < kClasses && rest() == 0) ++c;
    ASSERT_LT(c, kClasses) << "no class leaves a rest behind its last block";
    ASSERT_EQ(take(c, 1).size(), 1U);
    const std::uintptr_t end =
        spans_.region().address(currents_[c].load(rlx)) + kGeometry[c].units * kUnitSize;
    EXPECT_EQ(arena_.find(end - rest()).size, 0U);
    EXPECT_NE(arena_.find(end - rest() - 1).size, 0U);
}

TEST_F(InspectTest, PurgeReturnsWholePagesOfEveryClass) {
    for (Bin c = 1; c < kClasses; ++c) {
        const Blocks blocks = take(c, kGeometry[c].blocks);
        for (void* block : blocks) std::memset(block, static_cast<int>(c), kGeometry[c].size);
        Blocks live;
        Blocks dead;
        for (std::size_t i = 0; i < blocks.size(); ++i)
            (i % 5 == 0 ? live : dead).push_back(blocks[i]);
        give(c, dead);
        leave_all();
        arena_.purge();
        for (void* block : live) {
            const auto* bytes = static_cast<unsigned char*>(block);
            ASSERT_TRUE(std::all_of(bytes, bytes + kGeometry[c].size,
                                    [c](unsigned char byte) { return byte == c; }));
        }
        give(c, live);
        arena_.retire_reclaimable();
    }
    expect_empty();
}

TEST_F(InspectTest, CheckIsSilentOnASoundHeap) {
    const Blocks blocks = take(10, 300);
    EXPECT_EQ(arena_.check(), 0U);
    give(10, {blocks.begin(), blocks.begin() + 100});
    leave_all();
    EXPECT_EQ(arena_.check(), 0U);
}

TEST_F(InspectTest, CheckFindsASlabThatIsNotInItsIndex) {
    const Blocks blocks = take(10, 1);
    // As if its publisher had stopped before the index.
    set_state(unit_of(blocks[0]), UnitState::of(Kind::shared, 10));
    EXPECT_NE(finding().find("not in its index"), std::string::npos);
}

TEST_F(InspectTest, CheckFindsAWrongPageMapEntry) {
    const Blocks blocks = take(10, 1);
    spans_.mark(unit_of(blocks[0]), 1, 11);
    EXPECT_NE(finding().find("in the map as another"), std::string::npos);
}

TEST_F(InspectTest, CheckCountsOneFaultForSeveralWrongPageMapEntries) {
    constexpr Bin c = kClasses - 1;
    ASSERT_GT(kGeometry[c].units, 1U);
    const Blocks blocks = take(c, 1);
    spans_.mark(unit_of(blocks[0]), kGeometry[c].units, c - 1);
    EXPECT_NE(finding().find("in the map as another"), std::string::npos);
}

TEST_F(InspectTest, CheckFindsASlabOnFreeUnits) {
    const Blocks blocks = take(10, 1);
    spans_.give(unit_of(blocks[0]), 1);
    spans_.give_recent();
    EXPECT_NE(finding().find("free"), std::string::npos);
}

TEST_F(InspectTest, CheckFindsAnUnknownClass) {
    const Blocks blocks = take(10, 1);
    set_state(unit_of(blocks[0]), UnitState::of(Kind::owned, kClasses));
    EXPECT_NE(finding().find("unknown size class"), std::string::npos);
    set_state(unit_of(blocks[0]), UnitState::of(Kind::owned, 0));
    EXPECT_NE(finding().find("unknown size class"), std::string::npos);
}

TEST_F(InspectTest, CheckFindsFreeBitsBeyondTheLastBlock) {
    const Blocks blocks = take(1, kGeometry[1].blocks);
    constexpr Bin c = kClasses - 1;
    ASSERT_LT(kGeometry[c].blocks, 64U);
    give(1, blocks);  // its bitmap is all ones: more bits than a slab of 8 blocks has
    const UnitId slab = unit_of(blocks[0]);
    for (UnitId unit = slab; unit < slab + kGeometry[c].units; ++unit) spans_.mark(unit, 1, c);
    set_state(slab, UnitState::of(Kind::owned, c));
    EXPECT_NE(finding().find("blocks that a slab does not have"), std::string::npos);
}

}  // namespace
