// Blocks by a strategy, whatever the policy: the tree of holes that is built
// for it, and what check() sees of it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/manager/make.hpp"
#include "unit/manager/ranges/ranges_fixture.hpp"

namespace {

using namespace ashlar;
using ranges::RangeAllocator;

// Holes of 64, 32, 16, 128 and 32 bytes between blocks, all at multiples of
// 128, and no other one.
struct Holes {
    explicit Holes(Placement placement) : fixture(placement, 1280, 1000) {
        std::vector<RangeId> holes;
        Offset at = 0;
        for (const Size size : {64U, 32U, 16U, 128U, 32U}) {
            holes.push_back(allocator.take_at(at, size));
            if (size != 128) static_cast<void>(allocator.take_at(at + size, 128 - size));
            static_cast<void>(allocator.take_at(at + 128, 128));
            at += 256;
        }
        for (const RangeId hole : holes) allocator.give(hole);
    }
    Offset take(Strategy strategy, Size size, Size alignment = 1) {
        const RangeId block = allocator.take_by(strategy, size, alignment);
        fixture.expect_sound();
        return block == no_range ? ~Offset{0} : allocator[block].start;
    }
    Fixture fixture;
    RangeAllocator& allocator = fixture.allocator;
};

class Strategies : public testing::TestWithParam<Placement> {
  protected:
    Holes holes_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Policies, Strategies, testing::ValuesIn(make::placements),
                         [](const auto& about) { return make::title_of(about.param); });

TEST_P(Strategies, LowestTakesTheFirstHoleThatFits) {
    EXPECT_EQ(holes_.take(Strategy::lowest, 32), 0U);
    EXPECT_EQ(holes_.take(Strategy::lowest, 32), 32U);
    EXPECT_EQ(holes_.take(Strategy::lowest, 64), 768U);
    EXPECT_EQ(holes_.take(Strategy::lowest, 16), 256U);
}

TEST_P(Strategies, TightTakesTheSmallestHoleThatFits) {
    EXPECT_EQ(holes_.take(Strategy::tight, 16), 512U);
    EXPECT_EQ(holes_.take(Strategy::tight, 64), 0U);
    EXPECT_EQ(holes_.take(Strategy::tight, 33), 768U);
    EXPECT_NE(holes_.take(Strategy::tight, 32), 800U);
}

TEST_P(Strategies, RequestIsRefusedOnlyIfNothingFits) {
    for (const Strategy strategy : {Strategy::lowest, Strategy::upper_end, Strategy::tight}) {
        EXPECT_EQ(holes_.take(strategy, 129), ~Offset{0});
        EXPECT_EQ(holes_.take(strategy, 33, 512), 0U) << "no other one is aligned so";
        holes_.allocator.give(holes_.allocator.at(0));
        EXPECT_EQ(holes_.take(strategy, 128), 768U);
        EXPECT_EQ(holes_.take(strategy, 65), ~Offset{0});
        holes_.allocator.give(holes_.allocator.at(768));
    }
}

// Linear placement and a ring keep to their gap, which is not at the end here.
TEST(UpperEnd, TakesTheEndOfTheLastHoleThatFits) {
    for (const Placement placement : make::placements) {
        if (placement == Placement::linear || placement == Placement::ring) continue;
        Holes holes(placement);
        EXPECT_EQ(holes.take(Strategy::upper_end, 16), 1040U);
        EXPECT_EQ(holes.take(Strategy::upper_end, 16), 1024U);
        EXPECT_EQ(holes.take(Strategy::upper_end, 16), 880U);
        EXPECT_EQ(holes.take(Strategy::upper_end, 16, 64), 832U);
        EXPECT_EQ(holes.take(Strategy::upper_end, 64), 768U);
    }
}

TEST_P(Strategies, TreeIsBuiltInSteps) {
    unsigned steps = 1;
    while (!holes_.allocator.prepare(Strategy::lowest, 3)) {
        ++steps;
        holes_.fixture.expect_sound();
        static_cast<void>(holes_.allocator.take(8, 1));
        ASSERT_LT(steps, 100U);
    }
    const bool native = holes_.fixture.policy->knows(Strategy::lowest);
    EXPECT_EQ(steps, native ? 1U : steps);
    EXPECT_TRUE(native || steps > 4) << "14 ranges and more";
    EXPECT_TRUE(holes_.allocator.prepare(Strategy::lowest, 1));
    holes_.allocator.drop_index();
    EXPECT_EQ(holes_.allocator.prepare(Strategy::lowest, 3), native);
}

// A tree that stands before the policy and is broken.
TEST_P(Strategies, CheckReportsABrokenTree) {
    const Strategy strategy =
        holes_.fixture.policy->knows(Strategy::lowest) ? Strategy::tight : Strategy::lowest;
    ASSERT_TRUE(holes_.allocator.prepare(strategy, 1000));
    holes_.fixture.expect_sound();
    const std::vector<Fixture::Line> before = holes_.fixture.memory;
    const std::size_t records = (holes_.fixture.most + 1) * sizeof(Range) / sizeof(Fixture::Line);
    auto* const bytes = reinterpret_cast<std::uint32_t*>(holes_.fixture.memory.data() + records);
    const std::size_t words =
        (holes_.fixture.memory.size() - records) * sizeof(Fixture::Line) / sizeof *bytes;
    std::size_t seen = 0;
    for (std::size_t i = 0; i < words; ++i) {
        const std::uint32_t kept = bytes[i];
        for (const std::uint32_t other : {kept + 1, ~0U, 0U}) {
            bytes[i] = other;
            seen += holes_.fixture.faults().empty() ? 0 : 1;
        }
        bytes[i] = kept;
    }
    EXPECT_GT(seen, 0U) << "and each check has ended";
    for (RangeId id = 1; id < holes_.fixture.most; ++id) {
        if (strategy != Strategy::lowest ||
            ranges::kind(holes_.allocator[id]) != ranges::Kind::hole)
            continue;
        holes_.allocator[id].asked += 1;
        EXPECT_NE(holes_.fixture.faults(), std::vector<std::string>{}) << "the largest hole below";
        holes_.allocator[id].asked -= 1;
    }
    holes_.fixture.expect_sound();
}

// A policy of a program's own, which knows no strategy.
class Plain final : public Policy {
  public:
    const char* name() const noexcept override { return "plain"; }
    void attach(Ranges ranges, void* state, bool fresh) noexcept override {
        ranges_ = ranges;
        inner_->attach(ranges, state, fresh);
    }
    std::size_t state_bytes(Size limit) const noexcept override {
        return inner_->state_bytes(limit);
    }
    void insert(RangeId hole) noexcept override { inner_->insert(hole); }
    void erase(RangeId hole) noexcept override { inner_->erase(hole); }
    RangeId find(Size size, Size alignment) noexcept override {
        return inner_->find(size, alignment);
    }
    Size largest() const noexcept override { return inner_->largest(); }

  private:
    std::unique_ptr<Policy> inner_ = make_policy(Placement::worst_fit);
};

TEST(StrategyOfAnOwnPolicy, IsFollowedForAddresses) {
    Fixture fixture(std::make_unique<Plain>(), 1000, 100);
    RangeAllocator& allocator = fixture.allocator;
    const RangeId low = allocator.take(100, 1);
    static_cast<void>(allocator.take(100, 1));
    allocator.give(low);
    EXPECT_EQ(allocator[allocator.take_by(Strategy::lowest, 50, 1)].start, 0U);
    EXPECT_EQ(allocator[allocator.take_by(Strategy::upper_end, 50, 1)].start, 950U);
    EXPECT_EQ(allocator[allocator.take_by(Strategy::tight, 20, 1)].start, 200U) << "as find()";
    fixture.expect_sound();
}

}  // namespace
