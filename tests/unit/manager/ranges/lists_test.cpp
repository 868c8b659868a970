// A search in one list of holes ends early, if none behind is large enough. It
// is counted by the holes that it looks at.
#include <gtest/gtest.h>

#include <vector>

#include "manager/ranges/lists.hpp"

namespace {

using namespace ashlar;

class ListsTest : public testing::Test {
  protected:
    static constexpr RangeId kHoles = 1000;

    void link(RangeId hole, Size size) {
        records_[hole] = {};
        records_[hole].size = size;
        ranges::become(records_[hole], ranges::Kind::hole);
        lists_.link(table(), hole, 0);
        ++linked_;
    }
    void unlink(RangeId hole) {
        lists_.unlink(table(), hole, 0);
        --linked_;
    }
    RangeId search(Size size) {
        looks_ = 0;
        return lists_.search_class(
            table(), 0, size, [&](const Range& range) { return ++looks_, range.size >= size; });
    }
    [[nodiscard]] Ranges table() { return Ranges(records_.data(), kHoles + 1); }
    [[nodiscard]] bool sound() {
        return lists_.check(table(), linked_, [](Size) { return 0U; });
    }

    std::vector<Range> records_{kHoles + 2};
    ranges::Lists<64> lists_{};
    std::uint64_t linked_ = 0;
    unsigned looks_ = 0;
};

TEST_F(ListsTest, SearchLooksAtOneHoleWhereNoneBehindIsLargeEnough) {
    for (RangeId hole = 1; hole <= kHoles; ++hole) link(hole, 4100);
    EXPECT_EQ(search(4200), no_range);
    EXPECT_EQ(looks_, 1U);
    for (int round = 0; round < 3; ++round) {
        link(kHoles + 1, 4200);
        EXPECT_EQ(search(4200), kHoles + 1);
        unlink(kHoles + 1);
        EXPECT_EQ(search(4200), no_range);
        EXPECT_EQ(looks_, 1U);
        EXPECT_TRUE(sound());
    }
}

// The largest hole was at the end, and all others have noted it.
TEST_F(ListsTest, SearchToTheEndIsTheLastOne) {
    link(kHoles + 1, 4200);
    for (RangeId hole = 1; hole <= kHoles; ++hole) link(hole, 4100);
    EXPECT_EQ(search(4200), kHoles + 1);
    EXPECT_EQ(looks_, kHoles + 1);
    unlink(kHoles + 1);
    EXPECT_EQ(search(4200), no_range);
    EXPECT_EQ(looks_, kHoles);
    EXPECT_EQ(search(4200), no_range);
    EXPECT_EQ(looks_, 1U);
    EXPECT_NE(search(4100), no_range);
    EXPECT_TRUE(sound());
}

// Large numbers need both halves of what is noted.
TEST_F(ListsTest, SearchFindsAHugeHoleBehindSmallOnes) {
    link(1, Size{1} << 40);
    for (RangeId hole = 2; hole <= 10; ++hole) link(hole, 5);
    EXPECT_EQ(search(Size{1} << 39), RangeId{1});
    EXPECT_EQ(search(Size{1} << 41), no_range);
    EXPECT_EQ(looks_, 1U);
}

}  // namespace
