// What the collector's stack had no room for, against sets.
#include "manager/collector/mark_overflow.hpp"

#include <gtest/gtest.h>
#include <random>
#include <set>

namespace {

using namespace ashlar;
using namespace ashlar::manager;

constexpr std::uint32_t kRanges = 500;
constexpr std::uint32_t kSlabs = 20;

class MarkOverflowTest : public testing::Test {
  protected:
    MarkOverflowTest() : shape(Shape::of(Size{1} << 26, kMostSmall, 1)) {
        shape.slabs = kSlabs;
        region::Carver measure(0);
        overflow.layout(measure, kRanges, shape);
        bytes_ = measure.used();
        memory_ = region::map_uncharged(bytes_);
        region::Carver carver(reinterpret_cast<std::uintptr_t>(memory_));
        overflow.layout(carver, kRanges, shape);
    }
    ~MarkOverflowTest() override { region::unmap(memory_, bytes_); }

    void add(std::mt19937_64& random, int count) {
        for (int i = 0; i < count; ++i) {
            const auto range = static_cast<RangeId>(1 + random() % kRanges);
            overflow.add(range);
            ranges.insert(range);
            const auto slab = static_cast<SlabId>(1 + random() % kSlabs);
            const Offset start = shape.slab_size() * (kSlabs - slab);
            const Offset block = start + kGrain * (random() % shape.most_blocks());
            overflow.add(slab, start, block);
            small.insert(block);
        }
    }

    Shape shape;
    MarkOverflow overflow;
    std::set<RangeId> ranges;
    std::set<Offset> small;

  private:
    void* memory_;
    std::size_t bytes_;
};

// Each is taken once, however often it was added, also while others are taken.
TEST_F(MarkOverflowTest, YieldsEachOnce) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 200; ++round) {
        add(random, 300);
        for (auto n = random() % 300; n != 0 && overflow.any_range(); --n)
            EXPECT_EQ(ranges.erase(overflow.take_range()), 1U);
        for (auto n = random() % 10; n != 0 && overflow.any_small(); --n) {
            const auto most = static_cast<std::uint32_t>(1 + random() % 200);
            std::uint32_t taken = 0;
            overflow.take_small(most, [&](Offset block) {
                ++taken;
                EXPECT_EQ(small.erase(block), 1U);
            });
            EXPECT_LE(taken, most);
        }
        EXPECT_GE(overflow.any_range(), !ranges.empty());
        EXPECT_GE(overflow.any_small(), !small.empty());
    }
    while (overflow.any_range()) EXPECT_EQ(ranges.erase(overflow.take_range()), 1U);
    while (overflow.any_small())
        overflow.take_small(7, [&](Offset block) { EXPECT_EQ(small.erase(block), 1U); });
    EXPECT_TRUE(ranges.empty());
    EXPECT_TRUE(small.empty());
}

TEST_F(MarkOverflowTest, ForgetsAll) {
    std::mt19937_64 random(2);
    add(random, 1000);
    std::size_t steps = 0;
    while (overflow.forget_one()) ASSERT_LE(++steps, kRanges + kSlabs);
    EXPECT_FALSE(overflow.any_range());
    EXPECT_FALSE(overflow.any_small());
    overflow.add(3);
    EXPECT_EQ(overflow.take_range(), 3U);
    overflow.add(2, 0, 64);
    overflow.take_small(10, [](Offset block) { EXPECT_EQ(block, 64U); });
    EXPECT_FALSE(overflow.forget_one());
}

}  // namespace
