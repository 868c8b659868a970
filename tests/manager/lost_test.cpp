// What the collector's stack had no room for, against sets.
#include "manager/lost.hpp"

#include <gtest/gtest.h>
#include <random>
#include <set>

namespace {

using namespace ashlar;
using namespace ashlar::manager;

constexpr std::uint32_t kRanges = 500;
constexpr std::uint32_t kSlabs = 20;

class LostTest : public testing::Test {
  protected:
    LostTest() : shape(Shape::of(Size{1} << 26, kMostSmall, 1)) {
        shape.slabs = kSlabs;
        region::Carver measure(0);
        lost.layout(measure, kRanges, shape);
        bytes_ = measure.used();
        memory_ = region::kSystem.reserve(bytes_);
        region::Carver carver(reinterpret_cast<std::uintptr_t>(memory_));
        lost.layout(carver, kRanges, shape);
    }
    ~LostTest() override { region::kSystem.release(memory_, bytes_); }

    void add(std::mt19937_64& random, int count) {
        for (int i = 0; i < count; ++i) {
            const auto range = static_cast<RangeId>(1 + random() % kRanges);
            lost.add(range);
            ranges.insert(range);
            const auto slab = static_cast<SlabId>(1 + random() % kSlabs);
            const Offset start = shape.slab_size() * (kSlabs - slab);
            const Offset block = start + kGrain * (random() % shape.most_blocks());
            lost.add(slab, start, block);
            small.insert(block);
        }
    }

    Shape shape;
    Lost lost;
    std::set<RangeId> ranges;
    std::set<Offset> small;

  private:
    void* memory_;
    std::size_t bytes_;
};

// Each is taken once, however often it was added, also while others are taken.
TEST_F(LostTest, YieldsEachOnce) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 200; ++round) {
        add(random, 300);
        for (auto n = random() % 300; n != 0 && lost.any_range(); --n) EXPECT_EQ(ranges.erase(lost.take_range()), 1U);
        for (auto n = random() % 10; n != 0 && lost.any_small(); --n) {
            const auto most = static_cast<std::uint32_t>(1 + random() % 200);
            std::uint32_t taken = 0;
            lost.take_small(most, [&](Offset block) {
                ++taken;
                EXPECT_EQ(small.erase(block), 1U);
            });
            EXPECT_LE(taken, most);
        }
        EXPECT_GE(lost.any_range(), !ranges.empty());
        EXPECT_GE(lost.any_small(), !small.empty());
    }
    while (lost.any_range()) EXPECT_EQ(ranges.erase(lost.take_range()), 1U);
    while (lost.any_small()) lost.take_small(7, [&](Offset block) { EXPECT_EQ(small.erase(block), 1U); });
    EXPECT_TRUE(ranges.empty());
    EXPECT_TRUE(small.empty());
}

TEST_F(LostTest, ForgetsAll) {
    std::mt19937_64 random(2);
    add(random, 1000);
    std::size_t steps = 0;
    while (lost.forget_one()) ASSERT_LE(++steps, kRanges + kSlabs);
    EXPECT_FALSE(lost.any_range());
    EXPECT_FALSE(lost.any_small());
    lost.add(3);
    EXPECT_EQ(lost.take_range(), 3U);
    lost.add(2, 0, 64);
    lost.take_small(10, [](Offset block) { EXPECT_EQ(block, 64U); });
    EXPECT_FALSE(lost.forget_one());
}

}  // namespace
