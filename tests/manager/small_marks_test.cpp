// The collector's marks on small blocks: what is white, what makes a block not white, and what a sweep frees.
#include <gtest/gtest.h>
#include <algorithm>
#include <map>

#include "../base/random.hpp"
#include "small_ground.hpp"

namespace {

using namespace small_ground;

class SmallMarks : public testing::TestWithParam<bool> {
  protected:
    // In slices of `slabs`.
    void whiten(std::uint32_t slabs = 1000) {
        std::uint32_t at = 0;
        do {
            at = ground->whiten(at, slabs);
        } while (at != 0);
    }
    std::vector<Offset> sweep(bool free, std::uint32_t slabs = 1000) {
        struct Context {
            std::vector<Offset> found;
            bool free;
        } context{{}, free};
        std::uint32_t at = 0;
        do {
            at = ground->sweep(
                at, slabs,
                [](void* self, Offset start, Size) noexcept {
                    static_cast<Context*>(self)->found.push_back(start);
                    return static_cast<Context*>(self)->free;
                },
                &context);
        } while (at != 0);
        return context.found;
    }
    Ground ground{Size{1} << 20, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(, SmallMarks, testing::Bool(), [](const auto& shared) { return shared.param ? "Shared" : "Alone"; });

TEST_P(SmallMarks, OnlyBlocksLiveAtTheBeginningAreWhite) {
    const Offset old = ground.take(0, 40);
    const Offset freed = ground.take(0, 40);
    const Offset kept = ground.take(0, 40);
    ground->begin_cycle();
    whiten();
    EXPECT_FALSE(ground->is_marked(old));
    ground->give(0, freed);
    const Offset born = ground.take(0, 40);
    EXPECT_EQ(born, freed) << "the cache hands it out again";
    EXPECT_TRUE(ground->is_marked(born));
    const Offset elsewhere = ground.take(0, 200);
    EXPECT_TRUE(ground->is_marked(elsewhere)) << "in a slab that was born meanwhile";
    EXPECT_TRUE(ground->mark(kept + 39)) << "by any byte of it";
    EXPECT_FALSE(ground->mark(kept)) << "once";
    EXPECT_FALSE(ground->mark(kept + 40)) << "slack";
    EXPECT_FALSE(ground->mark(born)) << "not white";
    EXPECT_EQ(sweep(false), std::vector<Offset>{old});
    EXPECT_EQ(sweep(true), std::vector<Offset>{old});
    EXPECT_EQ(ground->find(old).kind, Kind::not_live);
    EXPECT_EQ(sweep(true), std::vector<Offset>{});
    EXPECT_EQ(ground->totals().blocks, 3U);
    ground->end_cycle();
    ground->begin_cycle();
    whiten();
    EXPECT_EQ(sweep(false).size(), 3U) << "marks are of one cycle";
    EXPECT_EQ(ground->check(), 0U);
}

TEST_P(SmallMarks, SlicesComeToTheSame) {
    Random random(3);
    std::map<Offset, bool> live;
    for (int i = 0; i < 3000; ++i) live.emplace(ground.take(0, 1 + random.below(250)), false);
    for (int i = 0; i < 500; ++i) {
        const auto at = std::next(live.begin(), random.below(live.size()));
        ground.give(0, at->first);
        live.erase(at);
    }
    for (std::uint32_t round = 0; round < 3; ++round) {
        ground->begin_cycle();
        whiten(1 + round);
        std::vector<Offset> white;
        for (auto at = live.begin(); at != live.end();) {
            if (random.below(3) == 0) {
                white.push_back(at->first);
                at = live.erase(at);
            } else {
                EXPECT_TRUE(ground->mark(at->first));
                ++at;
            }
        }
        std::vector<Offset> swept = sweep(true, 2);
        std::sort(swept.begin(), swept.end());
        EXPECT_EQ(swept, white);
        ground->end_cycle();
        ground.reclaim(false);
        EXPECT_EQ(ground->totals().blocks, live.size());
        EXPECT_EQ(ground->check(), 0U);
    }
}

}  // namespace
