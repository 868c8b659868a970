// What a manager tells about itself.
#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <locale>
#include <sstream>
#include <vector>

#include "manager/engine/manager_inline.hpp"
#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::options;
using Kind = BlockView::Kind;

TEST(Statistics, CountBlocksHolesAndBytes) {
    MemoryManager manager(1000, options(2000));
    for (const Offset start : {0U, 200U, 500U}) ASSERT_TRUE(manager.allocate_at(start, 100));
    manager.deallocate(200);
    const ManagerStatistics totals = manager.statistics();
    EXPECT_EQ(totals.capacity, 1000U);
    EXPECT_EQ(totals.limit, 2000U);
    EXPECT_EQ(totals.used, 200U);
    EXPECT_EQ(totals.peak_used, 300U);
    EXPECT_EQ(totals.overhead, 0U);
    EXPECT_GE(totals.largest_free, 375U);
    EXPECT_LE(totals.largest_free, 400U);
    EXPECT_EQ(totals.blocks, 2U);
    EXPECT_EQ(totals.free_ranges, 2U);
    EXPECT_NEAR(totals.fragmentation(), 0.5, 0.04);
    EXPECT_GT(totals.metadata, 0U);
}

TEST(Statistics, FragmentationIsZeroWithOneHoleOrNone) {
    ManagerStatistics totals{};
    totals.capacity = totals.used = 10;
    EXPECT_EQ(totals.fragmentation(), 0.0);
    totals.used = 0;
    totals.largest_free = 10;
    EXPECT_EQ(totals.fragmentation(), 0.0);
    totals.largest_free = 1;
    EXPECT_EQ(totals.fragmentation(), 0.9);
}

TEST(Statistics, CountBuddyRoundingAsOverhead) {
    MemoryManager manager(1024, make::placed(Placement::buddy));
    ASSERT_TRUE(manager.allocate(100));
    EXPECT_EQ(manager.statistics().used, 100U);
    EXPECT_EQ(manager.statistics().overhead, 28U);
}

TEST(Histograms, CountByPowersOfTwo) {
    MemoryManager manager(1000, options());
    for (const Size size : {1U, 2U, 3U, 100U}) ASSERT_TRUE(manager.allocate(size));
    const ManagerHistograms counts = manager.histograms();
    EXPECT_EQ(counts.blocks[0], 1U);
    EXPECT_EQ(counts.blocks[1], 2U);
    EXPECT_EQ(counts.blocks[6], 1U);
    EXPECT_EQ(counts.holes[9], 1U);
    EXPECT_EQ(counts.least_block, 1U);
    EXPECT_EQ(counts.most_block, 100U);
    EXPECT_EQ(counts.least_hole, 894U);
    EXPECT_EQ(counts.most_hole, 894U);
    EXPECT_EQ(counts.totals.blocks, 4U);
    MemoryManager largest = MemoryManager::without_memory(max_buffer, options());
    EXPECT_EQ(largest.histograms().holes[48], 1U);
}

TEST(Iteration, ShowsEveryPartInOrder) {
    MemoryManager manager(1000, options());
    ASSERT_TRUE(manager.allocate_at(100, 50));
    manager.set_user_data(100, 7);
    ASSERT_TRUE(manager.reserve_range(400, 600));
    std::vector<BlockView> views;
    manager.for_each([&](const BlockView& view) {
        views.push_back(view);
        static_cast<void>(manager.allocate(1));  // not in what is being shown
        return true;
    });
    const std::vector<std::tuple<Offset, Size, Kind>> expected{{0, 100, Kind::hole},
                                                               {100, 50, Kind::block},
                                                               {150, 250, Kind::hole},
                                                               {400, 600, Kind::reserved}};
    ASSERT_EQ(views.size(), expected.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
        EXPECT_EQ(std::tuple(views[i].start, views[i].size, views[i].kind), expected[i]);
    }
    EXPECT_EQ(views[1].user, 7U);
    unsigned calls = 0;
    manager.for_each([&](const BlockView&) { return ++calls < 2; });
    EXPECT_EQ(calls, 2U);
}

TEST(Iteration, ShowsSmallBlocks) {
    for (const make::Mode mode : {make::Mode::one_slabs, make::Mode::many}) {
        MemoryManager manager(Size{1} << 20, options(0, mode));
        std::vector<Offset> blocks;
        for (int i = 0; i < 500; ++i) blocks.push_back(manager.allocate(33).value());
        manager.set_user_data(blocks[3], 5);
        std::size_t found = 0;
        Offset end = 0;
        manager.for_each([&](const BlockView& view) {
            EXPECT_EQ(view.start, end);
            end += view.size;
            found += view.kind == Kind::small_block && view.size == 33 ? 1 : 0;
            EXPECT_EQ(view.user, view.start == blocks[3] ? 5U : 0U);
            return true;
        });
        EXPECT_EQ(found, blocks.size());
        EXPECT_EQ(end, Size{1} << 20);
    }
}

TEST(Dumps, AreTheSameInEveryLocale) {
    struct Grouped : std::numpunct<char> {
        char do_thousands_sep() const override { return '.'; }
        std::string do_grouping() const override { return "\3"; }
    };
    MemoryManager manager(123456, options());
    static_cast<void>(manager.allocate(54321));
    std::ostringstream plain, grouped;
    grouped.imbue(std::locale(std::locale::classic(), new Grouped));
    manager.write_json(plain);
    manager.write_json(grouped);
    EXPECT_EQ(plain.str(), grouped.str());
    manager.write_svg(plain);
    manager.write_svg(grouped);
    EXPECT_EQ(plain.str(), grouped.str());
    EXPECT_NE(plain.str().find("54321"), std::string::npos);
}

TEST(Dumps, SvgOfTheLargestBufferHasFewRows) {
    MemoryManager manager = MemoryManager::without_memory(max_buffer, options());
    std::ostringstream out;
    manager.write_svg(out, 1);
    EXPECT_LT(out.str().size(), 400000U);
}

// Faults are reported as text, up to 64 lines.
TEST(Check, ReportsBrokenBlocks) {
    constexpr std::size_t kBlocks = 100;
    manager::Manager inner(manager::Buffer::own(Size{1} << 20), Size{1} << 20, make::options());
    std::vector<Offset> blocks(kBlocks);
    for (Offset& block : blocks) ASSERT_EQ(inner.allocate(100, 1, block), Status::ok);
    std::ostringstream none, one, many;
    EXPECT_EQ(inner.check(&none), 0U);
    EXPECT_EQ(none.str(), "");
    const auto damage = [&](Offset block, Size asked) {
        inner.allocator()[inner.allocator().at(block)].asked = asked;
    };
    damage(blocks[7], 0);
    EXPECT_EQ(inner.check(nullptr), 1U);
    EXPECT_EQ(inner.check(&one), 1U);
    EXPECT_EQ(one.str(), "a block is smaller than what was asked for\n");
    for (const Offset block : blocks) damage(block, 0);
    EXPECT_GE(inner.check(&many), kBlocks);
    EXPECT_NE(many.str().find(" more\n"), std::string::npos);
    for (const Offset block : blocks) damage(block, 100);
    EXPECT_EQ(inner.check(nullptr), 0U);
}

}  // namespace
