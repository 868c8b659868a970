// The treap of holes against a std::set of (length, start).
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/spans/holes.hpp"

#include "support/random.hpp"

namespace {

using ashlar::base::kNoUnit;
using ashlar::base::UnitId;
using ashlar::spans::Holes;

class HolesTest : public testing::Test {
  protected:
    static constexpr UnitId end = 1000;

    HolesTest() : memory_(bytes() / sizeof(std::uint64_t) + 16) {
        ashlar::region::Carver carver(
            0, 0, (reinterpret_cast<std::uintptr_t>(memory_.data()) + 63) / 64 * 64);
        holes_.layout(carver, end);
    }
    void insert(UnitId start, std::uint32_t units) {
        holes_.insert(start, units);
        if (units == 0) return;
        forget(start);
        model_.insert({units, start});
    }
    void forget(UnitId start) {
        std::erase_if(model_, [start](const auto& hole) { return hole.second == start; });
    }
    [[nodiscard]] UnitId best(std::uint32_t units) const {
        const auto at = model_.lower_bound({units, 0});
        return at == model_.end() ? kNoUnit : at->second;
    }
    void expect_same() {
        for (std::uint32_t units = 1; units < 70; ++units)
            ASSERT_EQ(holes_.best_fit(units), best(units)) << units;
        for (const auto& [length, start] : model_) ASSERT_EQ(holes_.length(start), length) << start;
    }

    Holes holes_{};
    std::set<std::pair<std::uint32_t, UnitId>> model_;

  private:
    static std::size_t bytes() {
        ashlar::region::Carver measure(0);
        Holes{}.layout(measure, end);
        return measure.tables_used();
    }
    std::vector<std::uint64_t> memory_;
};

TEST_F(HolesTest, BehavesLikeASetOrderedByLengthThenAddress) {
    Random random(5);
    for (int step = 0; step < 4000; ++step) {
        const UnitId start = 1 + random.below(end - 1);
        switch (random.below(8)) {
            case 0:
            case 1:
                if (holes_.length(start) != 0) holes_.erase(start);
                forget(start);
                break;
            case 2: {
                const UnitId to = start + random.below(20);
                holes_.erase_within(start, to < end ? to : end);
                for (UnitId at = start; at < to; ++at) forget(at);
                break;
            }
            default: insert(start, random.below(64));
        }
        if (step % 8 == 0) expect_same();
    }
    EXPECT_GT(model_.size(), 50U);
}

TEST_F(HolesTest, InsertInAscendingOrderKeepsEveryHoleFindable) {
    for (UnitId start = 1; start < end; ++start) insert(start, 1 + start / 16);
    expect_same();
    for (UnitId start = 1; start < end; start += 2) {
        holes_.erase(start);
        forget(start);
    }
    expect_same();
}

TEST_F(HolesTest, EraseWithinErasesOnlyHolesThatStartInTheRange) {
    for (UnitId start : {63U, 64U, 100U, 127U, 128U}) insert(start, 5);
    holes_.erase_within(64, 128);
    EXPECT_EQ(holes_.length(63), 5U);
    EXPECT_EQ(holes_.length(64) + holes_.length(100) + holes_.length(127), 0U);
    EXPECT_EQ(holes_.length(128), 5U);
    holes_.erase_within(128, 128);
    EXPECT_EQ(holes_.length(128), 5U);
}

TEST_F(HolesTest, ClearRemovesEveryHole) {
    for (UnitId start = 1; start < end; start += 3) insert(start, start % 30 + 1);
    holes_.clear(end);
    EXPECT_EQ(holes_.best_fit(1), kNoUnit);
    for (UnitId start = 1; start < end; ++start) ASSERT_EQ(holes_.length(start), 0U);
    model_.clear();
    insert(7, 3);
    expect_same();
}

TEST_F(HolesTest, InsertOfNoUnitsAddsNoHole) {
    insert(9, 0);
    EXPECT_EQ(holes_.best_fit(1), kNoUnit);
}

}  // namespace
