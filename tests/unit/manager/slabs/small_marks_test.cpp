// The collector's marks on small blocks: what is white, what makes a block not
// white, and what a sweep frees.
#include <gtest/gtest.h>
#include <algorithm>
#include <map>

#include "small_fixture.hpp"
#include "support/random.hpp"

namespace {

using namespace small_fixture;

class SmallMarks : public testing::TestWithParam<bool> {
  protected:
    // In slices of `slabs`.
    void whiten(std::uint32_t slabs = 1000) {
        std::uint32_t at = 0;
        do {
            at = fixture->whiten(at, slabs);
        } while (at != 0);
    }
    std::vector<Offset> sweep(bool free, std::uint32_t slabs = 1000) {
        struct Context {
            std::vector<Offset> found;
            bool free;
        } context{{}, free};
        std::uint32_t at = 0;
        do {
            at = fixture->sweep(
                at, slabs,
                [](void* self, Offset start, Size) noexcept {
                    static_cast<Context*>(self)->found.push_back(start);
                    return static_cast<Context*>(self)->free;
                },
                &context);
        } while (at != 0);
        return context.found;
    }
    Fixture fixture{Size{1} << 20, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(, SmallMarks, testing::Bool(),
                         [](const auto& shared) { return shared.param ? "Shared" : "Alone"; });

TEST_P(SmallMarks, OnlyBlocksLiveAtTheBeginningAreWhite) {
    const Offset old = fixture.take(0, 40);
    const Offset freed = fixture.take(0, 40);
    const Offset kept = fixture.take(0, 40);
    fixture->begin_cycle();
    whiten();
    EXPECT_FALSE(fixture->is_marked(old));
    fixture->give(0, freed);
    const Offset allocated = fixture.take(0, 40);
    EXPECT_EQ(allocated, freed) << "the cache hands it out again";
    EXPECT_TRUE(fixture->is_marked(allocated));
    const Offset elsewhere = fixture.take(0, 200);
    EXPECT_TRUE(fixture->is_marked(elsewhere)) << "in a slab that was born meanwhile";
    EXPECT_TRUE(fixture->mark(kept + 39)) << "by any byte of it";
    EXPECT_FALSE(fixture->mark(kept)) << "once";
    EXPECT_FALSE(fixture->mark(kept + 40)) << "slack";
    EXPECT_FALSE(fixture->mark(allocated)) << "not white";
    EXPECT_EQ(sweep(false), std::vector<Offset>{old});
    EXPECT_EQ(sweep(true), std::vector<Offset>{old});
    EXPECT_EQ(fixture->find(old).kind, Kind::not_live);
    EXPECT_EQ(sweep(true), std::vector<Offset>{});
    EXPECT_EQ(fixture->totals().blocks, 3U);
    fixture->end_cycle();
    fixture->begin_cycle();
    whiten();
    EXPECT_EQ(sweep(false).size(), 3U) << "marks are of one cycle";
    EXPECT_EQ(fixture->check(), 0U);
}

TEST_P(SmallMarks, SlicesGiveTheSameResult) {
    Random random(3);
    std::map<Offset, bool> live;
    for (int i = 0; i < 3000; ++i) live.emplace(fixture.take(0, 1 + random.below(250)), false);
    for (int i = 0; i < 500; ++i) {
        const auto at = std::next(live.begin(), random.below(live.size()));
        fixture.give(0, at->first);
        live.erase(at);
    }
    for (std::uint32_t round = 0; round < 3; ++round) {
        fixture->begin_cycle();
        whiten(1 + round);
        std::vector<Offset> white;
        for (auto at = live.begin(); at != live.end();) {
            if (random.below(3) == 0) {
                white.push_back(at->first);
                at = live.erase(at);
            } else {
                EXPECT_TRUE(fixture->mark(at->first));
                ++at;
            }
        }
        std::vector<Offset> swept = sweep(true, 2);
        std::sort(swept.begin(), swept.end());
        EXPECT_EQ(swept, white);
        fixture->end_cycle();
        fixture.reclaim(false);
        EXPECT_EQ(fixture->totals().blocks, live.size());
        EXPECT_EQ(fixture->check(), 0U);
    }
}

}  // namespace
